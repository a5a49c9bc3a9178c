"""Pose files: what is written is read, and what is no pose is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from wanfx.errors import ShotError
from wanfx.frames import Size
from wanfx.io.pose_file import read_poses, write_poses
from wanfx.ops.pose import POINT_COUNT, Pose


def _pose(seed: int) -> Pose:
    random = np.random.default_rng(seed)
    return Pose(
        random.uniform(0, 500, (POINT_COUNT, 2)), random.uniform(0, 1, POINT_COUNT), random.normal(size=POINT_COUNT)
    )


def test_poses_come_back_to_a_thousandth_of_a_pixel(tmp_path: Path) -> None:
    poses = {1001: _pose(1), 1003: _pose(2)}
    write_poses(tmp_path / "a.json", poses, size=Size(640, 360))
    back, size = read_poses(tmp_path / "a.json")
    assert size == Size(640, 360)
    assert list(back) == [1001, 1003]
    for frame, pose in poses.items():
        np.testing.assert_allclose(back[frame].xy, pose.xy, atol=5.1e-4)
        np.testing.assert_allclose(back[frame].confidence, pose.confidence, atol=5.1e-4)


def test_what_was_read_is_written_with_the_same_bytes(tmp_path: Path) -> None:
    write_poses(tmp_path / "a.json", {7: _pose(3)}, size=Size(64, 48))
    poses, size = read_poses(tmp_path / "a.json")
    write_poses(tmp_path / "b.json", poses, size=size)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_a_pose_scales_and_moves_with_its_picture() -> None:
    pose = _pose(4)
    np.testing.assert_allclose(pose.scaled(2, 0.5).xy, pose.xy * (2, 0.5))
    np.testing.assert_allclose(pose.moved(3, -4).moved(-3, 4).xy, pose.xy)


@pytest.mark.parametrize(
    "data",
    [
        "", "[]", "{}", '{"schema": "wanfx.pose/9", "size": [1, 1], "frames": {}}',
        '{"schema": "wanfx.pose/1", "size": [1, 1], "frames": {}}',
        '{"schema": "wanfx.pose/1", "size": [1], "frames": {"1": []}}',
        json.dumps({"schema": "wanfx.pose/1", "size": [1, 1], "frames": {"1": {"points": [[0, 0, 1, 0]] * 17}}}),
        json.dumps({"schema": "wanfx.pose/1", "size": [1, 1], "frames": {"1": [[0, 0, 1, 0]] * 133}}),
        json.dumps({"schema": "wanfx.pose/1", "size": [1, 1], "frames": {"1": {"points": [[0, 0, 1, np.nan]] * 133}}}),
    ],
)  # fmt: skip
def test_what_is_no_pose_file_is_refused_by_name(data: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text(data)
    with pytest.raises(ShotError, match=r"reference\.pose.*broken\.json"):
        _read_as_a_user_does(path)


def _read_as_a_user_does(path: Path) -> None:
    """The error as a user reads it."""
    try:
        read_poses(path, key="reference.pose")
    except ShotError as error:
        raise ShotError(f"{error.key} {error}") from error
