"""What a run says while it works: one JSON line an event, for the CLI, panels and farms.

A line is ``{"event": "UnitFinished", "run": ..., "seq": ..., "utc": ..., ...}``; the first line of a file is a
`RunStarted`, which carries the schema version. Readers ignore events and fields they do not know.
Standard library only, Python 3.9 and later.
"""

import dataclasses
import datetime
import json
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Type, Union

SCHEMA = "wanfx.events/1"


@dataclass(frozen=True)
class Event:
    """Common to all events: the run, the number of the event in it, and the time (UTC, ISO 8601)."""

    run: str
    seq: int
    utc: str


@dataclass(frozen=True)
class RunStarted(Event):
    """A run began; ``cancel_file`` is the file whose appearance cancels it."""

    schema: str
    wanfx: str
    shot: str
    task: str
    frames: str
    pid: int
    cancel_file: str
    log: str


@dataclass(frozen=True)
class StageStarted(Event):
    """A stage of so many units began."""

    stage: str
    units: int


@dataclass(frozen=True)
class UnitFinished(Event):
    """A unit was made, or, where ``reused``, found to be still good."""

    stage: str
    unit: str
    reused: bool


@dataclass(frozen=True)
class StepFinished(Event):
    """A step of something that takes long was made: ``step`` of ``steps`` of ``part`` of ``parts``, counted from 1.

    Parts of the stage generate are windows.
    """

    stage: str
    step: int
    steps: int
    part: int = 1
    parts: int = 1


@dataclass(frozen=True)
class StageFinished(Event):
    """A stage ended after ``seconds``."""

    stage: str
    seconds: float


@dataclass(frozen=True)
class Warned(Event):
    """Something a user should know, at a frame where that helps."""

    stage: str
    text: str
    frame: Optional[int] = None


@dataclass(frozen=True)
class RunFinished(Event):
    """The run ended. ``exit_code`` is the process's; ``delivery`` the folder of the version that was made."""

    exit_code: int
    text: str
    delivery: str = ""


_EVENTS: Dict[str, Type[Event]] = {
    kind.__name__: kind
    for kind in (RunStarted, StageStarted, UnitFinished, StepFinished, StageFinished, Warned, RunFinished)
}
Listener = Callable[[Event], None]


class EventLog:
    """Writes a run's events to a file and hands them to listeners; safe from several threads."""

    def __init__(self, path: Path, *, run: str) -> None:
        self.path = path
        self.run = run
        self._seq = 0
        self._lock = threading.Lock()
        self._listeners: List[Listener] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8")

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with every event from now on."""
        self._listeners.append(listener)

    def emit(self, kind: Type[Event], **fields: Any) -> None:
        """Write an event of this kind."""
        with self._lock:
            utc = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")
            event = kind(self.run, self._seq, utc, **fields)
            self._seq += 1
            line = {"event": kind.__name__, **dataclasses.asdict(event)}
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._file.flush()
            for listener in self._listeners:
                listener(event)

    def close(self) -> None:
        self._file.close()


def parse_event(line: str) -> Optional[Event]:
    """The event of one line, or None for a line that is cut short or an event that is not known here."""
    try:
        data = json.loads(line)
        kind = _EVENTS[data.pop("event")]
        known = {item.name for item in dataclasses.fields(kind)}
        return kind(**{name: value for name, value in data.items() if name in known})
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def read_events(path: Union[str, Path]) -> Iterator[Event]:
    """The events in a file that are known here."""
    with Path(path).open(encoding="utf-8") as lines:
        for line in lines:
            event = parse_event(line)
            if event is not None:
                yield event


def follow_events(path: Union[str, Path], *, is_over: Callable[[], bool], poll_s: float = 0.1) -> Iterator[Event]:
    """The events of a file that is still written, until its `RunFinished`, or until ``is_over`` and nothing more comes.

    A panel that crashed attaches again by calling this anew: it gets every event from the first.
    """
    source = Path(path)
    while not source.exists():
        if is_over():
            return
        time.sleep(poll_s)
    with source.open(encoding="utf-8") as lines:
        rest = ""
        while True:
            over = is_over()
            chunk = lines.read()
            *complete, rest = (rest + chunk).split("\n")
            for line in complete:
                event = parse_event(line)
                if event is not None:
                    yield event
                if isinstance(event, RunFinished):
                    return
            if over and not chunk:
                return
            if not chunk:
                time.sleep(poll_s)
