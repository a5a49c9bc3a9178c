"""ST maps: for every pixel, where in another picture it is found, as Nuke's STMap has them."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


def apply_st_map(picture: Array, st_map: Array) -> Array:
    """``picture`` (h, w, C) as it is seen through ``st_map`` (H, W, 2): (H, W, C), bilinear, 0 from beyond its edges.

    S runs from the left edge (0) to the right (1), T from the bottom edge to the top; pixel centres are at .5.

    >>> s, t = np.meshgrid((np.arange(3) + 0.5) / 3, 1 - (np.arange(2) + 0.5) / 2)
    >>> picture = np.arange(18, dtype=np.float32).reshape(2, 3, 3)
    >>> bool((apply_st_map(picture, np.dstack([s, t]).astype(np.float32)) == picture).all())
    True
    """
    height, width = picture.shape[:2]
    x = st_map[..., 0] * np.float32(width) - np.float32(0.5)
    y = (np.float32(1) - st_map[..., 1]) * np.float32(height) - np.float32(0.5)
    return np.asarray(cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT), np.float32)


def round_trip_px(redistort: Array, undistort: Array) -> float:
    """How far apart the two maps of a pair are: the median way, in pixels of ``redistort``, that both leave undone.

    0 for maps that undo each other; both (H, W, 2), of which what lies beyond the picture does not count.
    """
    height, width = redistort.shape[:2]
    back = apply_st_map(undistort, redistort)
    s, t = np.meshgrid((np.arange(width) + 0.5) / width, 1 - (np.arange(height) + 0.5) / height)
    inside = ((redistort >= 0) & (redistort <= 1)).all(axis=2)
    if not inside.any():
        return float("inf")
    off = np.hypot((back[..., 0] - s) * width, (back[..., 1] - t) * height)
    return float(np.median(off[inside]))
