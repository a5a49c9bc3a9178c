"""The plate lock: what is carried from one window to the next is rebuilt from true plate pixels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
VERSION = 1


def lock_window(generated: Array, plate: Array, mask: Array) -> Array:
    """The frame that is carried on: the plate where ``mask`` is 0, the generated picture where it is 1.

    ``generated`` and ``plate`` are (H, W, 3) in model space, ``mask`` (H, W) in [0, 1]. Pure and window-local.
    """
    weight = mask[..., None]
    return np.where(weight > 0, plate + weight * (generated - plate), plate)


def plate_error(generated: Array, plate: Array, mask: Array) -> float | None:
    """The median |generated - plate| in model space where ``mask`` is 0, or None where it is 0 nowhere.

    Outside the mask both show the same thing, so this is the generator's own error.
    """
    outside = mask == 0
    if not outside.any():
        return None
    return float(np.median(np.abs(generated[outside] - plate[outside])))
