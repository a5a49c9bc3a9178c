"""``wanfx worker`` over its own stdin and stdout: clicks, undo, tracking, and whatever a client gets wrong."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tiny import FIRST, HEIGHT, WIDTH, make_tiny_shot, plate_pixels
from tests.worker_client import Line, WorkerClient
from wanfx.frames import Box
from wanfx.io import exr, stills
from wanfx.session import RunRequest, run_shot
from wanfx.shot import load_shot, parse_shot
from wanfx.worker_requests import REQUESTS

_FRAMES = 24
_LAST = FIRST + _FRAMES - 1
_FLOW = {"matte.backend": "flow"}
_SCHEMA = "wanfx.worker/1"


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_shot(tmp_path_factory.mktemp("shot"), frames=_FRAMES)


@pytest.fixture(scope="module")
def plate(shot: Path) -> str:
    return str(shot.parent / "plate" / "tiny.####.exr")


@pytest.fixture
def worker() -> Iterator[WorkerClient]:
    with WorkerClient() as client:
        client.hello()
        yield client


@pytest.fixture(scope="module")
def busy(plate: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerClient]:
    """One worker for all that it must outlive."""
    with WorkerClient() as client:
        client.hello()
        client.ask("open", plate=plate, options=_FLOW, work=str(tmp_path_factory.mktemp("work")))
        yield client


def _box(index: int) -> list[int]:
    return plate_pixels(index)[1].as_list()


def _truth(index: int) -> np.ndarray:
    matte = np.zeros((HEIGHT, WIDTH), np.float32)
    matte[Box(*_box(index)).slices()] = 1
    return matte


def _likeness(matte: np.ndarray, truth: np.ndarray) -> float:
    return float(np.minimum(matte, truth).sum() / np.maximum(matte, truth).sum())


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_client_clicks_undoes_tracks_cancels_and_clicks_again(plate: str, tmp_path: Path) -> None:
    work = tmp_path / "work"
    with WorkerClient() as worker:
        worker.hello()
        opened = worker.ask("open", plate=plate, work=str(work), options=_FLOW)
        assert opened["frames"] == f"{FIRST}-{_LAST}" and opened["size"] == [WIDTH, HEIGHT]
        assert stills.read_still(opened["picture"]).pixels.shape == (HEIGHT, WIDTH, 3)
        boxed = worker.ask("click", subject="walker", box=_box(0))
        assert (boxed["frame"], boxed["undo"], boxed["redo"]) == (FIRST, 1, 0)
        first = stills.read_still(boxed["matte"]).pixels[..., 0]
        assert _likeness(first, _truth(0)) > 0.8

        off = worker.ask("click", subject="walker", x=64.5, y=50.5, on=False)
        assert stills.read_still(off["matte"]).pixels[50, 64, 0] < 0.1 < first[50, 64]
        undone = worker.ask("undo", subject="walker")
        assert np.array_equal(stills.read_still(undone["matte"]).pixels[..., 0], first)
        assert (undone["undo"], undone["redo"]) == (1, 1)
        redone = worker.ask("redo", subject="walker")
        assert stills.read_still(redone["matte"]).pixels[50, 64, 0] < 0.1
        worker.ask("undo", subject="walker")

        told: list[Line] = []
        tracked = worker.wait(worker.send("track", subject="walker"), on_progress=told.append)["ok"]
        assert tracked["frames"] == f"{FIRST}-{_LAST}"
        steps = [line for line in told if line["stage"] == "track"]
        assert [line["done"] for line in steps] == list(range(1, _FRAMES + 1))
        assert {line["frame"] for line in steps} == set(range(FIRST, _LAST + 1))
        for index in (0, 11, 23):
            matte = exr.read_matte(work / f"walker.{FIRST + index}.exr")
            assert _likeness(matte, _truth(index)) > 0.7

        asked = worker.send("track", subject="walker")
        worker.read()
        cancel = worker.send("cancel")
        lines = {}
        while len(lines) < 2:
            line = worker.read()
            if "progress" not in line:
                lines[line["id"]] = line
        assert lines[cancel]["ok"] == {"cancelled": [asked]}
        assert lines[asked]["error"]["kind"] == "cancelled" and lines[asked]["error"]["code"] == 130

        later = worker.ask("click", subject="walker", frame=FIRST + 10, box=_box(10), file="exr", size="full")
        assert _likeness(exr.read_matte(later["matte"]), _truth(10)) > 0.8
        worker.ask("close")
        assert worker.process.wait(timeout=30) == 0
    mattes = {f"walker.{frame}.exr" for frame in range(FIRST, _LAST + 1)}
    assert _files(tmp_path) == {f"work/{name}" for name in mattes} | {
        "work/clicks/walker.1001.png", "work/clicks/walker.1011.exr",
    }  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        b"hello", b"{", b"[]", b"7", b"null", b'"text"', b"\xff\xfe", b"\x00", b"[" * 100_000, b"{}",
        b'{"id": 1}', b'{"id": 1, "do": null}', b'{"id": [], "do": "hello"}', b'{"id": 1, "do": ["frame"]}',
        b'{"id": 1, "do": "fly"}', b'{"id": 1, "do": "frame", "frame": 1e999}',
        b'{"id": 1, "do": "frame", "frame": NaN}',
        b'{"id": 1, "do": "frame", "frame": "first"}', b'{"id": 1, "do": "frame", "frane": 1001}',
        b'{"id": 1, "do": "hello", "schema": 1}', b'{"id": 1, "do": "x"' + b" " * 2_000_000 + b"}",
        b'{"id": 1, "do": "frame", "frame": ' + b"9" * 5000 + b"}",
    ],
)  # fmt: skip
def test_a_line_that_makes_no_sense_gets_an_error_line_and_the_worker_lives(busy: WorkerClient, line: bytes) -> None:
    busy.write(line)
    error = busy.read()["error"]
    assert error["kind"] == "input" and error["code"] == 2 and error["text"] and error["remedy"]
    assert busy.ask("frame", frame=FIRST)["frame"] == FIRST


@pytest.mark.parametrize(
    ("do", "rest", "key"),
    [
        ("open", {"plate": "nowhere.####.exr"}, None),
        ("open", {"plate": "nowhere.mov"}, None),
        ("open", {}, "plate"),
        ("open", {"plate": 5}, "plate"),
        ("open", {"plate": "PLATE", "options": {"matte.backand": "flow"}}, "matte.backand"),
        ("open", {"plate": "PLATE", "options": {"matte.backend": "magic"}}, "matte.backend"),
        ("open", {"plate": "PLATE", "frame": 5}, "frame"),
        ("open", {"plate": "PLATE", "frames": "1-5"}, "frames"),
        ("open", {"plate": {"path": "PLATE", "colorspace": "no such space"}}, "plate.colorspace"),
        ("open", {"plate": "PLATE", "subjects": [{"name": "a", "points": [{"x": 1}]}]}, "subjects[0].points[0].y"),
        ("open", {"plate": "PLATE", "subjects": [{"name": "a b"}, {"name": "A_B"}]}, "subject"),
        ("frame", {"frame": 999}, "frame"),
        ("click", {}, "x"),
        ("click", {"x": 5}, "x"),
        ("click", {"x": 5, "y": 5, "box": [1, 1, 9, 9]}, "x"),
        ("click", {"x": 1e30, "y": 5}, "x"),
        ("click", {"x": 5, "y": -1}, "y"),
        ("click", {"x": "5", "y": 5}, "x"),
        ("click", {"box": [9, 9, 1, 1]}, "box"),
        ("click", {"box": [500, 500, 600, 600]}, "box"),
        ("click", {"box": [-1e30, 0, 1e30, 50]}, "box"),
        ("click", {"box": [1, 2, 3]}, "box"),
        ("click", {"x": 5, "y": 5, "subject": " "}, "subject"),
        ("click", {"x": 5, "y": 5, "file": "gif"}, "file"),
        ("undo", {"subject": "nobody"}, "subject"),
        ("track", {"subject": "nobody"}, "subject"),
        ("track", {}, "subject"),
        ("track", {"frames": "5-1"}, None),
        ("track", {"frames": "1-5"}, "frames"),
    ],
)
def test_a_bad_request_says_which_key_is_wrong_and_changes_nothing(
    busy: WorkerClient, plate: str, do: str, rest: dict[str, Any], key: str | None
) -> None:
    asked = json.loads(json.dumps(rest).replace("PLATE", plate))
    error = busy.fail(do, **asked)
    assert error["kind"] == "input" and error.get("key") == key and error["remedy"]
    assert busy.ask("prompts") == {"subjects": []}


def test_the_page_of_the_protocol_has_every_request_and_key() -> None:
    page = (Path(__file__).parent.parent / "docs" / "worker.md").read_text(encoding="utf-8")
    for name, kind in REQUESTS.items():
        assert f'"do": "{name}"' in page or name == "redo"
        for item in dataclasses.fields(kind):
            assert f"`{item.name}`" in page or f'"{item.name}"' in page, (name, item.name)


def test_an_unknown_protocol_is_refused_and_nothing_is_done_before_hello(plate: str) -> None:
    with WorkerClient() as worker:
        assert worker.fail("hello", schema="wanfx.worker/2")["key"] == "schema"
        assert "hello" in worker.fail("open", plate=plate)["text"]
        assert worker.hello()["schema"] == _SCHEMA
        assert "no plate" in worker.fail("frame", frame=1)["text"]


def test_only_lines_of_the_protocol_come_from_stdout() -> None:
    noisy = (
        "import os\nfrom wanfx import worker, worker_session\nquiet = worker_session.Session.answer\n"
        "def answer(*a, **k):\n    print('a library prints')\n    os.write(1, b'so does one in C')\n"
        "    return quiet(*a, **k)\nworker_session.Session.answer = answer\nraise SystemExit(worker.run_worker())\n"
    )
    with WorkerClient(code=noisy) as worker:
        assert worker.hello()["schema"] == _SCHEMA
        worker.ask("close")
        assert worker.process.stdout is not None and worker.process.stdout.read() == b""


def test_prompts_are_told_as_a_shot_file_has_them_and_taken_back_in(worker: WorkerClient, plate: str) -> None:
    worker.ask("open", plate=plate, options=_FLOW)
    worker.ask("click", subject="the walker", box=_box(0))
    worker.ask("click", subject="the walker", box=_box(5), frame=FIRST + 5)
    worker.ask("click", subject="the walker", x=3, y=4, on=False)
    off_first = worker.ask("click", subject="wall", x=150.5, y=20.5, on=False)
    assert off_first["matte"] is None
    told = worker.ask("prompts")["subjects"]
    shot = parse_shot(
        {"schema": "wanfx.shot/1", "name": "s", "task": "replace", "plate": plate, "reference": "r", "subjects": told}
    )
    walker = shot.subjects[0]
    assert walker.name == "the walker" and [box.frame for box in walker.boxes] == [FIRST, FIRST + 5]
    assert [(point.x, point.y, point.on, point.frame) for point in walker.points] == [(3.0, 4.0, False, FIRST + 5)]
    again = worker.ask("open", plate=plate, options=_FLOW, subjects=told)
    assert again["subjects"] == ["the walker", "wall"] and worker.ask("prompts")["subjects"] == told
    cleared = worker.ask("clear", subject="the walker", frame=FIRST)
    assert cleared["prompts"] == 2
    assert worker.ask("undo", subject="the walker")["prompts"] == 3


def test_a_range_is_led_into_from_prompts_outside_it_and_nothing_else_is_written(
    worker: WorkerClient, plate: str, tmp_path: Path
) -> None:
    worker.ask("open", plate=plate, options=_FLOW, work=str(tmp_path))
    worker.ask("click", subject="walker", box=_box(2), frame=FIRST + 2)
    worker.ask("track", subject="walker", frames=f"{FIRST + 6}-{FIRST + 8}")
    assert {path.name for path in tmp_path.glob("*.exr")} == {f"walker.{FIRST + index}.exr" for index in (6, 7, 8)}
    assert _likeness(exr.read_matte(tmp_path / f"walker.{FIRST + 8}.exr"), _truth(8)) > 0.7


def test_a_matte_that_somebody_painted_is_not_written_over_unasked(
    worker: WorkerClient, plate: str, tmp_path: Path
) -> None:
    painted = tmp_path / f"walker.{FIRST + 1}.exr"
    exr.write_matte(painted, np.zeros((HEIGHT, WIDTH), np.float32))
    before = painted.read_bytes()
    worker.ask("open", plate=plate, options=_FLOW, work=str(tmp_path))
    worker.ask("click", subject="walker", box=_box(0))
    frames = f"{FIRST}-{FIRST + 2}"
    error = worker.fail("track", subject="walker", frames=frames)
    assert error["path"] == str(painted) and error["frame"] == FIRST + 1
    assert painted.read_bytes() == before and len(list(tmp_path.glob("*.exr"))) == 1
    worker.ask("track", subject="walker", frames=frames, replace=True)
    worker.ask("track", subject="walker", frames=frames)
    assert painted.read_bytes() != before


def test_the_end_of_stdin_ends_tracking_and_leaves_no_private_files(plate: str, tmp_path: Path) -> None:
    with WorkerClient() as worker:
        worker.hello()
        worker.ask("open", plate=plate, options=_FLOW, work=str(tmp_path))
        worker.ask("click", subject="walker", box=_box(0))
        worker.send("track", subject="walker")
        worker.read()
        assert worker.end() == 0
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_the_pictures_are_those_that_a_run_analyses(
    worker: WorkerClient, shot: Path, plate: str, tmp_path: Path
) -> None:
    run_shot(RunRequest(load_shot(shot), tmp_path / "out"))
    worker.ask("open", plate=plate, options=_FLOW)
    for frame in (FIRST, _LAST, FIRST + 7):
        picture = stills.read_still(worker.ask("frame", frame=frame)["picture"]).pixels
        (proxy,) = (tmp_path / "out").rglob(f"proxy.{frame}.ppm")
        assert np.array_equal(picture, stills.read_still(proxy).pixels)
