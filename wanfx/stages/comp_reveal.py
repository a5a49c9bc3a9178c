"""The generated background where the old subject was, in place of the clean plate."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.comp import Mattes, in_range
from wanfx.ops.edges import grow_matte, soften_matte
from wanfx.pixels import to_float

Array = npt.NDArray[np.float32]
Pixels = npt.NDArray[Any]


def shown_share(mattes: Mattes, *, box: Box, crop: Box, bleed_px: float, weight: float) -> Array:
    """How far (h, w) in [0, 1] the generated background shows in ``box``.

    Only where the old subject was, in the generator's ``crop``, and not beside the new character, whose edge the
    generator smears over ``bleed_px``: the clean plate is behind that.
    """
    character = grow_matte((to_float(mattes.character) > 0).astype(np.float32), radius_px=np.ceil(bleed_px))
    away = np.float32(1) - soften_matte(character, radius_px=bleed_px)
    share = np.where((to_float(mattes.reveal) > 0) & (character == 0), np.float32(weight) * away, np.float32(0))
    out = np.zeros_like(share)
    common = box.clip(crop)
    if not common.is_empty:
        out[common.slices(box)] = share[common.slices(box)]
    return out


def show_generated(clean: Pixels, light: Array, share: Array) -> Pixels:
    """``clean`` (h, w, 3) with ``light`` laid over it by ``share`` (h, w), in the clean plate's pixel type."""
    linear = to_float(clean)
    with np.errstate(invalid="ignore", over="ignore"):
        mixed = in_range(linear + share[..., None] * (light - linear), clean.dtype)
    return np.where(share[..., None] > 0, mixed, clean)
