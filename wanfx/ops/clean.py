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
    layers, weights = [], []
    for order, (rgb, visible, matrix) in enumerate(samples):
        warped, shown = _warp(rgb, visible, matrix, box)
        layers.append(_match_exposure(warped, shown, plate, inside))
        weights.append(shown * np.float32(1.0 / (1.0 + order)))
    if not layers:
        known = (inside <= 0).astype(np.float32)
        return fill_smooth(plate, known), known
    clean, total = _robust_mean(np.stack(layers), np.stack(weights))
    seen = np.clip(total / _SEEN_WEIGHT * (1.0 + len(layers) * 0.25), 0, 1).astype(np.float32)
    known = np.where(inside > 0, seen, np.float32(1))
    base = np.where((inside > 0)[..., None], clean, plate)
    return _finish(plate, inside, base, known)


def _finish(plate: Array, inside: Array, base: Array, known: Array) -> tuple[Array, Array]:
    filled = fill_smooth(base, known)
    # Where the subject is only half there (a soft edge) the plate itself takes over, so that no ring shows.
    weight = np.clip(inside * 4, 0, 1)[..., None]
    clean = np.where(weight > 0, plate + weight * (filled - plate), plate)
    return np.asarray(clean, np.float32), np.where(inside > 0, known, np.float32(1))


def _warp(rgb: npt.NDArray[Any], visible: npt.NDArray[Any], matrix: Matrix, box: Box) -> tuple[Array, Array]:
    """The sample and what of it is visible, as this frame's ``box`` sees them."""
    if np.allclose(matrix, np.eye(3), atol=1e-6):
        return rgb[box.slices()].astype(np.float32), (visible[box.slices()] >= _VISIBLE).astype(np.float32)
    source = _source_box(matrix, box, rgb.shape)
    if source.is_empty:
        return np.zeros((box.height, box.width, 3), np.float32), np.zeros((box.height, box.width), np.float32)
    shift_in = np.array([[1.0, 0.0, source.x0], [0.0, 1.0, source.y0], [0.0, 0.0, 1.0]])
    shift_out = np.array([[1.0, 0.0, -box.x0], [0.0, 1.0, -box.y0], [0.0, 0.0, 1.0]])
    corner = np.linalg.inv(_HALF) @ shift_out @ matrix @ shift_in @ _HALF
    size = (box.width, box.height)
    inside = np.ascontiguousarray(rgb[source.slices()], dtype=np.float32)
    warped = cv2.warpPerspective(inside, corner, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    seen = np.ascontiguousarray(visible[source.slices()], dtype=np.float32)
    shown = cv2.warpPerspective(seen, corner, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(warped, np.float32), (shown >= _VISIBLE).astype(np.float32)


def _source_box(matrix: Matrix, box: Box, shape: tuple[int, ...]) -> Box:
    """The part of the sample that ``box`` sees."""
    corners = np.array([[x, y, 1.0] for x in (box.x0, box.x1) for y in (box.y0, box.y1)])
    placed = corners @ np.linalg.inv(matrix).T
    points = placed[:, :2] / placed[:, 2:]
    low, high = np.floor(points.min(axis=0)).astype(int), np.ceil(points.max(axis=0)).astype(int)
    return Box(int(low[0]), int(low[1]), int(high[0]), int(high[1])).grow(4).clip(Box(0, 0, shape[1], shape[0]))


def _match_exposure(warped: Array, shown: Array, plate: Array, inside: Array) -> Array:
    """The sample times the median ratio a channel of what both frames show."""
    common = (shown > 0) & (inside <= 0)
    if common.sum() < 320:
        return warped
    ours, theirs = plate[common][::5], warped[common][::5]
    gains = np.ones(3, np.float32)
    for channel in range(3):
        lit = (theirs[:, channel] > 1e-3) & (ours[:, channel] > 1e-3)
        if lit.sum() >= 16:
            gains[channel] = np.median(ours[lit, channel] / theirs[lit, channel])
    return warped * np.clip(gains, 0.5, 2.0)


def _robust_mean(layers: Array, weights: Array) -> tuple[Array, Array]:
    """The weighted mean of (N, h, w, 3) layers without those far from their median brightness; and the weight."""
    mean = (layers[..., 0] + layers[..., 1] + layers[..., 2]) / np.float32(3)
    brightness = np.log2(np.maximum(mean, 0) + np.float32(0.02))
    near = np.abs(brightness - _median(brightness, weights > 0)) < _OUTLIER_STOPS
    kept = np.where(near, weights, np.float32(0))
    total = kept.sum(axis=0)
    clean = np.zeros(layers.shape[1:], np.float32)
    for layer, weight in zip(layers, kept, strict=True):
        clean += layer * weight[..., None]
    return clean / np.maximum(total, np.float32(1e-6))[..., None], total


def _median(values: Array, valid: npt.NDArray[np.bool_]) -> Array:
    """The (lower) median over the first axis of what is valid; infinite where nothing is."""
    ranked = np.sort(np.where(valid, values, np.float32(np.inf)).reshape(len(values), -1).T, axis=1)
    middle = np.maximum(valid.reshape(len(values), -1).sum(axis=0) - 1, 0) // 2
    return np.take_along_axis(ranked, middle[:, None], axis=1).reshape(values.shape[1:])
