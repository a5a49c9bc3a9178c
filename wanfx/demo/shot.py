"""Writes the demo shot to disk."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from wanfx.demo import plate, robot
from wanfx.demo.drawing import Array
from wanfx.frames import Box, FrameRange, Timecode
from wanfx.images import FramePattern
from wanfx.io.atomic import atomic_path, write_text
from wanfx.io.exr_header import timecode_attribute
from wanfx.io.exr_parts import Part, write_parts

RATE = 24
FRAMES = FrameRange(1001, 1000 + plate.FRAMES)
_FIRST_TIMECODE = Timecode.parse("01:00:00:00", rate=RATE)
_PLATE_NAME = "plate/demo.####.exr"
_SHOT = """\
schema = "wanfx.shot/1"
name = "demo"
task = "replace"
plate = "{plate}"

[reference]
path = "robot.png"

[[subjects]]
name = "walker"
box = [{x0}, {y0}, {x1}, {y1}]
frame = {frame}
"""


def make_demo_shot(folder: Path) -> Path:
    """Make the demo shot in ``folder`` and give the path of its ``shot.toml``, which is written last.

    The plate is 24 frames of 640x360 scene-linear ACEScg half EXR (1001-1024, 24 fps, timecode from 01:00:00:00):
    a slow pan over a room through which a person walks, with a lamp of value 40 and a few pixels of -0.05. The
    reference is a robot on a transparent ground, sRGB. Files are the same in every run; those that are there are
    written again. Raises DiskFullError, NotWritableError.
    """
    pattern = FramePattern(str(folder / _PLATE_NAME))
    camera = plate.DemoPlate()
    for index, frame in enumerate(FRAMES):
        _write_frame(pattern.path(frame), camera.frame(index), index)
    _write_reference(folder / "robot.png", robot.draw_robot())
    x0, y0, x1, y1 = camera.walker_box(0)
    shot_file = folder / "shot.toml"
    write_text(shot_file, _SHOT.format(plate=_PLATE_NAME, frame=FRAMES.first, x0=x0, y0=y0, x1=x1, y1=y1))
    return shot_file


def _write_frame(path: Path, acescg: Array, index: int) -> None:
    window = Box(0, 0, plate.WIDTH, plate.HEIGHT)
    attributes = {
        "timeCode": timecode_attribute(_FIRST_TIMECODE + index),
        "framesPerSecond": Fraction(RATE),
        "colorInteropID": "lin_ap1_scene",
        # The ACEScg primaries and white point: S-2014-004, section 4.
        "chromaticities": (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767),
        "cameraModel": "wanfx demo camera",
        "demoPanPx": plate.pan_px(index),
    }
    part = Part("rgba", acescg.astype(np.float16), ("R", "G", "B"))
    write_parts(path, [part], data_window=window, display_window=window, attributes=attributes)


def _write_reference(path: Path, rgba_linear: Array) -> None:
    """As an sRGB PNG (IEC 61966-2-1), which holds straight alpha."""
    alpha = rgba_linear[..., 3:]
    straight = np.clip(rgba_linear[..., :3] / np.maximum(alpha, 1e-4), 0, 1)
    encoded = np.where(straight <= 0.0031308, straight * 12.92, 1.055 * straight ** (1 / 2.4) - 0.055)
    bgra_display = np.concatenate([encoded[..., ::-1], alpha], axis=-1)
    _, data = cv2.imencode(".png", np.round(bgra_display * 255).astype(np.uint8))
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.tobytes())
