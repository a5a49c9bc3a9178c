"""deliver: editable mattes and the grade into the version's folder, and nothing that does not belong there."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from wanfx.delivery import Version
from wanfx.images import Matte
from wanfx.io.atomic import atomic_path
from wanfx.stages.context import RunContext
from wanfx.stages.integrate import Integration
from wanfx.units import PaintableFolder
from wanfx_color.cdl import ColorCorrection, format_cc

STAGE = "deliver"


def deliver_mattes(
    run: RunContext, mattes: list[Matte], *, frames: Iterable[int], delivered: Mapping[int, Path] | None = None
) -> list[Path]:
    """Copy the mattes of ``frames`` (those that were made) to ``matte/<name>`` and return the files.

    ``delivered`` is, for frames whose comps were copied, the folder of the mattes that those were made with.
    """
    found = [
        (_source(matte, frame, (delivered or {}).get(frame)), run.version.matte(matte.subject).path(frame))
        for matte in mattes for frame in frames
    ]  # fmt: skip
    wanted = [(source, target) for source, target in found if source.is_file()]
    with run.stage(STAGE, units=len(wanted)) as progress:
        for source, target in wanted:
            with atomic_path(target) as temporary:
                shutil.copyfile(source, temporary)
            progress.step(target.name)
    return [target for _, target in wanted]


def _source(matte: Matte, frame: int, folder: Path | None) -> Path:
    own = matte.path(frame)
    if folder is None:
        return own
    before = folder / matte.subject / own.name
    return before if before.is_file() else own


def deliver_grade(run: RunContext, integration: Integration, *, layer: str, space: str) -> Path | None:
    """Write the actor's grade as ``grade/<layer>.cc``, an ASC CDL in the plate's own linear ``space``; None without."""
    if integration.mode == "off":
        return None
    grade = integration.grade
    state = "applied to" if integration.is_graded else "suggested for"
    described = f"{state} char_{layer}, straight colors, scene-linear {space}, not clamped"
    text = format_cc(ColorCorrection(grade.slope, grade.offset, grade.power, grade.saturation, described), name=layer)
    path = run.version.grade(layer)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path


def remove_unlisted(version: Version, listed: Iterable[Path], *, work: Path) -> None:
    """Remove what an earlier, unfinished run of other frames or names left in the version; never a painted matte."""
    kept = {*listed, version.report, version.measures}
    for path in sorted(version.folder.rglob("*")):
        if not path.is_file() or path in kept or path.parent == version.folder:
            continue
        if path.parent.parent.name == "matte" and PaintableFolder(work / "matte" / path.parent.name).is_painted(path):
            continue
        path.unlink()
