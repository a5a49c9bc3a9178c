"""How unlike two people stand."""

from __future__ import annotations

import numpy as np
import pytest

from wanfx.ops.pose import BODY, LEFT_ANKLE, LEFT_HIP, LEFT_KNEE, RIGHT_ANKLE, RIGHT_HIP, RIGHT_KNEE, Pose, empty_pose
from wanfx.ops.pose_distance import pose_distance

_BODY = [
    (0, 0), (1, -1), (-1, -1), (2, 0), (-2, 0), (5, 6), (-5, 6), (7, 12), (-7, 12), (8, 18), (-8, 18), (3, 20),
    (-3, 20), (3, 30), (-3, 30), (3, 40), (-3, 40),
]  # fmt: skip


def _pose(*, lacking: tuple[int, ...] = ()) -> Pose:
    pose = empty_pose()
    xy, confidence = pose.xy.copy(), pose.confidence.copy()
    xy[BODY], confidence[BODY] = np.array(_BODY, float), 0.9
    confidence[list(lacking)] = 0.0
    return Pose(xy, confidence, pose.depth)


def _mirrored(pose: Pose) -> Pose:
    return Pose(pose.xy * (-1, 1), pose.confidence, pose.depth)


def test_size_and_place_do_not_count() -> None:
    assert pose_distance(_pose(), _pose().scaled(3.5, 3.5).moved(400, -30)) == 0


def test_who_is_seen_from_behind_is_further_off_than_one_who_lifts_an_arm() -> None:
    lifted, behind = _pose(), _mirrored(_pose())
    lifted.xy[9] = (9, 0)
    near, far = pose_distance(_pose(), lifted), pose_distance(_pose(), behind)
    assert near is not None and far is not None and 0 < near < far


def test_what_the_character_lacks_counts_against_it_and_what_the_actor_lacks_does_not() -> None:
    legs = (LEFT_HIP, RIGHT_HIP, LEFT_KNEE, RIGHT_KNEE, LEFT_ANKLE, RIGHT_ANKLE)
    assert pose_distance(_pose(), _pose(lacking=legs)) == pytest.approx(0.5 * 6 / 17, abs=1e-3)
    assert pose_distance(_pose(lacking=legs), _pose()) == 0


def test_of_too_little_nothing_is_said() -> None:
    assert pose_distance(_pose(), _pose(lacking=tuple(range(14)))) is None
