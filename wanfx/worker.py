"""``wanfx worker``: a click becomes a matte. JSON lines on stdin and stdout; no port. docs/worker.md is the protocol.

One thread reads stdin, so that cancelling is heard while the other one works. Only lines of the protocol are written to
stdout: whatever else prints there, libraries in C too, goes to stderr.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from wanfx.errors import EnvironmentFailedError, InputError, OutOfMemoryError, WanfxError
from wanfx.worker_requests import Cancel, Close, Request, Track, describe_error, read_request
from wanfx.worker_session import Session

LONGEST_LINE = 1 << 20
_WAITING = 64
_BLOCK = 1 << 16
log = logging.getLogger("wanfx")


@dataclass(frozen=True, eq=False)
class _Asked:
    """A request that waits or is worked on; ``cancelled`` is set when its client does not want it any more."""

    id: object
    request: Request | WanfxError
    cancelled: threading.Event = field(default_factory=threading.Event)


def run_worker() -> int:
    """Answer stdin until it ends or the client says close; the exit status."""
    with _own_stdio() as (read_fd, write_fd):
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        return serve(read_fd, write_fd)


def serve(read_fd: int, write_fd: int) -> int:
    """Answer the lines that come from one file descriptor on another; 0 when they end."""
    out, inbox = _Lines(write_fd), _Inbox()
    threading.Thread(target=_read, args=(read_fd, out, inbox), name="wanfx-stdin", daemon=True).start()
    with Session() as session, contextlib.suppress(BrokenPipeError):
        while True:
            asked = inbox.take(idle=lambda: _warm_up(session))
            if asked is None:
                return 0
            _answer(session, asked, out)
            inbox.done(asked)
            if isinstance(asked.request, Close):
                return 0
    return 0


class _Lines:
    """The protocol's stdout: whole lines, from any thread."""

    def __init__(self, write_fd: int) -> None:
        self._fd, self._lock = write_fd, threading.Lock()

    def send(self, line: Mapping[str, Any]) -> None:
        data = json.dumps(line, allow_nan=False).encode("ascii") + b"\n"
        with self._lock:
            while data:
                data = data[os.write(self._fd, data) :]

    def fail(self, given: object, error: WanfxError) -> None:
        self.send({"id": given, "error": describe_error(error)})


class _Inbox:
    """Requests in the order they came, and the tracks among them that can still be cancelled."""

    def __init__(self) -> None:
        self._queue: queue.Queue[_Asked | None] = queue.Queue(_WAITING)
        self._tracks: list[_Asked] = []
        self._lock = threading.Lock()

    def add(self, asked: _Asked) -> None:
        """Raises EnvironmentFailedError where too many wait already."""
        with self._lock:
            if isinstance(asked.request, Track):
                self._tracks.append(asked)
        try:
            self._queue.put_nowait(asked)
        except queue.Full as error:
            self.done(asked)
            what = f"{_WAITING} requests wait already"
            raise EnvironmentFailedError(what, remedy="wait for an answer before you ask again") from error

    def end(self) -> None:
        """No more will come, and nobody waits for what is being tracked."""
        self.cancel()
        self._queue.put(None)

    def take(self, *, idle: Any) -> _Asked | None:
        """The next request, None at the end; ``idle`` is called where there is none yet."""
        with contextlib.suppress(queue.Empty):
            return self._queue.get_nowait()
        idle()
        return self._queue.get()

    def cancel(self) -> list[object]:
        """Cancel the tracks that are worked on or wait; their ids."""
        with self._lock:
            for asked in self._tracks:
                asked.cancelled.set()
            return [asked.id for asked in self._tracks]

    def done(self, asked: _Asked) -> None:
        with self._lock:
            if asked in self._tracks:
                self._tracks.remove(asked)


def _read(read_fd: int, out: _Lines, inbox: _Inbox) -> None:
    """Put what the client asks into the inbox; cancel at once."""
    try:
        for line in _lines_of(read_fd):
            asked = _understand(line)
            try:
                if isinstance(asked.request, Cancel):
                    out.send({"id": asked.id, "ok": {"cancelled": inbox.cancel()}})
                    continue
                if isinstance(asked.request, Close):
                    inbox.cancel()
                inbox.add(asked)
            except EnvironmentFailedError as error:
                out.fail(asked.id, error)
    except OSError:
        # The client is gone, whichever end broke first.
        log.info("the client is gone")
    finally:
        inbox.end()


def _lines_of(read_fd: int) -> Iterator[bytes | None]:
    """Lines that are not empty; None for one that is longer than a line may be."""
    rest, is_long = b"", False
    while block := os.read(read_fd, _BLOCK):
        *lines, rest = (rest + block).split(b"\n")
        for line in lines:
            if is_long or len(line) > LONGEST_LINE:
                yield None
            elif line.strip():
                yield line
            is_long = False
        if len(rest) > LONGEST_LINE:
            rest, is_long = b"", True
    if rest.strip():
        yield rest


def _understand(line: bytes | None) -> _Asked:
    """A line's request, or what is wrong with it, for which it is answered in its turn."""
    if line is None:
        what = f"this line is longer than {LONGEST_LINE} bytes"
        return _Asked(None, InputError(what, remedy="send shorter lines"))
    try:
        return _Asked(*read_request(line))
    except Exception as error:
        # The edge of the process: no line may end the thread that reads them.
        log.exception("a line cannot be read")
        return _Asked(None, WanfxError(f"internal error: {error!r}", remedy="report this with what stderr says"))


def _answer(session: Session, asked: _Asked, out: _Lines) -> None:
    """Send what the session answers, or what went wrong; only a client that is gone ends the worker."""
    try:
        if isinstance(asked.request, WanfxError):
            raise asked.request
        if isinstance(asked.request, Close):
            out.send({"id": asked.id, "ok": {}})
            return
        answer = session.answer(
            asked.request, tell=lambda line: out.send({"id": asked.id, "progress": line}), cancelled=asked.cancelled
        )
        out.send({"id": asked.id, "ok": answer})
    except BrokenPipeError:
        raise
    except WanfxError as error:
        out.fail(asked.id, error)
    except MemoryError:
        out.fail(
            asked.id, OutOfMemoryError("out of memory", remedy="close other programs, or set a lower matte.width_px")
        )
    except OSError as error:
        log.exception("a request failed")
        out.fail(asked.id, EnvironmentFailedError(str(error), remedy="check the disk or network, then ask again"))
    except Exception as error:
        # The edge of the process: the worker outlives its own faults.
        log.exception("a request failed")
        out.fail(asked.id, WanfxError(f"internal error: {error!r}", remedy="report this with what stderr says"))


def _warm_up(session: Session) -> None:
    """Embed the current frame while nothing is asked; what is wrong with it, a click will say."""
    try:
        session.warm_up()
    except Exception:
        # The edge of the process; nobody asked for this yet.
        log.exception("the current frame cannot be made ready")


@contextlib.contextmanager
def _own_stdio() -> Iterator[tuple[int, int]]:
    """The process's stdin and stdout for the protocol alone: prints go to stderr, reads find nothing."""
    sys.stdout.flush()
    read_fd, write_fd = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    try:
        yield read_fd, write_fd
    finally:
        sys.stdout.flush()
        os.dup2(write_fd, 1)
        os.close(write_fd)
