"""Units of work and their records: what makes a run resumable.

A unit is a frame, a window or a shot of one stage. Its record is written, atomically, after its files are complete.
A unit is done when its record has the unit's key and every file is there with the recorded hash.

Files that an artist may paint on are written through `PaintableFolder`. It keeps a ledger of the hashes of all that
wanfx ever wrote there; a file with a hash that is not in the ledger is an artist's. It is never overwritten, and it
counts as the unit's result.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wanfx.io.atomic import atomic_path, sha256_file, write_json

LEDGER = ".made_by_wanfx"


@dataclass(frozen=True)
class Unit:
    """One piece of a stage: ``name`` is unique in the stage, ``key`` a hash of all it depends on."""

    stage: str
    name: str
    key: str


@dataclass(frozen=True)
class Record:
    """A unit's result: files (relative to the shot's folder) with their SHA-256, and facts (plain JSON)."""

    key: str
    files: Mapping[str, str]
    facts: Mapping[str, Any] = field(default_factory=dict)


class UnitStore:
    """The records of a shot's folder ``root``; they lie in ``records``."""

    def __init__(self, root: Path, *, records: Path) -> None:
        self.root = root
        self._records = records

    def find(self, unit: Unit) -> Record | None:
        """The unit's record where its result is still good, else None."""
        record = self.read(unit.stage, unit.name)
        if record is None or record.key != unit.key:
            return None
        for name, digest in record.files.items():
            path = self.root / name
            if not path.is_file() or sha256_file(path) != digest:
                return None
        return record

    def read(self, stage: str, name: str) -> Record | None:
        """The unit's record, good or not."""
        try:
            data = json.loads(self._path(stage, name).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return None
        if not isinstance(data, dict) or not {"key", "files", "facts"} <= data.keys():
            return None
        return Record(data["key"], data["files"], data["facts"])

    def commit(
        self, unit: Unit, *, files: Iterable[Path], facts: Mapping[str, Any], known: Mapping[Path, str] | None = None
    ) -> Record:
        """Record the unit as done; ``known`` are hashes that need not be taken again."""
        hashes = {path: (known or {}).get(path) or sha256_file(path) for path in files}
        digests = {path.relative_to(self.root).as_posix(): digest for path, digest in hashes.items()}
        record = Record(unit.key, digests, dict(facts))
        data = {"key": record.key, "files": dict(record.files), "facts": record.facts}
        write_json(self._path(unit.stage, unit.name), data, durable=False)
        return record

    def _path(self, stage: str, name: str) -> Path:
        return self._records / stage / f"{name}.json"


class PaintableFolder:
    """A folder whose files an artist may replace; see the module's text."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ledger = folder / LEDGER
        self._lock = threading.Lock()
        self._made = set(self._ledger.read_text().split()) if self._ledger.exists() else set()

    def is_painted(self, path: Path) -> bool:
        """Whether an artist made this file."""
        return path.is_file() and sha256_file(path) not in self._made

    def write(self, path: Path, write: Callable[[Path], None]) -> str | None:
        """Let ``write`` make the file, unless an artist has; its SHA-256, or None where the artist's was kept."""
        if self.is_painted(path):
            return None
        with atomic_path(path) as temporary:
            write(temporary)
            digest = sha256_file(temporary)
            self._note(digest)
        return digest

    def _note(self, digest: str) -> None:
        # The ledger is written before the file takes its place: a kill in between must not make it look painted.
        if digest in self._made:
            return
        with self._lock:
            self._append(digest)

    def _append(self, digest: str) -> None:
        self._made.add(digest)
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._ledger.open("a", encoding="ascii") as ledger:
            # The newline comes first: a line that a full disk cut short must not swallow the next.
            ledger.write("\n" + digest)
            ledger.flush()
            os.fsync(ledger.fileno())
