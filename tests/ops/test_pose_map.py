"""BlazePose, hands and face as COCO-WholeBody's 133 points."""

from __future__ import annotations

import numpy as np

from wanfx.ops.pose import (
    BODY,
    FACE,
    LEFT_BIG_TOE,
    LEFT_EAR,
    LEFT_HAND,
    LEFT_SMALL_TOE,
    LEFT_WRIST,
    NOSE,
    RIGHT_ANKLE,
    RIGHT_HAND,
    RIGHT_WRIST,
)
from wanfx.ops.pose_map import FACE_FROM, Found, map_pose

_RANDOM = np.random.default_rng(7)


def _found(count: int, *, confidence: float = 0.8) -> Found:
    return Found(_RANDOM.uniform(0, 300, (count, 3)), np.full(count, confidence))


def test_the_bodys_points_are_blazeposes_own() -> None:
    body = _found(33)
    pose = map_pose(body, left_hand=None, right_hand=None, face=None)
    for ours, theirs in ((NOSE, 0), (LEFT_EAR, 7), (LEFT_WRIST, 15), (RIGHT_WRIST, 16), (RIGHT_ANKLE, 28)):
        assert np.array_equal(pose.xy[ours], body.points[theirs, :2])
        assert pose.depth[ours] == body.points[theirs, 2]
    assert pose.confidence[BODY].min() == 0.8


def test_what_was_not_found_has_no_confidence() -> None:
    pose = map_pose(_found(33), left_hand=_found(21), right_hand=None, face=None)
    assert pose.confidence[LEFT_HAND].all()
    assert not pose.confidence[RIGHT_HAND].any()
    assert not pose.confidence[FACE].any()


def test_a_hand_hangs_at_its_wrists_depth() -> None:
    body, hand = _found(33), _found(21)
    pose = map_pose(body, left_hand=None, right_hand=hand, face=None)
    assert np.isclose(pose.depth[RIGHT_HAND][0], body.points[16, 2])
    assert np.allclose(np.diff(pose.depth[RIGHT_HAND]), np.diff(hand.points[:, 2]))


def test_the_small_toe_is_less_sure_than_the_big_one() -> None:
    pose = map_pose(_found(33), left_hand=None, right_hand=None, face=None)
    assert np.array_equal(pose.xy[LEFT_SMALL_TOE], pose.xy[LEFT_BIG_TOE])
    assert pose.confidence[LEFT_SMALL_TOE] < pose.confidence[LEFT_BIG_TOE]


def test_the_face_is_68_different_vertices_and_corrects_the_bodys_eyes() -> None:
    face = _found(468, confidence=0.9)
    pose = map_pose(_found(33), left_hand=None, right_hand=None, face=face)
    assert len(set(FACE_FROM)) == 68
    assert np.array_equal(pose.xy[FACE], face.points[list(FACE_FROM), :2])
    assert np.array_equal(pose.xy[NOSE], face.points[1, :2])
    assert pose.confidence[NOSE] == 0.9
