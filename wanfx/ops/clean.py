"""A clean plate: what other frames saw where the subject stands in this one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.fill import fill_smooth

Array = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]
_HALF = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
_SEEN_WEIGHT = 0.5
_VISIBLE = 0.999
_OUTLIER_STOPS = np.float32(0.35)
_GRID_PIXELS = 10000
_FEW_PIXELS = 64


def choose_samples(
    frames: Sequence[int], frame: int, *, count: int, confidence: Mapping[int, float]
) -> tuple[int, ...]:
    """The other frames to look at: ``count`` spread evenly over the shot, the nearest in time first.

    They are the same few for all frames of a shot, so that they can be kept in memory. Frames whose camera motion is
    not known (confidence below 0.3) are left out.
    """
    usable = [other for other in frames if confidence.get(other, 0.0) >= 0.3]
    if not usable:
        return ()
    places = np.unique(np.round(np.linspace(0, len(usable) - 1, min(count, len(usable)))).astype(int))
    chosen = [usable[place] for place in places if usable[place] != frame]
    return tuple(sorted(chosen, key=lambda other: (abs(other - frame), other)))


def gather_clean(
    plate_linear: Array,
    hidden: Array,
    samples: Iterable[tuple[npt.NDArray[Any], npt.NDArray[Any], Matrix]],
    *,
    box: Box,
) -> tuple[Array, Array]:
    """The clean plate within ``box``, and how well each pixel was seen, (h, w) in [0, 1].

    ``plate_linear`` is (H, W, 3) scene-linear, ``hidden`` (H, W) what is to be replaced; a sample is (rgb, visible,
    homography from its pixels to this frame's, centres at .5). Each sample is brought to this frame's exposure by the
    background both show; what is seen is their weighted mean, the nearest in time weighing most, outliers left out.
    Unclamped. What no sample saw is filled smoothly.
    """
    plate, inside = plate_linear[box.slices()], hidden[box.slices()]
    places = np.flatnonzero(inside > 0)
    colors, weights, count = [], [], 0
    for order, (rgb, visible, matrix) in enumerate(samples):
        count += 1
        shown = _warp_visible(visible, matrix, box)
        here = shown.reshape(-1).take(places)
        if here.any():
            warped = _warp_color(rgb, matrix, box)
            gain = _exposure_gain(warped, shown, plate, inside)
            colors.append(warped.reshape(-1, 3).take(places, axis=0).T * gain[:, None])
            weights.append(here * np.float32(1.0 / (1.0 + order)))
    known = (inside <= 0).astype(np.float32)
    base = plate.astype(np.float32)
    if colors:
        clean, total = _robust_mean(np.stack(colors), np.stack(weights))
        base.reshape(-1, 3)[places] = clean.T
        known.reshape(-1)[places] = np.clip(total / _SEEN_WEIGHT * (1.0 + count * 0.25), 0, 1)
    return _finish(plate, inside, base, known)


def _finish(plate: Array, inside: Array, base: Array, known: Array) -> tuple[Array, Array]:
    filled = fill_smooth(base, known)
    # Where the subject is only half there (a soft edge) the plate itself takes over, so that no ring shows.
    weight = np.clip(inside * 4, 0, 1)[..., None]
    clean = np.where(weight > 0, plate + weight * (filled - plate), plate)
    return np.asarray(clean, np.float32), np.where(inside > 0, known, np.float32(1))


def _warp_visible(visible: npt.NDArray[Any], matrix: Matrix, box: Box) -> Array:
    """What of the sample shows background, as this frame's ``box`` sees it: 1 or 0."""
    shown = _warp(visible, matrix, box, flags=cv2.INTER_LINEAR, border=cv2.BORDER_CONSTANT)
    return (shown >= _VISIBLE).astype(np.float32)


def _warp_color(rgb: npt.NDArray[Any], matrix: Matrix, box: Box) -> Array:
    """The sample as this frame's ``box`` sees it."""
    return _warp(rgb, matrix, box, flags=cv2.INTER_CUBIC, border=cv2.BORDER_REPLICATE)


def _warp(pixels: npt.NDArray[Any], matrix: Matrix, box: Box, *, flags: int, border: int) -> Array:
    if np.allclose(matrix, np.eye(3), atol=1e-6):
        return pixels[box.slices()].astype(np.float32)
    source = _source_box(matrix, box, pixels.shape)
    if source.is_empty:
        return np.zeros((box.height, box.width, *pixels.shape[2:]), np.float32)
    shift_in = np.array([[1.0, 0.0, source.x0], [0.0, 1.0, source.y0], [0.0, 0.0, 1.0]])
    shift_out = np.array([[1.0, 0.0, -box.x0], [0.0, 1.0, -box.y0], [0.0, 0.0, 1.0]])
    corner = np.linalg.inv(_HALF) @ shift_out @ matrix @ shift_in @ _HALF
    part = np.ascontiguousarray(pixels[source.slices()], dtype=np.float32)
    warped = cv2.warpPerspective(part, corner, (box.width, box.height), flags=flags, borderMode=border)
    return np.asarray(warped, np.float32)


def _source_box(matrix: Matrix, box: Box, shape: tuple[int, ...]) -> Box:
    """The part of the sample that ``box`` sees."""
    corners = np.array([[x, y, 1.0] for x in (box.x0, box.x1) for y in (box.y0, box.y1)])
    placed = corners @ np.linalg.inv(matrix).T
    points = placed[:, :2] / placed[:, 2:]
    low, high = np.floor(points.min(axis=0)).astype(int), np.ceil(points.max(axis=0)).astype(int)
    return Box(int(low[0]), int(low[1]), int(high[0]), int(high[1])).grow(4).clip(Box(0, 0, shape[1], shape[0]))


def _exposure_gain(warped: Array, shown: Array, plate: Array, inside: Array) -> Array:
    """The median ratio a channel of what both frames show, on a grid of some thousand pixels."""
    step = max(1, int(np.sqrt(inside.size / _GRID_PIXELS)))
    grid = np.s_[::step, ::step]
    common = (shown[grid] > 0) & (inside[grid] <= 0)
    gains = np.ones(3, np.float32)
    if np.count_nonzero(common) < _FEW_PIXELS:
        return gains
    ours, theirs = plate[grid][common], warped[grid][common]
    for channel in range(3):
        lit = (theirs[:, channel] > 1e-3) & (ours[:, channel] > 1e-3)
        if np.count_nonzero(lit) >= 16:
            gains[channel] = np.median(ours[lit, channel] / theirs[lit, channel])
    return np.asarray(np.clip(gains, 0.5, 2.0), np.float32)


def _robust_mean(colors: Array, weights: Array) -> tuple[Array, Array]:
    """The weighted mean of (N, 3, pixels) without those far from their median brightness; and the weight."""
    mean = (colors[:, 0] + colors[:, 1] + colors[:, 2]) / np.float32(3)
    brightness = np.log2(np.maximum(mean, 0) + np.float32(0.02))
    near = np.abs(brightness - _median(brightness, weights > 0)) < _OUTLIER_STOPS
    kept = np.where(near, weights, np.float32(0))
    total = kept.sum(axis=0)
    clean = np.zeros(colors.shape[1:], np.float32)
    for color, weight in zip(colors, kept, strict=True):
        clean += color * weight
    return clean / np.maximum(total, np.float32(1e-6)), total


def _median(values: Array, valid: npt.NDArray[np.bool_]) -> Array:
    """The (lower) median over the first axis of what is valid; infinite where nothing is.

    Few rows of many pixels are sorted fastest by exchanging whole rows (odd-even transposition sort).
    """
    rows = list(np.where(valid, values, np.float32(np.inf)))
    for turn in range(len(rows)):
        for i in range(turn % 2, len(rows) - 1, 2):
            rows[i], rows[i + 1] = np.minimum(rows[i], rows[i + 1]), np.maximum(rows[i], rows[i + 1])
    middle = np.maximum(valid.sum(axis=0) - 1, 0) // 2
    return np.asarray(np.take_along_axis(np.stack(rows), middle[None], axis=0)[0], np.float32)
