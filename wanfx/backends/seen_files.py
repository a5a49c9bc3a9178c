"""Whether a set of 70 GB is still what was locked, without reading it in every run.

A file is hashed once. Its hash is kept in ``seen.json`` beside the lock, under its size, its time of change (in
nanoseconds) and its inode: while all three are the same, so is the hash. What changes a file and keeps all three (a
failing disk, or someone who means to) is found by `wanfx models verify`, which always reads every byte.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Literal

from wanfx.backends.weights import ModelSet, fetch_command, models_folder, set_folder
from wanfx.errors import MissingError, NotWritableError
from wanfx.io.atomic import sha256_file, write_json

QuickState = Literal["here", "unread", "missing", "damaged"]
# A file that is changed twice within the clock's step has one time of change; file systems step by up to 2 s.
_STEP_NS = 2_000_000_000
_NAMED = 3


class SeenFiles:
    """The hashes of a set's files, each read once."""

    def __init__(self, name: str) -> None:
        self._path = models_folder() / name / "seen.json"
        self._hashes = _read(self._path)
        self._is_changed = False

    def known(self, path: Path) -> str | None:
        """The file's hash where it is known, None where it must be read."""
        return self._hashes.get(_identity(path.stat()))

    def sha256(self, path: Path) -> str:
        """The file's hash, read where it is not known."""
        return self.known(path) or self._read_hash(path)

    def note(self, path: Path, sha256: str) -> None:
        """Keep the hash of a file that was just read, unless it was written so lately that it may yet change unseen."""
        found = path.stat()
        if time.time_ns() - found.st_mtime_ns > _STEP_NS:
            self._hashes[_identity(found)] = sha256
            self._is_changed = True

    def save(self) -> None:
        """Write what is new. In a models folder that is read only nothing is: it only takes time to read again."""
        if not self._is_changed:
            return
        try:
            write_json(self._path, self._hashes, durable=False)
        except NotWritableError:
            return
        self._is_changed = False

    def _read_hash(self, path: Path) -> str:
        found = sha256_file(path)
        self.note(path, found)
        return found


def find_folder(models: ModelSet) -> Path:
    """The folder of a set whose files are all there and what was locked; for a run.

    Raises MissingError that names the files which are not, and the command that gets them.
    """
    folder = set_folder(models)
    remedy = f"run `{fetch_command(models)}`"
    if not models.contents:
        raise MissingError(f"the {models.name} models are not here", path=folder, remedy=remedy)
    seen, wrong = SeenFiles(models.name), []
    for file in models.contents:
        path = folder / file.name
        if not path.is_file():
            wrong.append(f"{file.name} is missing")
        elif path.stat().st_size != file.size_bytes or seen.sha256(path) != file.sha256:
            wrong.append(f"{file.name} is not the file that was locked")
    seen.save()
    if wrong:
        more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
        raise MissingError(f"{models.name}: {'; '.join(wrong[:_NAMED])}{more}", path=folder, remedy=remedy)
    return folder


def quick_states(models: ModelSet) -> dict[str, QuickState]:
    """Every file of the set, by name, without reading any: ``unread`` is one of the right size that was not hashed."""
    seen, folder = SeenFiles(models.name), set_folder(models)

    def state(path: Path, size_bytes: int, sha256: str) -> QuickState:
        if not path.is_file():
            return "missing"
        if path.stat().st_size != size_bytes:
            return "damaged"
        known = seen.known(path)
        return "unread" if known is None else "here" if known == sha256 else "damaged"

    return {file.name: state(folder / file.name, file.size_bytes, file.sha256) for file in models.contents}


def _identity(found: os.stat_result) -> str:
    return f"{found.st_size}-{found.st_mtime_ns}-{found.st_ino}"


def _read(path: Path) -> dict[str, str]:
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        # It is only a memory: what is not in it is read again.
        return {}
