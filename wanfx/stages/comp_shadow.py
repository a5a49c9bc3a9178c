"""The shadow layer of a comp frame: how far it reaches, and from what it is found."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.comp import Mattes
from wanfx.ops.edges import bounding_box
from wanfx.ops.shadow import find_shadow, near_field
from wanfx.pixels import to_float
from wanfx.stages.conditioning import Conditioning

Array = npt.NDArray[np.float32]
Half = npt.NDArray[np.float16]
_REACH = 0.4
_BLEED_MODEL_PX = 4.0
_FLOOR = 0.005
_OF_CEILING = 0.5


def shadow_box(people: Box, *, crop: Box) -> Box:
    """Where a shadow may fall: around ``people`` (canvas), as far as the generator's ``crop`` goes."""
    return people.grow(math.ceil(reach_px(people))).clip(crop)


def reach_px(people: Box) -> float:
    """How far from people their shadow is looked for."""
    return _REACH * max(people.width, people.height)


def bleed_px(conditioning: Conditioning, crop: Box) -> float:
    """How far a generator smears the character's edge, in plate pixels."""
    return _BLEED_MODEL_PX * max(1.0, crop.height / conditioning.size.height)


def draw_shadow(
    light: Array, ceiling: npt.NDArray[np.bool_], plate: npt.NDArray[Any], clean: npt.NDArray[Any], mattes: Mattes,
    old: Array, *, box: Box, crop: Box, conditioning: Conditioning, gain: float,
) -> Half | None:  # fmt: skip
    """The multiplier (h, w, 3) in ``box`` of the canvas, None where it is 1 everywhere.

    All pictures are of ``box``: ``light`` is what the generator made, plate-linear, and ``ceiling`` where it met its
    own: a lamp that it could not make bright enough is no shadow. ``plate`` and ``clean`` are what
    the comp shows behind the character, ``old`` the old subject's matte.
    """
    there = box.clip(crop)
    inside = there.slices(box)
    character = to_float(mattes.character[inside])
    people = np.maximum(character, old[inside])
    around = bounding_box(people, above=0.5)
    if there.is_empty or around.is_empty:
        return None
    reveal = to_float(mattes.reveal[inside])[..., None]
    behind, front = to_float(plate[inside]), to_float(clean[inside])
    with np.errstate(invalid="ignore", over="ignore"):
        given = np.where(reveal > 0, behind + reveal * (front - behind), behind)
        np.copyto(given, front, where=reveal >= 1)
    too_bright = ceiling[inside] | (given.max(axis=2) > _OF_CEILING * conditioning.space.ceiling)
    canvas = conditioning.plate.canvas.size
    near = near_field(
        people,
        reach_px=reach_px(around),
        open_sides=(there.x0 == 0, there.y0 == 0, there.x1 == canvas.width, there.y1 == canvas.height),
    )
    found = find_shadow(
        light[inside],
        given,
        character=np.maximum(character, too_bright),
        near=near,
        bleed_px=bleed_px(conditioning, crop),
        floor=_FLOOR * 2.0**-conditioning.space.exposure_stops,
        gain=gain,
    )
    if found is None:
        return None
    shadow = np.ones((*box_shape(box), 3), np.float16)
    shadow[inside] = found
    return shadow


def box_shape(box: Box) -> tuple[int, int]:
    """Rows and columns of a box."""
    return box.height, box.width
