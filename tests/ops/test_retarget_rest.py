"""Laws of what is carried along with a retargeted skeleton."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from wanfx.ops.pose import BODY, FACE, FEET, LEFT_ANKLE, Pose, empty_pose
from wanfx.ops.retarget_rest import carry_rest


def _actor(seed: int = 1) -> Pose:
    random = np.random.default_rng(seed)
    pose = empty_pose()
    return Pose(random.uniform(10, 90, pose.xy.shape), np.full(133, 0.9), random.uniform(-5, 5, 133))


def _body_only(pose: Pose) -> Pose:
    confidence = pose.confidence.copy()
    confidence[FEET.start : FACE.stop] = 0
    return replace(pose, confidence=confidence)


def test_a_skeleton_that_stays_where_it_is_keeps_its_face_feet_and_depth() -> None:
    actor = _actor()
    made = carry_rest(actor, _body_only(actor))
    assert np.allclose(made.xy, actor.xy) and np.allclose(made.depth, actor.depth)
    assert np.array_equal(made.confidence, actor.confidence)


@pytest.mark.parametrize("pixel_aspect", [1.0, 2.0])
def test_a_larger_turned_and_moved_head_takes_its_face_along(pixel_aspect: float) -> None:
    actor, angle = _actor(), 0.3
    square = actor.xy * (pixel_aspect, 1)
    turn = 1.7 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (square @ turn.T + (30, -20)) / (pixel_aspect, 1)
    made = carry_rest(actor, _body_only(Pose(moved, actor.confidence, actor.depth)), pixel_aspect=pixel_aspect)
    assert np.allclose(made.xy[FACE], moved[FACE])
    assert np.allclose(made.depth, 1.7 * actor.depth)


def test_feet_go_with_their_ankles_and_grow_as_the_head_does() -> None:
    actor = _actor()
    moved = Pose(actor.xy * 2, actor.confidence, actor.depth)
    moved.xy[LEFT_ANKLE] += (0, 25)
    made = carry_rest(actor, _body_only(moved))
    left = made.xy[FEET][:3] - made.xy[LEFT_ANKLE]
    assert np.allclose(left, 2 * (actor.xy[FEET][:3] - actor.xy[LEFT_ANKLE]))


def test_an_unseen_head_is_carried_by_the_body_and_nothing_is_made_up_of_nothing() -> None:
    actor = _actor()
    confidence = actor.confidence.copy()
    confidence[:5] = 0
    hidden = replace(actor, confidence=confidence)
    made = carry_rest(hidden, _body_only(Pose(actor.xy + 7, confidence, actor.depth)))
    assert np.allclose(made.xy[FACE], actor.xy[FACE] + 7)
    none = carry_rest(empty_pose(), empty_pose())
    assert not none.confidence.any()
    unknown = carry_rest(actor, empty_pose())
    assert not unknown.confidence[FACE].any() and not unknown.confidence[BODY].any()
