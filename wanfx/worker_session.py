"""What a worker knows of its client, and how it answers a request."""

from __future__ import annotations

import os
from threading import Event

from wanfx import __version__
from wanfx.errors import InputError
from wanfx.worker_requests import REQUESTS, SCHEMA, Hello, Open, Request, Track
from wanfx.worker_shot import Answer, OpenShot
from wanfx.worker_track import Tell


class Session:
    """Answers requests, one at a time; a context manager."""

    def __init__(self) -> None:
        self._is_known = False
        self._open: OpenShot | None = None

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def answer(self, request: Request, *, tell: Tell, cancelled: Event) -> Answer:
        """Do what is asked; ``tell`` takes progress. Raises a WanfxError that says what is wrong with it."""
        if isinstance(request, Hello):
            self._is_known = True
            return {"schema": SCHEMA, "wanfx": __version__, "pid": os.getpid(), "requests": list(REQUESTS)}
        if not self._is_known:
            raise InputError("say hello first", key="do", remedy=f'{{"do": "hello", "schema": "{SCHEMA}"}}')
        if isinstance(request, Open):
            opened = OpenShot(request)
            self._close()
            self._open = opened
            return opened.describe()
        if self._open is None:
            raise InputError("no plate is open", key="do", remedy="open one first")
        if isinstance(request, Track):
            return self._open.track(request, tell=tell, cancelled=cancelled)
        return self._open.answer(request)

    def warm_up(self) -> None:
        """Get ready for a click in the current frame, while the client has nothing to ask."""
        if self._open is not None:
            self._open.warm_up()

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None
