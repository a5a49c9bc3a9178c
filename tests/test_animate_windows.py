"""Wan-Animate's window loop: killed in the middle of a window it goes on to the bit, and memory does not grow."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import tracemalloc
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch
from animate_shot import NAME, make_animate_shot
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from wanfx.backends.protocols import GeneratedFrame, WindowInputs
from wanfx.backends.registry import add_generator
from wanfx.cli.main import main
from wanfx.events import StepFinished, read_events
from wanfx.io.atomic import sha256_file

sys.path.append(str(Path(__file__).parent / "backends"))
from tiny_animate import TinyAnimate
from tiny_wan import save_animate_folder

_PROGRAM = Path(__file__).parent / "backends" / "tiny_animate.py"
_SLOW_STEPS = 12


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("wan")
    save_animate_folder(folder)
    return folder


def _start(weights: Path, folder: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable, str(_PROGRAM), str(weights), "run", str(folder / "shot" / "shot.json"), "--out",
        str(folder / "out"), "--events", str(folder / "events.jsonl"), "--quiet",
    ]  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with (folder / "stderr.txt").open("wb") as told:
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=told)


def _told(folder: Path) -> str:
    return (folder / "stderr.txt").read_text()


def _steps(folder: Path) -> list[tuple[int, int]]:
    events = folder / "events.jsonl"
    found = read_events(events) if events.exists() else []
    return [(event.part, event.step) for event in found if isinstance(event, StepFinished)]


def _files(folder: Path) -> dict[str, str]:
    root = folder / "out" / "tiny"
    parts = (root / "work" / "generate", root / "v001" / "comp", root / "v001" / "manifest.json")
    found = [path for part in parts for path in ([part] if part.is_file() else sorted(part.rglob("*.exr")))]
    return {path.relative_to(root).as_posix(): sha256_file(path) for path in found}


@pytest.mark.slow
@pytest.mark.parametrize("task", ["animate", "replace"])
def test_a_run_killed_in_the_middle_of_a_window_goes_on_to_the_bit(weights: Path, tmp_path: Path, task: str) -> None:
    wan = {"dtype": "float32", "steps": _SLOW_STEPS}
    for name in ("whole", "broken"):
        make_animate_shot(tmp_path / name, frames=7, task=task, wan=wan)
    whole = _start(weights, tmp_path / "whole")
    assert whole.wait() == 0, _told(tmp_path / "whole")

    child = _start(weights, tmp_path / "broken")
    while (2, 1) not in _steps(tmp_path / "broken"):
        assert child.poll() is None, _told(tmp_path / "broken")
        time.sleep(0.002)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    before = _steps(tmp_path / "broken")
    assert before[-1][0] == 2 and before[-1][1] < _SLOW_STEPS, "the window was done before the kill"

    again = _start(weights, tmp_path / "broken")
    assert again.wait() == 0, _told(tmp_path / "broken")
    assert _steps(tmp_path / "broken")[len(before) :] == [(2, step) for step in range(1, _SLOW_STEPS + 1)]
    assert _files(tmp_path / "broken") == _files(tmp_path / "whole")


class _Live(TorchDispatchMode):  # type: ignore[misc]
    """The most bytes of tensors that were alive at once since `peak` was last set."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = self.bytes = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor) and tensor.untyped_storage()._cdata not in self._known:
                storage = tensor.untyped_storage()
                self._known.add(storage._cdata)
                self.bytes += storage.nbytes()
                self.peak = max(self.peak, self.bytes)
                weakref.finalize(storage, self._forget, storage._cdata, storage.nbytes())
        return result

    def _forget(self, key: int, count: int) -> None:
        self._known.discard(key)
        self.bytes -= count


class _Metered(TinyAnimate):
    """Notes of each window the most memory of tensors, of Python's own with numpy's arrays, and of tensors after it."""

    live = _Live()
    peaks: list[tuple[int, int, int]] = []  # noqa: RUF012
    windows = 0

    def generate(self, inputs: WindowInputs) -> Iterator[GeneratedFrame]:
        if not self.peaks:
            tracemalloc.start()
        tracemalloc.reset_peak()
        self.live.peak = self.live.bytes
        with self.live:
            yield from super().generate(inputs)
        self.peaks.append((self.live.peak, tracemalloc.get_traced_memory()[1], self.live.bytes))
        if len(self.peaks) == self.windows:
            tracemalloc.stop()


@pytest.mark.parametrize("task", ["animate", "replace"])
def test_a_windows_memory_does_not_depend_on_how_many_there_are(
    weights: Path, tmp_path: Path, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Metered, "folder", weights)
    add_generator(NAME, _Metered)
    peaks = {}
    for windows in (2, 6):
        folder = tmp_path / str(windows)
        path = make_animate_shot(folder, frames=1 + 4 * windows, task=task)
        monkeypatch.setattr(_Metered, "peaks", [])
        monkeypatch.setattr(_Metered, "made", [])
        monkeypatch.setattr(_Metered, "live", _Live())
        monkeypatch.setattr(_Metered, "windows", windows)
        assert main(["run", str(path), "--out", str(folder / "out"), "--quiet"]) == 0
        assert len(_Metered.peaks) == windows
        peaks[windows] = _Metered.peaks
    tensors, arrays = (max(peak[kind] for peak in peaks[2]) for kind in (0, 1))
    assert tensors > 100_000 and max(peak[0] for peak in peaks[6]) <= 1.01 * tensors
    assert max(peak[1] for peak in peaks[6]) <= 1.05 * arrays
    left = [peak[2] for peak in peaks[6]]
    assert max(left[1:]) <= left[1], "a window leaves tensors behind"
