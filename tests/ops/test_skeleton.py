"""Keypoints as the model's skeleton."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from wan_figure import make_figure

from wanfx.errors import InputError
from wanfx.frames import Size
from wanfx.ops import pose
from wanfx.ops import skeleton as joints
from wanfx.ops.skeleton import LIMBS, face_points, hold_lost, make_skeleton

SIZE = Size(1280, 720)


def test_each_point_is_the_mean_of_two_confidence_included() -> None:
    points = np.random.default_rng(2).uniform(0, 700, (133, 3)).astype(np.float32)
    body = make_skeleton(points, size=SIZE).body
    for joint, first, second in (
        (joints.NOSE, pose.NOSE, pose.NOSE),
        (joints.NECK, pose.LEFT_SHOULDER, pose.RIGHT_SHOULDER),
        (joints.RIGHT_WRIST, pose.RIGHT_WRIST, pose.RIGHT_WRIST),
        (joints.LEFT_ANKLE, pose.LEFT_ANKLE, pose.LEFT_ANKLE),
        (joints.RIGHT_EAR, pose.RIGHT_EAR, pose.RIGHT_EAR),
        (joints.LEFT_TOE, pose.LEFT_BIG_TOE, pose.LEFT_SMALL_TOE),
        (joints.RIGHT_TOE, pose.RIGHT_BIG_TOE, pose.RIGHT_SMALL_TOE),
    ):
        np.testing.assert_allclose(body[joint], (points[first] + points[second]) / 2, rtol=1e-6)


def test_hands_and_face_are_the_persons_own() -> None:
    points = make_figure(SIZE)
    skeleton = make_skeleton(points, size=SIZE)
    np.testing.assert_allclose(skeleton.left_hand, points[pose.LEFT_HAND], rtol=1e-6)
    np.testing.assert_allclose(skeleton.right_hand, points[pose.RIGHT_HAND], rtol=1e-6)
    np.testing.assert_allclose(face_points(points, size=SIZE), points[pose.FACE], rtol=1e-6)


def test_points_go_through_float32_parts_of_the_picture_so_that_whole_numbers_may_be_missed() -> None:
    points = make_figure(SIZE)
    points[pose.LEFT_HAND, 0] = np.arange(21) + 90
    across = make_skeleton(points, size=SIZE).left_hand[:, 0]
    assert np.array_equal(across, (points[pose.LEFT_HAND, 0] / np.float32(1280)).astype(np.float64) * 1280)
    assert (np.floor(across) < points[pose.LEFT_HAND, 0]).any()


def test_confidence_above_one_stays() -> None:
    points = make_figure(SIZE, confidence=1.25)
    assert (make_skeleton(points, size=SIZE).body[:, 2] == np.float32(1.25)).all()


def test_the_given_points_are_not_written_into() -> None:
    points = make_figure(SIZE)
    before = points.copy()
    make_skeleton(points, size=SIZE)
    assert np.array_equal(points, before)


def test_every_point_but_the_neck_ends_one_limb_and_limbs_grow_out_of_it() -> None:
    reached = {joints.NECK}
    for parent, child in LIMBS:
        assert parent in reached
        assert child not in reached
        reached.add(child)
    assert reached == set(range(20))


def test_a_lost_body_is_held_but_its_hands_are_the_frames_own() -> None:
    seen = make_skeleton(make_figure(SIZE), size=SIZE)
    lost = make_skeleton(np.full((133, 3), (-1, 5, 0.9)), size=SIZE)
    assert lost.is_lost
    assert not seen.is_lost
    assert not replace(lost, body=np.where(np.arange(20)[:, None] == 3, seen.body, lost.body)).is_lost
    first, second, third = hold_lost([seen, lost, lost])
    assert first is seen
    for held in (second, third):
        assert np.array_equal(held.body, seen.body)
        assert np.array_equal(held.left_hand, lost.left_hand)


def test_before_anybody_is_found_there_is_nobody() -> None:
    lost = make_skeleton(np.full((133, 3), (-1, 5, 0.9)), size=SIZE)
    (nobody,) = hold_lost([lost])
    assert (nobody.body[:, 2] == 0).all()


@pytest.mark.parametrize("shape", [(17, 3), (133, 2), (1, 133, 3)])
def test_other_points_are_no_person(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError):
        make_skeleton(np.zeros(shape), size=SIZE)
