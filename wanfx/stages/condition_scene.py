"""condition for task `animate` without a video model: the reference's own picture without its character, and before it
the character as it performs there, with the proportions and the place that it has in the picture.

Editable: ``work/scene/scene.exr``, the empty picture as the plate has it, in the plate's own linear space. Where the
reference stands on the plate (``condition.reference = onto-plate``) the clean plate of that frame takes its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.backends.protocols import ModelCard
from wanfx.frames import Box, Size
from wanfx.images import FramePattern, Plate
from wanfx.ops.card import Placement
from wanfx.ops.crop import model_size, to_model
from wanfx.ops.inpaint import fill_by_example
from wanfx.ops.retarget_rest import carry_rest
from wanfx.ops.sizes import inner_box
from wanfx.stages.character import CardCharacter, Character, PuppetCharacter, make_character
from wanfx.stages.clean import Cleaned, write_clean
from wanfx.stages.conditioning import Conditioning
from wanfx.stages.context import Made, RunContext, paintable, stage_key
from wanfx.stages.ingest import Ingested
from wanfx.stages.matte import Tracked
from wanfx.stages.performance import Performance, find_performance
from wanfx.stages.pose import Posed
from wanfx.stages.reference import Reference, read_whole, run_reference
from wanfx.stages.reference_fit import FittedReference, fit_reference, is_on_plate
from wanfx.stages.reference_pose import run_reference_pose
from wanfx.stages.refine import Refined
from wanfx.units import Unit
from wanfx_color.model_space import ModelSpace

STAGE = "scene"
VERSION = 1
Array = npt.NDArray[np.float32]
_RIM = 0.006
_FLOOR = 0.01
_NO_POSE = "no pose of the actor is known"


def condition_scene(
    run: RunContext, ingested: Ingested, tracked: Tracked, refined: Refined, posed: Posed | None, *, cleaned: Cleaned
) -> Conditioning:
    """The conditioning of the whole shot; ``posed`` is None for a card, ``cleaned`` has the frame that the reference is
    fitted to where it stands on the plate. Raises what the reference raises.
    """
    plate, options = ingested.plate, run.options.condition
    stops = ingested.exposure_stops if is_on_plate(run.options) else 0.0
    space = ModelSpace(stops if options.exposure_stops is None else options.exposure_stops)
    canvas = Box(0, 0, plate.canvas.width, plate.canvas.height)
    crops, size = dict.fromkeys(plate.frames, canvas), model_size(canvas, pixel_aspect=plate.pixel_aspect)
    reference = run_reference(run, plate_space=plate.color_space)
    fitted = fit_reference(run, ingested, tracked, refined)
    performance = _perform(run, ingested, refined, posed, crops, size, fitted)
    character, models = _character(run, ingested, tracked, refined, reference, posed, performance, fitted)
    if fitted is None:
        background, digest = _empty_picture(run, plate, reference, size)
    else:
        frame = fitted.placement.frame
        background, digest = FramePattern(str(cleaned.layer.pattern.path(frame))), cleaned.hashes[frame]
    return Conditioning(
        plate=plate,
        size=size,
        crops=crops,
        space=space,
        background=background,
        background_hashes=dict.fromkeys(plate.frames, digest),
        character=character,
        key=stage_key(STAGE, VERSION, space.NAME, space.exposure_stops, reference.sha256, run.color.sha256),
        models=models,
        poses=character.poses if isinstance(character, PuppetCharacter) else {},
        reference={"mode": options.reference, **_fitted_to(fitted), **performance.facts()},
        performance=performance,
    )


def _fitted_to(fitted: FittedReference | None) -> dict[str, int]:
    return {} if fitted is None else {"frame": fitted.placement.frame}


def _perform(
    run: RunContext, ingested: Ingested, refined: Refined, posed: Posed | None, crops: Mapping[int, Box], size: Size,
    fitted: FittedReference | None,
) -> Performance:  # fmt: skip
    """The actor's poses as the character does them, whole: face, feet and depth go along."""
    if posed is None or not any(pose.confidence.any() for pose in posed.poses.values()):
        return Performance({}, {} if posed is None else posed.poses, "off", _NO_POSE)
    found = find_performance(run, ingested, refined, posed.poses, crops=crops, size=size, fitted=fitted)
    aspect = ingested.plate.pixel_aspect
    poses = {f: carry_rest(posed.poses[f], pose, pixel_aspect=aspect) for f, pose in found.poses.items()}
    return replace(found, poses=poses)


def _character(
    run: RunContext, ingested: Ingested, tracked: Tracked, refined: Refined, reference: Reference,
    posed: Posed | None, performance: Performance, fitted: FittedReference | None,
) -> tuple[Character, tuple[ModelCard, ...]]:  # fmt: skip
    """The character, and the models that found how it moves; a card stands where the character stands."""
    plate = ingested.plate
    still = _still(reference, plate, fitted)
    if posed is None:
        return CardCharacter(reference.rgba, still, plate.pixel_aspect), ()
    pose = run_reference_pose(run, reference, plate_space=plate.color_space)
    moved = Posed(performance.poses, posed.models)
    made = make_character(run, plate, refined, tracked, moved, reference, pose, card=still)
    return made, (*posed.models, *pose.models, *performance.models)


def _still(reference: Reference, plate: Plate, fitted: FittedReference | None) -> dict[int, Placement]:
    """Where the cut-out lies, in canvas pixels, in every frame the same."""
    height, width = reference.rgba.shape[:2]
    if fitted is None:
        square = model_size(plate.canvas, pixel_aspect=plate.pixel_aspect)
        box = inner_box(Size(width, height), canvas=square)
        middle = (box.x0 + box.x1) / 2 * plate.canvas.width / square.width
        placed = Placement(plate.frames.first, middle, float(box.y1), box.height / height)
    else:
        placed = fitted.placement
    return {frame: replace(placed, frame=frame) for frame in plate.frames}


def _empty_picture(run: RunContext, plate: Plate, reference: Reference, size: Size) -> tuple[FramePattern, str]:
    """The reference's picture without its character, as the plate's canvas shows it; and its hash."""
    path = run.work / STAGE / "scene.exr"
    folder = paintable(run, STAGE)
    whole, digest = read_whole(run, plate_space=plate.color_space)

    def write(target: Path) -> None:
        empty = _without(whole, reference.rgba[..., 3])
        box = inner_box(Size(whole.shape[1], whole.shape[0]), canvas=size)
        boxed = np.zeros((size.height, size.width, 3), np.float32)
        boxed[box.slices()] = to_model(empty, size=box.size)
        shown = to_model(boxed, size=plate.canvas.size)
        write_clean(target, shown, np.ones(shown.shape[:2], np.float32), plate=plate)

    def make() -> Made:
        return Made((path,), {"painted": folder.write(path, write) is None})

    canvas = [plate.canvas.as_list(), plate.display_window.as_list(), plate.pixel_aspect]
    key = stage_key(STAGE, VERSION, digest, reference.sha256, asdict(size), canvas)
    with run.stage(STAGE, units=1) as progress:
        record = progress.make(Unit(STAGE, "scene", key), make)
    return FramePattern(str(path)), next(iter(record.files.values()))


def _without(linear: Array, alpha: Array) -> Array:
    """The picture (H, W, 3) with what ``alpha`` (H, W) covers, and the rim around, filled by examples from the rest."""
    reach = 2 * max(2, round(_RIM * max(alpha.shape))) + 1
    hole = cv2.dilate((alpha > 0).astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0
    return fill_by_example(linear, np.asarray(hole), floor=_FLOOR) if hole.any() and not hole.all() else linear
