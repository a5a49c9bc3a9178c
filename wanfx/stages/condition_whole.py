"""condition for task `animate`: the reference's own picture, in which its character performs; no plate is shown.

The reference decides the light: model space has exposure 0 unless ``condition.exposure_stops`` says otherwise, so a
darker plate makes no darker picture. The actor's face alone is looked at with the plate's own exposure.
"""

from __future__ import annotations

import math
from dataclasses import asdict

from wanfx.errors import OptionError
from wanfx.frames import Box, Size
from wanfx.images import FramePattern, Plate
from wanfx.ops.sizes import canvas_size
from wanfx.stages.conditioning import Conditioning
from wanfx.stages.context import RunContext, stage_key
from wanfx.stages.drive import run_whole_drive
from wanfx.stages.ingest import Ingested
from wanfx.stages.matte import Tracked
from wanfx.stages.performance import find_performance
from wanfx.stages.pose import run_pose
from wanfx.stages.refine import Refined
from wanfx_color.model_space import ModelSpace

STAGE = "condition"
VERSION = 1


def condition_whole(
    run: RunContext, ingested: Ingested, tracked: Tracked, refined: Refined, *, area_px: int
) -> Conditioning:
    """The conditioning of the whole shot, for a driven generator of ``area_px``. Raises OptionError."""
    plate, options = ingested.plate, run.options.condition
    if options.reference != "as-is":
        raise OptionError(
            f"{options.reference!r} is for task replace: in animate the character stays in its own picture",
            key="condition.reference",
            remedy="set condition.reference=as-is",
        )
    space = ModelSpace(options.exposure_stops or 0.0)
    posed = run_pose(run, ingested, tracked)
    if not any(pose.confidence.any() for pose in posed.poses.values()):
        run.warn(STAGE, "no pose of the actor is known: the generated character will not follow him")
    crop, size = whole_crop(plate, area_px=area_px)
    crops = dict.fromkeys(plate.frames, crop)
    performance = find_performance(run, plate, posed.poses, crops=crops, size=size)
    drive = run_whole_drive(
        run, ingested, posed.poses, refined, performance, crops=crops, size=size, space=space,
        face_space=ModelSpace(ingested.exposure_stops),
    )  # fmt: skip
    return Conditioning(
        plate=plate,
        size=size,
        crops=crops,
        space=space,
        background=FramePattern(plate.pattern.text),
        background_hashes=dict.fromkeys(plate.frames, ""),
        character=None,
        key=stage_key(STAGE, VERSION, "whole", space.NAME, space.exposure_stops, asdict(size), run.color.sha256),
        models=(*posed.models, *performance.models),
        drive=drive,
        poses=performance.poses,
        reference={**drive.shown.facts, **performance.facts()},
        performance=performance,
    )


def whole_crop(plate: Plate, *, area_px: int) -> tuple[Box, Size]:
    """What of the canvas the model's picture shows, and that picture's size.

    It is all of it and, where sides of multiples of 16 have not quite the plate's shape, a few pixels beyond: so
    nothing is stretched, and no edge of the comp is left out.
    """
    width, height = plate.canvas.width, plate.canvas.height
    size = canvas_size(Size(max(1, round(width * plate.pixel_aspect)), height), area_px=area_px)
    aspect = size.width / size.height / plate.pixel_aspect
    wide, high = max(width, round(height * aspect)), max(height, round(width / aspect))
    left, top = math.floor((wide - width) / 2), math.floor((high - height) / 2)
    return Box(-left, -top, wide - left, high - top), size
