"""A run can be killed at any moment and resumed; the result is that of an unbroken run, to the bit."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tiny import make_tiny_shot

from wanfx.events import Event, RunFinished, StageFinished, StageStarted, UnitFinished, read_events
from wanfx.io.atomic import is_leftover, sha256_file

KILLS = 40
FRAMES = 12
STAGES = (
    "ingest", "matte", "refine", "camera", "clean", "reference", "reference_pose", "pose", "generate", "rematte",
    "finish", "deliver", "crypto", "review", "verify", "report",
)  # fmt: skip


def _start(shot: Path, out: Path, events: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "wanfx", "run", str(shot), "--out", str(out), "--events", str(events), "--quiet"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _contents(delivery: Path) -> dict[str, str]:
    """Every file of the version but those that hold timings."""
    return {
        path.relative_to(delivery).as_posix(): sha256_file(path)
        for path in sorted(delivery.rglob("*")) if path.is_file() and path.name not in ("run.json", "index.html")
    }  # fmt: skip


@dataclass
class _Plan:
    """Where the kills are to come: as each stage starts, then three times as it has made a unit anew."""

    targets: list[tuple[str, str]] = field(
        default_factory=lambda: [(stage, when) for stage in STAGES for when in ("start", "unit", "unit", "unit")]
    )

    def is_reached(self, event: Event) -> bool:
        """Whether the event is the next target's; targets that the run has passed are given up."""
        if isinstance(event, StageFinished):
            self.targets = [target for target in self.targets if target[0] != event.stage]
            return False
        if isinstance(event, StageStarted):
            return (event.stage, "start") in self.targets
        return isinstance(event, UnitFinished) and not event.reused and (event.stage, "unit") in self.targets

    def strike(self, event: Event) -> str:
        """Take the target off the list; its stage."""
        assert isinstance(event, StageStarted | UnitFinished)
        self.targets.remove((event.stage, "start" if isinstance(event, StageStarted) else "unit"))
        return event.stage


def _kill_once(child: subprocess.Popen[bytes], events: Path, plan: _Plan, delay_s: float) -> str | None:
    """Kill the run at the next target, a moment after; the stage, or None where it ended before."""
    for event in _follow(events, child):
        if plan.is_reached(event):
            time.sleep(delay_s)
            was_running = child.poll() is None
            child.send_signal(signal.SIGKILL)
            child.communicate()
            return plan.strike(event) if was_running else None
    child.communicate()
    return None


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
    shot = make_tiny_shot(
        tmp_path / "shot", frames=FRAMES, generate={"backend": "fake"}, condition={"character": "auto"},
        pose={"backend": "none"}, deliver={"cryptomatte": "on"},
    )  # fmt: skip
    unbroken = _start(shot, tmp_path / "unbroken", tmp_path / "unbroken.jsonl")
    _out, text = unbroken.communicate()
    assert unbroken.returncode == 0, text.decode()

    delays, plan = random.Random(4), _Plan()
    killed: Counter[str] = Counter()
    leftovers = 0
    while plan.targets:
        events = tmp_path / f"{killed.total()}.jsonl"
        stage = _kill_once(_start(shot, tmp_path / "broken", events), events, plan, delays.uniform(0, 0.02))
        if stage is None:
            break
        killed[stage] += 1
        leftovers += sum(is_leftover(path) for path in (tmp_path / "broken").rglob(".*"))
    last = _start(shot, tmp_path / "broken", tmp_path / "last.jsonl")
    _out, text = last.communicate()
    assert last.returncode == 0, text.decode()

    print(json.dumps({"kills": killed, "in the middle of a write": leftovers}))
    assert killed.total() >= KILLS
    assert set(killed) == set(STAGES)
    assert leftovers > 0, "no kill came in the middle of a write"
    unbroken_files = _contents(tmp_path / "unbroken" / "tiny" / "v001")
    assert _contents(tmp_path / "broken" / "tiny" / "v001") == unbroken_files
    assert any(name.startswith("comp/") for name in unbroken_files)
    assert not [path for path in (tmp_path / "broken").rglob(".*") if is_leftover(path)]
