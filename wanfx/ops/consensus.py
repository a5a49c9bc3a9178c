"""What most frames agree on behind the subject, and which of them to believe where: judged small, in stops."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.ops.edges import remove_specks
from wanfx.ops.glance import Array, largest_channel, mean_channel

_SHADOW_STOPS = np.float32(0.05)
_RESIDUE_STOPS = np.float32(0.3)
_ANY_STOPS = np.float32(0.4)
_SMOOTH_PX = 1.2
_LEAST_SEEN = 2
_CLOSEST = np.float32(0.25)
_STEADY_STOPS = np.float32(0.12)
_SPECK_PX = 40
_LEAST_LEFT = 0.02
_CHUNK = 8192


@dataclass(frozen=True, eq=False)
class Consensus:
    """``stops`` (h, w, 3) of the background, how far samples ``spread`` around it (h, w), and how many ``count``."""

    stops: Array
    spread: Array
    count: Array


@dataclass(frozen=True, eq=False)
class Away:
    """How far each pixel (h, w) is from the subject of its frame, in full-size pixels.

    Within ``near_px`` what is darker than the consensus is the subject's shadow; within ``close_px`` what differs
    either way is a part of it that the matte missed; elsewhere only what differs a lot counts.
    """

    px: Array
    near_px: float
    close_px: float


def find_consensus(stops: Array, visible: npt.NDArray[np.bool_], far: npt.NDArray[np.bool_]) -> Consensus:
    """The median over samples (n, h, w, 3); where two or more see a place ``far`` from the subject, of those alone.

    Near the subject lie its shadow, its blur and what the matte missed. Where no sample sees anything, 0.
    """
    far = far & visible
    is_enough = far.sum(axis=0) >= _LEAST_SEEN
    used = np.where(is_enough[None], far, visible)
    count = used.sum(axis=0).astype(np.float32)
    middle = np.stack([lower_median(stops[..., c], used) for c in range(3)], axis=2)
    middle = np.where(count[..., None] > 0, middle, np.float32(0))
    away = largest_channel(np.abs(stops - middle))
    spread = np.where(count > 0, lower_median(away, used), np.float32(0))
    return Consensus(np.asarray(middle, np.float32), np.asarray(spread, np.float32), count)


def believe(
    stops: Array,
    visible: npt.NDArray[np.bool_],
    consensus: Consensus,
    away: Away,
) -> Array:
    """How far to believe a sample (h, w, 3) where it is ``visible``, 0 to 1; ``away`` from its own subject."""
    trust = _agree(stops, visible, consensus, away)
    # Whatever lies right beside the subject may be its blur, even where nobody can tell.
    trust = trust * (_CLOSEST + (1 - _CLOSEST) * np.minimum(away.px / np.float32(away.close_px), 1))
    return np.asarray(trust, np.float32)


def _agree(
    stops: Array,
    visible: npt.NDArray[np.bool_],
    consensus: Consensus,
    away: Away,
) -> Array:
    is_both = visible & (consensus.count > 0)
    off = _smooth(np.where(is_both[..., None], stops - consensus.stops, np.float32(0)))
    level, most = mean_channel(off), largest_channel(np.abs(off))
    spread = consensus.spread
    shadow = np.maximum(_SHADOW_STOPS, 2 * spread)
    residue = np.maximum(_RESIDUE_STOPS, 4 * spread)
    any_limit = np.maximum(_ANY_STOPS, 5 * spread)
    trust = _fall(most, any_limit)
    trust = np.where(away.px < away.near_px, np.minimum(trust, _fall(-level, shadow)), trust)
    trust = np.where(away.px < away.close_px, np.minimum(trust, _fall(most, residue)), trust)
    # What is half subject, half background differs less: doubt reaches one pixel farther.
    trust = np.asarray(cv2.erode(trust, np.ones((3, 3), np.uint8)), np.float32)
    # With nobody to disagree with, nothing can be told.
    return np.asarray(np.where(consensus.count >= _LEAST_SEEN, trust, np.float32(1)), np.float32)


def find_leftovers(
    stops: Array,
    visible: npt.NDArray[np.bool_],
    consensus: Consensus,
    away: Away,
) -> Array:
    """What of the frame itself is not its background though it lies outside the matte, (h, w) in [0, 1].

    The subject's shadow near it and parts of it close to it, where other frames agree among themselves on what is
    there.
    """
    trust = _agree(stops, visible, consensus, away)
    is_steady = (consensus.count >= _LEAST_SEEN) & (consensus.spread < _STEADY_STOPS) & (away.px < away.near_px)
    left = np.where(is_steady & visible, 1 - trust, np.float32(0))
    sure = remove_specks((left > 0.5).astype(np.float32), area_px=_SPECK_PX)
    if not sure.any():
        return sure
    grown = cv2.dilate(sure, np.ones((5, 5), np.uint8))
    soft = cv2.GaussianBlur(grown, (0, 0), 1.5)
    return np.asarray(np.where(is_steady & (soft > _LEAST_LEFT), soft, np.float32(0)), np.float32)


def _fall(off: Array, limit: Array) -> Array:
    """1 up to the limit, 0 from half as far again."""
    return np.asarray(np.clip(3 - 2 * off / limit, 0, 1), np.float32)


def _smooth(off: Array) -> Array:
    return np.asarray(cv2.GaussianBlur(np.clip(off, -4, 4), (0, 0), _SMOOTH_PX), np.float32)


def lower_median(values: Array, valid: npt.NDArray[np.bool_]) -> Array:
    """The (lower) median over the first axis of what is valid; infinite where nothing is.

    Few rows of many pixels are sorted fastest by exchanging whole rows (odd-even transposition sort), so few pixels at
    a time that they stay in the processor's cache.
    """
    count = len(values)
    flat, good = values.reshape(count, -1), valid.reshape(count, -1)
    out = np.empty(flat.shape[1], np.float32)
    for start in range(0, flat.shape[1], _CHUNK):
        part = np.s_[:, start : start + _CHUNK]
        rows = np.where(good[part], flat[part], np.float32(np.inf))
        larger = np.empty_like(rows[0])
        for turn in range(count):
            for i in range(turn % 2, count - 1, 2):
                np.maximum(rows[i], rows[i + 1], out=larger)
                np.minimum(rows[i], rows[i + 1], out=rows[i])
                rows[i + 1] = larger
        middle = np.maximum(np.count_nonzero(good[part], axis=0) - 1, 0) // 2
        out[start : start + _CHUNK] = np.take_along_axis(rows, middle[None], axis=0)[0]
    return out.reshape(values.shape[1:])
