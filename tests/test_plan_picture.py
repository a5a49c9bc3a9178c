"""A plan tells what a video model will be shown of the plate."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny import FIRST, HEIGHT, WIDTH, make_tiny_shot

from wanfx.cli.main import main
from wanfx.delivery import ShotFolder
from wanfx.frames import FrameRange
from wanfx.options import Options
from wanfx.plan_picture import describe_picture
from wanfx.shot import load_shot
from wanfx.stages.ingest import open_plate
from wanfx_color.configs import load_config

FRAMES = FrameRange(FIRST, FIRST + 2)


def _describe(folder: Path, **values: object) -> str:
    shot = load_shot(folder / "shot" / "shot.json")
    given = {key.replace("__", "."): value for key, value in values.items()}
    options = Options().with_values(given, source="flag")
    source = open_plate(shot, options, color=load_config())
    return describe_picture(ShotFolder.of(folder / "out", shot=shot.name), shot, options, source, frames=FRAMES)


def test_the_crop_is_told_once_there_are_mattes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shot = make_tiny_shot(tmp_path / "shot", frames=3)
    assert "known once there is a matte" in _describe(tmp_path, generate__backend="wan-animate")
    assert main(["run", str(shot), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    told = _describe(tmp_path, generate__backend="wan-animate")
    assert "a crop that follows the actor" in told and f"of {WIDTH}x{HEIGHT}" in told
    capsys.readouterr()


def test_the_whole_frame_is_told_where_no_crop_follows_anybody(tmp_path: Path) -> None:
    make_tiny_shot(tmp_path / "shot", frames=3)
    told = _describe(tmp_path, generate__backend="wan-animate", condition__crop="frame")
    assert told.startswith("1280x720") and "all of the frame" in told
    assert _describe(tmp_path, generate__backend="draft") == ""


def test_a_crop_that_is_most_of_the_frame_is_the_frame(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shot = make_tiny_shot(tmp_path / "shot", frames=3)
    assert main(["run", str(shot), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    wide = {"generate__backend": "wan-animate", "condition__margin": 2.0}
    assert "all of the frame" in _describe(tmp_path, **wide)
    assert "a crop that follows the actor" in _describe(tmp_path, **wide, condition__crop="subject")
    capsys.readouterr()
