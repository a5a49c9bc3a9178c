"""extend: Plate -> the plate on a larger canvas, kept whole as an actor is; what lies beyond it is the new world.

The frame grows as overscan does: the display window stays the plate's own, the data window becomes larger. Mattes of
1 inside the plate take the place of an actor's (``work/matte/plate``); ``work/matte/beyond`` are their opposite.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np

from wanfx.frames import Box
from wanfx.images import FramePattern, Matte
from wanfx.io import exr
from wanfx.names import layer_name
from wanfx.ops.camera import CameraPath
from wanfx.ops.card import measure_subject
from wanfx.shot import Shot, SubjectInput
from wanfx.stages.camera import run_camera
from wanfx.stages.context import Made, RunContext, make_frames, stage_key
from wanfx.stages.ingest import Ingested
from wanfx.stages.matte import Tracked
from wanfx.stages.refine import Refined, write_canvas_matte
from wanfx.stages.source import Source

STAGE = "extend"
VERSION = 1
KEPT, BEYOND = "plate", "beyond"


@dataclass(frozen=True)
class Extended:
    """The plate on the larger canvas, its mattes as of an actor, and its camera there."""

    ingested: Ingested
    tracked: Tracked
    refined: Refined
    camera: CameraPath


def is_extending(shot: Shot) -> bool:
    """Whether the shot asks for a larger picture."""
    return shot.task == "background" and shot.background is not None and shot.background.mode == "extend"


def extended_source(shot: Shot, source: Source) -> Source:
    """The plate as it was given, as large as the comp will be: for estimates."""
    given = None if shot.background is None else shot.background.extend
    if not is_extending(shot) or given is None:
        return source
    box = source.canvas
    grown = Box(box.x0 - given.left, box.y0 - given.top, box.x1 + given.right, box.y1 + given.bottom)
    return replace(source, canvas=grown)


def extend_plate(run: RunContext, ingested: Ingested) -> Extended:
    """Grow the canvas. Nobody is looked for: all of the plate is kept."""
    given = run.shot.background
    assert given is not None and given.extend is not None
    border = given.extend
    if run.shot.subjects:
        run.warn(STAGE, "subjects are not looked for: all of the plate is kept")
    camera = run_camera(run, ingested, None).scaled(1.0, 1.0, dx=border.left, dy=border.top)
    plate = ingested.plate.extended((border.left, border.top, border.right, border.bottom))
    grown = replace(ingested, plate=plate)
    refined = _write_mattes(run, grown, KEPT)
    key = stage_key(STAGE, VERSION, border.as_list())
    sure = dict.fromkeys(plate.frames, 1.0)
    tracked = Tracked(SubjectInput(name=KEPT), KEPT, layer_name(KEPT), refined.matte.pattern, key, sure, ())
    return Extended(grown, tracked, refined, camera)


def find_beyond(run: RunContext, extended: Ingested) -> Refined:
    """What of the canvas lies beyond the plate, as the matte of something that hides it."""
    return _write_mattes(run, extended, BEYOND)


def _write_mattes(run: RunContext, ingested: Ingested, name: str) -> Refined:
    plate = ingested.plate
    pattern = FramePattern(str(run.work / "matte" / name / f"{name}.####.exr"))

    def key(frame: int) -> str:
        return stage_key(STAGE, VERSION, name, ingested.keys[frame], plate.canvas.as_list())

    def make(frame: int) -> Made:
        window = exr.read_header(plate.path(frame), frame=frame).data_window
        matte = np.full((plate.canvas.height, plate.canvas.width), float(name == BEYOND), np.float32)
        matte[window.slices(plate.canvas)] = float(name == KEPT)
        path = pattern.path(frame)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_canvas_matte(path, matte, plate=plate)
        return Made((path,), {"measure": asdict(measure_subject(matte))})

    records = make_frames(run, stage=STAGE, frames=plate.frames, key=key, make=make, subject=name)
    return Refined(
        Matte(name, pattern, plate.frames),
        {frame: next(iter(record.files.values())) for frame, record in records.items()},
        {frame: record.facts["measure"] for frame, record in records.items()},
        (),
    )
