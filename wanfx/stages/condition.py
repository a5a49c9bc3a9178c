"""condition: Plate, Alpha, clean plate, reference -> Conditioning: what the generator is given."""

from __future__ import annotations

import functools
from dataclasses import asdict, replace

from wanfx.backends.protocols import ModelCard
from wanfx.backends.registry import find_generator
from wanfx.frames import Box, Size
from wanfx.images import Layer, Plate
from wanfx.ops.camera import CameraPath
from wanfx.ops.card import SubjectMeasure
from wanfx.ops.crop import crop_path, model_size
from wanfx.ops.model_crop import is_most_of_frame, shape_crops
from wanfx.stages.character import Character, PuppetCharacter, make_card, make_character
from wanfx.stages.clean import Cleaned, run_clean
from wanfx.stages.condition_scene import condition_scene
from wanfx.stages.condition_whole import condition_whole
from wanfx.stages.condition_world import condition_beyond, condition_empty, condition_prompted
from wanfx.stages.conditioning import Conditioning
from wanfx.stages.context import RunContext, stage_key
from wanfx.stages.drive import run_drive
from wanfx.stages.extend import is_extending
from wanfx.stages.ingest import Ingested
from wanfx.stages.matte import Tracked
from wanfx.stages.pose import Posed, run_pose
from wanfx.stages.reference import Reference, run_reference
from wanfx.stages.reference_choice import ReferenceChoice, choose_reference
from wanfx.stages.reference_fit import FittedReference, fit_reference, is_on_plate, reference_frame
from wanfx.stages.reference_pose import run_reference_pose
from wanfx.stages.refine import Refined
from wanfx.stages.world import run_world
from wanfx_color.model_space import ModelSpace

STAGE = "condition"
VERSION = 1


def run_condition(
    run: RunContext, ingested: Ingested, tracked: Tracked, refined: Refined, camera: CameraPath, *, frames: list[int]
) -> Conditioning:
    """The conditioning of ``frames``; placements and crops are of the whole shot."""
    stops = run.options.condition.exposure_stops
    space = ModelSpace(ingested.exposure_stops if stops is None else stops)
    if run.shot.task == "background":
        if find_generator(run.options).is_prompted:
            return condition_prompted(run, ingested, refined, camera, frames=frames, space=space)
        if run.shot.background is not None and run.shot.background.mode == "remove":
            return condition_empty(run, ingested, refined, camera, frames=frames, space=space)
        if is_extending(run.shot):
            return condition_beyond(run, ingested, camera, frames=frames, space=space)
        return _background(run, ingested, refined, camera, space, frames)
    if run.shot.task == "animate":
        return _animate(run, ingested, tracked, refined, camera)
    is_driven = find_generator(run.options).is_driven
    if is_driven and is_on_plate(run.options):
        frames = sorted({*frames, reference_frame(refined, ingested.plate.canvas)})
    cleaned = run_clean(run, ingested, refined, camera, frames=frames)
    if is_driven:
        return _driven(run, ingested, tracked, refined, space, cleaned)
    posed = None if run.options.condition.character == "card" else run_pose(run, ingested, tracked)
    choice = _choose(run, ingested.plate, refined, posed)
    reference = run_reference(choice.run, plate_space=ingested.plate.color_space)
    character, models = _character(choice.run, ingested, tracked, refined, reference, posed)
    crops, size = _crops(run, ingested.plate, refined, character)
    return Conditioning(
        plate=ingested.plate,
        size=size,
        crops=crops,
        space=space,
        background=cleaned.layer.pattern,
        background_hashes=cleaned.hashes,
        character=character,
        key=stage_key(STAGE, VERSION, space.NAME, space.exposure_stops, reference.sha256, run.color.sha256),
        models=(*models, *cleaned.models),
        poses=character.poses if isinstance(character, PuppetCharacter) else {},
        reference=choice.facts,
    )


def _driven(
    run: RunContext, ingested: Ingested, tracked: Tracked, refined: Refined, space: ModelSpace, cleaned: Cleaned
) -> Conditioning:
    """For a generator that makes the character from poses, faces and masks."""
    posed = run_pose(run, ingested, tracked)
    if not any(pose.confidence.any() for pose in posed.poses.values()):
        run.warn(STAGE, "no pose of the actor is known: the generated character will not follow him")
    choice = _choose(run, ingested.plate, refined, posed)
    fitted = fit_reference(choice.run, ingested, tracked, refined)
    crops, size = _crops(run, ingested.plate, refined, None, fitted=fitted if is_on_plate(run.options) else None)
    drive = run_drive(
        choice.run, ingested, posed.poses, refined, fitted, cleaned=cleaned, crops=crops, size=size, space=space
    )
    return Conditioning(
        plate=ingested.plate,
        size=size,
        crops=crops,
        space=space,
        background=cleaned.layer.pattern,
        background_hashes=cleaned.hashes,
        character=None,
        key=stage_key(STAGE, VERSION, space.NAME, space.exposure_stops, asdict(size), run.color.sha256),
        models=(*posed.models, *drive.shown.models, *cleaned.models),
        drive=drive,
        poses=posed.poses,
        reference={**choice.facts, **drive.shown.facts},
    )


def _choose(run: RunContext, plate: Plate, refined: Refined, posed: Posed | None) -> ReferenceChoice:
    """The picture of the character that fits the actor best, where there are several."""
    actor = None if posed is None else posed.poses[reference_frame(refined, plate.canvas)]
    return choose_reference(run, actor=actor, plate_space=plate.color_space)


def _character(
    run: RunContext, ingested: Ingested, tracked: Tracked, refined: Refined, reference: Reference,
    posed: Posed | None,
) -> tuple[Character, tuple[ModelCard, ...]]:  # fmt: skip
    """The character, and the models that found how it moves."""
    plate = ingested.plate
    if posed is None:
        return make_card(plate, refined, tracked, reference), ()
    pose = run_reference_pose(run, reference, plate_space=plate.color_space)
    return make_character(run, plate, refined, tracked, posed, reference, pose), (*posed.models, *pose.models)


def _animate(
    run: RunContext, ingested: Ingested, tracked: Tracked, refined: Refined, camera: CameraPath
) -> Conditioning:
    """The whole picture is new; only a reference that stands on the plate needs a clean one, of its frame."""
    generator, plate = find_generator(run.options), ingested.plate
    is_card = not generator.is_driven and run.options.condition.character == "card"
    posed = None if is_card else run_pose(run, ingested, tracked)
    choice = _choose(run, plate, refined, posed)
    cleaned = Cleaned(Layer("clean", plate.pattern, plate.frames), {}, {})
    if is_on_plate(run.options):
        cleaned = run_clean(run, ingested, refined, camera, frames=[reference_frame(refined, plate.canvas)])
    if posed is None or generator.area_px is None:
        made = condition_scene(choice.run, ingested, tracked, refined, posed, cleaned=cleaned)
    else:
        made = condition_whole(
            choice.run, ingested, tracked, refined, posed, cleaned=cleaned, area_px=generator.area_px
        )  # fmt: skip
    return replace(
        made, reference={**choice.facts, **made.reference}, models=(*made.models, *cleaned.models)
    )  # fmt: skip


def _background(
    run: RunContext, ingested: Ingested, refined: Refined, camera: CameraPath, space: ModelSpace, frames: list[int]
) -> Conditioning:
    plate = ingested.plate
    world = run_world(run, ingested, refined, camera, frames=frames)
    crops, size = _fit(run, plate, dict.fromkeys(plate.frames, _canvas(plate)))
    return Conditioning(
        plate=plate,
        size=size,
        crops=crops,
        space=space,
        background=world.pattern,
        background_hashes=world.hashes,
        character=None,
        key=stage_key(STAGE, VERSION, space.NAME, space.exposure_stops, run.color.sha256),
        world=world,
    )


def _crops(
    run: RunContext, plate: Plate, refined: Refined, drawn: Character | None, *, fitted: FittedReference | None = None
) -> tuple[dict[int, Box], Size]:
    """A crop a frame around the actor, and what is ``drawn`` or ``fitted`` where that is known; the model's size."""
    canvas = _canvas(plate)
    if run.options.condition.crop == "frame":
        return _fit(run, plate, dict.fromkeys(plate.frames, canvas))
    boxes = {}
    for frame in plate.frames:
        measure = SubjectMeasure(**refined.measures[frame])
        known = [] if drawn is None else [drawn.box(frame)]
        known += [Box(*measure.box)] if measure.is_there else []
        known += [fitted.box] if fitted is not None and fitted.placement.frame == frame else []
        boxes[frame] = functools.reduce(Box.union, known).clip(canvas) if known else Box(0, 0, 0, 0)
    crops = crop_path(boxes, canvas=canvas, margin=run.options.condition.margin)
    if run.options.condition.crop == "auto" and drawn is None and is_most_of_frame(crops, canvas=canvas):
        crops = dict.fromkeys(plate.frames, canvas)
    return _fit(run, plate, crops)


def _fit(run: RunContext, plate: Plate, crops: dict[int, Box]) -> tuple[dict[int, Box], Size]:
    """The crops in a shape the generator can take, and its picture's size."""
    area_px = find_generator(run.options).area_px
    if area_px is None:
        return crops, model_size(next(iter(crops.values())), pixel_aspect=plate.pixel_aspect)
    return shape_crops(crops, canvas=_canvas(plate), area_px=area_px, pixel_aspect=plate.pixel_aspect)


def _canvas(plate: Plate) -> Box:
    return Box(0, 0, plate.canvas.width, plate.canvas.height)
