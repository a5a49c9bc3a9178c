"""A tiny shot, made in a moment: a textured figure that walks over a textured wall while the camera pans."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from wanfx.frames import Box, Timecode
from wanfx.io import exr
from wanfx.io.stills import write_picture

WIDTH, HEIGHT, FIRST = 192, 108, 1001


def wall(seed: int = 5) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A wide wall with texture at several scales, scene-linear."""
    random = np.random.default_rng(seed)
    picture = np.full((HEIGHT, WIDTH * 2, 3), 0.2, np.float32)
    for cell in (4, 9, 24):
        noise = random.uniform(-0.1, 0.1, (HEIGHT // cell + 2, WIDTH * 2 // cell + 2, 3)).astype(np.float32)
        picture += cv2.resize(noise, (WIDTH * 2, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.clip(picture, 0.01, None)


def plate_pixels(index: int) -> tuple[np.ndarray[Any, np.dtype[np.float16]], Box]:
    """The picture of a frame (half), with a pixel of 40.0 and one of -0.05, and the figure's box."""
    rgb = wall()[:, index : index + WIDTH].copy()
    box = Box(50 + 3 * index, 24, 78 + 3 * index, 92)
    stripes = 0.3 + 0.5 * (np.arange(68) // 6 % 2)[:, None, None] * np.array([1.0, 0.2, 0.1], np.float32)
    rgb[box.slices()] = stripes + 0.05 * wall(9)[: box.height, : box.width]
    rgb[2, 3] = 40.0
    rgb[5, 7] = -0.05
    return rgb.astype(np.float16), box


def plate_attributes(index: int) -> dict[str, Any]:
    """A header as a camera department leaves it."""
    return {
        "timeCode": exr.timecode_attribute(Timecode.parse("10:00:00:00", rate=24) + index),
        "framesPerSecond": Fraction(24),
        "colorInteropID": "lin_ap1_scene",
        "cameraLens": "50mm",
        "focalLength": 50.0,
    }


def make_tiny_shot(folder: Path, *, frames: int = 12, **changes: Any) -> Path:
    """Write plate, reference and shot.json; ``changes`` are keys of the shot."""
    (folder / "plate").mkdir(parents=True, exist_ok=True)
    for index in range(frames):
        rgb, _box = plate_pixels(index)
        exr.write_rgb(
            folder / "plate" / f"tiny.{FIRST + index}.exr",
            rgb,
            data_window=Box(0, 0, WIDTH, HEIGHT),
            attributes=plate_attributes(index),
        )
    make_reference(folder / "reference.png")
    first = plate_pixels(0)[1]
    shot = {
        "schema": "wanfx.shot/1",
        "name": "tiny",
        "task": "replace",
        "plate": "plate/tiny.####.exr",
        "reference": "reference.png",
        "subjects": [{"name": "walker", "box": first.as_list(), "frame": FIRST}],
        # It is no person: what finds people would only find nothing, slowly.
        "matte": {"backend": "flow"},
        "condition": {"character": "card"},
        "generate": {"backend": "draft"},
    } | changes
    path = folder / "shot.json"
    path.write_text(json.dumps({key: value for key, value in shot.items() if value is not None}))
    return path


def make_reference(path: Path) -> None:
    """A green figure on white."""
    picture = np.full((120, 90, 3), 255, np.uint8)
    cv2.ellipse(picture, (45, 64), (22, 48), 0, 0, 360, (20, 160, 60), -1)
    cv2.circle(picture, (45, 26), 16, (230, 190, 150), -1)
    write_picture(path, picture)
