"""The layers of task `background`: the kept actor before his new world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.beyond import join_beyond
from wanfx.ops.comp import Mattes, any_channel, in_range, keep_mattes
from wanfx.ops.decontaminate import own_colors
from wanfx.ops.defocus import defocus
from wanfx.ops.grade import Grade, apply_grade
from wanfx.ops.light_wrap import wrap_light
from wanfx.pixels import to_finite, to_float, to_half
from wanfx.stages.comp_write import CompLayers
from wanfx.stages.conditioning import Conditioning
from wanfx.stages.integrate import Integration

Array = npt.NDArray[np.float32]
Half = npt.NDArray[np.float16]
Pixels = npt.NDArray[Any]
_FLOOR = 0.005
_LEAST_EDIT = np.float32(2.0**-14)


@dataclass(frozen=True, eq=False)
class NewWorld:
    """The new world as it was made: ``linear`` (H, W, 3), plate-linear, where it met its ``ceiling`` (H, W), and what
    of it is the actor's ``shadow`` (H, W, 3), a multiplier; None where nothing tells. ``shadow_gain`` is of its stops.
    """

    linear: Array
    ceiling: npt.NDArray[np.bool_]
    shadow: Half | None = None
    shadow_gain: float = 1.0


def join_world(made: Array, plate_rgb: Pixels, kept: Array, *, conditioning: Conditioning) -> Array:
    """What goes on beyond an extended plate, in the light of its edge; other worlds as they were ``made``."""
    plate = conditioning.plate
    if not plate.is_extended:
        return made
    floor = _FLOOR * 2.0**-conditioning.space.exposure_stops
    return join_beyond(made, to_float(plate_rgb), kept, reach_px=max(plate.border), floor=floor)


def keep_actor(plate_rgb: Pixels, actor: Array, world: NewWorld, *, integration: Integration) -> CompLayers:
    """The layers of a whole frame: plate (H, W, 3), the actor's alpha (H, W) and the new world.

    The actor is the plate's own pixels, without the old background in his soft edge. Where he is graded or the world's
    light lies on him, ``own`` has him as he was, and ``edit`` covers what has changed.
    """
    mattes = keep_mattes(actor)
    box = Box(0, 0, actor.shape[1], actor.shape[0])
    alpha = to_float(mattes.character)
    with np.errstate(over="ignore", invalid="ignore"):
        lit, shadow = _part_shadow(world, alpha)
        clean = in_range(defocus(lit, radius_px=integration.defocus_px), plate_rgb.dtype)
        # The plate's bad pixels stay in rgba, where they are kept; no layer has any.
        colors = own_colors(to_finite(plate_rgb), alpha) * alpha[..., None]
        own = to_half(np.dstack([np.where(alpha[..., None] > 0, colors, np.float32(0)), alpha]))
    met = np.where(to_float(mattes.edit) > 0, world.ceiling, False).astype(np.float16)
    if not integration.touches_actor:
        return CompLayers(box, own, clean, mattes, met, shadow)
    seen = to_float(clean) if shadow is None else to_float(clean) * to_float(shadow)
    light, reach = wrap_light(seen, alpha, strength=integration.wrap, radius_px=integration.wrap_px)
    wrap = np.asarray(in_range(light, np.float16))
    grade = integration.grade if integration.is_graded else Grade()
    char = dress_actor(own, wrap, grade)
    changed = any_channel(char[..., :3].view(np.uint16) != own[..., :3].view(np.uint16))
    by = np.float32(1) if not grade.is_none else np.maximum(reach, _LEAST_EDIT)
    edit = np.where(changed, np.maximum(mattes.edit, to_half(np.broadcast_to(by, alpha.shape))), mattes.edit)
    return CompLayers(box, char, clean, Mattes(mattes.character, mattes.reveal, edit), met, shadow, own, wrap)


def _part_shadow(world: NewWorld, alpha: Array) -> tuple[Array, Half | None]:
    """The world without the actor's shadow, and that: their product is the world as it was made (at a gain of 1).

    Where the actor hides the world there is no shadow to be seen, so it is 1.
    """
    if world.shadow is None:
        return world.linear, None
    multiplier = np.asarray(np.where(alpha[..., None] < 1, to_float(world.shadow), 1), np.float32)
    lit = np.asarray(world.linear / multiplier, np.float32)
    return lit, to_half(np.asarray(multiplier ** np.float32(world.shadow_gain), np.float32))


def dress_actor(own: Half, wrap: Half, grade: Grade) -> Half:
    """The comp's actor (H, W, 4), premultiplied, of his own pixels: graded as straight colors, then the wrap added."""
    colors, alpha = to_float(own[..., :3]), to_float(own[..., 3:])
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if not grade.is_none:
            straight = np.where(alpha > 0, colors / alpha, np.float32(0))
            colors = np.where(alpha > 0, apply_grade(straight, grade) * alpha, np.float32(0))
        lit = in_range(colors + to_float(wrap), np.float16)
    # Adding nothing leaves every bit, those of -0 too.
    is_same = to_float(wrap) == 0 if grade.is_none else np.zeros(wrap.shape, np.bool_)
    return np.dstack([np.where(is_same, own[..., :3], lit), own[..., 3]])
