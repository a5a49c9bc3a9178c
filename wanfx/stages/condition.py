"""condition: Plate, Alpha, clean plate, reference -> Conditioning: what the generator is given."""

from __future__ import annotations

from wanfx.backends.protocols import ModelCard
from wanfx.frames import Box
from wanfx.images import Plate
from wanfx.ops.camera import CameraPath
from wanfx.ops.card import SubjectMeasure
from wanfx.ops.crop import crop_path, model_size
from wanfx.stages.character import Character, make_card, make_character
from wanfx.stages.clean import run_clean
from wanfx.stages.conditioning import Conditioning
from wanfx.stages.context import RunContext, stage_key
from wanfx.stages.ingest import Ingested
from wanfx.stages.matte import Tracked
from wanfx.stages.pose import run_pose
from wanfx.stages.reference import Reference, run_reference
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
        return _background(run, ingested, refined, camera, space, frames)
    cleaned = run_clean(run, ingested, refined, camera, frames=frames)
    reference = run_reference(run, plate_space=ingested.plate.color_space)
    character, models = _character(run, ingested, tracked, refined, reference)
    crops = _crops(run, ingested.plate, refined, character)
    return Conditioning(
        plate=ingested.plate,
        size=model_size(next(iter(crops.values())), pixel_aspect=ingested.plate.pixel_aspect),
        crops=crops,
        space=space,
        background=cleaned.layer.pattern,
        background_hashes=cleaned.hashes,
        character=character,
        key=stage_key(STAGE, VERSION, space.NAME, space.exposure_stops, reference.sha256, run.color.sha256),
        models=models,
    )


def _character(
    run: RunContext, ingested: Ingested, tracked: Tracked, refined: Refined, reference: Reference
) -> tuple[Character, tuple[ModelCard, ...]]:
    """The character, and the models that found how it moves."""
    plate = ingested.plate
    if run.options.condition.character == "card":
        return make_card(plate, refined, tracked, reference), ()
    pose = run_reference_pose(run, reference, plate_space=plate.color_space)
    posed = run_pose(run, ingested, tracked)
    return make_character(run, plate, refined, tracked, posed, reference, pose), (*posed.models, *pose.models)


def _background(
    run: RunContext, ingested: Ingested, refined: Refined, camera: CameraPath, space: ModelSpace, frames: list[int]
) -> Conditioning:
    plate = ingested.plate
    world = run_world(run, ingested, refined, camera, frames=frames)
    whole = Box(0, 0, plate.canvas.width, plate.canvas.height)
    return Conditioning(
        plate=plate,
        size=model_size(whole, pixel_aspect=plate.pixel_aspect),
        crops=dict.fromkeys(plate.frames, whole),
        space=space,
        background=world.pattern,
        background_hashes=world.hashes,
        character=None,
        key=stage_key(STAGE, VERSION, space.NAME, space.exposure_stops, run.color.sha256),
        world=world,
    )


def _crops(run: RunContext, plate: Plate, refined: Refined, character: Character) -> dict[int, Box]:
    canvas = Box(0, 0, plate.canvas.width, plate.canvas.height)
    if run.options.condition.crop == "frame":
        return dict.fromkeys(plate.frames, canvas)
    boxes = {}
    for frame in plate.frames:
        drawn = character.box(frame)
        measure = SubjectMeasure(**refined.measures[frame])
        subject = Box(*measure.box) if measure.is_there else drawn
        boxes[frame] = drawn.union(subject).clip(canvas)
    return crop_path(boxes, canvas=canvas, margin=run.options.condition.margin)
