"""Scattered pixels of a box: taken, put back, and read from another frame between its pixels."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.pixels import to_float

Array = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]
_ROW = 1024
_SPARE = 4
_LAMP, _OVERSHOOT = 1.5, np.float32(0.5)


class Places:
    """Pixels of ``box`` by their flat ``index`` in it; ``across``, ``down`` are their places in the frame."""

    def __init__(self, index: npt.NDArray[np.intp], box: Box) -> None:
        self.index = index
        self.across = (index % box.width + (box.x0 + 0.5)).astype(np.float32)
        self.down = (index // box.width + (box.y0 + 0.5)).astype(np.float32)

    def take(self, picture: Array) -> Array:
        """(N, ...): the pixels of a picture of the box's size."""
        return picture.reshape(-1, *picture.shape[2:]).take(self.index, axis=0)

    def put(self, picture: Array, values: Array) -> None:
        """Write the pixels into a picture of the box's size."""
        picture.reshape(-1, *picture.shape[2:])[self.index] = values


def sample_at(pixels: npt.NDArray[Any], matrix: Matrix, across: Array, down: Array) -> Array:
    """(N, 3) float32: ``pixels`` (H, W, 3) at the places that ``matrix`` leads to ``across``, ``down``; bicubic,
    without its ringing around what is brighter than white.
    """
    back = np.linalg.inv(matrix)
    back = (back / back[2, 2]).astype(np.float32)
    x = back[0, 0] * across + back[0, 1] * down + back[0, 2]
    y = back[1, 0] * across + back[1, 1] * down + back[1, 2]
    if back[2, 0] or back[2, 1]:
        scale = back[2, 0] * across + back[2, 1] * down + np.float32(1)
        x, y = x / scale, y / scale
    x, y = x - np.float32(0.5), y - np.float32(0.5)
    height, width = pixels.shape[:2]
    if not len(x):
        return np.zeros((0, 3), np.float32)
    if np.abs(x - np.round(x)).max() < 1e-3 and np.abs(y - np.round(y)).max() < 1e-3:
        rows, columns = np.clip(np.round(y), 0, height - 1), np.clip(np.round(x), 0, width - 1)
        return np.asarray(pixels[rows.astype(int), columns.astype(int)], np.float32)
    x0, y0 = (int(np.clip(np.floor(v.min()) - _SPARE, 0, limit - 1)) for v, limit in ((x, width), (y, height)))
    x1, y1 = (int(np.clip(np.ceil(v.max()) + _SPARE, 1, limit)) for v, limit in ((x, width), (y, height)))
    part = to_float(pixels[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)])
    rows_count = -(-len(x) // _ROW)
    padded = np.zeros((2, rows_count * _ROW), np.float32)
    padded[0, : len(x)], padded[1, : len(x)] = x - x0, y - y0
    maps = padded.reshape(2, rows_count, _ROW)
    found = cv2.remap(part, maps[0], maps[1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    if part.max() > _LAMP:
        # Beside a lamp the cubic's negative lobes would make a black ring: it may not go far from the linear value.
        plain = cv2.remap(part, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        room = np.abs(plain) * _OVERSHOOT
        found = np.clip(found, plain - room, plain + room)
    return np.asarray(found.reshape(-1, 3)[: len(x)], np.float32)
