"""The layers of task `background`: the kept actor before his new world."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.comp import Mattes, any_channel, in_range, keep_mattes
from wanfx.ops.decontaminate import own_colors
from wanfx.ops.defocus import defocus
from wanfx.ops.grade import Grade, apply_grade
from wanfx.ops.light_wrap import wrap_light
from wanfx.pixels import to_float, to_half
from wanfx.stages.comp_write import CompLayers
from wanfx.stages.integrate import Integration

Array = npt.NDArray[np.float32]
Half = npt.NDArray[np.float16]
Pixels = npt.NDArray[Any]
_LEAST_EDIT = np.float32(2.0**-14)


def keep_actor(
    plate_rgb: Pixels, actor: Array, world_linear: Array, ceiling: npt.NDArray[np.bool_], *, integration: Integration
) -> CompLayers:
    """The layers of a whole frame: plate (H, W, 3), the actor's alpha (H, W), the new world, and where it met its
    ceiling; all scene-linear, in the plate's own space.

    The actor is the plate's own pixels, without the old background in his soft edge. Where he is graded or the world's
    light lies on him, ``own`` has him as he was, and ``edit`` covers what has changed.
    """
    mattes = keep_mattes(actor)
    box = Box(0, 0, actor.shape[1], actor.shape[0])
    alpha = to_float(mattes.character)
    with np.errstate(over="ignore", invalid="ignore"):
        clean = in_range(defocus(world_linear, radius_px=integration.defocus_px), plate_rgb.dtype)
        colors = own_colors(to_float(plate_rgb), alpha) * alpha[..., None]
        own = to_half(np.dstack([np.where(alpha[..., None] > 0, colors, np.float32(0)), alpha]))
    met = np.where(to_float(mattes.edit) > 0, ceiling, False).astype(np.float16)
    if not integration.touches_actor:
        return CompLayers(box, own, clean, mattes, met)
    light, reach = wrap_light(to_float(clean), alpha, strength=integration.wrap, radius_px=integration.wrap_px)
    wrap = np.asarray(in_range(light, np.float16))
    grade = integration.grade if integration.is_graded else Grade()
    char = dress_actor(own, wrap, grade)
    changed = any_channel(char[..., :3].view(np.uint16) != own[..., :3].view(np.uint16))
    by = np.float32(1) if not grade.is_none else np.maximum(reach, _LEAST_EDIT)
    edit = np.where(changed, np.maximum(mattes.edit, to_half(np.broadcast_to(by, alpha.shape))), mattes.edit)
    return CompLayers(box, char, clean, Mattes(mattes.character, mattes.reveal, edit), met, own=own, wrap=wrap)


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
