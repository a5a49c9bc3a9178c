"""How long a run took, stage by stage, and what it warned of: gathered from its events."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from wanfx.events import Event, StageFinished, StageStarted, UnitFinished, Warned, read_events

SCHEMA = "wanfx.run/1"


def read_timings(path: Path, *, run: str) -> dict[str, Any]:
    """What ``run.json`` holds of the run ``run``, whose events so far are in ``path``.

    ``stages`` are in the order in which they began: seconds, units made anew and units that were there already (a
    resumed run's seconds are its own, without those of the run before). ``warnings`` are stage, text and frame.
    """
    return gather_timings(event for event in read_events(path) if event.run == run)


def gather_timings(events: Iterable[Event]) -> dict[str, Any]:
    """As `read_timings`, of a run's events."""
    stages: dict[str, dict[str, Any]] = {}
    warnings = []
    for event in events:
        if isinstance(event, StageStarted):
            stages.setdefault(event.stage, {"stage": event.stage, "seconds": 0.0, "made": 0, "reused": 0})
        elif isinstance(event, UnitFinished) and event.stage in stages:
            stages[event.stage]["reused" if event.reused else "made"] += 1
        elif isinstance(event, StageFinished) and event.stage in stages:
            stages[event.stage]["seconds"] = round(stages[event.stage]["seconds"] + event.seconds, 3)
        elif isinstance(event, Warned):
            warnings.append({"stage": event.stage, "text": event.text, "frame": event.frame})
    return {"stages": list(stages.values()), "warnings": warnings}
