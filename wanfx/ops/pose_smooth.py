"""Poses over time: spikes and swapped sides put right, short gaps bridged, resting points steadied without lag."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from wanfx.ops.pose import BODY, LEFT_HAND, POINT_COUNT, RIGHT_HAND, Points, Pose

_KNOWN = 0.05
_SPIKE = 0.05
_LONGEST_SPIKE = 2
_LEAST_NOISE, _MOST_NOISE = 0.0012, 0.005
_BRIDGED = 0.5
_ARMS = ((5, 6), (7, 8), (9, 10))
_LEGS = ((11, 12), (13, 14), (15, 16), (17, 20), (18, 21), (19, 22))
_AT_A_TIME = 19
_HANDS = tuple((LEFT_HAND.start + index, RIGHT_HAND.start + index) for index in range(21))


def smooth_poses(poses: Mapping[int, Pose], *, smooth_frames: float) -> dict[int, Pose]:
    """The poses of one person, steadied over about ``smooth_frames`` frames; at 0 only faults are put right.

    It looks both ways in time, so nothing lags. A pair of frames as far before as after counts the more the nearer its
    mean is to where the point is now: a point that rests or glides is averaged, one that swings round is left where it
    is. A point that leaps away for a frame or two and comes back, and limbs whose sides are swapped in one frame, are
    faults. Gaps up to ``smooth_frames`` are bridged at half the confidence; longer ones stay at confidence 0.
    """
    if not poses:
        return {}
    first, last = min(poses), max(poses)
    table = np.zeros((last - first + 1, POINT_COUNT, 4))
    for frame, pose in poses.items():
        table[frame - first] = np.column_stack([pose.xy, pose.depth, pose.confidence])
    size_px = _body_size(table)
    for group in (_ARMS + _HANDS, _LEGS, _HANDS):
        table = _unswapped(table, group, size_px)
    table = _bridged(_without_spikes(table, size_px), longest=max(_LONGEST_SPIKE, round(smooth_frames)))
    if smooth_frames > 0:
        # Some points at a time: what is worked out on the way takes many times the room of the result.
        for start in range(0, POINT_COUNT, _AT_A_TIME):
            part = np.s_[:, start : start + _AT_A_TIME]
            table[part] = _steadied(table[part], smooth_frames, size_px)
    return {
        frame: Pose(table[frame - first, :, :2], table[frame - first, :, 3], table[frame - first, :, 2])
        for frame in sorted(poses)
    }


def _body_size(table: Points) -> float:
    """The usual diagonal of the body's box, pixels."""
    sizes = []
    for row in table[:, BODY]:
        known = row[row[:, 3] > 0.3, :2]
        if len(known) > 3:
            sizes.append(float(np.hypot(*(known.max(axis=0) - known.min(axis=0)))))
    return max(float(np.median(sizes)), 1.0) if sizes else 1.0


def _unswapped(table: Points, pairs: tuple[tuple[int, int], ...], size_px: float) -> Points:
    """Limbs changed back in the frames in which left and right are swapped, but in neither frame beside them."""
    left, right = (list(side) for side in zip(*pairs, strict=True))
    out = table.copy()
    for index in range(1, len(table) - 1):
        before, now, after = out[index - 1], table[index], table[index + 1]
        known = (np.minimum(np.minimum(before[:, 3], now[:, 3]), after[:, 3]) > _KNOWN)[left + right]
        known = known[: len(left)] & known[len(left) :]
        if not known.any():
            continue
        middle = (before + after) / 2
        kept = _apart(now[left], middle[left], known) + _apart(now[right], middle[right], known)
        changed = _apart(now[right], middle[left], known) + _apart(now[left], middle[right], known)
        beside = _apart(before[left], after[left], known) + _apart(before[right], after[right], known)
        if changed < 0.5 * kept and kept > 0.04 * size_px and beside < kept:
            out[index, left], out[index, right] = now[right], now[left]
    return out


def _apart(a: Points, b: Points, known: npt.NDArray[np.bool_]) -> float:
    return float(np.hypot(*(a - b)[known, :2].T).mean())


def _without_spikes(table: Points, size_px: float) -> Points:
    """Points that leap away and come back within `_LONGEST_SPIKE` frames are not known there."""
    out = table.copy()
    count = len(table)
    for length in range(1, _LONGEST_SPIKE + 1):
        for index in range(1, count - length):
            before, after = out[index - 1], out[index + length]
            inside = out[index : index + length]
            sure = (before[:, 3] > _KNOWN) & (after[:, 3] > _KNOWN) & (inside[..., 3] > _KNOWN).all(axis=0)
            travel = np.hypot(*(after - before)[:, :2].T)
            # A foot that turns round at the top of a kick was quick before: only leaps out of calm are faults.
            earlier, later = out[max(index - 2, 0)], out[min(index + length + 1, count - 1)]
            pace = np.maximum(np.hypot(*(before - earlier)[:, :2].T), np.hypot(*(later - after)[:, :2].T))
            share = (np.arange(1, length + 1) / (length + 1))[:, None, None]
            path = before[None, :, :2] + share * (after - before)[None, :, :2]
            away = np.hypot(*np.moveaxis(inside[..., :2] - path, -1, 0)).min(axis=0)
            spikes = sure & (away > np.maximum(_SPIKE * size_px, 1.5 * np.maximum(travel, pace)))
            inside[:, spikes, 3] = 0
    return out


def _bridged(table: Points, *, longest: int) -> Points:
    """Gaps of up to ``longest`` frames interpolated, at half the confidence of their sides."""
    out = table.copy()
    for point in range(table.shape[1]):
        known = np.flatnonzero(table[:, point, 3] > _KNOWN)
        for start, end in itertools.pairwise(known):
            if 1 < end - start <= longest + 1:
                share = (np.arange(1, end - start) / (end - start))[:, None]
                a, b = table[start, point], table[end, point]
                out[start + 1 : end, point] = a + share * (b - a)
                out[start + 1 : end, point, 3] = _BRIDGED * min(a[3], b[3])
    return out


def _steadied(table: Points, smooth_frames: float, size_px: float) -> Points:
    """Every point as the mean of itself and of the pairs of frames around it that agree with it."""
    values, confidence = table[..., :3], table[..., 3]
    known = np.where(confidence > _KNOWN, confidence, 0.0)
    guide = _guide(values[..., :2], known)
    noise = _noise(guide, values[..., :2], known, size_px)
    total, weights = values * known[..., None], known.copy()
    steady, spread = known.copy(), (known > 0).astype(np.float64)
    for step in range(1, max(1, round(1.2 * smooth_frames)) + 1):
        near = float(np.exp(-0.5 * (step / (0.5 * smooth_frames)) ** 2))
        before, after = _shifted(table, -step), _shifted(table, step)
        has_both = (before[..., 3] > _KNOWN) & (after[..., 3] > _KNOWN)
        has_one = (before[..., 3] > _KNOWN) ^ (after[..., 3] > _KNOWN)
        share = (before[..., 3] > _KNOWN) * np.where(has_both, 0.5, 1.0)
        mean = share[..., None] * before + (has_both * 0.5 + (has_one & (share == 0)))[..., None] * after
        guides = share[..., None] * _shifted(guide, -step) + (1 - share)[..., None] * _shifted(guide, step)
        away = np.hypot(*np.moveaxis(guides - guide, -1, 0)) / noise
        weight = near * np.exp(-0.5 * away**2) * mean[..., 3] * (2.0 * has_both + has_one)
        total += weight[..., None] * mean[..., :3]
        weights += weight
        steady += near * (2.0 * has_both + has_one) * mean[..., 3]
        spread += near * (2.0 * has_both + has_one)
    is_known = known > 0
    out = table.copy()
    out[..., :3][is_known] = (total / np.maximum(weights, 1e-9)[..., None])[is_known]
    out[..., 3][is_known] = np.minimum(steady / np.maximum(spread, 1e-9), 1.0)[is_known]
    return out


def _guide(xy: Points, known: Points) -> Points:
    """Each point averaged with the frames beside it: where it is, but for the noise."""
    before, after = _shifted(known, -1), _shifted(known, 1)
    is_inner = (before > 0) & (after > 0)
    mean = (2 * xy + _shifted(xy, -1) + _shifted(xy, 1)) / 4
    return np.where(is_inner[..., None], mean, xy)


def _noise(guide: Points, xy: Points, known: Points, size_px: float) -> Points:
    """How far a resting point (133,) wanders, pixels: what the guide took away in the calmer half of the frames."""
    taken = np.where(known > 0, np.hypot(*np.moveaxis(xy - guide, -1, 0)), np.nan)
    calm = np.array([np.nanquantile(column, 0.4) if np.isfinite(column).any() else 0.0 for column in taken.T])
    return np.asarray(np.clip(4.0 * calm, _LEAST_NOISE * size_px, _MOST_NOISE * size_px))


def _shifted(values: Points, step: int) -> Points:
    """``values`` of the frame that is ``step`` frames on; 0 beyond the ends."""
    out = np.zeros_like(values)
    if step > 0:
        out[:-step] = values[step:]
    else:
        out[-step:] = values[:step]
    return out
