"""The generated background where the old subject was, in place of the clean plate."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.comp import Mattes, in_range
from wanfx.ops.edges import grow_matte, soften_matte
from wanfx.ops.seam import feather
from wanfx.pixels import to_float

Array = npt.NDArray[np.float32]
Pixels = npt.NDArray[Any]


def shown_share(
    light: Array, clean: Pixels, mattes: Mattes, *, box: Box, crop: Box, bleed_px: float, feather_px: float,
    floor: float,
) -> Array:  # fmt: skip
    """How far (h, w) in [0, 1] the generated background, ``light`` (h, w, 3), shows in ``box`` where it is shown.

    Only where the old subject was, in the generator's ``crop``, and not beside the new character, whose edge the
    generator smears over ``bleed_px``: the clean plate is behind that. From the edge inwards it is feathered into the
    clean plate, by at most ``feather_px`` (`wanfx.ops.seam.feather`).
    """
    character = grow_matte((to_float(mattes.character) > 0).astype(np.float32), radius_px=np.ceil(bleed_px))
    away = np.float32(1) - soften_matte(character, radius_px=bleed_px)
    there = np.zeros(character.shape, np.bool_)
    common = box.clip(crop)
    if not common.is_empty:
        there[common.slices(box)] = to_float(mattes.reveal[common.slices(box)]) > 0
    share = feather(light, to_float(clean), there, reach_px=feather_px, floor=floor)
    return np.where(character == 0, share * away, np.float32(0))


def show_generated(clean: Pixels, light: Array, share: Array) -> Pixels:
    """``clean`` (h, w, 3) with ``light`` laid over it by ``share`` (h, w), in the clean plate's pixel type."""
    linear = to_float(clean)
    with np.errstate(invalid="ignore", over="ignore"):
        mixed = in_range(linear + share[..., None] * (light - linear), clean.dtype)
    return np.where(share[..., None] > 0, mixed, clean)
