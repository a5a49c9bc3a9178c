"""The layers of task `animate`: a picture that is new all over.

``clean`` is the generated picture, or the background where the generator was given one and lays its character over it;
``char`` is the new character cut out of the picture, and both are the comp: ``reveal`` and ``edit`` are 1 everywhere,
so that the layers make ``rgba`` by the one formula of all tasks.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.comp import Mattes, in_range
from wanfx.pixels import to_float, to_half
from wanfx.stages.comp_write import CompLayers

Array = npt.NDArray[np.float32]


def show_picture(
    picture_linear: Array, ceiling: npt.NDArray[np.bool_], character: Array, *, dtype: npt.DTypeLike,
    behind: npt.NDArray[Any] | None = None,
) -> CompLayers:  # fmt: skip
    """The layers of a whole frame: the generated picture (H, W, 3) in the plate's own linear space, where it met its
    ceiling (H, W), and the character's matte (H, W). ``dtype`` is the plate's pixel type. ``behind`` (H, W, 3, linear)
    is the background by itself, where it is known; the generated picture stands in for it where not.
    """
    box = Box(0, 0, character.shape[1], character.shape[0])
    matte = to_half(character)
    alpha = to_float(matte)[..., None]
    with np.errstate(over="ignore", invalid="ignore"):
        clean: Any = in_range(picture_linear if behind is None else behind, dtype)
        char = in_range(np.concatenate([picture_linear * alpha, alpha], axis=2), np.float16)
    everywhere = np.ones(matte.shape, np.float16)
    mattes = Mattes(matte, everywhere, everywhere)
    return CompLayers(box, np.asarray(char), clean, mattes, ceiling.astype(np.float16))
