"""rematte: the new character's matte at the plate's size, editable (``work/matte/char_<subject>``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from wanfx.errors import MissingError
from wanfx.images import FramePattern, Matte
from wanfx.ops.crop import from_model
from wanfx.stages.conditioning import Conditioning
from wanfx.stages.context import Made, RunContext, make_frames, paintable, stage_key
from wanfx.stages.generate import Generated, read_generated
from wanfx.stages.matte import Tracked
from wanfx.stages.refine import adopt_painted, shape_matte, write_canvas_matte

STAGE = "rematte"
VERSION = 1


@dataclass(frozen=True)
class Rematted:
    """The new character's matte and a hash for every frame."""

    matte: Matte
    hashes: Mapping[int, str]


def run_rematte(
    run: RunContext, conditioning: Conditioning, generated: Generated, tracked: Tracked, *, frames: list[int]
) -> Rematted:
    """The new character's matte of ``frames``; a grade or grain never makes this run again."""
    name = f"char_{tracked.name}"
    plate = conditioning.plate
    pattern = FramePattern(str(run.work / "matte" / name / f"{name}.####.exr"))
    folder = paintable(run, f"matte/{name}")
    adopt_painted(run, name, to=pattern, plate=plate)
    options = asdict(run.options.rematte)

    def key(frame: int) -> str:
        crop = conditioning.crops[frame].as_list()
        return stage_key(STAGE, VERSION, generated.hashes[frame], crop, plate.canvas.as_list(), options)

    def matte_of(frame: int) -> npt.NDArray[np.float32]:
        _rgb, alpha = read_generated(generated.pattern.path(frame), frame=frame)
        if alpha is None:
            raise MissingError(
                f"generator {generated.generator.name} makes no alpha, and generated frames cannot be matted yet",
                frame=frame,
                remedy="use generate.backend=draft",
            )
        crop = conditioning.crops[frame]
        matte = np.zeros((plate.canvas.height, plate.canvas.width), np.float32)
        matte[crop.slices()] = np.clip(from_model(alpha, crop=crop), 0.0, 1.0)
        return shape_matte(matte, grow_px=options["grow_px"], soften_px=options["soften_px"])

    def make(frame: int) -> Made:
        path = pattern.path(frame)
        digest = folder.write(path, lambda target: write_canvas_matte(target, matte_of(frame), plate=plate))
        return Made((path,), {"painted": digest is None})

    records = make_frames(run, stage=STAGE, frames=frames, key=key, make=make, subject=tracked.name)
    hashes = {frame: next(iter(record.files.values())) for frame, record in records.items()}
    return Rematted(Matte(name, pattern, plate.frames), hashes)
