"""A tiny shot of two subjects, the walker in front of somebody who stands, for the tests of several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tiny import FIRST, HEIGHT, WIDTH, make_tiny_shot, plate_pixels

from wanfx.cli.main import main
from wanfx.frames import Box
from wanfx.io import exr
from wanfx.io.stills import write_picture

FRAMES = 6
WHOLE = Box(0, 0, WIDTH, HEIGHT)


def _roto(folder: Path) -> None:
    """Of the walker, and of somebody behind whom he passes."""
    for index in range(FRAMES):
        for name, box in (("walker", plate_pixels(index)[1]), ("back", Box(66, 34, 98, 96))):
            matte = np.zeros((HEIGHT, WIDTH), np.float32)
            matte[box.slices()] = 1
            soft = cv2.GaussianBlur(matte, (0, 0), 1)
            exr.write_matte(folder / name / f"{name}.{FIRST + index}.exr", soft, data_window=WHOLE)


def make_shot_of_two(folder: Path, **changes: Any) -> Path:
    subjects = [
        {"name": "back", "matte": "back/back.####.exr", "reference": "other.png"},
        {"name": "walker", "matte": "walker/walker.####.exr"},
    ]
    shot = make_tiny_shot(folder, frames=FRAMES, **{"subjects": subjects, **changes})
    picture = np.full((120, 90, 3), 255, np.uint8)
    cv2.rectangle(picture, (25, 10), (65, 112), (30, 60, 200), -1)
    write_picture(folder / "other.png", picture)
    _roto(folder)
    return shot


def run_shot(root: Path, *more: str) -> int:
    return main(["run", str(root / "shot" / "shot.json"), "--out", str(root / "out"), "--quiet", *more])
