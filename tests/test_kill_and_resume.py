"""A run can be killed at any moment and resumed; the result is that of an unbroken run, to the bit."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny import make_tiny_shot

from wanfx.events import Event, RunFinished, StageStarted, UnitFinished, read_events
from wanfx.io.atomic import is_leftover, sha256_file

KILLS = 40
FRAMES = 12
STAGES = (
    "ingest", "matte", "refine", "camera", "clean", "reference", "generate", "rematte", "finish", "deliver", "review",
    "verify",
)  # fmt: skip


def _start(shot: Path, out: Path, events: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "wanfx", "run", str(shot), "--out", str(out), "--events", str(events), "--quiet"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _contents(delivery: Path) -> dict[str, str]:
    """Every file of the version but the timings."""
    return {
        path.relative_to(delivery).as_posix(): sha256_file(path)
        for path in sorted(delivery.rglob("*")) if path.is_file() and path.name != "run.json"
    }  # fmt: skip


def _kill_points() -> Iterator[tuple[str, int]]:
    """Stage and how many of its units are done (made anew) when the kill comes; -1 is as the stage starts."""
    rounds = [-1, 0, 1, 3, 6]
    for stage in STAGES:
        for done in rounds:
            yield stage, done


def _kill_at(child: subprocess.Popen[bytes], events: Path, stage: str, done: int, delay_s: float) -> bool:
    """Kill the run at this point; False where it ended without ever getting there."""
    made, reached = 0, False
    for event in _follow(events, child):
        if isinstance(event, StageStarted) and event.stage == stage:
            reached = done < 0
        if isinstance(event, UnitFinished) and event.stage == stage and not event.reused:
            made += 1
            reached = reached or made > done >= 0
        if reached:
            time.sleep(delay_s)
            break
    was_running = child.poll() is None
    child.send_signal(signal.SIGKILL)
    child.communicate()
    return reached and was_running


def _follow(events: Path, child: subprocess.Popen[bytes]) -> Iterator[Event]:
    seen = 0
    while True:
        ended = child.poll() is not None
        found = list(read_events(events)) if events.exists() else []
        yield from found[seen:]
        seen = len(found)
        if ended or (found and isinstance(found[-1], RunFinished)):
            return
        time.sleep(0.001)


@pytest.mark.slow
def test_forty_kills_in_every_stage_leave_no_trace(tmp_path: Path) -> None:
    shot = make_tiny_shot(tmp_path / "shot", frames=FRAMES, generate={"backend": "fake"})
    unbroken = _start(shot, tmp_path / "unbroken", tmp_path / "unbroken.jsonl")
    _out, text = unbroken.communicate()
    assert unbroken.returncode == 0, text.decode()

    delays = random.Random(4)
    killed: dict[str, int] = {}
    leftovers = 0
    for number, (stage, done) in enumerate(_kill_points()):
        events = tmp_path / f"{number}.jsonl"
        child = _start(shot, tmp_path / "broken", events)
        if _kill_at(child, events, stage, done, delays.uniform(0, 0.02)):
            killed[stage] = killed.get(stage, 0) + 1
            leftovers += sum(is_leftover(path) for path in (tmp_path / "broken").rglob(".*"))
        if (tmp_path / "broken" / "tiny" / "v001" / "manifest.json").exists():
            break
    last = _start(shot, tmp_path / "broken", tmp_path / "last.jsonl")
    _out, text = last.communicate()
    assert last.returncode == 0, text.decode()

    print(json.dumps({"kills": killed, "in the middle of a write": leftovers}))
    assert sum(killed.values()) >= KILLS
    assert set(killed) >= set(STAGES)
    assert leftovers > 0, "no kill came in the middle of a write"
    unbroken_files = _contents(tmp_path / "unbroken" / "tiny" / "v001")
    assert _contents(tmp_path / "broken" / "tiny" / "v001") == unbroken_files
    assert any(name.startswith("comp/") for name in unbroken_files)
    assert not [path for path in (tmp_path / "broken").rglob(".*") if is_leftover(path)]
