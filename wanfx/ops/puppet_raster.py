"""Meshes drawn as maps: where in the picture each canvas pixel looks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.pose import Points

Array = npt.NDArray[np.float32]
NOWHERE = np.float32(-64)
_SLACK = 1e-6


def draw_map(source: Points, target: Points, triangles: npt.NDArray[np.intp], *, box: Box) -> Array:
    """Where each pixel of ``box`` (canvas, square pixels' corners at whole numbers) lies in the source: (h, w, 2).

    ``source`` and ``target`` (V, 2) are the corners there and in the canvas. Pixels that no triangle covers are
    `NOWHERE`; where triangles overlap the later one counts. Whole rows of triangles are drawn at once.
    """
    out = np.full((box.height * box.width, 2), NOWHERE, np.float32)
    corners, slopes, offsets = _affine(source, target, triangles)
    low = np.maximum(np.ceil(corners[:, :, 1].min(axis=1) - 0.5 - _SLACK), box.y0).astype(int)
    high = np.minimum(np.floor(corners[:, :, 1].max(axis=1) - 0.5 + _SLACK), box.y1 - 1).astype(int)
    which, row = _runs(low, high)
    y = np.asarray(row + 0.5, np.float64)
    left, right = _crossings(corners[which], y)
    first = np.maximum(np.ceil(left - 0.5 - _SLACK), box.x0).astype(int)
    last = np.minimum(np.floor(right - 0.5 + _SLACK), box.x1 - 1).astype(int)
    span, column = _runs(first, last)
    start = offsets[which] + slopes[which, :, 1] * y[:, None]
    values = start[span] + slopes[which[span], :, 0] * (column + 0.5)[:, None]
    out[(row[span] - box.y0) * box.width + (column - box.x0)] = values
    return out.reshape(box.height, box.width, 2)


def _affine(source: Points, target: Points, triangles: npt.NDArray[np.intp]) -> tuple[Points, Points, Points]:
    """Triangles' corners (T, 3, 2) in the canvas, and from canvas to source the slopes (T, 2, 2) and offsets (T, 2)."""
    corners, there = target[triangles], source[triangles]
    edge, other = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = edge[:, 0] * other[:, 1] - edge[:, 1] * other[:, 0]
    is_flat = np.abs(area) < 1e-9
    area = np.where(is_flat, 1.0, area)
    first, second = there[:, 1] - there[:, 0], there[:, 2] - there[:, 0]
    across = (first * other[:, 1:] - second * edge[:, 1:]) / area[:, None]
    down = (second * edge[:, :1] - first * other[:, :1]) / area[:, None]
    slopes = np.stack([across, down], axis=2)
    slopes[is_flat] = 0.0
    offsets = there[:, 0] - (slopes @ corners[:, 0, :, None])[..., 0]
    return corners, slopes, offsets


def _runs(first: npt.NDArray[np.int_], last: npt.NDArray[np.int_]) -> tuple[npt.NDArray[np.int_], npt.NDArray[np.int_]]:
    """For every run of whole numbers from ``first`` to ``last``, its index and its numbers, one after the other."""
    counts = np.maximum(last - first + 1, 0)
    which = np.repeat(np.arange(len(first)), counts)
    ends = np.cumsum(counts)
    return which, np.arange(len(which)) - np.repeat(ends - counts, counts) + first[which]


def _crossings(corners: Points, y: Points) -> tuple[Points, Points]:
    """Where each row enters and leaves its triangle."""
    left, right = np.full(len(y), np.inf), np.full(len(y), -np.inf)
    for index in range(3):
        start, end = corners[:, index], corners[:, (index + 1) % 3]
        drop = end[:, 1] - start[:, 1]
        meets = (np.minimum(start[:, 1], end[:, 1]) <= y + _SLACK) & (np.maximum(start[:, 1], end[:, 1]) >= y - _SLACK)
        share = np.clip((y - start[:, 1]) / np.where(np.abs(drop) < 1e-12, 1.0, drop), 0, 1)
        x = start[:, 0] + share * (end[:, 0] - start[:, 0])
        left, right = np.where(meets, np.minimum(left, x), left), np.where(meets, np.maximum(right, x), right)
    return left, right
