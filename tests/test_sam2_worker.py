"""``wanfx worker`` with SAM 2 of random weights, over its own stdin and stdout: clicks, undo, tracking, cancelling."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.tiny import FIRST, HEIGHT, WIDTH, make_tiny_shot, plate_pixels
from tests.worker_client import WorkerClient
from wanfx.backends.weights import MODELS_FOLDER, ModelSet
from wanfx.io import exr, stills

sys.path.append(str(Path(__file__).parent / "backends"))
from sam2_tiny import make_tiny_set, require_torch

require_torch()
_FRAMES = 8
_OPTIONS = {"matte.backend": "sam2", "matte.engine": "transformers"}
# The worker of the command, with a random network in the place of SAM 2.1 tiny.
_WORKER = """
from wanfx import worker
from wanfx.backends import torch_env, weights
from wanfx.backends.weights import HubSource, ModelFile, ModelSet
torch_env.CPU_THREADS = 1
made = {made}
weights.MODEL_SETS = {{**weights.MODEL_SETS, made.name: made}}
raise SystemExit(worker.run_worker())
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelSet]:
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(MODELS_FOLDER, str(folder))
        yield make_tiny_set(folder, name="sam2-tiny")


@pytest.fixture(scope="module")
def plate(tmp_path_factory: pytest.TempPathFactory) -> str:
    shot = make_tiny_shot(tmp_path_factory.mktemp("shot"), frames=_FRAMES)
    return str(shot.parent / "plate" / "tiny.####.exr")


@pytest.fixture
def worker(made: ModelSet) -> Iterator[WorkerClient]:
    with WorkerClient(code=_WORKER.format(made=made)) as client:
        client.hello()
        yield client


def _box(index: int) -> list[int]:
    return plate_pixels(index)[1].as_list()


def _matte(path: str) -> np.ndarray:
    return np.asarray(stills.read_still(path).pixels[..., 0])


def test_clicks_undo_and_another_frame(worker: WorkerClient, plate: str) -> None:
    opened = worker.ask("open", plate=plate, options=_OPTIONS)
    assert opened["backend"] == "sam2"
    boxed = worker.ask("click", subject="walker", box=_box(0))
    first = _matte(boxed["matte"])
    assert first.shape == (HEIGHT, WIDTH) and 0 < boxed["confidence"] <= 1
    on = worker.ask("click", subject="walker", x=WIDTH / 2, y=HEIGHT / 2, on=False)
    assert on["undo"] == 2 and not np.array_equal(_matte(on["matte"]), first)
    undone = worker.ask("undo", subject="walker")
    assert np.array_equal(_matte(undone["matte"]), first)
    later = worker.ask("click", subject="walker", frame=FIRST + 5, box=_box(5), file="exr", size="full")
    assert later["frame"] == FIRST + 5 and exr.read_matte(Path(later["matte"])).shape == (HEIGHT, WIDTH)
    assert worker.ask("frame", frame=FIRST)["frame"] == FIRST


def test_two_subjects_are_tracked_from_clicks_in_two_frames_and_again_after_a_cancel(
    worker: WorkerClient, plate: str, tmp_path: Path
) -> None:
    worker.ask("open", plate=plate, options=_OPTIONS, work=str(tmp_path))
    worker.ask("click", subject="walker", box=_box(0))
    worker.ask("click", subject="walker", frame=FIRST + 6, box=_box(6))
    worker.ask("click", subject="wall", frame=FIRST + 3, box=[2, 2, 40, 40])
    asked = worker.send("track")
    worker.read()
    cancel = worker.send("cancel")
    lines = {}
    while len(lines) < 2:
        line = worker.read()
        if "progress" not in line:
            lines[line["id"]] = line
    assert lines[cancel]["ok"] == {"cancelled": [asked]} and lines[asked]["error"]["kind"] == "cancelled"
    tracked = worker.ask("track", replace=True)
    assert [one["subject"] for one in tracked["subjects"]] == ["walker", "wall"]
    for name in ("walker", "wall"):
        mattes = [exr.read_matte(tmp_path / f"{name}.{FIRST + index}.exr") for index in range(_FRAMES)]
        assert all(one.shape == (HEIGHT, WIDTH) and 0 <= one.min() <= one.max() <= 1 for one in mattes)
    clicked = worker.ask("click", subject="other", frame=FIRST, box=_box(0), file="exr")
    alone = exr.read_matte(tmp_path / f"walker.{FIRST}.exr")
    assert np.array_equal(exr.read_matte(Path(clicked["matte"])), alone)  # a click shows what tracking begins with


def test_what_is_missing_is_told_and_the_worker_lives(worker: WorkerClient, plate: str) -> None:
    error = worker.fail("open", plate=plate, options={**_OPTIONS, "matte.model": "large"})
    assert error["code"] == 3 and "wanfx models fetch sam2-large" in error["remedy"]
    worker.ask("open", plate=plate, options=_OPTIONS)
    assert worker.ask("click", subject="walker", x=3, y=4, on=False)["matte"] is None
