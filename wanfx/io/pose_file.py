"""Pose files: JSON of schema ``wanfx.pose/1``, one pose a frame, in pixels of the picture they were found in.

``{"schema": "wanfx.pose/1", "size": [1280, 720], "frames": {"1001": {"points": [[x, y, confidence, depth], ...]}}}``;
the 133 rows are COCO-WholeBody's points (`wanfx.ops.pose`). A still's pose is a file with one frame, of any number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wanfx.errors import ShotError
from wanfx.frames import Size
from wanfx.io.atomic import atomic_path
from wanfx.ops.pose import Pose

SCHEMA = "wanfx.pose/1"
_REMEDY = f"give a file of schema {SCHEMA}: 133 rows of x, y, confidence, depth a frame"


def write_poses(path: Path, poses: Mapping[int, Pose], *, size: Size) -> None:
    """Write poses, rounded to a thousandth of a pixel."""
    head = json.dumps({"schema": SCHEMA, "size": [size.width, size.height]}).removesuffix("}")
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        # A frame at a time: as numbers of Python's own a long shot's points take several times their room.
        file.write(f'{head}, "frames": {{')
        for index, (frame, pose) in enumerate(sorted(poses.items())):
            file.write(f"{',' if index else ''}\n" + f'"{frame}": {json.dumps({"points": pose.as_rows()})}')
        file.write("\n}}\n")


def read_poses(path: Path, *, key: str = "") -> tuple[dict[int, Pose], Size]:
    """The poses of a file, and the size of the picture they are in. Raises ShotError naming the file."""
    try:
        with path.open(encoding="utf-8") as file:
            data = json.load(file, object_hook=_pose_of)
        if data["schema"] != SCHEMA:
            raise ValueError(f"schema {data['schema']!r} is not known here")
        width, height = data["size"]
        poses = {int(frame): _checked(pose) for frame, pose in data["frames"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ShotError(f"is not a pose file ({error})", key=key, path=path, remedy=_REMEDY) from error
    if not poses:
        raise ShotError("holds no pose", key=key, path=path, remedy=_REMEDY)
    return poses, Size(int(width), int(height))


def _pose_of(read: dict[str, Any]) -> dict[str, Any] | Pose:
    """A frame's points as a pose as soon as they are read; all else as it is."""
    return Pose.from_rows(read["points"]) if read.keys() == {"points"} else read


def _checked(pose: Any) -> Pose:
    if not isinstance(pose, Pose):
        raise TypeError("a frame has no points")
    return pose


def check_pose_size(of: Size, picture: Size, *, key: str, path: Path) -> None:
    """Raise ShotError where a pose is not of a picture of this size."""
    if of != picture:
        what = f"is of a {of.width}x{of.height} picture, this one is {picture.width}x{picture.height}"
        raise ShotError(what, key=key, path=path, remedy="give the pose of this picture")
