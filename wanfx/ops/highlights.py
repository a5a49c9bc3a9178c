"""Generated highlights that met the generator's ceiling, expanded by a guess: off unless it is asked for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
EXPANSION = 4.0
"""How much brighter light at the ceiling becomes."""
_START = 0.85


def expand_highlights(linear: Array, model: Array) -> Array:
    """Scene-linear light (H, W, 3) with what is near +1 in ``model`` (H, W, 3, model space) brightened.

    All channels of a pixel alike, by its brightest: by nothing under 0.85, by `EXPANSION` at the ceiling, on a smooth
    monotone curve, so that the light around a clipped lamp rises with it and colors keep their hue.
    """
    t = np.clip((model.max(axis=2) - _START) / (1 - _START), 0, 1)
    gain = np.exp2(np.float32(np.log2(EXPANSION)) * t * t * (3 - 2 * t))
    return np.asarray(linear * gain[..., None], np.float32)
