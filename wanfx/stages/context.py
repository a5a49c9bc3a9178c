"""What every stage is given: the shot, its options, where to write, and how to say what it does."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wanfx.ahead import make_ahead
from wanfx.cancel import Cancellation
from wanfx.delivery import ShotFolder, Version
from wanfx.events import EventLog, StageFinished, StageStarted, UnitFinished, Warned
from wanfx.io.exr import Compression
from wanfx.keys import make_key
from wanfx.options import Options
from wanfx.shot import Shot
from wanfx.units import PaintableFolder, Record, Unit, UnitStore
from wanfx_color.configs import ColorConfig

if TYPE_CHECKING:
    from wanfx.stages.clean import GivenClean
    from wanfx.stages.ingest import Ingested
    from wanfx.stages.refine import Refined

WORK_COMPRESSION: Compression = "none"
"""Of the pictures in the work folder: they are read many times, and packing them takes longer than all else."""
log = logging.getLogger("wanfx")


@dataclass(frozen=True)
class Made:
    """What making a unit gave: its files and facts, and the SHA-256 of files of which it is ``known``."""

    files: tuple[Path, ...] = ()
    facts: Mapping[str, Any] | None = None
    known: Mapping[Path, str] | None = None


@dataclass(frozen=True)
class RunContext:
    """One run of one shot. ``fresh`` takes no record of earlier runs for good; ``clean_source`` makes the pictures of
    clean plates that are not found in other frames.
    """

    shot: Shot
    options: Options
    folder: ShotFolder
    version: Version
    color: ColorConfig
    events: EventLog
    cancellation: Cancellation
    fresh: bool = False
    clean_source: Callable[[RunContext, Ingested, Refined, list[int]], GivenClean] | None = None

    @property
    def work(self) -> Path:
        return self.folder.work

    @property
    def store(self) -> UnitStore:
        return UnitStore(self.folder.root, records=self.folder.records)

    def find_or_make(self, unit: Unit, make: Callable[[], Made]) -> tuple[Record, bool]:
        """The unit's record, and whether it is one of an earlier run."""
        record = None if self.fresh else self.store.find(unit)
        if record is not None:
            return record, True
        made = make()
        return self.store.commit(unit, files=made.files, facts=made.facts or {}, known=made.known), False

    def warn(self, stage: str, text: str, *, frame: int | None = None) -> None:
        """Tell the user, in the events and the log."""
        log.warning("%s: %s%s", stage, text, "" if frame is None else f" (frame {frame})")
        self.events.emit(Warned, stage=stage, text=text, frame=frame)

    @contextlib.contextmanager
    def stage(self, name: str, *, units: int) -> Iterator[StageProgress]:
        """A stage of so many units, for the progress display and the log."""
        log.info("%s: %d units", name, units)
        self.events.emit(StageStarted, stage=name, units=units)
        start = time.monotonic()
        yield StageProgress(self, name)
        seconds = time.monotonic() - start
        log.info("%s: done in %.1f s", name, seconds)
        self.events.emit(StageFinished, stage=name, seconds=round(seconds, 3))


@dataclass(frozen=True)
class StageProgress:
    """The stage that is at work."""

    run: RunContext
    name: str

    def step(self, unit: str | int, *, reused: bool = False) -> None:
        """Say that a unit is done. Raises CancelledError where the run was cancelled."""
        self.run.events.emit(UnitFinished, stage=self.name, unit=str(unit), reused=reused)
        self.run.cancellation.check()

    def make(self, unit: Unit, make: Callable[[], Made], *, count: bool = True) -> Record:
        """The unit's record: the one there is where it is still good, else of what ``make`` makes now."""
        record, reused = self.run.find_or_make(unit, make)
        if count:
            self.step(unit.name, reused=reused)
        return record

    def make_many(self, jobs: Iterable[tuple[Unit, Callable[[], Made]]]) -> Iterator[Record]:
        """The records of units that do not depend on each other, in order; a few are made at a time.

        Where one fails, those before it are complete.
        """

        def find_or_make(job: tuple[Unit, Callable[[], Made]]) -> tuple[Unit, Record, bool]:
            return job[0], *self.run.find_or_make(*job)

        for unit, record, reused in make_ahead(jobs, find_or_make, name=self.name):
            self.step(unit.name, reused=reused)
            yield record


def unit_name(frame: int, *, subject: str = "") -> str:
    """The name of a frame's unit, or of a subject's in that frame."""
    return f"{subject}.{frame}" if subject else str(frame)


def make_frames(
    run: RunContext,
    *,
    stage: str,
    frames: Iterable[int],
    key: Callable[[int], str],
    make: Callable[[int], Made],
    subject: str = "",
) -> dict[int, Record]:
    """A stage whose units are frames, of one subject where there may be several: the record of every frame."""
    wanted = list(frames)
    with run.stage(stage, units=len(wanted)) as progress:
        jobs = ((Unit(stage, unit_name(frame, subject=subject), key(frame)), partial(make, frame)) for frame in wanted)
        return dict(zip(wanted, progress.make_many(jobs), strict=True))


def paintable(run: RunContext, name: str) -> PaintableFolder:
    """The work folder ``name``, whose files an artist may replace."""
    return PaintableFolder(run.work / name)


def stage_key(stage: str, version: int, *parts: Any) -> str:
    """A unit's key: the stage, the version of its method, and all that the result depends on."""
    return make_key(stage, version, *parts)
