"""The tracked crop the generator works on, and back from it to the plate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Box, Size
from wanfx.ops.lock_shift import NO_SHIFT, Shift
from wanfx.ops.resample import Axis, fit_axes, resample
from wanfx.pixels import to_float

Array = npt.NDArray[np.float32]
_SMOOTH_FRAMES = 6.0


def crop_path(boxes: Mapping[int, Box], *, canvas: Box, margin: float) -> dict[int, Box]:
    """One crop a frame: all of one size, inside ``canvas``, around the frame's box, moving smoothly.

    ``margin`` is room on each side as a part of the largest box. Frames with an empty box follow their neighbours.
    The path is a zero-phase Gaussian of the boxes' centres, so it neither lags nor jitters.
    """
    frames = sorted(boxes)
    known = [frame for frame in frames if not boxes[frame].is_empty]
    if not known:
        return dict.fromkeys(frames, canvas)
    width = min(canvas.width, round(max(boxes[f].width for f in known) * (1 + 2 * margin)))
    height = min(canvas.height, round(max(boxes[f].height for f in known) * (1 + 2 * margin)))
    x = smooth([(boxes[f].x0 + boxes[f].x1) / 2 for f in known], at=known, frames=frames)
    y = smooth([(boxes[f].y0 + boxes[f].y1) / 2 for f in known], at=known, frames=frames)
    path = {}
    for frame, cx, cy in zip(frames, x, y, strict=True):
        x0 = _place(round(cx - width / 2), width, (boxes[frame].x0, boxes[frame].x1), (canvas.x0, canvas.x1))
        y0 = _place(round(cy - height / 2), height, (boxes[frame].y0, boxes[frame].y1), (canvas.y0, canvas.y1))
        path[frame] = Box(x0, y0, x0 + width, y0 + height)
    return path


def _place(start: int, length: int, inner: tuple[int, int], outer: tuple[int, int]) -> int:
    """Move ``start`` so that the crop holds ``inner`` (where not empty) and stays within ``outer``."""
    if inner[0] < inner[1]:
        start = max(min(start, inner[0]), inner[1] - length)
    return max(outer[0], min(start, outer[1] - length))


def smooth(values: Sequence[float], *, at: Sequence[int], frames: Sequence[int]) -> npt.NDArray[np.float64]:
    """``values`` known at some frames, smoothed by a Gaussian over time, for all ``frames``."""
    dense = np.interp(frames, at, values)
    radius = int(3 * _SMOOTH_FRAMES)
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / _SMOOTH_FRAMES) ** 2)
    # An odd reflection about each end keeps a steady motion steady there.
    head = 2 * dense[0] - dense[np.clip(np.arange(radius, 0, -1), 0, len(dense) - 1)]
    tail = 2 * dense[-1] - dense[np.clip(len(dense) - 1 - np.arange(1, radius + 1), 0, None)]
    return np.convolve(np.concatenate([head, dense, tail]), taps / taps.sum(), mode="valid")


def model_size(crop: Box, *, pixel_aspect: float) -> Size:
    """The size of a crop in square pixels."""
    return Size(max(1, round(crop.width * pixel_aspect)), crop.height)


def cut(picture: npt.NDArray[Any], box: Box) -> npt.NDArray[Any]:
    """``box`` of a picture (H, W, ...): its very pixels, and beyond its edges the edge again.

    >>> cut(np.array([[1, 2], [3, 4]]), Box(-1, 0, 2, 1)).tolist()
    [[1, 1, 2]]
    """
    height, width = picture.shape[:2]
    if box.clip(Box(0, 0, width, height)) == box:
        return picture[box.slices()]
    rows = np.clip(np.arange(box.y0, box.y1), 0, height - 1)
    columns = np.clip(np.arange(box.x0, box.x1), 0, width - 1)
    return np.asarray(picture[np.ix_(rows, columns)])


def to_model(pixels: Array, *, size: Size) -> Array:
    """A crop's pixels (linear, or a matte) at the model's size. Nothing rings: lamps keep no dark rim."""
    height, width = pixels.shape[:2]
    if (width, height) == (size.width, size.height):
        return pixels
    if size.width <= width and size.height <= height:
        return np.ascontiguousarray(cv2.resize(pixels, (size.width, size.height), interpolation=cv2.INTER_AREA))
    x, y = fit_axes(Box(0, 0, size.width, size.height), size=Size(width, height))
    return resample(to_float(pixels), box=Box(0, 0, size.width, size.height), x=x, y=y)


def from_model(pixels: Array, *, crop: Box, part: Box | None = None, shift: Shift = NO_SHIFT) -> Array:
    """The model's pixels (in model space, or a matte) at the crop's size in the plate, without ``shift``.

    ``part`` of the crop only, counted from its corner, where it is given.
    """
    size = Size(pixels.shape[1], pixels.shape[0])
    fit_x, fit_y = fit_axes(crop, size=size)
    x, y = shift.axes(size) if shift.is_noticeable(size) else (Axis(1.0), Axis(1.0))
    whole = Box(0, 0, crop.width, crop.height)
    return resample(pixels, box=part or whole, x=fit_x.then(x), y=fit_y.then(y))
