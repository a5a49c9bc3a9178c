"""A subject followed from one frame to the next: where flow carries it, redrawn by its colours and the background."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.backends.protocols import Array
from wanfx.frames import Box
from wanfx.ops.edges import bounding_box, fill_holes
from wanfx.ops.evidence import Evidence
from wanfx.ops.flow import carry, dense_flow
from wanfx.ops.motion import difference
from wanfx.ops.segment import Colors, color_bins, learn_colors

_RATE = 0.04
_FADING = np.float32(0.96)
_FITS = {"generous": (0.35, 0.1, 0.7), "tight": (0.45, 0.2, 0.7)}
Bins = npt.NDArray[np.intp]
_BELIEF = np.float32(6.0)


@dataclass(frozen=True, eq=False)
class Track:
    """What is known of the subject in one frame.

    ``picture`` is the frame, ``subject`` and ``other`` how likely each pixel is the subject or something else that
    moves, (H, W); the rest is background. ``colors`` are those of subject, other and background; ``first`` the
    subject's where it was pointed at. ``agreement`` is how alike the track and a network saw it, in [0, 1].
    """

    picture: Array
    subject: Array
    other: Array
    colors: tuple[Colors, Colors, Colors]
    first: Colors
    confidence: float
    agreement: float = 1.0


def start_track(picture: Array, matte: Array, behind: Array) -> Track:
    """A track that starts from a cut (H, W) of 0 and 1; ``behind`` are the background's layers as the frame sees it."""
    bins = color_bins(picture)
    near = cv2.dilate(matte, np.ones((5, 5), np.uint8)) > 0.5
    other = _stray(difference(picture, behind), behind[..., 4], matte)
    inside, rest = matte > 0.5, ~near & (other < 0.5)
    colors = learn_colors(bins, inside), learn_colors(bins, other > 0.5), learn_colors(bins, rest)
    return Track(picture, _soft(matte), other, colors, colors[0], 1.0)


def _soft(matte: Array) -> Array:
    return np.asarray(cv2.GaussianBlur(matte, (0, 0), 1.0), np.float32)


def _stray(away: Array, known: Array, subject: Array) -> Array:
    """What is not background and well away from the subject: others who move, (H, W) in [0, 1]."""
    moving = np.clip((away - np.float32(2.0)) / 2, 0, 1) * known
    reach = 2 * max(2, round(10 * subject.shape[1] / 640)) + 1
    near = cv2.dilate((subject > 0.3).astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0
    return np.where(near, np.float32(0), cv2.blur(moving, (3, 3)))


def follow(track: Track, picture: Array, behind: Array, *, evidence: Evidence | None = None) -> Track:
    """The track one frame on (or back); ``evidence`` is what a network says of this frame."""
    unit = picture.shape[1] / 640
    place = _place(track.subject, unit)
    if evidence is not None:
        seen = bounding_box(evidence.subject, above=0.5)
        place = place if seen.is_empty else seen if place.is_empty else place.union(seen)
    known = behind[..., 4]
    away = difference(picture, behind) if known.any() else np.zeros_like(known)
    if place.is_empty:
        return replace(track, picture=picture, other=_stray(away, known, track.subject), confidence=0.0)
    window = place.slices()
    now, was = np.ascontiguousarray(picture[window]), np.ascontiguousarray(track.picture[window])
    carried = carry(np.dstack([track.subject[window], track.other[window]]), dense_flow(now, was))
    bins = color_bins(now)
    scores = _scores(track, carried, bins, away[window], known[window], unit)
    ours = np.clip(scores[0] - np.logaddexp(scores[1], scores[2]), -_BELIEF, _BELIEF)
    theirs = np.clip(scores[1] - np.logaddexp(scores[0], scores[2]), -_BELIEF, _BELIEF)
    led_to, sure = carried[..., 0], np.zeros_like(carried[..., 0])
    if evidence is not None:
        said = evidence.cropped(window)
        track = replace(track, agreement=said.agreement(np.asarray(cv2.blur(ours, (5, 5)), np.float32)))
        ours, theirs = said.added(ours), np.maximum(theirs - np.maximum(said.subject, 0), said.rival)
        sure = np.asarray(said.trust * (said.subject > 1) * (said.rival <= 0), np.float32)
        led_to = np.maximum(led_to, sure)
    rival = _logistic(_smooth(theirs, now, unit))
    may_be = known[window] if evidence is None else known[window] * (said.subject > -1.5)
    inside = _with_limbs(_logistic(_smooth(ours, now, unit)), rival, away[window], may_be, unit)
    inside = _one_body(inside, led_to, sure, bins, track.first, unit)
    subject = np.zeros_like(track.subject)
    subject[window] = inside
    other = _stray(away, known, subject)
    other[window] = np.maximum(other[window], rival) * (1 - inside)
    return _learned_track(track, picture, subject, other, window, carried[..., 0], bins)


def coast(track: Track, picture: Array, *, rival: Array) -> Track:
    """The track one frame on where nobody sees the subject: carried by flow, hidden by rivals (H, W), and fading."""
    carried = carry(np.dstack([track.subject, track.other]), dense_flow(picture, track.picture))
    subject = np.where(rival > 0, np.float32(0), _FADING * carried[..., 0])
    return replace(
        track, picture=picture, subject=subject, other=carried[..., 1], confidence=0.8 * track.confidence, agreement=0.0
    )


def _place(subject: Array, unit: float) -> Box:
    """The window to work in: the subject and what it can reach by the next frame."""
    box = bounding_box(subject, above=0.3)
    if box.is_empty:
        return box
    whole = Box(0, 0, subject.shape[1], subject.shape[0])
    return box.grow(max(12, round(44 * unit))).clip(whole)


def _scores(
    track: Track, carried: Array, bins: Bins, away: Array, known: Array, unit: float
) -> tuple[Array, Array, Array]:
    """log of how well each pixel is explained as subject, as something else that moves, and as background."""
    subject, other = carried[..., 0], carried[..., 1]
    priors = [_spread_prior(subject, unit), _spread_prior(other, unit), _spread_prior(1 - subject - other, unit)]
    # Where the background is known, being unlike it says more than colours do.
    unlike = np.clip(np.float32(1.1) * (away - np.float32(2.3)), np.float32(-2.5), np.float32(6.0)) * known
    likely = [np.float32(0.7) * colors.likelihood(bins) for colors in track.colors]
    likely[2] += np.float32(0.5) * known * (np.maximum(likely[0], likely[1]) - likely[2])
    logs = [np.log(prior) + colors for prior, colors in zip(priors, likely, strict=True)]
    # Where nothing is known a hole in the matte is worse than a rim around it.
    return logs[0] + unlike + np.float32(0.35) * (1 - known), logs[1] + unlike, logs[2]


def _spread_prior(carried: Array, unit: float) -> Array:
    """Where a label may be, given where flow carried it: flow errs by a pixel or two, and limbs by more."""
    near = cv2.GaussianBlur(carried, (0, 0), max(0.8, 2.0 * unit))
    far = cv2.GaussianBlur(carried, (0, 0), max(2.0, 9.0 * unit))
    return np.float32(0.8) * near + np.float32(0.19) * far + np.float32(0.003)


def _smooth(belief: Array, picture: Array, unit: float) -> Array:
    """The belief averaged along the picture's own edges (He et al., Guided Image Filtering, ECCV 2010)."""
    return np.asarray(cv2.ximgproc.guidedFilter(picture, belief, max(2, round(5 * unit)), 6e-4), np.float32)


def _with_limbs(subject: Array, rival: Array, away: Array, known: Array, unit: float) -> Array:
    """The subject with what is beside it and is neither background nor someone else: limbs that flow has lost."""
    stray = ((away > 3.3) & (known > 0.5) & (rival < 0.5)).astype(np.uint8)
    is_limb = cv2.morphologyEx(stray, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    reach = 2 * max(2, round(8 * unit)) + 1
    beside = cv2.dilate((subject > 0.5).astype(np.uint8), np.ones((reach, reach), np.uint8))
    return np.asarray(np.maximum(subject, np.float32(0.7) * (is_limb * beside)), np.float32)


def _one_body(subject: Array, carried: Array, sure: Array, bins: Bins, first: Colors, unit: float) -> Array:
    """The island that flow leads to and that looks most like the subject did, what lies near it or is ``sure`` to be
    its, and no small holes.
    """
    lit = (subject > 0.5).astype(np.uint8)
    count, islands, stats, _centers = cv2.connectedComponentsWithStats(lit)
    if count > 2:
        led_to = np.bincount(islands.ravel(), weights=(carried > 0.5).ravel(), minlength=count)
        likes = [_likeness(first, bins, islands == island) for island in range(1, count)]
        main = 1 + int(np.argmax(np.array(likes) * np.sqrt(led_to[1:])))
        body = (islands == main).astype(np.uint8)
        reach = 2 * max(2, round(7 * unit)) + 1
        near = np.bincount(islands.ravel(), weights=cv2.dilate(body, np.ones((reach, reach), np.uint8)).ravel()) > 0
        areas = stats[:, cv2.CC_STAT_AREA]
        # A leg cut off by a ball is farther away, but was the subject's a moment ago and has its colours.
        has_colors = np.bincount(islands.ravel(), weights=(first.share.ravel()[bins] > 2e-4).ravel()) > 0.8 * areas
        is_limb = has_colors & (led_to > 0.6 * areas) & (areas > 0.03 * areas[main]) & (areas < 0.3 * areas[main])
        is_seen = np.bincount(islands.ravel(), weights=sure.ravel(), minlength=count) > 0.6 * areas
        kept = ((near & (led_to > 0.3 * areas)) | is_limb | is_seen) & (areas > 30 * unit * unit)
        kept[main], kept[0] = True, False
        fringe = cv2.dilate(kept[islands].astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        subject = np.where(fringe & (kept[islands] | (lit == 0)), subject, np.minimum(subject, np.float32(0.05)))
    return fill_holes(subject, area_px=max(8.0, 120 * unit * unit))


def _likeness(first: Colors, bins: Bins, where: npt.NDArray[np.bool_]) -> float:
    """How alike two colour distributions are, 0 to 1 (Bhattacharyya); next to nothing for specks."""
    if int(where.sum()) < 20:
        return 1e-3
    return float(np.sqrt(first.share * learn_colors(bins, where).share).sum())


def _logistic(belief: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-belief)), np.float32)


def _learned_track(
    track: Track,
    picture: Array,
    subject: Array,
    other: Array,
    window: tuple[slice, slice],
    carried: Array,
    bins: Bins,
) -> Track:
    ours, theirs = subject[window], other[window]
    places = (ours > 0.9) & (carried > 0.6), (theirs > 0.8) & (carried < 0.2), (ours < 0.1) & (theirs < 0.1)
    learned = [_learned(old, bins, where) for old, where in zip(track.colors, places, strict=True)]
    # Half of the subject's colours stay those it was pointed at with: so it cannot turn into something else bit by bit.
    learned[0] = learned[0].mixed(track.first, weight=_RATE)
    both, either = np.minimum(ours, carried).sum(), np.maximum(ours, carried).sum()
    agreed = float(both / either) if either > 0 else 0.0
    confidence = 0.8 * track.confidence + 0.2 * agreed
    colors = learned[0], learned[1], learned[2]
    return Track(picture, subject, other, colors, track.first, confidence, track.agreement)


def _learned(colors: Colors, bins: Bins, where: npt.NDArray[np.bool_]) -> Colors:
    if int(where.sum()) < 100:
        return colors
    return colors.mixed(learn_colors(bins, where), weight=_RATE if colors.share.any() else 1.0)


def draw_matte(track: Track, *, fit: Literal["generous", "tight"] = "generous") -> Array:
    """The subject's matte (H, W) in [0, 1], a pixel or so generous or not, its edge along the picture's."""
    start, low, span = _FITS[fit]
    unit = track.picture.shape[1] / 640
    place = _place(track.subject, unit)
    out = np.zeros_like(track.subject)
    if place.is_empty:
        return out
    window = place.slices()
    inside = np.ascontiguousarray(track.subject[window])
    hard = np.clip((inside - np.float32(start)) * 4, 0, 1)
    soft = cv2.ximgproc.guidedFilter(np.ascontiguousarray(track.picture[window]), hard, max(2, round(3 * unit)), 3e-4)
    out[window] = np.clip((soft - np.float32(low)) / np.float32(span), 0, 1)
    return out
