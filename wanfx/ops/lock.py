"""The plate lock: what is carried from one window to the next is rebuilt from true plate pixels."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.ops.edges import grow_matte

Array = npt.NDArray[np.float32]
VERSION = 1
_GRID_PIXELS = 20000


def lock_window(generated: Array, plate: Array, mask: Array) -> Array:
    """The frame that is carried on: the plate where ``mask`` is 0, the generated picture where it is 1.

    ``generated`` and ``plate`` are (H, W, 3) in model space, ``mask`` (H, W) in [0, 1]. Pure and window-local.
    """
    weight = mask[..., None]
    return np.where(weight > 0, plate + weight * (generated - plate), plate)


def plate_error(generated: Array, plate: Array, mask: Array, *, reach_px: float) -> float | None:
    """The median |generated - plate| in model space further than ``reach_px`` from ``mask``; None where all is near.

    There both show the same thing, so this is the generator's own error. Looked at on a grid of some ten thousand
    pixels.
    """
    step = max(1, int(np.sqrt(mask.size / _GRID_PIXELS)))
    grid = np.s_[step // 2 :: step, step // 2 :: step]
    # What the grid skips may hold a mask too.
    pooled = cv2.dilate(mask, np.ones((step, step), np.uint8))[grid]
    outside = grow_matte(np.ascontiguousarray(pooled), radius_px=reach_px / step) == 0
    if not outside.any():
        return None
    return float(np.median(np.abs(generated[grid][outside] - plate[grid][outside])))
