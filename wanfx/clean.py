"""Making room: what of a shot's work can be made again, and what an artist made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wanfx.delivery import ShotFolder
from wanfx.units import LEDGER, PaintableFolder

_KEPT = ("lease.json",)


@dataclass(frozen=True)
class Removable:
    """Files that can go, their size, and the painted files that stay."""

    work: Path
    files: tuple[Path, ...]
    painted: tuple[Path, ...]
    size_bytes: int


def find_removable(folder: ShotFolder) -> Removable:
    """Look through the work folder. A ledger stays where a painted file does, for it tells which are painted."""
    files: list[Path] = []
    painted: list[Path] = []
    ledgers = {path.parent for path in folder.work.rglob(LEDGER)}
    for path in sorted(folder.work.rglob("*")):
        if not path.is_file() or path.name in _KEPT or path.name == LEDGER:
            continue
        is_painted = path.parent in ledgers and PaintableFolder(path.parent).is_painted(path)
        (painted if is_painted else files).append(path)
    keep = {path.parent for path in painted}
    files += [parent / LEDGER for parent in sorted(ledgers - keep)]
    return Removable(folder.work, tuple(files), tuple(painted), sum(path.stat().st_size for path in files))


def remove(found: Removable) -> None:
    """Remove the files, and folders that are empty then."""
    for path in found.files:
        path.unlink()
    for path in sorted((p for p in found.work.rglob("*") if p.is_dir()), reverse=True):
        if not any(path.iterdir()):
            path.rmdir()
