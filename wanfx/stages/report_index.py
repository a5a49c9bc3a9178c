"""The index of a folder of shots, drawn from their newest deliveries: ``index.html`` in the folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wanfx.ahead import make_ahead
from wanfx.delivery import ShotFolder, Version
from wanfx.errors import InputError, WanfxError
from wanfx.frames import FrameRange
from wanfx.io.atomic import write_text
from wanfx.manifest import read_manifest
from wanfx.qc.index_page import GENERATOR, ShotRow, draw_index
from wanfx.qc.measures import read_measures
from wanfx.qc.page_findings import Finding, find_findings
from wanfx.stages.report_pictures import read_thumb
from wanfx_color.configs import ColorConfig, load_config

NAME = "index.html"
_HEAD = 1000


def draw_shot_index(folder: Path, *, color: ColorConfig | None = None) -> Path:
    """Write the index of all shots in ``folder``; its path. The newest complete version of each is shown.

    A shot whose delivery is missing or cannot be read has a row that says so. Raises InputError where no shot is there,
    or where an ``index.html`` lies there that is none of ours.
    """
    shots = find_shots(folder)
    if not shots:
        raise InputError(
            "holds no delivery, nor shots that do", path=folder,
            remedy="give a version's folder, as out/shot/v001, or the folder that holds the shots, as out",
        )  # fmt: skip
    path = folder / NAME
    if path.is_file() and GENERATOR not in path.read_text(encoding="utf-8", errors="replace")[:_HEAD]:
        raise InputError("is no index of wanfx, so it is left as it is", path=path, remedy="move it away")
    config = color or load_config()
    rows = list(make_ahead(shots, lambda shot: _read_row(folder, shot, color=config), name="index"))
    write_text(path, draw_index(rows, title=folder.resolve().name))
    return path


def find_shots(folder: Path) -> list[ShotFolder]:
    """The folders in ``folder`` that hold versions, complete or not, by name."""
    found = [ShotFolder(path) for path in sorted(folder.iterdir()) if path.is_dir()] if folder.is_dir() else []
    return [shot for shot in found if shot.versions()]


def _read_row(folder: Path, shot: ShotFolder, *, color: ColorConfig) -> ShotRow:
    name = shot.root.name
    version = shot.latest_complete() or shot.versions()[-1]
    link = version.report.relative_to(folder).as_posix() if version.report.is_file() else ""
    if not version.is_complete:
        why = "no version is complete: its run was broken off, or broke a promise"
        return ShotRow(name, version.name, link, why_none=why)
    try:
        manifest = read_manifest(version.manifest)
        timings = _read_timings(version)
        return ShotRow(
            str(manifest["shot"]), version.name, link, manifest, thumb=_read_thumb(version, manifest, color=color),
            findings=_read_findings(version, manifest), warnings=len(timings.get("warnings", ())),
            seconds=timings.get("seconds"),
        )  # fmt: skip
    except InputError as error:
        return ShotRow(name, version.name, link, why_none=error.what)
    except (KeyError, TypeError, ValueError, AttributeError):
        return ShotRow(name, version.name, link, why_none="its manifest is not as wanfx writes it; verify it")


def _read_timings(version: Version) -> Mapping[str, Any]:
    """What ``run.json`` holds; nothing where it is not there or no table: an index is drawn all the same."""
    try:
        timings = json.loads(version.timings.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return timings if isinstance(timings, dict) else {}


def _read_findings(version: Version, manifest: Mapping[str, Any]) -> Sequence[Finding]:
    try:
        return find_findings(manifest, read_measures(version.measures))
    except (InputError, OSError):
        return ()


def _read_thumb(version: Version, manifest: Mapping[str, Any], *, color: ColorConfig) -> bytes | None:
    """The middle frame's picture; None where its file cannot be read."""
    frames = list(FrameRange.parse(manifest["frames"]))
    try:
        return read_thumb(version.folder, manifest, frames[len(frames) // 2], color=color)
    except WanfxError:
        return None
