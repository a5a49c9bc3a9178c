"""What windows hand to the next one: its first frames, and what is known of the generator's error."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wanfx.keys import make_key
from wanfx.ops.lock_share import Change


@dataclass(frozen=True)
class Carry:
    """``frames_hash`` is of the frames that the last window handed on, ``changes`` are those of all windows, from which
    the next one tells how far the character shares the error (`ops.lock.fit_corrections`); ``changes_hash`` is theirs.
    """

    frames_hash: str = ""
    changes: tuple[Change, ...] = ()
    changes_hash: str = ""

    @property
    def key(self) -> list[str]:
        """What the next window depends on."""
        return [self.frames_hash, self.changes_hash]

    def after(self, facts: Mapping[str, Any]) -> Carry:
        """What is handed on after a window with these `carry_facts`."""
        rows = facts["changes"]
        if not rows:
            return Carry(facts["carry"], self.changes, self.changes_hash)
        changes = [Change(*(np.array(values) for values in row)) for row in rows]
        return Carry(facts["carry"], (*self.changes, *changes), make_key(self.changes_hash, rows))


def carry_facts(files: Sequence[Path], changes: Sequence[Change]) -> dict[str, Any]:
    """A window's own part of it, JSON types: the hash of the ``files`` it hands on, and its ``changes``."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    told = [[one.error.tolist(), one.inside.tolist()] for one in changes]
    return {"carry": digest, "changes": told}
