"""refine: Plate, Matte -> Alpha at the plate's size, one editable EXR a frame (``work/matte/<subject>``).

What an artist made comes first: a roto given in the shot (``subjects.matte``), then whatever was painted over the
files of this folder or over those of the last delivery.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.errors import NothingFoundError
from wanfx.images import FramePattern, Matte, Plate
from wanfx.io import exr
from wanfx.io.atomic import atomic_path, sha256_file
from wanfx.manifest import read_manifest
from wanfx.ops.card import measure_subject
from wanfx.ops.edges import grow_matte, soften_matte
from wanfx.pixels import to_float, to_half
from wanfx.stages.alpha_frame import AlphaFrames
from wanfx.stages.context import Made, RunContext, make_frames, paintable, stage_key
from wanfx.stages.hand_matte import check_range, check_roto, find_roto
from wanfx.stages.ingest import Ingested
from wanfx.stages.matte import Tracked
from wanfx.units import PaintableFolder, Record

STAGE = "refine"
VERSION = 4
Array = npt.NDArray[np.float32]
_AS_IT_IS = {"grow_px": 0.0, "soften_px": 0.0, "gamma": 1.0}


@dataclass(frozen=True)
class Refined:
    """The subject's alpha: files, a hash for every frame, and where the subject is (`measures`)."""

    matte: Matte
    hashes: Mapping[int, str]
    measures: Mapping[int, Mapping[str, Any]]
    painted: tuple[int, ...]


def run_refine(run: RunContext, ingested: Ingested, tracked: Tracked) -> Refined:
    """The alpha of every frame. Raises InputError for a matte that is none, NothingFoundError where all are empty."""
    plate = ingested.plate
    pattern = FramePattern(str(run.work / "matte" / tracked.name / f"{tracked.name}.####.exr"))
    folder = paintable(run, f"matte/{tracked.name}")
    adopt_painted(run, tracked.name, to=pattern, plate=plate)
    roto = find_roto(run.shot, tracked.subject, frames=plate.frames)
    alphas = AlphaFrames(ingested, tracked, roto=roto, options=run.options.refine)
    shape = _shape_of(run, has_roto=bool(roto))

    def given(frame: int) -> str:
        # The tracker's key stands for all frames of the plate: what is beside this one is in it.
        return sha256_file(roto[frame]) if frame in roto else tracked.key

    def key(frame: int) -> str:
        beside = [given(other) for other in alphas.neighbors(frame)]
        return stage_key(STAGE, VERSION, given(frame), beside, ingested.keys[frame], asdict(run.options.refine), shape)

    def make(frame: int) -> Made:
        path = pattern.path(frame)
        made: list[Array] = []

        def write(target: Path) -> None:
            alpha = alphas.read(frame)
            made.append(alpha if frame in roto else shape_matte(alpha, **shape))
            write_canvas_matte(target, made[0], plate=plate)

        digest = folder.write(path, write)
        alpha = to_float(to_half(made[0])) if made else _read_painted(path, plate=plate, frame=frame)
        facts = {"measure": asdict(measure_subject(alpha)), "empty": not alpha.any()}
        return Made((path,), {**facts, "painted": digest is None, "roto": frame in roto})

    records = make_frames(run, stage=STAGE, frames=plate.frames, key=key, make=make, subject=tracked.name)
    _check_seen(records.values(), tracked, folder=next(iter(roto.values())).parent if roto else pattern.folder)
    return Refined(
        Matte(tracked.name, pattern, plate.frames),
        {frame: next(iter(record.files.values())) for frame, record in records.items()},
        {frame: record.facts["measure"] for frame, record in records.items()},
        tuple(frame for frame, record in records.items() if record.facts["painted"]),
    )


def _read_painted(path: Path, *, plate: Plate, frame: int) -> Array:
    matte = exr.read_matte(path, canvas=plate.canvas, frame=frame)
    check_range(matte, path=path, frame=frame)
    return matte


def _check_seen(records: Iterable[Record], tracked: Tracked, *, folder: Path) -> None:
    # Records of earlier releases do not say.
    if all(record.facts.get("empty", False) for record in records):
        raise NothingFoundError(
            f"the matte of {tracked.subject.name} is empty in every frame", path=folder,
            remedy="see that the matte is in alpha or in RGB, and not black all over, or mark the subject with a box",
        )  # fmt: skip


def _shape_of(run: RunContext, *, has_roto: bool) -> dict[str, float]:
    """The artist's knobs; the user is told where there is what they do not change."""
    shape = {name: getattr(run.options.matte, name) for name in _AS_IT_IS}
    if has_roto and shape != _AS_IT_IS:
        run.warn(STAGE, "hand-made mattes are taken as they are: matte.grow_px, soften_px and gamma do not change them")
    return shape


def shape_matte(matte: Array, *, grow_px: float, soften_px: float, gamma: float = 1.0) -> Array:
    """Grow and soften a matte and make its edge fuller or thinner (alpha to the power of 1 / gamma), as knobs say."""
    if grow_px:
        matte = grow_matte(matte, radius_px=grow_px)
    if soften_px:
        matte = soften_matte(matte, radius_px=soften_px)
    return matte if gamma == 1 else np.asarray(matte ** np.float32(1 / gamma), np.float32)


def write_canvas_matte(path: Path, matte: Array, *, plate: Plate) -> None:
    """Write an editable matte (R=G=B=A) with the plate's windows; its folder makes it durable."""
    exr.write_matte(
        path, matte, data_window=plate.canvas, display_window=plate.display_window, pixel_aspect=plate.pixel_aspect,
        durable=False,
    )  # fmt: skip


def adopt_painted(run: RunContext, name: str, *, to: FramePattern, plate: Plate) -> None:
    """Take over mattes that an artist painted over in the last delivery's ``matte/<name>`` folder.

    A file of the work folder that was painted too is kept, and the user told. Raises InputError for a painted matte of
    another size.
    """
    last = run.folder.latest_complete()
    if last is None:
        return
    made = {entry["path"]: entry["sha256"] for entry in read_manifest(last.manifest)["files"]}
    folder, delivered = PaintableFolder(to.folder), last.matte(name)
    for frame in plate.frames:
        source, target = delivered.path(frame), to.path(frame)
        relative = source.relative_to(last.folder).as_posix()
        if not source.is_file() or relative not in made or made[relative] == (digest := sha256_file(source)):
            continue
        if target.is_file() and sha256_file(target) == digest:
            continue
        if folder.is_painted(target):
            run.warn(STAGE, f"{source.name} was painted in {last.name} and in work; work's is used", frame=frame)
            continue
        check_roto({frame: source}, size=plate.display_window.size)
        with atomic_path(target) as temporary:
            shutil.copyfile(source, temporary)
        run.warn(STAGE, f"{source.name} was painted in {last.name}; it is used", frame=frame)
