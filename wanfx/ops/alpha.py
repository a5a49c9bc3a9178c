"""A rough matte of analysis size becomes alpha at the plate's size."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.edges import bounding_box

Array = npt.NDArray[np.float32]
_EPSILON = 1e-4


def refine_alpha(guide_linear: Array, matte: Array, *, radius_px: float) -> Array:
    """Alpha (H, W) in [0, 1] whose edge follows ``guide_linear`` (H, W, 3, scene-linear) within ``radius_px`` of 0.5.

    A guided filter (He, Sun, Tang: Guided Image Filtering, ECCV 2010) in a log-like encoding of the guide; farther
    from the edge alpha is exactly 0 or 1.
    """
    whole = Box(0, 0, matte.shape[1], matte.shape[0])
    box = bounding_box(matte, above=0.02)
    if radius_px <= 0 or box.is_empty:
        return matte
    reach = int(np.ceil(radius_px))
    place = box.grow(3 * reach).clip(whole)
    inside = np.ascontiguousarray(matte[place.slices()])
    guide = np.log2(np.maximum(guide_linear[place.slices()], 0) + np.float32(0.02)) / np.float32(6)
    filtered = cv2.ximgproc.guidedFilter(np.ascontiguousarray(guide), inside, max(2, reach), _EPSILON)
    # Guided filters leave a haze; the middle of the range is stretched so that solid areas are solid.
    alpha = np.clip((filtered - np.float32(0.08)) / np.float32(0.84), 0, 1)
    hard = (inside >= 0.5).astype(np.uint8)
    distance = cv2.distanceTransform(hard, cv2.DIST_L2, 5) + cv2.distanceTransform(1 - hard, cv2.DIST_L2, 5)
    out = np.zeros_like(matte)
    out[place.slices()] = np.where(distance > radius_px, hard.astype(np.float32), alpha)
    return out
