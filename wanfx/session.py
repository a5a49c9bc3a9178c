"""A run from its first moment to its last: options resolved, lease held, events and log written, errors told."""

from __future__ import annotations

import datetime
import errno
import logging
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from wanfx import __version__
from wanfx.backends.registry import choice_of_pose, find_generator, passed_over, resolve_backends
from wanfx.cancel import Cancellation
from wanfx.clean_pass import pass_options
from wanfx.colors import color_errors
from wanfx.delivery import ShotFolder
from wanfx.errors import (
    CancelledError,
    DiskFullError,
    EnvironmentFailedError,
    InputError,
    NotWritableError,
    OutOfMemoryError,
    WanfxError,
)
from wanfx.events import SCHEMA as EVENT_SCHEMA
from wanfx.events import EventLog, Listener, RunFinished, RunStarted
from wanfx.frames import FrameRange
from wanfx.io.atomic import is_leftover
from wanfx.lease import hold_lease
from wanfx.mattes import SubjectMattes, make_mattes
from wanfx.options import STAGE_OPTIONS, Options, find_spec
from wanfx.passes import deliver_shot
from wanfx.pipeline import choose_frames
from wanfx.plan import Plan, estimate_run
from wanfx.plan_picture import describe_picture
from wanfx.schema import refuse_unknown
from wanfx.sealing import Outcome, read_last
from wanfx.shot import Shot, read_data_file, read_option_tables
from wanfx.stages.asked import check_task, find_doubts
from wanfx.stages.context import RunContext
from wanfx.stages.extend import extended_source, is_extending
from wanfx.stages.ingest import open_plate, shot_frames
from wanfx.stages.inputs import check_inputs
from wanfx_color.configs import load_config

STUDIO_FILE = "WANFX_STUDIO"
_Made = TypeVar("_Made")
log = logging.getLogger("wanfx")
_NOT_NEEDED = "none is needed"


@dataclass(frozen=True)
class RunRequest:
    """What a user asks for: ``flags`` are dotted option keys from the command line, ``events`` a file for events."""

    shot: Shot
    out: Path
    frames: FrameRange | None = None
    flags: Mapping[str, Any] | None = None
    fresh: bool = False
    events: Path | None = None


def resolve_options(shot: Shot, *, flags: Mapping[str, Any] | None = None) -> Options:
    """Flag, shot, studio file (``$WANFX_STUDIO``), default: the first that says something holds. ``auto`` backends are
    resolved here, once.

    Raises OptionError or ShotError naming the key.
    """
    return resolve_backends(_read_options(shot, flags=flags), task=shot.task)


def _read_options(shot: Shot, *, flags: Mapping[str, Any] | None) -> Options:
    """What was asked for, ``auto`` and all."""
    options = Options()
    studio = os.environ.get(STUDIO_FILE)
    if studio:
        path = Path(studio)
        try:
            data = read_data_file(path)
            refuse_unknown(data, STAGE_OPTIONS, key="")
            values = _find_paths(read_option_tables(data), path.absolute().parent)
            options = options.with_values(values, source="studio")
        except InputError as error:
            error.path = error.path or str(path)
            raise
    options = options.with_values(_find_paths(shot.options, shot.folder), source="shot")
    return options.with_values(_find_paths(flags or {}, Path.cwd()), source="flag")


def _find_paths(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Option values with the paths among them absolute: they are relative to ``folder``."""
    return {
        key: str(folder / value) if find_spec(key).knob.is_path and value not in (None, "none") else value
        for key, value in values.items()
    }


def run_shot(request: RunRequest, *, listeners: tuple[Listener, ...] = ()) -> Outcome:
    """Make the shot. Raises a WanfxError for everything that can go wrong; what was made stays and is resumed."""
    return _run(
        request,
        listeners,
        lambda run: deliver_shot(run, frames=request.frames),
        place=lambda made: made.version.folder,
    )


def matte_shot(request: RunRequest, *, listeners: tuple[Listener, ...] = ()) -> list[SubjectMattes]:
    """Make the mattes of all subjects of the shot, and nothing else. Raises as `run_shot` does."""
    return _run(request, listeners, make_mattes, place=lambda made: made[0].pattern.folder)


def _run(
    request: RunRequest,
    listeners: tuple[Listener, ...],
    make: Callable[[RunContext], _Made],
    *,
    place: Callable[[_Made], Path],
) -> _Made:
    """Events and log are there from the first moment, so that who follows a run learns of every failure."""
    folder = ShotFolder.of(request.out, shot=request.shot.name)
    run_id = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S") + "-" + secrets.token_hex(3)
    with ExitStack() as stack:
        stack.enter_context(environment_errors(request.out))
        folder.claim_work()
        path = request.events or folder.run_folder(run_id) / "events.jsonl"
        events = stack.enter_context(closing(EventLog(path, run=run_id)))
        for listener in listeners:
            events.listen(listener)
        log_path = stack.enter_context(_log_file(folder.run_folder(run_id) / "log.txt"))
        events.emit(
            RunStarted, schema=EVENT_SCHEMA, wanfx=__version__, shot=request.shot.name, task=request.shot.task,
            frames="" if request.frames is None else str(request.frames), pid=os.getpid(),
            cancel_file=str(folder.cancel_file(run_id)), log=str(log_path),
        )  # fmt: skip
        made = _told(events, lambda: _hold(request, folder, events, make), out=request.out)
        events.emit(RunFinished, exit_code=0, text="done", delivery=str(place(made)))
        return made


def _hold(request: RunRequest, folder: ShotFolder, events: EventLog, make: Callable[[RunContext], _Made]) -> _Made:
    """What ``make`` makes while the shot's folder is held."""
    asked = _read_options(request.shot, flags=request.flags)
    options = resolve_backends(asked, task=request.shot.task)
    with color_errors(key="$OCIO"):
        color = load_config()
    with hold_lease(folder.lease) as lease:
        _sweep(folder)
        cancellation = Cancellation(
            folder.cancel_file(events.run),
            beat=lease.beat,
            on_forced=lambda: _finish(events, CancelledError("cancelled")),
        )
        context = RunContext(
            request.shot, options, folder, folder.begin(), color, events, cancellation, fresh=request.fresh
        )
        with cancellation:
            is_tracked = any(subject.matte is None for subject in request.shot.subjects)
            if is_tracked and (why := passed_over(asked)):
                context.warn("matte", why)
            if choice := choice_of_pose(asked, options):
                context.warn("pose", choice)
            return make(context)


def _told(events: EventLog, make: Callable[[], _Made], *, out: Path) -> _Made:
    """What ``make`` makes; what it raises is told in events and log before it goes on."""
    try:
        with environment_errors(out), color_errors():
            return make()
    except WanfxError as error:
        _finish(events, error)
        raise
    except KeyboardInterrupt as error:
        cancelled = CancelledError("cancelled", remedy="run the same command again to go on from here")
        _finish(events, cancelled)
        raise cancelled from error
    except BaseException as error:
        # The fault is wanfx's own and goes on to the caller; the events must still end.
        _finish(events, WanfxError(f"internal error: {error!r}"))
        log.exception("internal error")
        raise


def plan_shot(request: RunRequest) -> tuple[Plan, FrameRange, str | None]:
    """What `run_shot` would do, the shot's frames, and its last version. No plate is decoded and nothing is written."""
    options = resolve_options(request.shot, flags=request.flags)
    with color_errors(key="$OCIO"):
        color = load_config()
    check_task(request.shot, options)
    source = open_plate(request.shot, options, color=color)
    whole = shot_frames(request.shot, source)
    is_prompted = find_generator(options).is_prompted
    check_inputs(request.shot, source, frames=whole, color=color, is_prompted=is_prompted)
    for doubt in find_doubts(request.shot, options):
        log.warning("generate: %s", doubt)
    folder = ShotFolder.of(request.out, shot=request.shot.name)
    last = read_last(folder)
    grown, wanted = extended_source(request.shot, source), choose_frames(whole, request.frames)
    plan = estimate_run(grown, options, frames=wanted, out=folder.root, task=request.shot.task)
    retake = None
    if last is not None and len(request.shot.subjects) < 2:
        retake = last.plan_retake(options, whole, asked=request.frames, warn=log.warning)
    plan = plan if retake is None else plan.joined(retake)
    if (of_clean := pass_options(request.shot, options)) is not None:
        plan = plan.with_clean(estimate_run(source, of_clean, frames=plan.frames, out=folder.root))
    plan = plan.for_passes(max(1, len(request.shot.subjects)))
    plan = replace(plan, picture=describe_picture(folder, request.shot, options, grown, frames=whole))
    if is_extending(request.shot):
        plan = replace(plan, segmenter=_NOT_NEEDED, pose_estimator=_NOT_NEEDED)
    return plan, whole, None if last is None else str(last.version.folder)


def _finish(events: EventLog, error: WanfxError) -> None:
    log.error("%s", error)
    events.emit(RunFinished, exit_code=error.exit_code, text=str(error))


@contextmanager
def environment_errors(out: Path) -> Iterator[None]:
    """Turn the system's errors into wanfx's."""
    try:
        yield
    except MemoryError as error:
        raise OutOfMemoryError(
            "out of memory", remedy="close other programs, or give the machine more memory"
        ) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(
                "the disk is full", path=out, remedy="free some space, then run again to resume"
            ) from error
        if error.errno == errno.ENAMETOOLONG:
            raise InputError(
                "a name is too long for the disk's file system", path=error.filename or out,
                remedy="give the shot, its subject or the --out folder a shorter name",
            ) from error  # fmt: skip
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            raise NotWritableError(
                f"cannot be written ({_reason(error)})",
                path=error.filename or out,
                remedy="check the folder's permissions or choose another --out",
            ) from error
        raise EnvironmentFailedError(
            _reason(error), path=error.filename or out, remedy="check the disk or network, then run again"
        ) from error


def _reason(error: OSError) -> str:
    return (error.strerror or str(error) or type(error).__name__).lower()


def _sweep(folder: ShotFolder) -> None:
    """Remove the temporary files of a killed run."""
    for path in folder.root.rglob(".*"):
        if is_leftover(path):
            path.unlink(missing_ok=True)


@contextmanager
def _log_file(path: Path) -> Iterator[Path]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield path
    finally:
        log.removeHandler(handler)
        handler.close()
