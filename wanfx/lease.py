"""One run a shot: a lease file that names its holder, kept alive by a heartbeat.

A lease is dead when its process is gone (same machine) or when its heartbeat stopped for `EXPIRES_S` (another one).
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from wanfx.errors import LeaseHeldError

EXPIRES_S = 60.0


@dataclass(frozen=True)
class Holder:
    """Who works on a shot. ``started`` is the process's own start time, so that a recycled pid is not mistaken."""

    host: str
    pid: int
    started: str
    token: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


@contextlib.contextmanager
def hold_lease(path: Path) -> Iterator[Lease]:
    """Hold the lease at ``path`` for the block. Raises LeaseHeldError naming the holder."""
    lease = Lease(path)
    lease.take()
    try:
        yield lease
    finally:
        lease.release()


class Lease:
    """A lease file; `beat` must be called more often than every `EXPIRES_S`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.holder = Holder(socket.gethostname(), os.getpid(), process_start(os.getpid()), uuid.uuid4().hex)

    def take(self) -> None:
        """Take the lease, or a dead holder's. Raises LeaseHeldError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        mine = self.path.with_name(f".{self.path.name}.{self.holder.token}")
        mine.write_text(json.dumps(asdict(self.holder)), encoding="utf-8")
        try:
            for _attempt in range(10):
                # A hard link either makes the name or fails: no half-written lease is ever seen.
                with contextlib.suppress(FileExistsError):
                    os.link(mine, self.path)
                    return
                other = read_holder(self.path)
                if other is not None and not _is_dead(other, self.path):
                    raise self._held_by(other)
                if other is not None and self._take_over(other, mine):
                    return
            raise self._held_by(read_holder(self.path))
        finally:
            mine.unlink(missing_ok=True)

    def _held_by(self, other: Holder | None) -> LeaseHeldError:
        return LeaseHeldError(
            f"another run works on this shot: {other}",
            path=self.path.parent.parent,
            remedy="wait for it, or cancel it first; a dead run's lease is taken over by itself",
        )

    def _take_over(self, dead: Holder, mine: Path) -> bool:
        """Put ``mine`` in the place of the dead holder's file; False where another run was quicker.

        Only who holds the claim to a dead holder's file may replace it. A claimant that died is followed in turn.
        """
        claims, last = [], dead
        while True:
            claims.append(self.path.with_name(f".{self.path.name}.after.{last.token}"))
            try:
                os.link(mine, claims[-1])
                break
            except FileExistsError:
                claimant = read_holder(claims[-1])
                if claimant is None or not _is_dead(claimant, claims[-1]):
                    return False
                last = claimant
        now = read_holder(self.path)
        is_still_dead = now is not None and now.token == dead.token
        if is_still_dead:
            mine.replace(self.path)
        for claim in claims:
            claim.unlink(missing_ok=True)
        return is_still_dead

    def beat(self) -> None:
        """Say that this run is alive. Raises LeaseHeldError where the lease was lost."""
        other = read_holder(self.path)
        if other is None or other.token != self.holder.token:
            raise self._held_by(other)
        os.utime(self.path)

    def release(self) -> None:
        """Give the lease back."""
        other = read_holder(self.path)
        if other is not None and other.token == self.holder.token:
            self.path.unlink(missing_ok=True)


def read_holder(path: Path) -> Holder | None:
    """Who holds the lease, or None where nobody does."""
    try:
        return Holder(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def _is_dead(holder: Holder, path: Path) -> bool:
    same_machine = holder.started.partition(":")[0] == process_start(os.getpid()).partition(":")[0]
    if holder.host == socket.gethostname() and same_machine:
        return process_start(holder.pid) != holder.started
    try:
        return time.time() - path.stat().st_mtime > EXPIRES_S
    except FileNotFoundError:
        return True


def process_start(pid: int) -> str:
    """A text that no other process with this pid ever had; empty where there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return _process_start_without_proc(pid)
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else f"{boot}:{fields[19]}"


def _process_start_without_proc(pid: int) -> str:
    """macOS and Windows: whether the process lives is all that can be told without more libraries."""
    if Path("/proc/self").exists():
        return ""
    if os.name == "nt":
        return "unknown"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "alive"
