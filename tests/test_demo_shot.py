"""The shot that comes with wanfx: rendered by the project itself, with the truth about it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest

from wanfx.demo import DemoTruth, demo_truth, make_demo_shot
from wanfx.frames import Size
from wanfx.images import FramePattern
from wanfx.io.exr import read_frame
from wanfx.io.pose_file import read_poses
from wanfx.io.stills import read_still
from wanfx.shot import load_shot

_DATA = Path(make_demo_shot.__code__.co_filename).parent / "data"
_FRAMES = range(1001, 1025)
_TRUTH_FRAMES = [1001, 1007, 1013, 1019, 1024]


@pytest.fixture(scope="module")
def shot_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demo_shot(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def truth() -> DemoTruth:
    return demo_truth()


def _matte(path: Path) -> np.ndarray:
    with OpenEXR.File(str(path)) as file:
        return np.asarray(file.channels()["Y"].pixels, np.float32)


def test_the_shot_file_is_a_valid_shot(shot_file: Path) -> None:
    shot = load_shot(shot_file)
    assert (shot.name, shot.task) == ("demo", "replace")
    assert [subject.name for subject in shot.subjects] == ["actor"]


def test_the_plate_has_24_numbered_half_frames_with_timecode_and_colour_space(shot_file: Path) -> None:
    frames = sorted((shot_file.parent / "plate").iterdir())
    assert [path.name for path in frames] == [f"demo.{number}.exr" for number in _FRAMES]
    for index, path in enumerate(frames):
        header = OpenEXR.File(str(path), header_only=True).header()
        code = header["timeCode"]
        assert (code.hours, code.minutes, code.seconds, code.frame) == (1, 0, 0, index)
        assert header["framesPerSecond"] == Fraction(24)
        assert header["colorInteropID"] == "lin_ap1_scene"
        assert header["cameraModel"] == "wanfx demo camera"
        assert read_frame(path).rgb.shape == (360, 640, 3)
        assert read_frame(path).rgb.dtype == np.float16


def test_every_frame_has_lamps_far_above_1(shot_file: Path) -> None:
    for path in (shot_file.parent / "plate").iterdir():
        brightest = read_frame(path).rgb.max(axis=-1)
        assert 20 < brightest.max() < 100
        assert np.count_nonzero(brightest > 10) > 200


def test_the_reference_is_a_whole_figure_on_a_transparent_ground(shot_file: Path) -> None:
    still = read_still(shot_file.parent / "reference.png")
    assert still.alpha is not None
    assert still.alpha.shape == (1100, 700)
    assert 0.1 < still.alpha.mean() < 0.5
    edges = (still.alpha[:20], still.alpha[-20:], still.alpha[:, :10], still.alpha[:, -10:])
    assert all(edge.max() == 0 for edge in edges)
    assert still.alpha.max() == 1


def test_the_copies_hold_the_shipped_bits_and_are_files_of_their_own(shot_file: Path) -> None:
    for name in ("reference.png", *(f"plate/demo.{frame}.exr" for frame in _FRAMES)):
        copy = shot_file.parent / name
        assert copy.read_bytes() == (_DATA / name).read_bytes()
        assert not copy.is_symlink()
        assert not copy.samefile(_DATA / name)


def test_the_shipped_files_are_small() -> None:
    assert sum(path.stat().st_size for path in _DATA.rglob("*")) < 15e6


def test_the_truth_is_there_every_few_frames(truth: DemoTruth) -> None:
    assert list(truth.mattes) == list(truth.clean) == list(truth.clean_shadow) == _TRUTH_FRAMES


@pytest.mark.parametrize("frame", _TRUTH_FRAMES)
def test_beside_the_actor_the_plate_is_the_clean_plate_with_his_shadow(
    truth: DemoTruth, shot_file: Path, frame: int
) -> None:
    plate = read_frame(FramePattern(str(shot_file.parent / "plate/demo.####.exr")).path(frame)).rgb.astype(np.float32)
    clean = read_frame(truth.clean_shadow[frame]).rgb.astype(np.float32)
    beside = cv2.dilate(_matte(truth.mattes[frame]), np.ones((9, 9))) == 0
    beside &= cv2.dilate(clean.max(axis=-1), np.ones((5, 5))) < 1
    smooth = np.abs(cv2.blur(plate - clean, (7, 7)))[beside]
    assert np.median(smooth) < 0.004
    assert np.percentile(smooth, 99) < 0.03


@pytest.mark.parametrize("frame", _TRUTH_FRAMES)
def test_the_shadow_only_darkens_and_lies_near_the_actor(truth: DemoTruth, frame: int) -> None:
    without = cv2.blur(read_frame(truth.clean[frame]).rgb.astype(np.float32), (9, 9))
    shadowed = cv2.blur(read_frame(truth.clean_shadow[frame]).rgb.astype(np.float32), (9, 9))
    change = (shadowed - without).sum(axis=-1)
    assert change.min() < -0.05
    assert -change.min() > 3 * np.percentile(change, 99.9)


@pytest.mark.parametrize("frame", _TRUTH_FRAMES)
def test_the_joints_lie_on_the_actor(truth: DemoTruth, frame: int) -> None:
    poses, size = read_poses(truth.actor_poses)
    matte = cv2.dilate(_matte(truth.mattes[frame]), np.ones((7, 7)))
    assert (size, sorted(poses)) == (Size(640, 360), list(_FRAMES))
    x, y = np.floor(poses[frame].xy).astype(int).T
    assert ((x >= 0) & (x < 640) & (y >= 0) & (y < 360)).all()
    assert (matte[y, x] > 0.1).mean() > 0.97
    assert (matte[y[:23], x[:23]] > 0.5).all()


def test_the_actor_fills_most_of_the_frame_and_stays_in_it(truth: DemoTruth) -> None:
    for path in truth.mattes.values():
        rows, columns = np.nonzero(_matte(path) > 0.02)
        assert 240 < np.ptp(rows) < 345
        assert 20 < columns.min() < columns.max() < 620


def test_the_reference_joints_lie_on_the_reference(truth: DemoTruth, shot_file: Path) -> None:
    poses, size = read_poses(truth.reference_pose)
    still = read_still(shot_file.parent / "reference.png")
    assert still.alpha is not None
    x, y = np.floor(poses[1].xy).astype(int).T
    assert size == Size(700, 1100)
    assert still.alpha[y, x].min() > 0.5


def test_making_the_shot_again_gives_the_same_files(shot_file: Path, tmp_path: Path) -> None:
    again = make_demo_shot(tmp_path)
    assert again.read_bytes() == shot_file.read_bytes()
    assert sorted(p.name for p in tmp_path.rglob("*")) == sorted(p.name for p in shot_file.parent.rglob("*"))
