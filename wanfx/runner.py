"""The DCC's side: start ``wanfx run`` detached, follow it, cancel it, attach to it again.

The run has an interpreter and an environment of its own: nothing of the DCC's Python, libraries or Qt gets in, and
the DCC's resolved OCIO config is passed on. Standard library only, Python 3.9 and later.
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, Mapping, Optional, Sequence, Union

from wanfx.errors import MissingError
from wanfx.events import Event, RunStarted, follow_events, read_events

_SCRUBBED = ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH",
             "DYLD_INSERT_LIBRARIES", "__PYVENV_LAUNCHER__")  # fmt: skip
_DETACHED = 0x00000008 | 0x00000200  # Windows: DETACHED_PROCESS, CREATE_NEW_PROCESS_GROUP
_SCRUBBED_PREFIXES = ("QT_", "QML", "NUKE_", "BLENDER_")


@dataclass(frozen=True)
class RunHandle:
    """A run that was started, or found again by its events file."""

    events: Path
    process: "Optional[subprocess.Popen[bytes]]" = None

    def follow(self) -> Iterator[Event]:
        """The run's events from the first, until it ends."""
        return follow_events(self.events, is_over=lambda: not self.is_alive())

    def is_alive(self) -> bool:
        """Whether the run's process still works; True where that cannot be told."""
        if self.process is not None:
            return self.process.poll() is None
        if os.name == "nt" or not self.events.exists():
            return True
        return all(_is_alive(event.pid) for event in read_events(self.events) if isinstance(event, RunStarted))

    def wait(self, *, timeout_s: Optional[float] = None) -> Optional[int]:
        """Wait for the process to end and give its exit status; None for a run that was found by its events."""
        return None if self.process is None else self.process.wait(timeout_s)

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
    return RunHandle(Path(events), process)


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


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
