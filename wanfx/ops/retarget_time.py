"""Points over time: gaps bridged, how far each is known, slow values."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wanfx.ops.pose import Points
from wanfx.ops.puppet_joints import KNOWN

GAP_FRAMES = 12
_BLIP_FRAMES = 3


def known_frames(confidence: Points) -> npt.NDArray[np.bool_]:
    """Where a point (n,) is known; a blip of a frame or two does not count where there are longer stretches."""
    known = confidence >= KNOWN
    edges = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(int), [0]])))
    kept = known.copy()
    for start, end in edges.reshape(-1, 2):
        kept[start:end] = end - start >= _BLIP_FRAMES
    return kept if kept.any() else known


def trust(known: npt.NDArray[np.bool_]) -> Points:
    """How far what is known near a frame still counts in it: 1 where known, fading over `GAP_FRAMES` to 0."""
    if not known.any():
        return np.zeros(len(known))
    places = np.flatnonzero(known)
    frames = np.arange(len(known))
    after = np.searchsorted(places, frames).clip(0, len(places) - 1)
    before = (np.searchsorted(places, frames, side="right") - 1).clip(0, len(places) - 1)
    away = np.minimum(np.abs(places[after] - frames), np.abs(frames - places[before]))
    fade = np.clip(1 - (away - 1) / GAP_FRAMES, 0, 1)
    return np.asarray(fade * fade * (3 - 2 * fade), np.float64)


def bridged(values: Points, known: npt.NDArray[np.bool_]) -> Points:
    """``values`` (n, ...) interpolated where they are not known, held at the ends; 0 where nothing is known."""
    if not known.any():
        return np.zeros_like(values)
    places = np.flatnonzero(known)
    flat = values.reshape(len(values), -1)
    columns = [np.interp(np.arange(len(values)), places, flat[places, column]) for column in range(flat.shape[1])]
    return np.stack(columns, axis=1).reshape(values.shape)


def slow(values: Points, *, frames: float) -> Points:
    """``values`` (n,) or (n, k) smoothed by a Gaussian over time without lag."""
    radius = int(3 * frames)
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / frames) ** 2)
    taps /= taps.sum()
    padded = _padded(values, radius)
    if values.ndim == 1:
        return np.convolve(padded, taps, mode="valid")
    return np.stack([np.convolve(column, taps, mode="valid") for column in padded.T], axis=1)


def rolling_percentile(values: Points, *, percent: float, reach_frames: int) -> Points:
    """The percentile of ``values`` (n,) within so many frames of each frame."""
    windows = np.lib.stride_tricks.sliding_window_view(_padded(values, reach_frames), 2 * reach_frames + 1)
    return np.asarray(np.percentile(windows, percent, axis=1), np.float64)


def _padded(values: Points, reach: int) -> Points:
    """``values`` going on beyond both ends: an odd reflection keeps a steady motion steady there."""
    head = 2 * values[0] - values[np.clip(np.arange(reach, 0, -1), 0, len(values) - 1)]
    tail = 2 * values[-1] - values[np.clip(len(values) - 1 - np.arange(1, reach + 1), 0, None)]
    return np.concatenate([head, values, tail])
