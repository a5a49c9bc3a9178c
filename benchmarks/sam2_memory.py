"""Does SAM 2's memory grow with the length of the shot? The peak of 60 and of 600 frames, each its own process.

The network is small and random, the pictures are 320x180 and made when they are read: what is left is what a frame
leaves behind. Two subjects, prompted in the middle, so that the shot is walked through both ways.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from _report import Figure, parse_arguments, report

from wanfx.backends.protocols import Array, BoxPrompt, Prompts
from wanfx.frames import FrameRange, Size

WIDTH, HEIGHT = 320, 180


def main() -> None:
    """Measure the slope between the two lengths."""
    given = parse_arguments(
        __doc__ or "",
        more=[
            ("short", int, 60, "frames of the short shot"),
            ("long", int, 600, "of the long one"),
            ("engine", str, "transformers", "what runs the network: transformers or package"),
        ],
    )
    with tempfile.TemporaryDirectory() as folder:
        found = {count: _measure(count, given.engine, Path(folder) / str(count)) for count in (given.short, given.long)}
    slope = (found[given.long]["peak_mb"] - found[given.short]["peak_mb"]) / (given.long - given.short)
    figures = [Figure(f"peak of {count} frames", one["peak_mb"], "MB") for count, one in found.items()]
    figures.append(Figure("slope", slope, "MB/frame"))
    figures += [Figure(f"time of {count} frames", one["time_s"], "s") for count, one in found.items()]
    report(figures, json_file=given.json)


def _measure(count: int, engine: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", str(count), engine, str(folder)]
    environment = {**os.environ, "WANFX_MODELS": str(folder), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return dict(json.loads(done.stdout.splitlines()[-1]))


class _Walk:
    """A figure that walks to and fro before a wall."""

    def __init__(self, count: int) -> None:
        self.frames, self.size = FrameRange(1001, 1000 + count), Size(WIDTH, HEIGHT)
        self._wall = np.random.default_rng(2).uniform(0.1, 0.6, (HEIGHT, WIDTH, 3)).astype(np.float32)

    def box(self, frame: int) -> BoxPrompt:
        """Around the figure."""
        x = round(WIDTH / 2 + WIDTH / 4 * np.sin((frame - 1001) / 20))
        return BoxPrompt(frame, x - 22, 40, x + 22, 160)

    def read(self, frame: int) -> Array:
        picture, box = self._wall.copy(), self.box(frame)
        picture[40:160, round(box.x0) : round(box.x1)] = (0.9, 0.1, 0.05)
        return picture


def _child(count: int, engine: str, folder: Path) -> None:
    import time

    sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "backends"))
    from sam2_tiny import make_tiny_set

    from wanfx.backends.sam2 import Sam2Segmenter

    segmenter = Sam2Segmenter(make_tiny_set(folder), engine=engine)
    segmenter.load()
    shot = _Walk(count)
    prompts = Prompts(boxes=(shot.box(1000 + count // 2),))
    start, seen = time.perf_counter(), 0
    for _segment in segmenter.segment(shot, subjects={"one": prompts, "two": prompts}):
        seen += 1
    if seen != 2 * count:
        sys.exit(f"{seen} mattes of {count} frames and two subjects")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"peak_mb": peak_mb, "time_s": time.perf_counter() - start}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _child(int(sys.argv[2]), sys.argv[3], Path(sys.argv[4]))
    else:
        main()
