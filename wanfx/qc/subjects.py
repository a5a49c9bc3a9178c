"""The layers of a comp frame with several subjects: one after another, back to front, each on what is behind it.

Of each pass ``rgba = char + (1 - char.A) * shadow * mix(behind, clean, reveal) + grain``, where ``behind`` is the plate
for the first and what the pass before made, rounded to the plate's pixel type, for the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.comp_parts import EDIT, SubjectParts
from wanfx.frames import Box
from wanfx.ops.comp import Mattes, any_channel, composite, in_range, is_lit
from wanfx.ops.grain_frames import Grain
from wanfx.pixels import to_float

Pixels = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


def with_union(pixels: Mapping[str, Pixels], parts: Sequence[SubjectParts]) -> dict[str, Pixels]:
    """``pixels`` by part, with the parts of one subject for all of them: mattes the largest, ``clean`` the first's."""
    if len(parts) == 1:
        return dict(pixels)
    union = {
        name: np.maximum.reduce([pixels[getattr(one, key)] for one in parts])
        for name, key in (("matte_subject", "subject"), ("matte_character", "character"), ("matte_reveal", "reveal"))
    }
    shadow = pixels[parts[0].shadow]
    for one in parts[1:]:
        shadow = np.where(is_changed(shadow)[..., None], shadow, pixels[one.shadow])
    return {**pixels, **union, "shadow": shadow, "clean": pixels[parts[0].clean]}


def is_changed(shadow: Pixels) -> Mask:
    """Where (H, W) a half multiplier (H, W, 3) is not 1."""
    one = np.float16(1).view(np.uint16)
    return any_channel(np.ascontiguousarray(shadow).view(np.uint16) != one)


def composite_all(
    base: Pixels, pixels: Mapping[str, Pixels], parts: Sequence[SubjectParts], grains: Sequence[Grain], *, box: Box,
    place: Box, frame: int,
) -> Pixels:  # fmt: skip
    """What all passes make of ``base`` (h, w, 3), the plate in ``box`` of the picture, as float32; the last unrounded.

    ``place`` is the box in the canvas.
    """
    inside, light = box.slices(), to_float(base)
    for index, (one, grain) in enumerate(zip(parts, grains, strict=True)):
        if index:
            light = to_float(in_range(light, base.dtype))
        shadow = pixels[one.shadow][inside]
        character, reveal = (pixels[name][..., 0][inside] for name in (one.character, one.reveal))
        # Of several subjects each has an edit of its own.
        edit = pixels[EDIT][..., 0][inside] if len(parts) == 1 else _edit(character, reveal, shadow)
        mattes = Mattes(character, reveal, edit)
        made = composite(
            light, char=pixels[one.char][inside], clean=pixels[one.clean][inside], shadow=shadow, mattes=mattes
        )
        made = grain.add(made, frame=frame, box=place, char_alpha=to_float(character), reveal=to_float(reveal))
        light = made if len(parts) == 1 else np.where(is_lit(edit)[..., None], made, light)
    return np.asarray(light)


def _edit(character: Pixels, reveal: Pixels, shadow: Pixels) -> Pixels:
    """Lit wherever a pass changes anything."""
    return np.maximum(np.maximum(character, reveal), is_changed(shadow).astype(np.float16))
