"""finish: everything above -> comp frames at native size, one streaming pass: read, stitch, deliver."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wanfx.errors import InputError
from wanfx.images import FramePattern
from wanfx.io.atomic import atomic_path, sha256_file
from wanfx.stages.comp_frame import STAGE, VERSION, CompMaker, FinishInputs
from wanfx.stages.comp_write import part_names
from wanfx.stages.context import Made, RunContext, make_frames, stage_key
from wanfx.stages.copied import CopiedFrames

CONFIDENCE = "confidence"
"""The key of a frame's facts that only a manifest has."""


def is_copied(fact: Mapping[str, Any]) -> bool:
    """Whether a frame's facts come from an earlier version's manifest, and the frame with them."""
    return CONFIDENCE in fact


@dataclass(frozen=True)
class Finished:
    """The comp's frames, their parts, the facts that the manifest keeps of each, and each file's SHA-256."""

    pattern: FramePattern
    frames: tuple[int, ...]
    parts: tuple[str, ...]
    facts: Mapping[int, Mapping[str, Any]]
    hashes: Mapping[int, str]

    @property
    def files(self) -> list[Path]:
        return [self.pattern.path(frame) for frame in self.frames]


def run_finish(
    run: RunContext, inputs: FinishInputs, *, pattern: FramePattern, frames: list[int], copied: CopiedFrames | None
) -> Finished:
    """Make the comp of ``frames``; all others that ``copied`` has are copied from there."""
    kept = _kept_frames(run, inputs, frames, copied)
    maker = CompMaker(run, inputs)

    def key(frame: int) -> str:
        return maker.key(frame) if frame in frames else str(copied.facts[frame]["key"]) if copied else ""

    def make(frame: int) -> Made:
        path = pattern.path(frame)
        is_same = copied is not None and frame in copied.facts and copied.facts[frame]["key"] == key(frame)
        if copied and is_same and (frame in kept or (not run.fresh and _is_whole(copied, frame))):
            return _copy(copied, frame, path)
        return Made((path,), {**maker.make(frame, path), "key": key(frame)})

    version = run.version.name
    records = make_frames(
        run,
        stage=STAGE,
        frames=sorted({*frames, *kept}),
        key=lambda frame: stage_key(version, VERSION, key(frame)),
        make=make,
    )
    facts = {frame: record.facts for frame, record in records.items()}
    hashes = {frame: next(iter(record.files.values())) for frame, record in records.items()}
    names = part_names(inputs.layer, is_touched=inputs.integration.touches_actor)
    return Finished(pattern, tuple(sorted(facts)), names, facts, hashes)


def _kept_frames(
    run: RunContext, inputs: FinishInputs, frames: list[int], copied: CopiedFrames | None
) -> list[int]:  # fmt: skip
    """The frames that are copied as they are. Raises InputError where they do not go with those that are made."""
    kept = [frame for frame in (copied.facts if copied else ()) if frame not in frames and frame in inputs.plate_hashes]
    if copied is not None and kept:
        _check_alike(run, inputs, copied)
    for frame in kept:
        assert copied is not None
        if copied.facts[frame]["plate_key"] != inputs.plate_hashes[frame]:
            raise InputError(
                "the plate has changed since this frame was delivered, so it cannot be copied",
                path=inputs.conditioning.plate.path(frame),
                frame=frame,
                remedy="run without --frames to make all frames again",
            )
        if not _is_whole(copied, frame):
            raise InputError(
                "is missing or was changed since it was delivered, so it cannot be copied",
                path=copied.pattern.path(frame),
                frame=frame,
                remedy="copy the delivery again, or run without --frames to make all frames again",
            )
    return kept


def _check_alike(run: RunContext, inputs: FinishInputs, copied: CopiedFrames) -> None:
    """Raise InputError where frames of the earlier version and new ones would not be one sequence."""
    ours = part_names(inputs.layer, is_touched=inputs.integration.touches_actor)
    plate = inputs.conditioning.plate
    for what, new, old in (
        ("task", run.shot.task, copied.task),
        ("parts (subjects, or a grade or wrap in one version only)", list(ours), list(copied.parts)),
        ("data window", plate.canvas.as_list(), copied.canvas.as_list()),
    ):
        if new != old:
            raise InputError(
                f"the frames that would be copied have another {what}: {old}, and not {new}", key="--frames",
                path=copied.pattern.folder, remedy="run without --frames to make all frames again",
            )  # fmt: skip


def _copy(copied: CopiedFrames, frame: int, path: Path) -> Made:
    with atomic_path(path) as temporary:
        shutil.copyfile(copied.pattern.path(frame), temporary)
    return Made((path,), dict(copied.facts[frame]))


def _is_whole(copied: CopiedFrames, frame: int) -> bool:
    """Whether the earlier version's file is there as its manifest has it."""
    path = copied.pattern.path(frame)
    return path.is_file() and sha256_file(path) == copied.hashes[frame]
