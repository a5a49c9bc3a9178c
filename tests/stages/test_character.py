"""The draft's character: a puppet where poses are known, a card that says why where they are not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tiny import FIRST, make_tiny_shot

from tests.ops.puppet_doll import HEIGHT, WIDTH, doll_pose, draw_doll
from wanfx.cli.main import main
from wanfx.events import Warned, read_events
from wanfx.frames import Box, Size
from wanfx.io import exr
from wanfx.io.atomic import sha256_file
from wanfx.io.pose_file import read_poses, write_poses
from wanfx.manifest import read_manifest
from wanfx.ops.pose import LEFT_WRIST, empty_pose

FRAMES = 6
_PLATE = Size(192, 108)


@pytest.fixture
def shot(tmp_path: Path) -> Path:
    """A doll for the walker of the tiny shot; nothing finds poses."""
    folder = tmp_path / "shot"
    folder.mkdir()
    rgba = draw_doll()
    box = Box(0, 0, WIDTH, HEIGHT)
    exr.write_rgb(folder / "doll.exr", rgba[..., :3].copy(), alpha=rgba[..., 3].copy(), data_window=box)
    write_poses(folder / "doll.json", {0: doll_pose()}, size=Size(WIDTH, HEIGHT))
    return make_tiny_shot(
        folder,
        frames=FRAMES,
        reference={"path": "doll.exr", "colorspace": "ACEScg", "pose": "doll.json"},
        pose={"backend": "none"},
        condition={"character": "auto"},
    )


def _run(shot: Path, *more: str) -> int:
    return main(["run", str(shot), "--out", str(shot.parent.parent / "out"), "--quiet", *more])


def _version(shot: Path, number: int = 1) -> Path:
    return shot.parent.parent / "out" / "tiny" / f"v{number:03d}"


def _give_poses(shot: Path) -> Path:
    """The doll's pose, small and walking, as an artist's file."""
    path = _version(shot).parent / "work" / "pose" / "walker.json"
    poses = {FIRST + i: doll_pose().scaled(0.18, 0.18).moved(40.0 + 3 * i, 12.0) for i in range(FRAMES)}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_poses(path, poses, size=_PLATE)
    return path


def test_without_poses_the_character_is_a_card_and_events_confidence_and_manifest_say_why(
    shot: Path, tmp_path: Path
) -> None:
    events = tmp_path / "events.jsonl"
    assert _run(shot, "--events", str(events)) == 0
    manifest = read_manifest(_version(shot) / "manifest.json")
    assert manifest["character"]["kind"] == "card"
    assert "not looked for" in manifest["character"]["why_card"]
    assert any("models fetch lite" in event.text for event in read_events(events) if isinstance(event, Warned))
    assert max(fact["confidence"] for fact in manifest["frame_facts"].values()) < 0.5
    parts, _ = exr.read_parts(_version(shot) / "comp" / f"tiny_draft_v001.{FIRST}.exr", ["check_confidence"])
    assert next(iter(parts["check_confidence"].planes.values())).min() < 0.5


def test_a_puppet_has_its_hands_and_feet_where_the_actor_has_them(shot: Path) -> None:
    given = _give_poses(shot)
    digest = sha256_file(given)
    assert _run(shot) == 0
    assert sha256_file(given) == digest, "an artist's poses are never written over"
    manifest = read_manifest(_version(shot) / "manifest.json")
    assert manifest["character"] == {"kind": "puppet", "missing": [], "why_card": ""}
    for fact in manifest["frame_facts"].values():
        assert {"left_wrist_px", "right_ankle_px"} <= set(fact["performance"])
        assert max(value for name, value in fact["performance"].items() if name.endswith("_px")) < 1.0


def test_a_moved_joint_moves_the_puppet_in_that_frame_alone(shot: Path) -> None:
    given = _give_poses(shot)
    assert _run(shot) == 0
    poses, size = read_poses(given)
    poses[FIRST + 2].xy[LEFT_WRIST] += (6.0, -20.0)
    poses[FIRST + 2].xy[91:112] += (6.0, -20.0)
    write_poses(given, poses, size=size)
    assert _run(shot) == 0
    changed = [
        frame for frame in range(FIRST, FIRST + FRAMES) if _character(shot, 1, frame) != _character(shot, 2, frame)
    ]
    assert FIRST + 2 in changed
    assert FIRST + 5 not in changed


def _character(shot: Path, version: int, frame: int) -> bytes:
    path = _version(shot, version) / "comp" / f"tiny_draft_v{version:03d}.{frame}.exr"
    parts, _ = exr.read_parts(path, ["char_walker"])
    return np.stack(list(parts["char_walker"].planes.values())).tobytes()


def test_where_the_actor_is_away_for_a_while_the_puppet_is_too(shot: Path, tmp_path: Path) -> None:
    given = _give_poses(shot)
    poses, size = read_poses(given)
    gone = range(FIRST + 3, FIRST + FRAMES)
    write_poses(given, poses | dict.fromkeys(gone, empty_pose()), size=size)
    data = json.loads(shot.read_text())
    data["subjects"][0]["matte"] = "roto/gone.####.exr"
    shot.write_text(json.dumps(data))
    for frame in gone:
        nobody = np.zeros((_PLATE.height, _PLATE.width), np.float32)
        exr.write_matte(shot.parent / "roto" / f"gone.{frame}.exr", nobody)
    events = tmp_path / "events.jsonl"
    assert _run(shot, "--events", str(events)) == 0
    drawn = {frame: any(_character(shot, 1, frame)) for frame in range(FIRST, FIRST + FRAMES)}
    assert drawn == {frame: frame not in gone for frame in drawn}
    assert any("nobody is seen in 3 frames" in event.text for event in read_events(events) if isinstance(event, Warned))


def test_light_brighter_than_white_in_the_picture_is_as_bright_in_the_comp(shot: Path) -> None:
    _give_poses(shot)
    assert _run(shot) == 0
    parts, _ = exr.read_parts(_version(shot) / "comp" / f"tiny_draft_v001.{FIRST}.exr", ["char_walker"])
    assert float(max(plane.max() for plane in parts["char_walker"].planes.values())) > 3.0


def test_a_puppet_that_is_asked_for_and_cannot_be_is_an_error_with_a_remedy(
    shot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(shot, "--set", "condition.character=puppet") == 2
    assert "models fetch lite" in capsys.readouterr().err


@pytest.mark.parametrize("fault", ["another size", "no json", "missing"])
def test_a_pose_that_does_not_fit_its_picture_is_named(
    shot: Path, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = shot.parent / "doll.json"
    if fault == "another size":
        write_poses(path, {0: doll_pose()}, size=Size(64, 64))
    elif fault == "no json":
        path.write_text("{")
    else:
        path.unlink()
    assert _run(shot) == 2
    assert "doll.json" in capsys.readouterr().err
