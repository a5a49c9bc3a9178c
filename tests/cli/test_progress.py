"""What a user sees of a run at work."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from wanfx.cli.progress import ProgressDisplay
from wanfx.events import EventLog, StageFinished, StageStarted, StepFinished


@pytest.mark.parametrize("is_terminal", [True, False])
def test_the_steps_of_a_window_are_shown_where_there_is_a_terminal(tmp_path: Path, is_terminal: bool) -> None:
    shown = io.StringIO()
    log = EventLog(tmp_path / "events.jsonl", run="r")
    with ProgressDisplay(Console(file=shown, force_terminal=is_terminal, width=120)) as display:
        log.listen(display)
        log.emit(StageStarted, stage="generate", units=12)
        for step in (1, 2):
            log.emit(StepFinished, stage="generate", step=step, steps=20, part=2, parts=8)
        display.refresh()
        log.emit(StageFinished, stage="generate", seconds=2.0)
    log.close()
    assert ("window 2/8, step 2/20" in shown.getvalue()) is is_terminal
