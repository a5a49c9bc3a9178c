"""Making room: what of a shot's work can be made again, and what an artist made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from wanfx.delivery import ShotFolder
from wanfx.errors import InputError
from wanfx.units import LEDGER, PaintableFolder, UnitStore

_KEPT = ("lease.json", "wanfx.json")
_NO_STAGE = ("passes", "records", "runs", "sheet", "text")
"""Folders of work that are no stage's."""


@dataclass(frozen=True)
class Removable:
    """Files that can go, their size, the painted files that stay, and what in ``work`` is not wanfx's and stays."""

    work: Path
    files: tuple[Path, ...]
    painted: tuple[Path, ...]
    foreign: tuple[Path, ...]
    size_bytes: int


def find_removable(folder: ShotFolder) -> Removable:
    """Look through the work folder, where wanfx made it. A ledger stays where a painted file does, for it tells which
    are painted. Raises InputError where no mark says that wanfx made it.
    """
    if not folder.mark.is_file():
        raise InputError(
            "there is no work folder of wanfx here", path=folder.root,
            remedy="give a shot's folder, as out/shot; a run marks its work folder",
        )  # fmt: skip
    inside = sorted(folder.work.iterdir())
    own = {*_KEPT, *_NO_STAGE, *_recorded(folder)}
    mine = [top for top in inside if not top.is_symlink() and (top.name in own or any(top.rglob(LEDGER)))]
    found = [path for top in mine for path in (top, *top.rglob("*"))]
    files: list[Path] = []
    painted: list[Path] = []
    ledgers = {path.parent for path in found if path.name == LEDGER}
    for path in sorted(found):
        if not path.is_file() or path.name in _KEPT or path.name == LEDGER:
            continue
        is_painted = path.parent in ledgers and PaintableFolder(path.parent).is_painted(path)
        (painted if is_painted else files).append(path)
    keep = {path.parent for path in painted}
    files += [parent / LEDGER for parent in sorted(ledgers - keep)]
    foreign = tuple(top for top in inside if top not in mine)
    size_bytes = sum(path.lstat().st_size for path in files)
    return Removable(folder.work, tuple(files), tuple(painted), foreign, size_bytes)


def _recorded(folder: ShotFolder) -> set[str]:
    """The folders in work that hold what units made."""
    found = set()
    for path in folder.records.glob("*/*.json"):
        record = UnitStore(folder.root, records=folder.records).read(path.parent.name, path.stem)
        files = () if record is None else record.files
        parts = [PurePosixPath(name).parts for name in files]
        found |= {part[1] for part in parts if len(part) > 2 and part[0] == folder.work.name}
    return found


def remove(found: Removable) -> None:
    """Remove the files, and folders that are empty then."""
    for path in found.files:
        path.unlink()
    for path in sorted({parent for file in found.files for parent in file.parents}, reverse=True):
        if found.work in path.parents and not any(path.iterdir()):
            path.rmdir()
