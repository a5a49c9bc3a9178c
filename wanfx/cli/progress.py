"""A run's events as progress bars, or as plain lines where there is no terminal."""

from __future__ import annotations

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

from wanfx.events import Event, StageFinished, StageStarted, UnitFinished, Warned


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
            console=console,
            disable=quiet or not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> ProgressDisplay:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Warned):
            where = "" if event.frame is None else f" (frame {event.frame})"
            self._console.print(
                f"warning: {event.stage}: {event.text}{where}", highlight=False, soft_wrap=True, markup=False
            )
        elif isinstance(event, StageStarted):
            self._tasks[event.stage] = self._bars.add_task(event.stage, total=event.units)
        elif isinstance(event, UnitFinished) and event.stage in self._tasks:
            self._bars.advance(self._tasks[event.stage])
        elif isinstance(event, StageFinished) and event.stage in self._tasks:
            task = self._tasks[event.stage]
            self._bars.update(task, completed=next(t.total for t in self._bars.tasks if t.id == task))
            if not self._quiet and not self._console.is_terminal:
                self._console.print(f"{event.stage}: {event.seconds:.1f} s", highlight=False)
