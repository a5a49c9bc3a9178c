"""A matte's edge drawn again from the colours on both of its sides."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.edges import bounding_box
from wanfx.ops.local_colors import local_log_odds

Array = npt.NDArray[np.float32]
_INSIDE, _OUTSIDE, _NEAR = 4.0, 3.0, 10.0
_TRUST, _PRIOR = np.float32(1.5), np.float32(0.5)
_DOUBT = np.float32(0.05)


def redraw_edge(picture: Array, matte: Array) -> Array:
    """The matte (H, W) in [0, 1], decided by colour in a band a few pixels (of 640) wide on both sides of its edge.

    Picture (H, W, 3), display-encoded. Beyond the band the matte is 0 or 1. The edge follows the picture's own
    (He et al., Guided Image Filtering, ECCV 2010).
    """
    unit = picture.shape[1] / 640
    out = np.zeros_like(matte)
    whole = Box(0, 0, matte.shape[1], matte.shape[0])
    place = bounding_box(matte, above=0.5).grow(round(3 * _NEAR * unit)).clip(whole)
    if place.is_empty:
        return out
    window = place.slices()
    near, was = np.ascontiguousarray(picture[window]), matte[window]
    hard = (was > 0.5).astype(np.float32)
    inside = np.asarray(cv2.erode(hard, _disc(_INSIDE * unit)), np.float32)
    outside = np.asarray(1 - cv2.dilate(hard, _disc(_OUTSIDE * unit)), np.float32)
    colors = local_log_odds(near, inside, outside, radius_px=_NEAR * unit)
    bounded = np.clip(was, _DOUBT, 1 - _DOUBT)
    belief = _TRUST * colors + _PRIOR * np.log(bounded / (1 - bounded))
    likely = np.where(inside > 0, np.float32(1), np.where(outside > 0, np.float32(0), 1 / (1 + np.exp(-belief))))
    soft = cv2.ximgproc.guidedFilter(near, np.asarray(likely, np.float32), max(2, round(2 * unit)), 2e-4)
    out[window] = np.clip((soft - np.float32(0.2)) / np.float32(0.6), 0, 1)
    return out


def _disc(radius_px: float) -> npt.NDArray[np.uint8]:
    side = 2 * max(1, round(radius_px)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
