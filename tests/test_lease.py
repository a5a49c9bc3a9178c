"""One run a shot."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import pytest

from wanfx.errors import LeaseHeldError
from wanfx.lease import EXPIRES_S, Holder, Lease, hold_lease, process_start, read_holder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shot" / "work" / "lease.json"


def _leave(path: Path, holder: Holder) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(holder)))


def test_a_held_lease_is_refused_and_its_holder_named(path: Path) -> None:
    with hold_lease(path), pytest.raises(LeaseHeldError, match=f"process {os.getpid()} on {socket.gethostname()}"):
        Lease(path).take()


def test_a_lease_is_free_after_its_block_even_when_the_block_failed(path: Path) -> None:
    with pytest.raises(RuntimeError), hold_lease(path):
        raise RuntimeError
    with hold_lease(path):
        assert path.exists()
    assert not path.exists()


def test_a_killed_holders_lease_is_taken_over(path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from wanfx.lease import Lease;"
        "Lease(Path(sys.argv[1])).take(); print('held', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    with pytest.raises(LeaseHeldError, match=f"process {child.pid}"):
        Lease(path).take()
    child.kill()
    child.wait()
    child.stdout.close()
    with hold_lease(path):
        holder = read_holder(path)
        assert holder is not None
        assert holder.pid == os.getpid()


def test_a_recycled_pid_does_not_keep_a_dead_lease_alive(path: Path) -> None:
    _leave(path, Holder(socket.gethostname(), os.getpid(), process_start(os.getpid()) + "0", "token"))
    with hold_lease(path):
        assert path.exists()


def test_another_machines_lease_holds_while_its_heart_beats(path: Path) -> None:
    _leave(path, Holder("another-machine", 1, "", "token"))
    with pytest.raises(LeaseHeldError, match="another-machine"):
        Lease(path).take()
    old = path.stat().st_mtime - EXPIRES_S - 1
    os.utime(path, (old, old))
    with hold_lease(path):
        assert path.exists()


def test_a_holder_whose_lease_was_taken_over_learns_of_it_at_the_next_beat(path: Path) -> None:
    lease = Lease(path)
    lease.take()
    lease.beat()
    _leave(path, Holder("another-machine", 1, "", "token"))
    with pytest.raises(LeaseHeldError, match="another-machine"):
        lease.beat()
    lease.release()
    assert path.exists(), "another's lease is not removed"


def test_of_many_runs_that_find_a_dead_lease_one_gets_it(path: Path) -> None:
    _leave(path, Holder(socket.gethostname(), os.getpid(), process_start(os.getpid()) + "0", "dead"))
    winners, start = [], threading.Barrier(8)

    def compete() -> None:
        lease = Lease(path)
        start.wait()
        try:
            lease.take()
        except LeaseHeldError:
            return
        winners.append(lease)

    threads = [threading.Thread(target=compete) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(winners) == 1
    assert sorted(item.name for item in path.parent.iterdir()) == ["lease.json"]


def test_a_run_that_died_while_it_took_a_dead_lease_over_is_followed(path: Path) -> None:
    dead_start = process_start(os.getpid()) + "0"
    _leave(path, Holder(socket.gethostname(), os.getpid(), dead_start, "dead"))
    _leave(
        path.with_name(f".{path.name}.after.dead"), Holder(socket.gethostname(), os.getpid(), dead_start, "claimant")
    )
    lease = Lease(path)
    lease.take()
    lease.beat()
    assert sorted(item.name for item in path.parent.iterdir()) == ["lease.json"]


def test_this_process_has_a_start_and_a_dead_one_has_none() -> None:
    assert process_start(os.getpid())
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert process_start(child.pid) == ""
