"""Does memory grow with the length of the shot? The peak of runs of 60 and 600 frames, each its own process.

The shot is small (320x180), so that what grows with the number of frames is not hidden by the size of one.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from _report import Figure, parse_arguments, report

from wanfx.frames import Box
from wanfx.io import exr
from wanfx.io.stills import write_picture

WIDTH, HEIGHT = 320, 180


def main() -> None:
    """Measure the slope between the two lengths."""
    given = parse_arguments(
        __doc__ or "", more=[("short", int, 60, "frames of the short shot"), ("long", int, 600, "of the long one")]
    )
    peaks = {count: _peak_mb(count) for count in (given.short, given.long)}
    slope = (peaks[given.long] - peaks[given.short]) / (given.long - given.short)
    figures = [Figure(f"peak of {count} frames", peak, "MB") for count, peak in peaks.items()]
    report([*figures, Figure("slope", slope, "MB/frame")], json_file=given.json)


def _peak_mb(count: int) -> float:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shot = _make_shot(folder, count)
        command = [sys.executable, __file__, "--child", str(shot), str(folder / "out")]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        return float(done.stdout.strip().splitlines()[-1])


def _make_shot(folder: Path, count: int) -> Path:
    """A dark figure walks to and fro before a textured wall."""
    wall = cv2.resize(np.random.default_rng(2).uniform(0.1, 0.6, (24, 40, 3)).astype(np.float32), (WIDTH, HEIGHT))
    for index in range(count):
        rgb = wall.copy()
        center = round(WIDTH / 2 + WIDTH / 4 * np.sin(index / 20))
        cv2.ellipse(rgb, (center, 100), (22, 60), 0, 0, 360, (0.9, 0.1, 0.05), -1)
        box = Box(0, 0, WIDTH, HEIGHT)
        exr.write_rgb(folder / f"plate.{1001 + index}.exr", rgb.astype(np.float16), data_window=box)
    reference = np.full((90, 60, 3), 255, np.uint8)
    cv2.ellipse(reference, (30, 45), (18, 38), 0, 0, 360, (30, 120, 40), -1)
    write_picture(folder / "reference.png", reference)
    shot = {
        "name": "memory", "task": "replace", "plate": {"path": "plate.####.exr", "colorspace": "ACEScg"},
        "reference": "reference.png", "subjects": [{"box": [WIDTH / 2 - 26, 36, WIDTH / 2 + 26, 164]}],
    }  # fmt: skip
    (folder / "shot.json").write_text(json.dumps(shot))
    return folder / "shot.json"


def _child(shot: str, out: str) -> None:
    from wanfx.cli.main import main as run

    status = run(["run", shot, "--out", out, "--quiet"])
    if status:
        sys.exit(status)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _child(sys.argv[2], sys.argv[3])
    else:
        main()
