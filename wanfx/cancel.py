"""Cancelling: a file appears or a signal comes; the unit at hand is finished, or the process ends after ten seconds."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from wanfx.errors import CancelledError

GRACE_S = 10.0
_POLL_S = 0.2


class Cancellation:
    """Watches for a cancel file and for SIGINT/SIGTERM while a run works; use it as a context manager.

    ``beat`` is called about every ten seconds (the lease's heartbeat); an error it raises cancels the run.
    ``on_forced`` is called before the process is ended after the grace time.
    """

    def __init__(self, file: Path, *, beat: Callable[[], None], on_forced: Callable[[], None]) -> None:
        self.file = file
        self._beat = beat
        self._on_forced = on_forced
        self._asked = threading.Event()
        self._forced = threading.Event()
        self._over = threading.Event()
        self._lost: Exception | None = None
        self._thread = threading.Thread(target=self._watch, name="wanfx-cancel", daemon=True)
        self._handlers: dict[int, object] = {}

    def __enter__(self) -> Cancellation:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._handlers[number] = signal.signal(number, self._on_signal)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def check(self) -> None:
        """Raise CancelledError where cancelling was asked for."""
        if self._lost is not None:
            raise self._lost
        if self._asked.is_set():
            raise CancelledError("cancelled", remedy="run the same command again to go on from here")

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        # A signal may come while any lock is held, so only flags are set here.
        if self._asked.is_set():
            self._forced.set()
        self._asked.set()

    def _watch(self) -> None:
        asked_at: float | None = None
        next_beat = time.monotonic() + 10
        while not self._over.wait(_POLL_S):
            now = time.monotonic()
            if self.file.exists():
                self._asked.set()
            if self._asked.is_set() and asked_at is None:
                asked_at = now
            if self._forced.is_set() or (asked_at is not None and now - asked_at > GRACE_S):
                self._force()
            if now >= next_beat:
                next_beat = now + 10
                self._try_beat()

    def _try_beat(self) -> None:
        try:
            self._beat()
        except Exception as error:  # noqa: BLE001 - handed over to the run's own thread, which raises it
            self._lost = error

    def _force(self) -> None:
        """End the process; what is to be said before has a second, for it may wait for a lock that is never freed."""
        last_words = threading.Thread(target=self._on_forced, daemon=True)
        last_words.start()
        last_words.join(timeout=1.0)
        os._exit(CancelledError.exit_code)
