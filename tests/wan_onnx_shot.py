"""Whole runs of wan-animate without any weights: tiny random networks, and ONNX files with crafted outputs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from wanfx.backends.protocols import GeneratedFrame, WindowInputs
from wanfx.backends.wan_animate import WanAnimateGenerator
from wanfx.backends.weights import HubSource, ModelSet
from wanfx.frames import Size
from wanfx.ops.person_box import INPUT_PX, Person
from wanfx.ops.pose_crop import pose_crop

sys.path.append(str(Path(__file__).parent / "backends"))
from fake_onnx import detector_place, pose_place, save_fixed_detector, save_template_pose

NAME = "test-wan-onnx"
_CAST = np.float32(0.01)
Points = np.ndarray[Any, np.dtype[np.float64]]


class TinyGenerator(WanAnimateGenerator):
    """wan-animate with tiny random networks. Untrained ones know no background; outside the mask they get it, a little
    off, as trained ones give it.
    """

    name = NAME
    areas_px = {"480p": 256 * 144, "720p": 320 * 192}  # noqa: RUF012
    folder = Path()

    def __init__(self) -> None:
        source = HubSource("tiny/animate", "0")
        super().__init__(
            ModelSet("tiny", "1", "Apache-2.0", "diffusers", "wan", source, contents=(), folder=self.folder)
        )

    def generate(self, inputs: WindowInputs) -> Iterator[GeneratedFrame]:
        for frame, made in zip(inputs.frames, super().generate(inputs), strict=True):
            inside = inputs.mask(frame)[..., None] > 0
            yield GeneratedFrame(np.where(inside, made.rgb, inputs.plate(frame) * np.float32(1.02) + _CAST), None)


def write_shot(folder: Path, *, plate: str, reference: Path, subject: dict[str, Any], **changes: Any) -> Path:
    """A shot that takes everything from the fakes; ``changes`` are keys of it."""
    shot = {
        "schema": "wanfx.shot/1", "name": "fake", "task": "replace", "plate": plate, "reference": str(reference),
        "subjects": [{"name": "actor", **subject}],
        "generate": {"backend": NAME, "window_frames": 9},
        "wan": {"dtype": "float32", "steps": 2},
        "pose": {"backend": "vitpose", "detector": "yolov10"},
        **changes,
    }  # fmt: skip
    path = folder / "shot.json"
    path.write_text(json.dumps(shot))
    return path


def save_crafted(repository: Path, points: Points, *, person: Person, others: list[Person], size: Size) -> None:
    """A detector that says ``person`` and ``others`` (pixels of a picture of ``size``) in every frame, and a whole-body
    network that has ``points`` (133, 3; x, y, height of the peak) where ``person`` stands, and moves them with his box.
    """
    across, down = INPUT_PX / size.width, INPUT_PX / size.height
    rows = [(p.x0 * across, p.y0 * down, p.x1 * across, p.y1 * down, p.score, 0) for p in (*others, person)]
    save_fixed_detector(detector_place(repository), rows)
    crop = pose_crop(person, size=size)
    corner = np.array(crop.center) - (crop.width / 2, crop.height / 2)
    places = (points[:, :2] - corner) / (crop.width, crop.height)
    save_template_pose(pose_place(repository), places, peak=points[:, 2])


def boy_points() -> Points:
    """The points of the boy of market_boy.mp4 about its sixth frame, read off the picture; his legs are not in it."""
    points = np.zeros((133, 3))
    body = [
        (722, 300), (752, 268), (694, 268), (795, 290), (650, 290), (800, 385), (645, 390), (832, 510), (618, 510),
        (836, 640), (600, 630), (775, 600), (692, 600), (778, 700), (690, 700), (780, 716), (690, 716),
    ]  # fmt: skip
    points[:17, :2] = body
    points[17:23, :2] = (735, 716)
    points[:13, 2], points[13:23, 2] = 0.9, 0.2
    turn = np.linspace(0, 2 * np.pi, 68)
    points[23:91, :2] = np.column_stack([722 + 62 * np.cos(turn), 300 + 62 * np.sin(turn)])
    for start, (x, y) in ((91, (836, 650)), (112, (600, 640))):
        points[start, :2] = x, y
        for index in range(20):
            points[start + 1 + index, :2] = x - 16 + 8 * (index // 4), y + 6 + 8 * (index % 4)
    points[23:, 2] = 0.8
    return points
