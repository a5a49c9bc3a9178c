"""A run's events as progress bars, or as plain lines where there is no terminal."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from wanfx.events import Event, StageFinished, StageStarted, StepFinished, UnitFinished, Warned

_LINE_S = 30.0
_PARTS = {"generate": "window"}


class StepClock:
    """How long the steps of a stage will still take, from those that were seen."""

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None

    def left_s(self, event: StepFinished, *, now_s: float) -> float | None:
        """The seconds that are left at ``now_s``; None for the first step, which tells nothing yet.

        >>> clock, steps = StepClock(), [StepFinished("", 0, "", "generate", n, 4, 1, 2) for n in (1, 2, 3)]
        >>> [clock.left_s(step, now_s=10.0 * step.step) for step in steps]
        [None, 60.0, 50.0]
        """
        made = (event.part - 1) * event.steps + event.step
        if self._first is None:
            self._first = made, now_s
        first, since_s = self._first
        if made <= first:
            return None
        return (now_s - since_s) / (made - first) * (event.parts * event.steps - made)


class ProgressDisplay:
    """Shows events; use it as a context manager and give it to a run as a listener."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self._console = console
        self._quiet = quiet
        self._bars = Progress(
            TextColumn("{task.description:<10}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[note]}"),
            console=console,
            disable=quiet or not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._clocks: dict[str, StepClock] = {}
        self._told_s = time.monotonic()

    def __enter__(self) -> ProgressDisplay:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def refresh(self) -> None:
        """Draw what is known now."""
        self._bars.refresh()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Warned):
            where = "" if event.frame is None else f" (frame {event.frame})"
            self._console.print(
                f"warning: {event.stage}: {event.text}{where}", highlight=False, soft_wrap=True, markup=False
            )
        elif isinstance(event, StageStarted):
            self._tasks[event.stage] = self._bars.add_task(event.stage, total=event.units, note="")
        elif isinstance(event, StepFinished) and event.stage in self._tasks:
            self._tell_step(event)
        elif isinstance(event, UnitFinished) and event.stage in self._tasks:
            self._bars.advance(self._tasks[event.stage])
        elif isinstance(event, StageFinished) and event.stage in self._tasks:
            task = self._tasks[event.stage]
            self._bars.update(task, completed=next(t.total for t in self._bars.tasks if t.id == task), note="")
            if not self._quiet and not self._console.is_terminal:
                self._console.print(f"{event.stage}: {event.seconds:.1f} s", highlight=False)

    def _tell_step(self, event: StepFinished) -> None:
        """Beside the bar, or, where there is no terminal, now and then on a line of its own."""
        now_s = time.monotonic()
        text = describe_step(event, left_s=self._clocks.setdefault(event.stage, StepClock()).left_s(event, now_s=now_s))
        self._bars.update(self._tasks[event.stage], note=text)
        if not self._quiet and not self._console.is_terminal and now_s - self._told_s >= _LINE_S:
            self._told_s = now_s
            self._console.print(f"{event.stage}: {text}", highlight=False)


def describe_step(event: StepFinished, *, left_s: float | None) -> str:
    """Which step it was, and how long the rest takes.

    >>> describe_step(StepFinished("", 0, "", "generate", 7, 20, 2, 8), left_s=400.0)
    'window 2/8, step 7/20, about 7 min left'
    """
    part = f"{_PARTS.get(event.stage, 'part')} {event.part}/{event.parts}, " if event.parts > 1 else ""
    left = "" if left_s is None else f", about {left_s / 60:.0f} min left" if left_s >= 90 else f", {left_s:.0f} s left"
    return f"{part}step {event.step}/{event.steps}{left}"
