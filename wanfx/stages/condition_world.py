"""The conditioning of a new world that is drawn by words and pictures around a kept actor."""

from __future__ import annotations

from dataclasses import replace

from wanfx.backends.registry import find_generator
from wanfx.frames import Box
from wanfx.ops.beyond import RIM_PX
from wanfx.ops.camera import CameraPath
from wanfx.ops.crop import model_size
from wanfx.ops.sizes import canvas_size
from wanfx.stages.clean import run_clean
from wanfx.stages.conditioning import Conditioning, SpaceBridge
from wanfx.stages.context import RunContext, stage_key
from wanfx.stages.extend import find_beyond
from wanfx.stages.ingest import Ingested
from wanfx.stages.refine import Refined
from wanfx.stages.world import World, run_world
from wanfx.stages.world_guide import run_guide
from wanfx_color.model_space import ModelSpace

STAGE = "condition_world"
VERSION = 1


def condition_prompted(
    run: RunContext, ingested: Ingested, refined: Refined, camera: CameraPath, *, frames: list[int], space: ModelSpace
) -> Conditioning:
    """Of the whole shot. The world of ``frames`` is the given one where it anchors what is drawn: what is darker beside
    the actor is his shadow then. The plate stands in for a world of which only words tell, the clean plate for one
    without the actor. Raises as `run_guide` does.
    """
    plate = ingested.plate
    canvas = Box(0, 0, plate.canvas.width, plate.canvas.height)
    area_px = find_generator(run.options).area_px
    assert area_px is not None
    # The world fills the frame to its last pixel: the picture is stretched a little rather than cut.
    size = canvas_size(model_size(canvas, pixel_aspect=plate.pixel_aspect), area_px=area_px)
    bridge = SpaceBridge(run.color, plate.color_space, space)
    mode = None if run.shot.background is None else run.shot.background.mode
    cleaned = run_clean(run, ingested, refined, camera, frames=frames) if mode == "remove" else None
    world = None if mode == "remove" else World(plate.pattern, ingested.keys, 0.0, (), is_shown=False)
    if mode == "anchor":
        world = run_world(run, ingested, refined, camera, frames=frames)
    behind = (plate.pattern, ingested.keys) if world is None else (world.pattern, world.hashes)
    guide = run_guide(run, ingested, refined, camera, size=size, space=space, encode=bridge.encode)
    return Conditioning(
        plate=plate,
        size=size,
        crops=dict.fromkeys(plate.frames, canvas),
        space=space,
        background=behind[0] if cleaned is None else cleaned.layer.pattern,
        background_hashes=behind[1] if cleaned is None else cleaned.hashes,
        character=None,
        key=stage_key(STAGE, VERSION, space.NAME, space.exposure_stops, guide.shared_key, run.color.sha256),
        world=world,
        guide=guide,
        is_empty=mode == "remove",
    )


def condition_beyond(
    run: RunContext, ingested: Ingested, camera: CameraPath, *, frames: list[int], space: ModelSpace
) -> Conditioning:
    """The plate on a larger canvas, which is filled with what other frames saw there: nothing is drawn."""
    plate = ingested.plate
    canvas = Box(0, 0, plate.canvas.width, plate.canvas.height)
    # An edge of a picture is sharp: no more of it is doubted than the join looks at.
    near = replace(run, options=replace(run.options, clean=replace(run.options.clean, grow_px=float(RIM_PX))))
    cleaned = run_clean(near, ingested, find_beyond(run, ingested), camera, frames=frames)
    return Conditioning(
        plate=plate,
        size=model_size(canvas, pixel_aspect=plate.pixel_aspect),
        crops=dict.fromkeys(plate.frames, canvas),
        space=space,
        background=cleaned.layer.pattern,
        background_hashes=cleaned.hashes,
        character=None,
        key=stage_key(STAGE, VERSION, space.NAME, space.exposure_stops, run.color.sha256),
        world=World(cleaned.layer.pattern, cleaned.hashes, 0.0, (), is_shown=False),
    )


def condition_empty(
    run: RunContext, ingested: Ingested, refined: Refined, camera: CameraPath, *, frames: list[int], space: ModelSpace
) -> Conditioning:
    """The plate without the actor, as far as other frames know what was behind him: nothing is drawn."""
    plate = ingested.plate
    canvas = Box(0, 0, plate.canvas.width, plate.canvas.height)
    cleaned = run_clean(run, ingested, refined, camera, frames=frames)
    return Conditioning(
        plate=plate,
        size=model_size(canvas, pixel_aspect=plate.pixel_aspect),
        crops=dict.fromkeys(plate.frames, canvas),
        space=space,
        background=cleaned.layer.pattern,
        background_hashes=cleaned.hashes,
        character=None,
        key=stage_key(STAGE, VERSION, space.NAME, space.exposure_stops, run.color.sha256),
        is_empty=True,
    )
