"""The DCC's side: start ``wanfx run`` detached, follow it, cancel it, attach to it again.

The run has an interpreter and an environment of its own: nothing of the DCC's Python, libraries or Qt gets in, and
the DCC's resolved OCIO config is passed on. Standard library only, Python 3.9 and later.
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Optional, Sequence, Union

from wanfx.errors import MissingError
from wanfx.events import Event, RunStarted, follow_events

_SCRUBBED = ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH",
             "DYLD_INSERT_LIBRARIES", "__PYVENV_LAUNCHER__")  # fmt: skip
_DETACHED = 0x00000008 | 0x00000200  # Windows: DETACHED_PROCESS, CREATE_NEW_PROCESS_GROUP
_SCRUBBED_PREFIXES = ("QT_", "QML", "NUKE_", "BLENDER_")


@dataclass(frozen=True)
class RunHandle:
    """A run that was started, or found again by its events file."""

    events: Path
    pid: Optional[int] = None

    def follow(self) -> Iterator[Event]:
        """The run's events from the first, until it ends."""
        return follow_events(self.events, is_over=lambda: not self.is_alive())

    def is_alive(self) -> bool:
        """Whether the run's process still works (True where that cannot be told)."""
        if self.pid is None:
            return True
        if os.name != "nt":
            _reap(self.pid)
        return _is_alive(self.pid)

    def cancel(self) -> None:
        """Ask the run to stop; it finishes its unit, or ends after ten seconds."""
        for event in follow_events(self.events, is_over=lambda: not self.is_alive()):
            if isinstance(event, RunStarted):
                Path(event.cancel_file).touch()
                return


def start_run(
    shot: Union[str, Path],
    *,
    out: Union[str, Path],
    events: Union[str, Path],
    python: Union[str, Path],
    arguments: Sequence[str] = (),
    ocio: Optional[str] = None,
    environ: Optional[Mapping[str, str]] = None,
) -> RunHandle:
    """Start ``python -m wanfx run SHOT`` detached from this process.

    ``python`` is the interpreter wanfx is installed for; ``ocio`` the config in force in the DCC. Raises MissingError
    where the interpreter is not there.
    """
    interpreter = Path(python)
    if not interpreter.exists():
        raise MissingError("there is no such Python", path=interpreter, remedy="set it to the Python that has wanfx")
    command = [
        str(interpreter),
        "-m",
        "wanfx",
        "run",
        str(shot),
        "--out",
        str(out),
        "--events",
        str(events),
        *arguments,
    ]
    Path(events).unlink(missing_ok=True)
    process = subprocess.Popen(
        command,
        env=clean_environment(os.environ if environ is None else environ, ocio=ocio),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        close_fds=True,
        start_new_session=os.name != "nt",
        creationflags=_DETACHED if os.name == "nt" else 0,
    )
    return RunHandle(Path(events), process.pid)


def clean_environment(environ: Mapping[str, str], *, ocio: Optional[str]) -> Dict[str, str]:
    """``environ`` without what belongs to the DCC, with the DCC's OCIO config."""
    kept = {
        name: value
        for name, value in environ.items()
        if name not in _SCRUBBED and not name.startswith(_SCRUBBED_PREFIXES)
    }
    if ocio:
        kept["OCIO"] = ocio
    return kept


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def _is_alive(pid: int) -> bool:
    if os.name == "nt":
        listed: List[str] = subprocess.run(
            ["tasklist", "/FI", f"PID eq {pid}", "/NH"], capture_output=True, text=True, check=False
        ).stdout.split()
        return str(pid) in listed
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
