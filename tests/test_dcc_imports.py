"""The modules that a DCC imports need nothing installed, on every Python that a DCC may have (Nuke 14: 3.9)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

_PROJECT = Path(__file__).resolve().parent.parent
_MINORS = range(9, 15)
_MODULES = [
    f"wanfx.{name}"
    for name in ("errors", "frames", "options", "events", "shot", "schema", "runner")
    if (_PROJECT / "wanfx" / f"{name}.py").exists()
]
# Prints where every module lies that importing those of wanfx brought in (built-in and frozen ones lie nowhere).
_PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
before = set(sys.modules)
for name in sys.argv[2:]:
    __import__(name)
files = {name: getattr(sys.modules[name], "__file__", None) for name in set(sys.modules) - before}
import sysconfig
print(json.dumps({"version": sys.version_info[:2], "stdlib": sysconfig.get_path("stdlib"), "files": files}))
"""


def _candidates(minor: int) -> Iterator[str]:
    on_path = shutil.which(f"python3.{minor}")
    if on_path:
        yield on_path
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from map(str, sorted(pyenv.glob(f"versions/3.{minor}.*/bin/python")))


@cache
def _python(minor: int) -> str | None:
    """A Python of this version that starts (pyenv's shims may be there and not start)."""
    for candidate in _candidates(minor):
        if subprocess.run([candidate, "-I", "-S", "-c", ""], capture_output=True, check=False).returncode == 0:
            return candidate
    return None


@pytest.mark.parametrize("minor", _MINORS)
def test_dcc_modules_import_with_nothing_installed(minor: int) -> None:
    python = _python(minor)
    if python is None:
        pytest.skip(f"there is no Python 3.{minor} on PATH or in pyenv")
    command = [python, "-B", "-I", "-S", "-W", "error", "-c", _PROGRAM, str(_PROJECT), *_MODULES]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["version"] == [3, minor]
    assert set(_MODULES) <= set(answer["files"])
    homes = (str(_PROJECT / "wanfx"), answer["stdlib"])
    strangers = {
        name: file
        for name, file in answer["files"].items()
        if file is not None and (not file.startswith(homes) or "site-packages" in file)
    }
    assert not strangers


def test_the_modules_are_found() -> None:
    assert {"wanfx.errors", "wanfx.frames", "wanfx.options"} <= set(_MODULES)
