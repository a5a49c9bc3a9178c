"""A shot with several pictures of its character."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import FIRST, HEIGHT, WIDTH, make_reference, make_tiny_shot, plate_pixels

from wanfx.cli.main import main
from wanfx.events import Warned, read_events
from wanfx.frames import Size
from wanfx.io.pose_file import write_poses
from wanfx.io.stills import read_still_header
from wanfx.manifest import read_manifest
from wanfx.ops.pose import BODY, Pose, empty_pose

_FRAMES = 2


def _pose(box: Any, *, is_mirrored: bool = False) -> Pose:
    pose = empty_pose()
    xy, confidence = pose.xy.copy(), pose.confidence.copy()
    inside = np.random.default_rng(3).uniform(0.1, 0.9, (17, 2))
    if is_mirrored:
        inside[:, 0] = 1 - inside[:, 0]
    xy[BODY], confidence[BODY] = inside * (box[2] - box[0], box[3] - box[1]) + (box[0], box[1]), 0.9
    return Pose(xy, confidence, pose.depth)


def _shot(folder: Path, *, knows_poses: bool) -> Path:
    shot = folder / "shot"
    shot.mkdir()
    pictures: list[Any] = []
    for name, is_mirrored in (("back", True), ("front", False)):
        path = shot / f"{name}.png"
        make_reference(path)
        size = read_still_header(path).size
        pose = _pose((0, 0, size.width, size.height), is_mirrored=is_mirrored)
        write_poses(shot / f"{name}.json", {0: pose if knows_poses else empty_pose()}, size=size)
        pictures.append({"path": path.name, "pose": f"{name}.json"})
    poses = folder / "out" / "tiny" / "work" / "pose"
    poses.mkdir(parents=True)
    actor = {FIRST + i: _pose(plate_pixels(i)[1].as_list()) for i in range(_FRAMES)}
    write_poses(poses / "walker.json", actor, size=Size(WIDTH, HEIGHT))
    options = {"condition": {"character": "auto"}, "pose": {"backend": "none"}, "review": {"codec": "none"}}
    return make_tiny_shot(shot, frames=_FRAMES, reference=pictures, **options)


@pytest.mark.parametrize("knows_poses", [True, False])
def test_the_picture_that_stands_like_the_actor_is_used_else_the_first(tmp_path: Path, knows_poses: bool) -> None:
    shot, events = _shot(tmp_path, knows_poses=knows_poses), tmp_path / "events.jsonl"
    assert main(["run", str(shot), "--out", str(tmp_path / "out"), "--events", str(events), "--quiet"]) == 0
    told = read_manifest(tmp_path / "out" / "tiny" / "v001" / "manifest.json")["reference"]
    assert told["pictures"] == 2
    assert told["picture"] == ("front.png" if knows_poses else "back.png")
    warned = [event for event in read_events(events) if isinstance(event, Warned) and "can be compared" in event.text]
    assert bool(warned) is not knows_poses
    if knows_poses:
        assert told["distances"][1] < 0.5 * told["distances"][0]


def test_a_second_picture_that_is_not_there_is_told_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shot = make_tiny_shot(tmp_path / "shot", frames=1, reference=["reference.png", "no.png"])
    assert main(["run", str(shot), "--out", str(tmp_path / "out"), "--quiet"]) == 2
    assert "reference.others[0].path" in capsys.readouterr().err
