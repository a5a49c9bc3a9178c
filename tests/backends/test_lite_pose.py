"""lite finds the pose of the person that the matte shows, and says how sure it is of every point."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_person import DrawnShot, Person

from wanfx.backends.lite_pose import LitePoseEstimator
from wanfx.errors import NothingFoundError
from wanfx.ops.pose import (
    BODY,
    FACE,
    FEET,
    LEFT_ANKLE,
    LEFT_HIP,
    LEFT_KNEE,
    LEFT_SHOULDER,
    LEFT_WRIST,
    NOSE,
    RIGHT_ANKLE,
    RIGHT_KNEE,
    RIGHT_SHOULDER,
    RIGHT_WRIST,
    Pose,
)

pytestmark = pytest.mark.usefixtures("lite_models")
_LEGS = [LEFT_KNEE, RIGHT_KNEE, LEFT_ANKLE, RIGHT_ANKLE]


@pytest.fixture(scope="module")
def estimator(lite_models: None) -> LitePoseEstimator:  # noqa: ARG001
    made = LitePoseEstimator()
    made.load()
    return made


def _track(estimator: LitePoseEstimator, shot: DrawnShot) -> dict[int, Pose]:
    return dict(estimator.track(shot, matte=shot.truth))


def _away(pose: Pose, point: int, place: tuple[float, float]) -> float:
    return float(np.hypot(*(pose.xy[point] - place)))


def _still(*, height_px: int = 360) -> tuple[np.ndarray, np.ndarray]:
    """A person on their own in a still, cut off below."""
    picture, matte = np.full((height_px, 320, 3), 0.6, np.float32), np.zeros((height_px, 320), np.float32)
    Person(x=160, y=20, height=320).paint(picture, matte)
    return picture, matte


def test_every_frame_has_its_pose_once_in_order(estimator: LitePoseEstimator) -> None:
    shot = DrawnShot(frames=4)
    assert [frame for frame, _pose in estimator.track(shot, matte=shot.truth)] == [1, 2, 3, 4]


def test_wrists_and_ankles_are_where_they_were_drawn(estimator: LitePoseEstimator) -> None:
    shot = DrawnShot()
    for frame, pose in _track(estimator, shot).items():
        hero = shot.hero(frame)
        for point, place in (
            (LEFT_WRIST, hero.wrist(1)), (RIGHT_WRIST, hero.wrist(-1)),
            (LEFT_ANKLE, hero.ankle(1)), (RIGHT_ANKLE, hero.ankle(-1)),
        ):  # fmt: skip
            assert _away(pose, point, place) < 9, (frame, point)
        assert pose.confidence[BODY].min() > 0.3
        assert pose.confidence[FEET].min() > 0.1


def test_left_is_the_persons_own_left(estimator: LitePoseEstimator) -> None:
    pose = _track(estimator, DrawnShot(frames=2))[1]
    assert pose.xy[LEFT_SHOULDER, 0] > pose.xy[RIGHT_SHOULDER, 0]


@pytest.mark.parametrize("who", ["hero", "other"])
def test_the_person_that_the_matte_shows_is_kept_when_another_passes(estimator: LitePoseEstimator, who: str) -> None:
    shot = DrawnShot(frames=12, others=True)

    def matte(frame: int) -> np.ndarray:
        drawn = np.zeros((180, 320), np.float32)
        getattr(shot, who)(frame).paint(np.zeros((180, 320, 3), np.float32), drawn)
        return drawn * (1 if who == "hero" else 1 - shot.truth(frame))

    poses = dict(estimator.track(shot, matte=matte))
    other = "other" if who == "hero" else "hero"
    for frame, pose in poses.items():
        if pose.confidence[NOSE] < 0.3 or abs(shot.hero(frame).x - shot.other(frame).x) < 40:
            continue
        ours, theirs = (getattr(shot, name)(frame) for name in (who, other))
        middle = pose.xy[[LEFT_SHOULDER, RIGHT_SHOULDER], 0].mean()
        assert abs(middle - ours.x) < abs(middle - theirs.x), frame
    assert sum(pose.confidence[NOSE] > 0.3 for pose in poses.values()) >= 9


def test_no_matte_no_confidence(estimator: LitePoseEstimator) -> None:
    shot = DrawnShot(frames=3)
    poses = dict(estimator.track(shot, matte=lambda _frame: np.zeros((180, 320), np.float32)))
    assert all(not pose.confidence.any() for pose in poses.values())


def test_a_matte_on_the_wall_finds_nobody(estimator: LitePoseEstimator) -> None:
    wall = np.zeros((180, 320), np.float32)
    wall[40:150, 220:300] = 1
    poses = dict(estimator.track(DrawnShot(frames=3), matte=lambda _frame: wall))
    assert all(pose.confidence.max() < 0.3 for pose in poses.values())


def test_the_same_bits_in_every_run(estimator: LitePoseEstimator) -> None:
    first, second = (_track(estimator, DrawnShot(frames=4)) for _run in range(2))
    assert all(np.array_equal(first[frame].xy, second[frame].xy) for frame in first)
    assert all(np.array_equal(first[frame].confidence, second[frame].confidence) for frame in first)


def test_a_stills_pose_is_found_wherever_the_figure_is(estimator: LitePoseEstimator) -> None:
    picture, matte = _still()
    pose = estimator.find(picture, alpha=matte)
    person = Person(x=160, y=20, height=320)
    assert _away(pose, LEFT_WRIST, person.wrist(1)) < 18
    assert _away(pose, RIGHT_ANKLE, person.ankle(-1)) < 18
    assert pose.confidence[[LEFT_SHOULDER, LEFT_HIP, LEFT_ANKLE]].min() > 0.5


def test_a_half_figures_legs_are_not_invented(estimator: LitePoseEstimator) -> None:
    picture, matte = (whole[:200] for whole in _still())
    pose = estimator.find(picture, alpha=matte)
    assert pose.confidence[_LEGS].max() < 0.15
    assert pose.confidence[[LEFT_SHOULDER, RIGHT_SHOULDER]].min() > 0.5


def test_a_still_in_the_mirror_has_the_mirrored_pose(estimator: LitePoseEstimator) -> None:
    picture, matte = _still()
    pose = estimator.find(picture, alpha=matte)
    mirrored = estimator.find(np.ascontiguousarray(picture[:, ::-1]), alpha=np.ascontiguousarray(matte[:, ::-1]))
    assert _away(mirrored, LEFT_SHOULDER, (320 - pose.xy[RIGHT_SHOULDER, 0], pose.xy[RIGHT_SHOULDER, 1])) < 4


def test_a_still_without_a_character_is_refused(estimator: LitePoseEstimator) -> None:
    wall = DrawnShot().read(1)[:, 200:]
    with pytest.raises(NothingFoundError):
        estimator.find(np.ascontiguousarray(wall), alpha=np.zeros(wall.shape[:2], np.float32))


def test_the_face_is_inside_the_head(estimator: LitePoseEstimator) -> None:
    picture, matte = _still()
    pose = estimator.find(picture, alpha=matte)
    sure = pose.confidence[FACE] > 0.5
    if sure.any():
        assert np.hypot(*(pose.xy[FACE][sure].mean(axis=0) - (160, 44))) < 15
