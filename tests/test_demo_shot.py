"""The shot that wanfx makes itself."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import OpenEXR
import pytest

from wanfx.demo import make_demo_shot
from wanfx.demo.figure import GROUND_Y, pose_at
from wanfx.demo.plate import DEAD_PIXELS, DemoPlate
from wanfx.io.exr import read_frame
from wanfx.io.stills import read_still
from wanfx.shot import load_shot


@pytest.fixture(scope="module")
def shot_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demo_shot(tmp_path_factory.mktemp("demo"))


def _frames(shot_file: Path) -> list[Path]:
    return sorted((shot_file.parent / "plate").iterdir())


def test_the_shot_file_is_a_valid_shot(shot_file: Path) -> None:
    shot = load_shot(shot_file)
    assert (shot.name, shot.task) == ("demo", "replace")
    assert [subject.name for subject in shot.subjects] == ["walker"]


def test_the_plate_has_24_numbered_half_frames_with_timecode_and_colour_space(shot_file: Path) -> None:
    frames = _frames(shot_file)
    assert [path.name for path in frames] == [f"demo.{number}.exr" for number in range(1001, 1025)]
    for index, path in enumerate(frames):
        header = OpenEXR.File(str(path), header_only=True).header()
        code = header["timeCode"]
        assert (code.hours, code.minutes, code.seconds, code.frame) == (1, 0, 0, index)
        assert header["framesPerSecond"] == Fraction(24)
        assert header["colorInteropID"] == "lin_ap1_scene"


def test_the_plate_has_light_above_1_a_clipped_lamp_and_negative_pixels(shot_file: Path) -> None:
    for path in _frames(shot_file)[::23]:
        pixels = read_frame(path).rgb
        assert pixels.shape == (360, 640, 3)
        assert pixels.max() == 40.0 and np.count_nonzero(pixels.min(axis=-1) == 40.0) > 50
        assert np.count_nonzero((pixels > 1).any(axis=-1)) > 10_000
        below = np.argwhere((pixels == np.float16(-0.05)).all(axis=-1))
        assert {(int(row), int(column)) for row, column in below} == set(DEAD_PIXELS)


def test_the_walker_is_where_the_box_says_and_moves_right(shot_file: Path) -> None:
    boxes = [DemoPlate.walker_box(index) for index in range(24)]
    assert load_shot(shot_file).subjects[0].box == boxes[0]
    assert all(0 < x0 < x1 < 640 and 0 < y0 < y1 < 360 for x0, y0, x1, y1 in boxes)
    assert boxes[-1][0] > boxes[0][0] + 60


def test_a_standing_foot_does_not_slide() -> None:
    for quarter in range(1, 40):
        now = quarter / 4
        before, after = pose_at(now), pose_at(now + 0.25)
        toe = before.near_leg.toe
        if toe[1] == after.near_leg.toe[1] == GROUND_Y - 4.0:
            assert after.near_leg.toe[0] == pytest.approx(toe[0], abs=0.01)


def test_the_reference_is_a_figure_on_a_transparent_ground(shot_file: Path) -> None:
    still = read_still(shot_file.parent / "robot.png")
    assert still.alpha is not None
    assert still.alpha[0].max() == 0 and still.alpha.max() == 1
    assert 0.25 < still.alpha.mean() < 0.6


def test_the_shot_is_the_same_in_every_run(shot_file: Path, tmp_path: Path) -> None:
    again = make_demo_shot(tmp_path)
    for path in [*_frames(shot_file), shot_file, shot_file.parent / "robot.png"]:
        assert (again.parent / path.relative_to(shot_file.parent)).read_bytes() == path.read_bytes()
