"""condition for task `animate`: the reference's own picture, in which its character performs; no plate is shown.

The reference decides the light: model space has exposure 0 unless ``condition.exposure_stops`` says otherwise, so a
darker plate makes no darker picture. Where it stands on the plate (``condition.reference``), that one's exposure holds.
The actor's face alone is always looked at with the plate's own exposure.
"""

from __future__ import annotations

import math
from dataclasses import asdict

from wanfx.frames import Box, Size
from wanfx.images import FramePattern, Plate
from wanfx.ops.sizes import canvas_size
from wanfx.stages.clean import Cleaned
from wanfx.stages.conditioning import Conditioning
from wanfx.stages.context import RunContext, stage_key
from wanfx.stages.drive import run_whole_drive
from wanfx.stages.ingest import Ingested
from wanfx.stages.matte import Tracked
from wanfx.stages.performance import find_performance
from wanfx.stages.pose import Posed
from wanfx.stages.reference_fit import fit_reference, is_on_plate
from wanfx.stages.refine import Refined
from wanfx_color.model_space import ModelSpace

STAGE = "condition"
VERSION = 1


def condition_whole(
    run: RunContext, ingested: Ingested, tracked: Tracked, refined: Refined, posed: Posed, *, cleaned: Cleaned,
    area_px: int,
) -> Conditioning:  # fmt: skip
    """The conditioning of the whole shot, for a driven generator of ``area_px``.

    ``cleaned`` has the frame that the reference is fitted to, where it stands on the plate.
    """
    plate, options = ingested.plate, run.options.condition
    stops = ingested.exposure_stops if is_on_plate(run.options) else 0.0
    space = ModelSpace(stops if options.exposure_stops is None else options.exposure_stops)
    if not any(pose.confidence.any() for pose in posed.poses.values()):
        run.warn(STAGE, "no pose of the actor is known: the generated character will not follow him")
    crop, size = whole_crop(plate, area_px=area_px)
    crops = dict.fromkeys(plate.frames, crop)
    fitted = fit_reference(run, ingested, tracked, refined)
    performance = find_performance(run, ingested, refined, posed.poses, crops=crops, size=size, fitted=fitted)
    drive = run_whole_drive(
        run, ingested, posed.poses, refined, performance, fitted, cleaned=cleaned, crops=crops, size=size, space=space,
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
        models=(*posed.models, *performance.models, *drive.shown.models),
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
