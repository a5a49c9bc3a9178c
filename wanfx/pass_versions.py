"""The versions of the subjects' passes: which one a delivery was made of, and what becomes of all others.

A delivery's manifest names them (``subjects.<n>.pass``). Only they are copied from: a version that an abandoned run
left is taken up again as an unfinished one, so that its frames are there for whom asks for the same, and in no
delivery otherwise. What was superseded goes when the next delivery is sealed, not before.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from wanfx.delivery import ShotFolder, Version
from wanfx.frames import FrameRange
from wanfx.images import FramePattern
from wanfx.keys import make_key
from wanfx.manifest import read_manifest
from wanfx.names import slug
from wanfx.sealing import LastVersion
from wanfx.stages.retake import MANIFEST_KEY as RETAKE_KEY

MANIFEST_KEY = "pass"


def passes_folder(work: Path) -> Path:
    """Where a shot's passes lie, each in a folder with its subject's name."""
    return work / "passes"


def pass_entry(version: Version, manifest: Mapping[str, Any]) -> dict[str, str]:
    """What a delivery's manifest says of a pass: its version's name, and a digest of its frames and their facts."""
    comp = FramePattern(manifest["comp"]["pattern"])
    made = {entry["path"]: entry["sha256"] for entry in manifest["files"]}
    frames = manifest["frame_facts"]
    hashes = {frame: made[comp.path(int(frame)).as_posix()] for frame in frames}
    return {"version": version.name, "digest": make_key(hashes, frames)}


def open_passes(work: Path, last: LastVersion | None, *, names: Iterable[str]) -> dict[str, LastVersion]:
    """Of every subject, by the ``names`` of their folders, the pass version that the ``last`` delivery was made of.

    Where it is still there; any other is unfinished from now on, the newest, or removed.
    """
    named = _named(None if last is None else last.manifest)
    found = {}
    for folder in _folders(work, names):
        name = folder.root.parent.name
        sealed = _find(folder, named.get(name))
        if sealed is not None:
            found[name] = sealed
        _reopen(folder, sealed)
    return found


def prune_passes(work: Path, manifest: Mapping[str, Any], *, before: LastVersion | None) -> None:
    """Remove what the delivery of this ``manifest`` was not made of, of its passes and those of the one ``before``.

    Nothing of a pass where what the delivery was made of is gone. Of a subject that is no longer in the shot the
    windows and painted mattes stay in its work until it is cleaned.
    """
    named, gone = _named(manifest), _named(None if before is None else before.manifest)
    for folder in _folders(work, {*named, *gone}):
        name = folder.root.parent.name
        sealed = _find(folder, named.get(name))
        if sealed is None and name in named:
            continue
        kept = _kept(sealed)
        _remove(version for version in folder.versions() if version.name not in kept)


def frames_to_make(
    asked: FrameRange, whole: FrameRange, *, delivered: FrameRange | None, is_front: bool, sealed: LastVersion | None,
    changed: Iterable[int],
) -> FrameRange:  # fmt: skip
    """The frames of a pass of which only ``asked`` are to change, all others coming from the ``sealed`` version.

    A pass in front needs those of all behind, and a delivery has what the last one, ``delivered``, has: what of that
    is not in ``sealed`` is made, and so is what stands before a frame that ``changed``.
    """
    needed = whole if not is_front else asked
    if is_front and delivered is not None:
        kept = whole.clip(delivered)
        needed = asked if kept is None else FrameRange(min(asked.first, kept.first), max(asked.last, kept.last))
    there = set() if sealed is None else set(sealed.copied().facts) - set(changed)
    made = [frame for frame in needed if frame in asked or frame not in there]
    return FrameRange(made[0], made[-1])


def _named(manifest: Mapping[str, Any] | None) -> dict[str, Mapping[str, str]]:
    """What a manifest says of each pass, by the folder of its subject."""
    subjects = [] if manifest is None else manifest["subjects"]
    return {slug(subject["name"]): subject[MANIFEST_KEY] for subject in subjects if MANIFEST_KEY in subject}


def _folders(work: Path, names: Iterable[str]) -> list[ShotFolder]:
    """Of the passes of these ``names``."""
    found = (path for name in sorted(names) for path in (passes_folder(work) / name).glob("*"))
    return [ShotFolder(path) for path in found if path.is_dir()]


def _find(folder: ShotFolder, named: Mapping[str, str] | None) -> LastVersion | None:
    """The version that is ``named``, or another that is the same; None where none is there with all its frames."""
    if named is None:
        return None
    versions = [version for version in folder.versions() if version.is_complete]
    for version in sorted(versions, key=lambda one: one.name != named["version"]):
        manifest = read_manifest(version.manifest)
        is_whole = all((version.folder / entry["path"]).is_file() for entry in manifest["files"])
        if is_whole and pass_entry(version, manifest)["digest"] == named["digest"]:
            return LastVersion(version, manifest)
    return None


def _kept(sealed: LastVersion | None) -> set[str]:
    """The names of the ``sealed`` version, and of those that another take of its range would be dissolved into."""
    if sealed is None:
        return set()
    retake = sealed.manifest.get(RETAKE_KEY) or {}
    return {sealed.version.name, *(entry["version"] for entry in retake.get("dissolved", {}).values())}


def _reopen(folder: ShotFolder, sealed: LastVersion | None) -> None:
    """Leave beside what is kept only the version that is newer, if one is, and that one unfinished."""
    versions, kept = folder.versions(), _kept(sealed)
    if versions and versions[-1].name not in kept:
        versions[-1].manifest.unlink(missing_ok=True)
    _remove(version for version in versions[:-1] if version.name not in kept)


def _remove(versions: Iterable[Version]) -> None:
    for version in versions:
        # The manifest first: a version that a kill leaves in part must not look complete.
        version.manifest.unlink(missing_ok=True)
        shutil.rmtree(version.folder)
