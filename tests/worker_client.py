"""A client of ``wanfx worker``, as a panel would be one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Line = dict[str, Any]


class WorkerClient:
    """Starts a worker and asks it things; a context manager. ``code`` is run instead of ``python -m wanfx worker``."""

    def __init__(self, *, code: str | None = None, cwd: Path | None = None) -> None:
        command = ["-m", "wanfx", "worker"] if code is None else ["-c", code]
        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=cwd,
        )
        self._last = 0

    def __enter__(self) -> WorkerClient:
        return self

    def __exit__(self, *_: object) -> None:
        with self.process:
            self.end()

    def end(self) -> int:
        """Close stdin and wait; the exit status."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(timeout=30)

    def write(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def read(self) -> Line:
        """The next line. Every line of stdout must be one of the protocol."""
        assert self.process.stdout is not None
        line = json.loads(self.process.stdout.readline())
        assert isinstance(line, dict) and len(line) == 2 and "id" in line
        return line

    def send(self, do: str, **rest: Any) -> int:
        """Ask, and do not wait."""
        self._last += 1
        self.write(json.dumps({"id": self._last, "do": do, **rest}).encode())
        return self._last

    def wait(self, asked: int, *, on_progress: Callable[[Line], None] = lambda _line: None) -> Line:
        """The answer to a request; lines of other requests may come before it and are left out."""
        while True:
            line = self.read()
            if line["id"] == asked and "progress" in line:
                on_progress(line["progress"])
            elif line["id"] == asked:
                return line

    def ask(self, do: str, **rest: Any) -> Line:
        """What it answers. Fails where that is an error."""
        line = self.wait(self.send(do, **rest))
        assert "ok" in line, line
        return dict(line["ok"])

    def fail(self, do: str, **rest: Any) -> Line:
        """The error it answers with."""
        line = self.wait(self.send(do, **rest))
        assert "error" in line, line
        return dict(line["error"])

    def hello(self) -> Line:
        return self.ask("hello", schema="wanfx.worker/1")
