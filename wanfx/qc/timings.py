"""How long a run took, stage by stage, and what it warned of: gathered from its events."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from wanfx.events import Event, StageFinished, StageStarted, UnitFinished, Warned, read_events

SCHEMA = "wanfx.run/1"


def read_timings(path: Path, *, run: str, started: float) -> dict[str, Any]:
    """What ``run.json`` holds of the run ``run``, which began at ``started`` and whose events so far are in ``path``.

    ``stages`` are in the order in which they began: seconds, units made anew and units that were there already (a
    resumed run's seconds are its own, without those of the run before). ``warnings`` are stage, text and frame.
    """
    gathered = gather_timings(event for event in read_events(path) if event.run == run)
    seconds = round(time.time() - started, 3)
    return {"schema": SCHEMA, "run": run, "started": started, "seconds": seconds, **gathered}


def gather_timings(events: Iterable[Event]) -> dict[str, Any]:
    """As `read_timings`, of a run's events."""
    stages: dict[str, dict[str, Any]] = {}
    units: dict[str, int] = {}
    warnings = []
    for event in events:
        if isinstance(event, StageStarted):
            stages.setdefault(event.stage, {"stage": event.stage, "seconds": 0.0, "made": 0, "reused": 0})
            units[event.stage] = units.get(event.stage, 0) + event.units
        elif isinstance(event, UnitFinished) and event.stage in stages:
            stages[event.stage]["reused" if event.reused else "made"] += 1
        elif isinstance(event, StageFinished) and event.stage in stages:
            stages[event.stage]["seconds"] = round(stages[event.stage]["seconds"] + event.seconds, 3)
        elif isinstance(event, Warned):
            warnings.append({"stage": event.stage, "text": event.text, "frame": event.frame})
    for name, stage in stages.items():
        # A window says that it is done after its frames did; it is no further unit.
        stage["made"] = min(stage["made"], units[name])
        stage["reused"] = min(stage["reused"], max(0, units[name] - stage["made"]))
    return {"stages": list(stages.values()), "warnings": warnings}
