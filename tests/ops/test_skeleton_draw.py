"""The skeleton's picture. Hashes are of what Wan2.2's own preprocessing (commit 42bf4cfa, OpenCV 4.11) draws."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from wan_figure import make_figure

from wanfx.errors import InputError
from wanfx.frames import Size
from wanfx.ops import skeleton as joints
from wanfx.ops.skeleton import Skeleton, make_skeleton
from wanfx.ops.skeleton_draw import draw_skeleton, stick_width_px

SIZE = Size(640, 480)
_NOBODY = np.zeros((20, 3))
_NO_HAND = np.zeros((21, 3))


def digest(picture: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(picture).tobytes()).hexdigest()[:16]


def only(**parts: np.ndarray) -> Skeleton:
    return replace(Skeleton(SIZE, _NOBODY, _NO_HAND, _NO_HAND), **parts)


def body_with(points: dict[int, tuple[float, float, float]]) -> np.ndarray:
    body = _NOBODY.copy()
    for joint, row in points.items():
        body[joint] = row
    return body


def colors_of(picture: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(color) for color in picture.reshape(-1, 3).tolist()} - {(0, 0, 0)}


@pytest.mark.parametrize(
    ("size", "figure", "expected"),
    [
        (Size(1280, 720), {}, "98175eeb6add51f2"),
        (Size(832, 464), {"hips": (0.9, 0.8), "leg": 0.7, "jitter": 0.03}, "9a9895f03b7bf967"),
        (Size(464, 832), {"hips": (0.1, 0.2), "leg": 0.3, "jitter": 0.05}, "ab604b4230c973e2"),
        (Size(1920, 1072), {"jitter": 0.02}, "56bb72d76f5119ad"),
    ],
    ids=["whole", "cut at the right", "cut at the left", "thick"],
)
def test_a_figure_is_drawn_to_the_pixel_as_the_model_was_trained(size: Size, figure: Any, expected: str) -> None:
    assert digest(draw_skeleton(make_skeleton(make_figure(size, **figure), size=size))) == expected


@pytest.mark.parametrize(
    ("short_px", "width_px"), [(64, 1), (599, 1), (600, 2), (799, 2), (800, 3), (1000, 4), (1200, 5), (1599, 6)]
)
def test_sticks_are_as_thick_as_the_canvas_short_side_says(short_px: int, width_px: int) -> None:
    assert stick_width_px(Size(short_px, 2000)) == stick_width_px(Size(2000, short_px)) == width_px


def test_a_confidence_of_half_is_drawn_and_just_under_is_not() -> None:
    sure, unsure = 0.5, float(np.nextafter(0.5, 0))
    drawn = draw_skeleton(only(body=body_with({joints.NECK: (50, 50, sure), joints.NOSE: (50, 20, unsure)})))
    assert colors_of(drawn) == {(255, 85, 0)}
    both = draw_skeleton(only(body=body_with({joints.NECK: (50, 50, sure), joints.NOSE: (50, 20, sure)})))
    assert colors_of(both) == {(255, 85, 0), (255, 0, 0), (0, 0, 153)}


def test_limbs_have_six_tenths_of_the_color_of_their_place_in_the_list_even_at_the_feet() -> None:
    feet = body_with({joints.LEFT_ANKLE: (50, 50, 1), joints.LEFT_TOE: (80, 50, 1)})
    assert (153, 0, 51) in colors_of(draw_skeleton(only(body=feet)))
    assert (200, 200, 0) in colors_of(draw_skeleton(only(body=feet)))


def test_coordinates_are_cut_not_rounded() -> None:
    low, high = (draw_skeleton(only(body=body_with({0: (50 + part, 60 + part, 1)}))) for part in (0.0, 0.999))
    assert np.array_equal(low, high)
    assert low[60, 50].tolist() == [255, 0, 0]


def test_a_limb_leaves_the_picture_and_is_cut_off_there() -> None:
    body = body_with({joints.NECK: (600, 240, 1), joints.LEFT_SHOULDER: (900, 240, 1)})
    drawn = draw_skeleton(only(body=body))
    assert drawn[240, 620:].any(axis=1).all()


@pytest.mark.parametrize("side", ["left_hand", "right_hand"])
def test_a_hand_beyond_the_left_or_top_is_left_out_beyond_the_right_or_bottom_cut_off(side: str) -> None:
    for x, y, seen in ((0.9, 50, False), (-5, 50, False), (50, 0, False), (1, 1, True), (639, 479, True)):
        hand = _NO_HAND.copy()
        hand[8] = (x, y, 1)
        assert draw_skeleton(only(**{side: hand})).any() == seen
    hand = _NO_HAND.copy()
    hand[[0, 5]] = [(600, 100, 1), (700, 100, 1)]
    assert draw_skeleton(only(**{side: hand}))[100, 610:].any(axis=1).all()


def test_a_finger_whose_root_is_outside_loses_only_that_bone() -> None:
    hand = _NO_HAND.copy()
    hand[:5] = [(-3, 50, 1), (40, 50, 1), (60, 50, 1), (80, 50, 1), (100, 50, 1)]
    drawn = draw_skeleton(only(left_hand=hand))
    assert not drawn[:, :38].any()
    assert colors_of(drawn) == {(255, 77, 0), (255, 153, 0), (255, 229, 0), (0, 0, 255)}


def test_hands_lie_over_the_body_and_the_right_over_the_left() -> None:
    hand = np.tile((50.0, 50.0, 1.0), (21, 1))
    body = np.tile((50.0, 50.0, 1.0), (20, 1))
    assert draw_skeleton(Skeleton(SIZE, body, hand, _NO_HAND))[50, 50].tolist() == [0, 0, 255]
    bone = _NO_HAND.copy()
    bone[[0, 5]] = [(40, 50, 1), (60, 50, 1)]
    assert draw_skeleton(Skeleton(SIZE, _NOBODY, hand, bone))[50, 50].tolist() == [204, 255, 0]
    assert draw_skeleton(Skeleton(SIZE, _NOBODY, bone, hand))[50, 50].tolist() == [0, 0, 255]


def test_points_of_no_confidence_may_be_nan_and_change_nothing() -> None:
    skeleton = make_skeleton(make_figure(SIZE), size=SIZE)
    hand = skeleton.left_hand.copy()
    hand[9:13] = (np.nan, np.nan, 0)
    unsure = skeleton.left_hand.copy()
    unsure[9:13, 2] = 0.49
    assert np.array_equal(draw_skeleton(replace(skeleton, left_hand=hand)),
                          draw_skeleton(replace(skeleton, left_hand=unsure)))  # fmt: skip


@pytest.mark.parametrize("place", [np.nan, np.inf, -2e6, 5e9])
def test_a_point_to_be_drawn_that_is_nowhere_near_is_refused(place: float) -> None:
    with pytest.raises(InputError):
        draw_skeleton(only(body=body_with({3: (place, 10, 1)})))


def test_bgr_is_the_same_picture_with_its_channels_turned() -> None:
    skeleton = make_skeleton(make_figure(SIZE), size=SIZE)
    assert np.array_equal(draw_skeleton(skeleton, order="bgr"), draw_skeleton(skeleton)[..., ::-1])


@pytest.mark.parametrize("size", [Size(16, 16), Size(17, 31), Size(1, 1)], ids=str)
def test_tiny_and_odd_canvases_can_be_drawn_on(size: Size) -> None:
    drawn = draw_skeleton(make_skeleton(make_figure(size), size=size))
    assert drawn.shape == (size.height, size.width, 3)
    assert drawn.dtype == np.uint8
