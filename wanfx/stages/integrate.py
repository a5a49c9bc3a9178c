"""integrate: plate, alpha, the new world -> what brings a kept actor and his new world together.

A shot has one grade and one blur, found in a few frames of its first window; with a generator that carries frames that
window is there for every range, so that a range has what the whole shot has, or the version that it joins had.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from wanfx.colors import color_errors
from wanfx.errors import OptionError
from wanfx.frames import FrameRange
from wanfx.io import exr
from wanfx.ops.crop import cut, to_model
from wanfx.ops.defocus import edge_softness_px, match_defocus_px
from wanfx.ops.edges import grow_matte
from wanfx.ops.grade import Grade, LightLook, look_at_light, suggest_grade
from wanfx.pixels import to_finite
from wanfx.stages.conditioning import Conditioning, SpaceBridge
from wanfx.stages.context import Made, RunContext, stage_key
from wanfx.stages.generated import Generated, read_generated
from wanfx.stages.ingest import Ingested
from wanfx.stages.refine import Refined
from wanfx.units import Unit
from wanfx_color.cdl import read_cdl

STAGE = "integrate"
VERSION = 1
Array = npt.NDArray[np.float32]
_LOOKS = 5
_AWAY_PX = 6.0
_WRAP_OF_WIDTH = 0.02


@dataclass(frozen=True)
class Integration:
    """How a kept actor and the new world are brought together; as it is made, nothing is done.

    ``grade`` is the actor's ASC CDL, in the plate's linear space; ``mode`` says whether it is applied, and ``source``
    where it is from. ``wrap`` is light wrap's strength, ``wrap_px`` its reach, ``defocus_px`` the radius of the world's
    blur, all in plate pixels. ``measures`` are what was measured for it, JSON types.
    """

    mode: Literal["off", "suggest", "apply"] = "off"
    grade: Grade = field(default_factory=Grade)
    source: Literal["none", "found", "file"] = "none"
    wrap: float = 0.0
    wrap_px: float = 0.0
    defocus_px: float = 0.0
    measures: dict[str, Any] = field(default_factory=dict)

    @property
    def is_graded(self) -> bool:
        """Whether the actor's pixels are graded in the comp."""
        return self.mode == "apply"

    @property
    def touches_actor(self) -> bool:
        """Whether the comp's actor may differ from the plate's, so that his own pixels are a part of their own."""
        return self.is_graded or self.wrap > 0

    def as_dict(self) -> dict[str, Any]:
        """For the manifest, JSON types."""
        return {
            "grade": None if self.mode == "off" else {"mode": self.mode, "from": self.source, **self.grade.as_dict()},
            "light_wrap": None if self.wrap <= 0 else {"strength": self.wrap, "radius_px": self.wrap_px},
            "world_defocus_px": self.defocus_px,
            "measures": self.measures,
        }

    def actor_fact(self) -> dict[str, Any]:
        """What was done to the actor's pixels, for a frame's facts: all that it takes to do it again."""
        return {
            "grade": self.grade.as_dict() if self.is_graded else None,
            "light_wrap": self.as_dict()["light_wrap"],
        }

    def provenance(self) -> dict[str, str]:
        """What a frame's header says of it; nothing where the actor is as he is in the plate."""
        said: dict[str, str] = {}
        if self.is_graded:
            numbers = (" ".join(f"{value:g}" for value in part) for part in
                       (self.grade.slope, self.grade.offset, self.grade.power))  # fmt: skip
            said["grade"] = f"ASC CDL on the actor: {', '.join(numbers)}, saturation {self.grade.saturation:g}"
        if self.wrap > 0:
            said["light_wrap"] = f"strength {self.wrap:g}, {self.wrap_px:g} px"
        return said


def run_integrate(
    run: RunContext, ingested: Ingested, refined: Refined, conditioning: Conditioning, generated: Generated,
    bridge: SpaceBridge, *, frames: FrameRange,
) -> Integration:  # fmt: skip
    """What the options ask for, measured where they leave it open. Raises OptionError for a grade that cannot be."""
    options = run.options.finish
    if not conditioning.is_world:
        return Integration()
    given = _given_grade(run) if options.grade != "off" else None
    asks_grade = options.grade != "off" and given is None
    asks_blur = options.world_defocus == "on" and options.world_defocus_px is None
    found: dict[str, Any] = {}
    known = _known(generated, asks_grade=asks_grade) if asks_grade or asks_blur else None
    if known is not None:
        found = known
    elif asks_grade or asks_blur:
        look = _Looker(run, ingested, refined, conditioning, generated, bridge, frames)
        with run.stage(STAGE, units=1) as progress:
            found = dict(progress.make(look.unit(), partial(look.measure)).facts)
        _say(run, conditioning, generated, found, frames, asks_grade=asks_grade, asks_blur=asks_blur)
    width = conditioning.plate.display_window.width
    wrap_px = options.light_wrap_px if options.light_wrap_px is not None else round(_WRAP_OF_WIDTH * width, 1)
    blur_px = options.world_defocus_px if options.world_defocus_px is not None else found.get("defocus_px", 0.0)
    return Integration(
        mode=options.grade,
        grade=given or (Grade.from_dict(found["grade"]) if asks_grade else Grade()),
        source="none" if options.grade == "off" else "found" if given is None else "file",
        wrap=options.light_wrap,
        wrap_px=wrap_px if options.light_wrap > 0 else 0.0,
        defocus_px=float(blur_px) if options.world_defocus == "on" else 0.0,
        measures={name: value for name, value in found.items() if name != "grade"},
    )


def _known(generated: Generated, *, asks_grade: bool) -> dict[str, Any] | None:
    """What was found for the version that a retake joins, whose actor and world have to look the same."""
    told = {} if generated.retake is None else generated.retake.last.get("integration") or {}
    grade = told.get("grade") or {}
    if not told.get("measures") or (asks_grade and grade.get("from") != "found"):
        return None
    return {**told["measures"], "grade": grade}


def _given_grade(run: RunContext) -> Grade | None:
    """The artist's own CDL; None where none is given."""
    name = run.options.finish.grade_file
    if name is None:
        return None
    path, key = Path(name), "finish.grade_file"
    if not path.is_file():
        raise OptionError(f"there is no file {path.name}", key=key, remedy="give a .cc or .cdl file")
    with color_errors(key=key, path=str(path)):
        read = read_cdl(path)
    grade = Grade(read.slope, read.offset, read.power, read.saturation)
    if not grade.is_invertible:
        raise OptionError(
            f"{path.name} cannot be undone", key=key, remedy="give slopes, powers and a saturation above 0"
        )
    return grade


def _say(
    run: RunContext, conditioning: Conditioning, generated: Generated, found: dict[str, Any], frames: FrameRange, *,
    asks_grade: bool, asks_blur: bool,
) -> None:  # fmt: skip
    """Tell what could not be measured, or was only in part."""
    if asks_grade and not found["looks"]:
        run.warn(STAGE, "too little is seen of the old background or the new world: no grade is suggested")
    if asks_blur and found["old_softness_px"] is None:
        run.warn(STAGE, "the old background has too few edges to tell how soft it is: the new world stays as it is "
                        "(finish.world_defocus_px sets a radius)")  # fmt: skip
    is_all = len(frames) == len(conditioning.plate.frames)
    if not is_all and not generated.generator.carried_frames:
        run.warn(STAGE, f"grade and blur were found in {frames} only; to keep an earlier version's, set "
                        "finish.grade_file and finish.world_defocus_px")  # fmt: skip


class _Looker:
    """Compares old background, new world and actor in a few frames, at the model's size."""

    def __init__(
        self, run: RunContext, ingested: Ingested, refined: Refined, conditioning: Conditioning, generated: Generated,
        bridge: SpaceBridge, frames: FrameRange,
    ) -> None:  # fmt: skip
        self._plate_hashes, self._refined, self._conditioning = ingested.keys, refined, conditioning
        self._generated, self._bridge = generated, bridge
        first = list(generated.windows(run, conditioning.plate.frames, frames=frames)[0].new_frames)
        places = np.linspace(0, len(first) - 1, min(_LOOKS, len(first)))
        self._frames = [first[round(float(place))] for place in places]
        self._gain = float(2.0**conditioning.space.exposure_stops)

    def unit(self) -> Unit:
        """What the figures depend on."""
        conditioning = self._conditioning
        content = [
            (self._plate_hashes[f], self._refined.hashes[f], self._generated.hashes[f], conditioning.crops[f].as_list())
            for f in self._frames
        ]
        key = stage_key(STAGE, VERSION, content, conditioning.key, conditioning.space.exposure_stops)
        return Unit(STAGE, self._generated.generator.name, key)

    def measure(self) -> Made:
        """The grade, how soft both backgrounds are, and the blur that makes them the same, as JSON types."""
        looks, softness, blurs = [], [], []
        for frame in self._frames:
            old, new, alpha = self._read(frame)
            away = grow_matte(alpha, radius_px=_AWAY_PX) <= 0
            lights = (look_at_light(old, away), look_at_light(new, away), look_at_light(old, alpha >= 1))
            if all(lights):
                looks.append(lights)
            soft = edge_softness_px(old, away, gain=self._gain)
            if soft is not None:
                softness.append(soft)
                blurs.append(match_defocus_px(new, away, soft_px=soft, gain=self._gain))
        crop = self._conditioning.crops[self._frames[0]]
        scale = crop.height / self._conditioning.size.height
        facts = {
            "looks": len(looks),
            "grade": suggest_grade(_told(looks), gain=self._gain).as_dict(),
            "old_softness_px": round(float(np.median(softness)) * scale, 2) if softness else None,
            "defocus_px": round(float(np.median(blurs)) * scale, 2) if blurs else 0.0,
        }
        return Made((), facts)

    def _read(self, frame: int) -> tuple[Array, Array, Array]:
        """Old background and new world, plate-linear, and the actor's alpha."""
        plate, crop, size = self._conditioning.plate, self._conditioning.crops[frame], self._conditioning.size
        rgb = cut(exr.read_frame(plate.path(frame), canvas=plate.canvas, frame=frame).rgb, crop)
        matte = cut(exr.read_matte(self._refined.matte.path(frame), canvas=plate.canvas), crop)
        model, _alpha = read_generated(self._generated.pattern.path(frame), frame=frame)
        alpha = np.ascontiguousarray(to_model(np.ascontiguousarray(matte), size=size))
        return to_model(to_finite(rgb), size=size), self._bridge.decode(model), alpha


def _told(looks: list[Any]) -> list[tuple[LightLook, LightLook, LightLook]]:
    return [(old, new, actor) for old, new, actor in looks]
