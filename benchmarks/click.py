"""How long does an artist wait for a matte? A worker is started and clicked in, over its stdin and stdout.

Without --plate the demo's plate is used, enlarged to 1920x1080 half EXR; what is clicked there is compared with the
truth. With --plate give also --x and --y, a point on the subject in the first frame.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from _report import Figure, parse_arguments, report

from wanfx.demo import demo_truth, make_demo_shot
from wanfx.demo.shot import FRAMES
from wanfx.images import FramePattern
from wanfx.io import exr
from wanfx.pixels import to_float, to_half
from wanfx.shot import load_shot

_SIZE = (1920, 1080)
_SCALE = 3
_CLICKS = 12
_TRACKED = 24
_INSIDE = 0.9
Point = tuple[float, float]


class Worker:
    """A worker process, and the clock."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def send(self, do: str, **rest: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": do, "do": do, **rest}).encode() + b"\n")
        self._process.stdin.flush()

    def read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line: dict[str, Any] = json.loads(self._process.stdout.readline())
        return line

    def time(self, do: str, **rest: Any) -> tuple[float, dict[str, Any]]:
        """Seconds to the answer, and the answer."""
        start = time.perf_counter()
        self.send(do, **rest)
        while "progress" in (line := self.read()):
            continue
        if "error" in line:
            sys.exit(f"{do}: {line['error']}")
        return time.perf_counter() - start, line["ok"]


@contextmanager
def _worker() -> Iterator[Worker]:
    command = [sys.executable, "-m", "wanfx", "worker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Worker(process)
        assert process.stdin is not None
        process.stdin.close()


def main() -> None:
    """Measure each backend."""
    given = parse_arguments(
        __doc__ or "",
        more=[
            ("plate", str, "", "a movie or sequence"), ("x", float, 0.0, "of a point on the subject"),
            ("y", float, 0.0, "of that point"), ("backends", str, "lite,flow", "of those in the registry"),
        ],
    )  # fmt: skip
    figures = []
    with tempfile.TemporaryDirectory() as name:
        plate = given.plate or _large_plate(Path(name))
        points = [(given.x, given.y)] if given.plate else _points_on_the_actor()
        for backend in given.backends.split(","):
            figures += _measure(backend, plate, points, Path(name) / backend, has_truth=not given.plate)
    report(figures, json_file=given.json)


def _measure(backend: str, plate: str, points: list[Point], work: Path, *, has_truth: bool) -> list[Figure]:
    with _worker() as worker:
        hello_s, _ = worker.time("hello", schema="wanfx.worker/1")
        opened_s, opened = worker.time("open", plate=plate, work=str(work), options={"matte.backend": backend})
        first_s, _ = _click(worker, points[0])
        more_s = [_click(worker, points[index % len(points)])[0] for index in range(1, _CLICKS)]
        undo_s, _ = worker.time("undo")
        full_s, full = worker.time("redo", file="exr", size="full")
        while worker.time("undo")[1]["undo"] > 1:
            continue
        frame = int(opened["frames"].split("-")[0]) + 5
        other_s, _ = _click(worker, points[0], frame=frame)
        worker.time("undo")
        track_s, _ = worker.time("track", frames=f"{frame - 5}-{frame - 6 + _TRACKED}")
        figures = [
            ("start to hello", hello_s), ("open", opened_s), ("first click after opening", first_s),
            ("further clicks, median", statistics.median(more_s)), ("further clicks, slowest", max(more_s)),
            ("undo", undo_s), ("redo as full-size EXR", full_s), ("click in another frame", other_s),
            ("tracking, a frame", track_s / _TRACKED), ("cancel to the track's end", _cancel_s(worker)),
        ]  # fmt: skip
    named = [Figure(f"{backend}: {name}", seconds, "s") for name, seconds in figures]
    if has_truth:
        named.append(Figure(f"{backend}: clicked matte against the truth", _likeness(full["matte"]), "IoU"))
    return named


def _click(worker: Worker, point: Point, **rest: Any) -> tuple[float, dict[str, Any]]:
    return worker.time("click", x=point[0], y=point[1], **rest)


def _cancel_s(worker: Worker) -> float:
    """From the cancel, in the middle of tracking, to the track's last line."""
    worker.send("track", replace=True)
    while worker.read()["progress"]["stage"] != "track":
        continue
    start = time.perf_counter()
    worker.send("cancel")
    while "error" not in worker.read():
        continue
    return time.perf_counter() - start


def _large_plate(folder: Path) -> str:
    """The demo's plate, enlarged."""
    shot = load_shot(make_demo_shot(folder / "demo"))
    small, large = FramePattern(shot.resolve(shot.plate.path)), FramePattern(str(folder / "plate" / "large.####.exr"))
    for frame in FRAMES:
        found = exr.read_frame(small.path(frame))
        pixels = to_half(np.asarray(cv2.resize(to_float(found.rgb), _SIZE, interpolation=cv2.INTER_CUBIC), np.float32))
        tags = {key: found.header.attributes[key] for key in ("chromaticities", "colorInteropID", "framesPerSecond")
                if key in found.header.attributes}  # fmt: skip
        exr.write_rgb(large.path(frame), pixels, attributes=tags)
    return large.text


def _truth() -> npt.NDArray[np.float32]:
    return exr.read_matte(demo_truth().mattes[FRAMES.first])


def _points_on_the_actor() -> list[Point]:
    """Places well inside the actor, the first the one farthest from his edge."""
    inside = cv2.distanceTransform((_truth() > _INSIDE).astype(np.uint8), cv2.DIST_L2, 5)
    points: list[Point] = []
    while inside.max() > 4 and len(points) < _CLICKS:
        y, x = (int(value) for value in np.unravel_index(int(inside.argmax()), inside.shape))
        points.append((_SCALE * (x + 0.5), _SCALE * (y + 0.5)))
        cv2.circle(inside, (x, y), int(inside[y, x]), 0.0, -1)
    return points


def _likeness(path: str) -> float:
    matte = np.asarray(
        cv2.resize(exr.read_matte(path), None, fx=1 / _SCALE, fy=1 / _SCALE, interpolation=cv2.INTER_AREA)
    )
    truth = _truth()
    return float(np.minimum(matte, truth).sum() / np.maximum(matte, truth).sum())


if __name__ == "__main__":
    main()
