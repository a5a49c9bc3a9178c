"""A rough matte of analysis size becomes alpha at the plate's size."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.edges import bounding_box
from wanfx.ops.matting import MattingMethod, find_alpha
from wanfx.ops.matting_hair import find_hair
from wanfx.ops.matting_specks import remove_small_parts
from wanfx.ops.trimap import make_trimap
from wanfx.pixels import Pixels, to_finite

Array = npt.NDArray[np.float32]
_NEARLY = np.float32(0.1)
_BLURRED_PX = np.float32(12)
_SMALL_PX = 640 * 400


def refine_alpha(
    guide_linear: Pixels,
    matte: Array,
    *,
    radius_px: float,
    method: MattingMethod = "guided",
    motion_px: Array | None = None,
    speck_px: float = 16.0,
) -> Array:
    """Alpha (H, W) in [0, 1] whose edge follows ``guide_linear`` (H, W, 3, half or float) near that of ``matte``.

    Farther from the matte's edge (at 0.5) than ``radius_px``, or up to twice that where the edge moves quickly
    (``motion_px``, (H, W), pixels a frame), and four times where there is hair, alpha is exactly 0 or 1.
    The guide is scene-linear; what is NaN or infinite in it counts as 0. Islands and holes of less than ``speck_px``
    pixels are taken away. Raises MissingError where the method's library is not installed.
    """
    box = bounding_box(matte, above=0.02)
    if radius_px <= 0 or box.is_empty:
        return matte
    place = _around(box, 2 * radius_px, matte)
    hair = find_hair(matte[place], radius_px=radius_px, motion_px=None if motion_px is None else motion_px[place])
    if hair.is_there:
        place = _around(box, 6 * radius_px, matte)
        hair = find_hair(matte[place], radius_px=radius_px, motion_px=None if motion_px is None else motion_px[place])
    motion = None if motion_px is None else motion_px[place]
    trimap = make_trimap(matte[place], radius_px=hair.radius_px, motion_px=motion)
    # By the picture's size, not the subject's: the way must not change within a shot.
    scale = 1.0 if matte.size <= _SMALL_PX else 0.5
    guide = to_finite(guide_linear[place])
    found = find_alpha(guide, trimap, matte[place], method=method, scale=scale, trust=hair.trust)
    out = np.zeros_like(matte)
    out[place] = remove_small_parts(_snap(found, motion), area_px=speck_px)
    return out


def _around(box: Box, reach_px: float, matte: Array) -> tuple[slice, slice]:
    return box.grow(int(np.ceil(reach_px)) + 8).clip(Box(0, 0, matte.shape[1], matte.shape[0])).slices()


def _snap(alpha: Array, motion_px: Array | None) -> Array:
    """Alpha with what is nearly all or nothing made all or nothing, for texture leaves a veil; less so in a blur."""
    least = _NEARLY if motion_px is None else _NEARLY / (1 + motion_px / _BLURRED_PX)
    return np.asarray(np.clip((alpha - least) / (1 - 2 * least), 0, 1), np.float32)
