"""The tiny shot for Wan-Animate, with the poses of its actor and its character as an artist would leave them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from tiny import FIRST, HEIGHT, WIDTH, make_tiny_shot, plate_pixels

from wanfx.frames import Size
from wanfx.io.pose_file import write_poses
from wanfx.ops.pose import BODY, FACE, FEET, Pose, empty_pose

NAME = "test-animate"
# A figure that stands, in parts of its box: COCO's 17 points of the body.
_STANDING = np.array([
    (0.5, 0.08), (0.55, 0.06), (0.45, 0.06), (0.6, 0.08), (0.4, 0.08), (0.7, 0.22), (0.3, 0.22), (0.78, 0.36),
    (0.22, 0.36), (0.8, 0.5), (0.2, 0.5), (0.62, 0.52), (0.38, 0.52), (0.62, 0.74), (0.38, 0.74), (0.62, 0.95),
    (0.38, 0.95),
])  # fmt: skip


def standing(x0: float, y0: float, width: float, height: float, *, lift: float = 0.0) -> Pose:
    """A standing figure with a face in a box; ``lift`` raises its left arm, in parts of the box."""
    pose = empty_pose()
    xy, confidence = pose.xy.copy(), pose.confidence.copy()
    body = _STANDING.copy()
    body[[7, 9], 1] -= lift
    xy[BODY] = body * (width, height) + (x0, y0)
    xy[FEET] = xy[[15, 15, 15, 16, 16, 16]] + (0, 0.04 * height)
    random = np.random.default_rng(3)
    xy[FACE] = random.uniform((x0 + 0.35 * width, y0), (x0 + 0.65 * width, y0 + 0.15 * height), (68, 2))
    confidence[BODY] = confidence[FACE] = confidence[FEET] = 0.9
    return Pose(xy, confidence, pose.depth)


def make_animate_shot(folder: Path, *, frames: int, **changes: Any) -> Path:
    """Write ``folder``/shot/shot.json and all that it needs; ``changes`` are keys of the shot."""
    options: dict[str, Any] = {
        "task": "animate", "generate": {"backend": NAME, "window_frames": 5}, "wan": {"dtype": "float32", "steps": 1},
        "pose": {"backend": "none"}, "reference": {"path": "reference.png", "pose": "reference_pose.json"},
    }  # fmt: skip
    path = make_tiny_shot(folder / "shot", frames=frames, **(options | changes))
    work = folder / "out" / "tiny" / "work" / "pose"
    work.mkdir(parents=True)
    boxes = {FIRST + index: plate_pixels(index)[1] for index in range(frames)}
    poses = {f: standing(b.x0, b.y0, b.width, b.height, lift=0.03 * (f - FIRST)) for f, b in boxes.items()}
    write_poses(work / "walker.json", poses, size=Size(WIDTH, HEIGHT))
    write_poses(folder / "shot" / "reference_pose.json", {0: standing(23, 12, 44, 100)}, size=Size(90, 120))
    return path
