"""The clean plate by Wan2.1-VACE: a pass that removes the actor, whose result takes the temporal clean plate's place.

The pass is a shot of task ``background``, mode ``remove``, of the same plate with the same matte as its roto, in
``work/passes/clean``. It is made as any shot is, so it is resumed, kept and verified as any.
docs/decisions/clean-source.md has more.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from wanfx.backends.protocols import ModelCard
from wanfx.backends.registry import check_backends
from wanfx.background_input import BackgroundInput
from wanfx.comp_parts import parts_of
from wanfx.delivery import ShotFolder
from wanfx.errors import OptionError
from wanfx.frames import FrameRange
from wanfx.images import FramePattern
from wanfx.options import Options
from wanfx.pipeline import make_delivery
from wanfx.sealing import read_last
from wanfx.shot import PlateInput, Shot, SubjectInput
from wanfx.stages.clean import GivenClean
from wanfx.stages.context import RunContext
from wanfx.stages.ingest import Anchor, Ingested, find_keys, open_plate
from wanfx.stages.reference_fit import is_on_plate
from wanfx.stages.refine import Refined

BACKEND = "wan-vace"
# Its picture is looked at in the shot's own delivery, which adds grain to it; a range has what the whole pass has.
_OF_THE_PASS: Mapping[str, Any] = {
    "clean.source": "temporal", "generate.range": "whole", "finish.reveal": "auto", "grain.match": "off",
    "review.codec": "none", "deliver.cryptomatte": "off", "deliver.name": "{shot}", "matte.grow_px": 0.0,
    "matte.soften_px": 0.0, "matte.gamma": 1.0, "wan.lora": None, "wan.relight_lora": None,
}  # fmt: skip


def pass_options(shot: Shot, options: Options) -> Options | None:
    """The options of the pass that makes the clean plate; None where none is made.

    Raises OptionError where the task has no clean plate to give a source.
    """
    if options.clean.source == "temporal":
        return None
    if shot.task == "background":
        raise OptionError(
            "is a clean plate's, and task background has none of its own", key="clean.source",
            remedy=f"set clean.source=temporal; mode remove with generate.backend={BACKEND} is that very picture",
        )  # fmt: skip
    if shot.task == "animate" and not is_on_plate(options):
        return None
    quality = "auto" if options.generate.quality == "draft" else options.generate.quality
    values = {**_OF_THE_PASS, "generate.backend": BACKEND, "generate.quality": quality}
    return options.with_values(values, source="flag")


def with_clean_pass(run: RunContext, *, is_range: bool) -> RunContext:
    """The run, its clean plates from a pass where its options ask for one.

    A range that joins the frames around it (``is_range``) is another take of the character on the same clean plates:
    the pass keeps their seed.
    Raises as `pass_options` does, and MissingError where weights are missing.
    """
    options = pass_options(run.shot, run.options)
    if options is None:
        return run
    check_backends(options, task="background")
    return replace(run, clean_source=partial(_make_pass, is_range=is_range))


def _make_pass(
    run: RunContext, ingested: Ingested, refined: Refined, frames: list[int], *, is_range: bool
) -> GivenClean:
    """What the pass made of ``frames``, and of those between them."""
    options = pass_options(run.shot, run.options)
    assert options is not None
    plate, folder = ingested.plate, run.work / "passes" / "clean"
    folder.mkdir(parents=True, exist_ok=True)
    own, given = ShotFolder.of(folder, shot=run.shot.name), run.shot.background
    if is_range and run.options.generate.range == "join" and (last := read_last(own)) is not None:
        options = options.with_values({"generate.seed": last.manifest["seed"]}, source="flag")
    wanted = BackgroundInput(mode="remove") if given is None else BackgroundInput(
        mode="remove", prompt=given.prompt, negative_prompt=given.negative_prompt
    )  # fmt: skip
    shot = replace(
        run.shot, task="background", reference=None, background=wanted,
        subjects=(SubjectInput(name=refined.matte.subject, matte=_path(refined.matte.pattern, folder)),),
        plate=PlateInput(_path(plate.pattern, folder), colorspace=plate.color_space, fps=str(plate.fps)),
        frames=str(plate.frames), folder=folder,
    )  # fmt: skip
    one = replace(run, shot=shot, options=options, folder=own, version=own.in_progress(), clean_source=None)
    made = make_delivery(one, frames=_joined(one, frames, anchor=ingested.anchor), anchor=ingested.anchor)
    for version in own.versions():
        if version != made.version:
            shutil.rmtree(version.folder)
    comp = FramePattern(str(made.version.folder / made.manifest["comp"]["pattern"]))
    hashes = {entry["path"]: entry["sha256"] for entry in made.manifest["files"]}
    names = {frame: comp.path(frame).relative_to(made.version.folder).as_posix() for frame in frames}
    return GivenClean(
        comp, parts_of(made.manifest)[0].clean, FramePattern(str(own.work / "clean" / "clean.####.exr")),
        {frame: hashes[name] for frame, name in names.items()},
        tuple(ModelCard(**model) for model in made.manifest["models"]),
    )  # fmt: skip


def _joined(one: RunContext, frames: list[int], *, anchor: Anchor | None) -> FrameRange:
    """The range of ``frames`` and of those whose plate has changed since the last version; with those between it and
    that version's, for a version has no holes.
    """
    first, last, there = min(frames), max(frames), read_last(one.folder)
    if there is None:
        return FrameRange(first, last)
    keys = find_keys(one, open_plate(one.shot, one.options, color=one.color), anchor=anchor)
    delivered = there.copied().facts
    made = FrameRange.parse(there.manifest["frames"])
    changed = [frame for frame, key in keys.items() if frame in made and delivered[frame]["plate_key"] != key]
    return FrameRange(min(first, made.last + 1, *changed), max(last, made.first - 1, *changed))


def _path(pattern: FramePattern, folder: Path) -> str:
    return os.path.relpath(Path(pattern.text).absolute(), folder.absolute())
