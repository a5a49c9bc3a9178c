"""The reference's character in the plate: on the clean plate, where the actor stood and in the light he stood in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wanfx.frames import Box, Size
from wanfx.io import exr
from wanfx.ops.card import Placement, draw_card
from wanfx.ops.crop import cut, to_model
from wanfx.ops.grade import Grade, LightLook, apply_grade, look_at_light
from wanfx.ops.reference_light import match_light
from wanfx.pixels import to_finite
from wanfx.stages.clean import Cleaned, read_clean
from wanfx.stages.ingest import Ingested
from wanfx.stages.refine import Refined

Array = npt.NDArray[np.float32]
_SOLID = np.float32(0.98)
_CLEAR = np.float32(0.02)


@dataclass(frozen=True, eq=False)
class Scene:
    """What a character is put into: the clean plate and the actor's matte, in a crop of one frame."""

    ingested: Ingested
    refined: Refined
    cleaned: Cleaned
    crop: Box
    size: Size
    exposure_stops: float

    def key(self, frame: int) -> list[object]:
        """What the scene of a frame depends on."""
        content = self.ingested.keys[frame], self.refined.hashes[frame], self.cleaned.hashes[frame]
        return [*content, self.crop.as_list(), self.exposure_stops]

    def place(self, rgba: Array, placement: Placement, *, own: LightLook | None) -> Placed:
        """The cut-out (h, w, 4, premultiplied, plate-linear) in the scene, at the model's size.

        ``own`` is the light of its own picture's background, where it has one.
        """
        background, actor = self._read(placement.frame)
        look = look_at_light(rgba[..., :3], rgba[..., 3] >= _SOLID)
        around = look_at_light(background, np.ones(background.shape[:2], np.bool_))
        grade = Grade()
        if look is not None and around is not None:
            grade = match_light(look, own=own, actor=actor, around=around, gain=2.0**self.exposure_stops)
        box = Box(0, 0, self.size.width, self.size.height)
        drawn = draw_card(_graded(rgba, grade), placement, box=box, pixel_aspect=1.0)
        alpha = np.clip(drawn[..., 3:], 0, 1)
        shown = to_model(background, size=self.size)
        return Placed(np.asarray(drawn[..., :3] + shown * (1 - alpha), np.float32), shown, alpha[..., 0], grade)

    def _read(self, frame: int) -> tuple[Array, LightLook | None]:
        """The clean plate in the crop, plate-linear, and the light on the actor."""
        plate = self.ingested.plate
        clean, _seen = read_clean(self.cleaned.layer.pattern.path(frame), plate=plate, frame=frame)
        shot = to_finite(exr.read_frame(plate.path(frame), canvas=plate.canvas, frame=frame).rgb)
        matte = exr.read_matte(self.refined.matte.path(frame), canvas=plate.canvas)
        return np.ascontiguousarray(cut(to_finite(clean), self.crop)), look_at_light(shot, matte >= _SOLID)


@dataclass(frozen=True, eq=False)
class Placed:
    """The character in the scene, (H, W, 3) plate-linear; the scene without it; its alpha (H, W); how it was graded."""

    rgb: Array
    background: Array
    alpha: Array
    grade: Grade


def own_light(whole: Array, rgba: Array) -> LightLook | None:
    """The light of a picture (H, W, 3, linear) around its cut-out; None where it is empty there, or has little."""
    around = rgba[..., 3] <= _CLEAR
    return look_at_light(whole, around) if whole[around].any() else None


def _graded(rgba: Array, grade: Grade) -> Array:
    """A premultiplied cut-out, graded as straight colors are."""
    if grade.is_none:
        return rgba
    alpha = rgba[..., 3:]
    straight = np.divide(rgba[..., :3], alpha, out=np.zeros_like(rgba[..., :3]), where=alpha > 0)
    return np.concatenate([apply_grade(straight, grade) * alpha, alpha], axis=2)
