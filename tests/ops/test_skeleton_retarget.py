"""An actor's skeletons with a character's proportions. Reference figures are what Wan2.2's own preprocessing gives."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from wan_figure import make_figure

from wanfx.errors import NothingFoundError
from wanfx.frames import Size
from wanfx.ops import skeleton as joints
from wanfx.ops.skeleton import LIMBS, Skeleton, make_skeleton
from wanfx.ops.skeleton_draw import draw_skeleton
from wanfx.ops.skeleton_limbs import Mode, even_ratios, limb_lengths, relay
from wanfx.ops.skeleton_retarget import fit_skeleton, measured_frame, retarget_skeleton, retarget_skeletons
from wanfx.ops.skeleton_scale import Framing, compare_heights, framing

PLATE, PICTURE = Size(1280, 720), Size(464, 832)
_MODES: tuple[Mode, ...] = ("gated", "reference")
_LEGS = [joints.RIGHT_KNEE, joints.RIGHT_ANKLE, joints.LEFT_KNEE, joints.LEFT_ANKLE, joints.LEFT_TOE, joints.RIGHT_TOE]


def figure(size: Size, **how: Any) -> Skeleton:
    return make_skeleton(make_figure(size, **how), size=size)


def with_body(skeleton: Skeleton, joints_: list[int], row: tuple[float | None, float | None, float | None]) -> Skeleton:
    body = skeleton.body.copy()
    for column, value in enumerate(row):
        if value is not None:
            body[joints_, column] = value
    return replace(skeleton, body=body)


def unsure(skeleton: Skeleton, which: list[int]) -> Skeleton:
    return with_body(skeleton, which, (None, None, 0.1))


@pytest.mark.parametrize(
    ("actor", "character", "expected", "nose", "left_wrist"),
    [
        ({"jitter": 0.02}, {"hips": (0.5, 0.55), "leg": 0.3, "jitter": 0.04}, "66afafe434112f10",
         (266.239, 185.506), (393.754, 289.037)),
        ({"hips": (0.4, 0.9), "leg": 0.7, "jitter": 0.02}, {"hips": (0.5, 1.1), "leg": 0.5}, "cfa51d41c7722d93",
         (282.165, 447.979), (473.599, 761.872)),
    ],
    ids=["full", "half"],
)  # fmt: skip
def test_reference_mode_is_the_reference_to_the_pixel(
    actor: Any, character: Any, expected: str, nose: tuple[float, float], left_wrist: tuple[float, float]
) -> None:
    first = make_figure(PLATE, **actor)
    second = first.copy()
    second[:, 0] += 40
    second[[9, *range(91, 112)], 1] -= 200
    shot = [make_skeleton(points, size=PLATE) for points in (first, second)]
    fit = fit_skeleton(shot[0], character=figure(PICTURE, **character), mode="reference")
    _, moved = retarget_skeletons(shot, fit=fit)
    np.testing.assert_allclose(moved.body[[joints.NOSE, joints.LEFT_WRIST], :2], [nose, left_wrist], atol=6e-4)
    assert hashlib.sha256(draw_skeleton(moved).tobytes()).hexdigest()[:16] == expected


@pytest.mark.parametrize("mode", _MODES)
def test_a_figure_like_the_character_stays_where_it_is(mode: Mode) -> None:
    same = figure(PLATE, leg=0.35)
    fit = fit_skeleton(same, character=same, mode=mode)
    moved = retarget_skeleton(same, fit=fit)
    assert fit.scale == pytest.approx(1)
    low = 0 if mode == "gated" else fit.offset_px[1]
    np.testing.assert_allclose(moved.body[:, :2], same.body[:, :2] - (0, low), atol=1e-6)


def test_gated_hands_stay_on_their_own_side_and_whole() -> None:
    same = figure(PLATE, leg=0.35)
    moved = retarget_skeleton(same, fit=fit_skeleton(same, character=same))
    np.testing.assert_allclose(moved.left_hand, same.left_hand, atol=1e-6)
    np.testing.assert_allclose(moved.right_hand, same.right_hand, atol=1e-6)


def test_the_reference_calls_the_right_hand_left_and_cuts_to_whole_pixels() -> None:
    same = figure(PLATE, leg=0.35)
    moved = retarget_skeleton(same, fit=fit_skeleton(same, character=same, mode="reference"))
    assert (moved.left_hand[:, 0] < PLATE.width / 2).all()
    assert (moved.right_hand[:, 0] > PLATE.width / 2).all()
    assert np.array_equal(moved.left_hand[:, :2], np.trunc(moved.left_hand[:, :2]))


@pytest.mark.parametrize("mode", _MODES)
def test_the_actor_gets_the_characters_limbs(mode: Mode) -> None:
    actor, character = figure(PLATE, leg=0.4, jitter=0.02), figure(PICTURE, leg=0.25, jitter=0.0)
    moved = retarget_skeleton(actor, fit=fit_skeleton(actor, character=character, mode=mode))
    # Both sides of the actor differ, the character's do not: each pair gets the larger ratio.
    got, wanted = limb_lengths(moved.body[:, :2]), limb_lengths(character.body[:, :2])
    assert (got[:13] >= wanted[:13] - 0.5).all()
    np.testing.assert_allclose(got[:12], wanted[:12], rtol=0.35)


def test_gated_feet_stand_where_the_characters_do_and_the_references_a_little_lower() -> None:
    actor, character = figure(PLATE, leg=0.4), figure(PICTURE, leg=0.25)
    ankles = [joints.LEFT_ANKLE, joints.RIGHT_ANKLE]
    feet = {
        mode: retarget_skeleton(actor, fit=fit_skeleton(actor, character=character, mode=mode)).body[ankles, 1].max()
        for mode in _MODES
    }
    assert feet["gated"] == pytest.approx(character.body[ankles, 1].max())
    assert feet["reference"] > feet["gated"] + 1


def test_motion_is_in_the_characters_size() -> None:
    actor, character = figure(PLATE, leg=0.4), figure(PICTURE, leg=0.2)
    fit = fit_skeleton(actor, character=character)
    stepped = retarget_skeleton(with_moved(actor, 100, -30), fit=fit).body - retarget_skeleton(actor, fit=fit).body
    half = PICTURE.height * 0.2 / (PLATE.height * 0.4)
    np.testing.assert_allclose(stepped[:, :2], np.tile((100 * half, -30 * half), (20, 1)), rtol=0.01)


def with_moved(skeleton: Skeleton, dx: float, dy: float) -> Skeleton:
    move = (dx, dy, 0)
    return Skeleton(skeleton.size, skeleton.body + move, skeleton.left_hand + move, skeleton.right_hand + move)


def test_a_close_up_without_hips_is_compared_by_the_limbs_known_in_both() -> None:
    actor = unsure(figure(PLATE, leg=0.5), [joints.LEFT_HIP, joints.RIGHT_HIP, *_LEGS])
    character = unsure(figure(PICTURE, leg=0.25), [joints.LEFT_HIP, joints.RIGHT_HIP, *_LEGS])
    expected = 0.5 * PLATE.height / (0.25 * PICTURE.height)
    assert compare_heights(actor, character, mode="gated").scale == pytest.approx(expected, rel=1e-3)
    assert compare_heights(actor, character, mode="reference").by == "canvas"


def test_gated_garbage_in_unsure_legs_changes_nothing_above_them() -> None:
    actor, character = figure(PLATE, leg=0.4), unsure(figure(PICTURE, leg=0.25), _LEGS)
    calm = fit_skeleton(actor, character=character)
    wild = fit_skeleton(actor, character=with_body(character, _LEGS, (9000.0, -4000.0, None)))
    assert calm == wild
    assert calm != fit_skeleton(actor, character=figure(PICTURE, leg=0.25))


def test_gated_garbage_in_an_unsure_elbow_does_not_move_a_wrist_that_is_seen() -> None:
    actor, character = figure(PLATE, leg=0.4), figure(PICTURE, leg=0.25)
    fit = fit_skeleton(actor, character=character)
    lost = [with_body(unsure(actor, [joints.LEFT_ELBOW]), [joints.LEFT_ELBOW], place) for place in
            ((0.0, 0.0, None), (1200.0, 700.0, None))]  # fmt: skip
    wrists = [retarget_skeleton(frame, fit=fit).body[joints.LEFT_WRIST] for frame in [actor, *lost]]
    np.testing.assert_allclose(wrists[1], wrists[2])
    np.testing.assert_allclose(wrists[0], wrists[1], atol=3)


def test_confidences_stay_and_so_does_the_count() -> None:
    shot = [figure(PLATE, leg=0.4, confidence=part) for part in (0.45, 0.6, 0.9)]
    fit = fit_skeleton(shot[2], character=figure(PICTURE, leg=0.25))
    for before, after in zip(shot, retarget_skeletons(iter(shot), fit=fit), strict=True):
        assert after.size == PICTURE
        assert np.array_equal(after.body[:, 2], before.body[:, 2])
        assert np.array_equal(after.left_hand[:, 2], before.left_hand[:, 2])


@pytest.mark.parametrize("mode", _MODES)
def test_unknown_points_of_a_hand_are_gone_and_can_still_be_drawn(mode: Mode) -> None:
    actor = figure(PLATE, leg=0.4)
    hand = actor.left_hand.copy()
    hand[[0, 4, 7], 2] = 0.39
    frame = replace(actor, left_hand=hand)
    moved = retarget_skeleton(frame, fit=fit_skeleton(actor, character=figure(PICTURE, leg=0.25), mode=mode))
    gone = [np.flatnonzero(np.isnan(of[:, 0])).tolist() for of in (moved.left_hand, moved.right_hand)]
    assert sorted(gone) == [[], [0, 4, 7]]
    assert draw_skeleton(moved).any()


def test_a_missing_hand_leaves_the_other_where_it_is() -> None:
    actor = figure(PLATE, leg=0.4)
    fit = fit_skeleton(actor, character=figure(PICTURE, leg=0.25))
    both = retarget_skeleton(actor, fit=fit)
    alone = retarget_skeleton(replace(actor, right_hand=actor.right_hand * (1, 1, 0)), fit=fit)
    assert np.array_equal(alone.left_hand, both.left_hand)
    assert (alone.right_hand[:, 2] == 0).all()


def test_hands_taken_for_each_other_change_back() -> None:
    actor = figure(PLATE, leg=0.4)
    fit = fit_skeleton(actor, character=figure(PICTURE, leg=0.25))
    swapped = replace(actor, left_hand=actor.right_hand, right_hand=actor.left_hand)
    straight, turned = (retarget_skeleton(frame, fit=fit) for frame in (actor, swapped))
    assert np.array_equal(straight.left_hand, turned.left_hand)
    assert np.array_equal(straight.right_hand, turned.right_hand)


def test_a_hand_stands_in_for_a_wrist_that_is_not_seen() -> None:
    actor = figure(PLATE, leg=0.4)
    fit = fit_skeleton(actor, character=figure(PICTURE, leg=0.25))
    blind = with_body(actor, [joints.LEFT_WRIST], (0.0, 0.0, 0.1))
    np.testing.assert_allclose(
        retarget_skeleton(blind, fit=fit).left_hand, retarget_skeleton(actor, fit=fit).left_hand, atol=1e-6
    )


def test_a_foot_is_never_longer_than_half_its_calf() -> None:
    actor = figure(PLATE, leg=0.4)
    long_foot = with_body(actor, [joints.LEFT_TOE], (actor.body[joints.LEFT_TOE, 0] + 400, None, None))
    fit = fit_skeleton(actor, character=figure(PICTURE, leg=0.25))
    lengths = limb_lengths(retarget_skeleton(long_foot, fit=fit).body[:, :2])
    assert lengths[17] == pytest.approx(lengths[11] / 2)


def test_edited_pictures_stand_in_for_the_limbs_but_not_for_the_place() -> None:
    actor, character = figure(PLATE, leg=0.4), figure(PICTURE, leg=0.25)
    plain = fit_skeleton(actor, character=character)
    same = fit_skeleton(actor, character=character, edited=(actor, character))
    assert same == plain
    arms = [joints.LEFT_ELBOW, joints.RIGHT_ELBOW]
    longer = with_body(character, arms, (None, character.body[joints.LEFT_ELBOW, 1] + 40, None))
    stretched = fit_skeleton(actor, character=character, edited=(actor, longer))
    assert stretched.ratios[2] > plain.ratios[2]
    assert stretched.offset_px == pytest.approx(plain.offset_px)


def test_framing_is_what_is_above_the_lower_edge_and_sure() -> None:
    assert framing(figure(PLATE, leg=0.4)) == Framing.FULL
    assert framing(figure(PLATE, hips=(0.5, 0.9), leg=0.4)) == Framing.THREE_QUARTER
    assert framing(figure(PLATE, hips=(0.5, 1.1), leg=0.4)) == Framing.HALF
    assert framing(unsure(figure(PLATE, leg=0.4), [joints.LEFT_ANKLE])) == Framing.THREE_QUARTER
    assert framing(unsure(figure(PLATE, leg=0.4), [joints.RIGHT_HIP])) == Framing.HALF


def test_both_sides_get_the_longer_ratio_eyes_and_ears_the_mean_and_the_neck_its_own() -> None:
    ratios = np.linspace(0.5, 2.3, 19)
    even = even_ratios(ratios, known=np.ones(20, np.bool_), mode="reference")
    assert even[2] == even[4] == ratios[4]
    assert even[17] == even[18] == ratios[18]
    assert even[13] == even[15] == pytest.approx((ratios[13] + ratios[15]) / 2)
    assert even[12] == ratios[12]


def test_a_limb_that_was_not_measured_takes_after_its_other_side_then_the_median() -> None:
    ratios = np.full(19, 1.5)
    ratios[[2, 4]] = 0.9, 70.0
    known = np.ones(20, np.bool_)
    assert even_ratios(ratios, known=known, mode="gated")[[2, 4]].tolist() == [0.9, 0.9]
    known[[joints.RIGHT_ELBOW, joints.LEFT_ELBOW]] = False
    assert even_ratios(ratios, known=known, mode="gated").tolist() == [1.5] * 19
    assert even_ratios(ratios, known=np.zeros(20, np.bool_), mode="gated").tolist() == [1.0] * 19


def test_limbs_laid_anew_at_their_own_length_stay_and_at_twice_are_twice_as_long() -> None:
    points, known = figure(PLATE, leg=0.4, jitter=0.1).body[:, :2], np.ones(20, np.bool_)
    np.testing.assert_allclose(relay(points, known=known, ratios=np.ones(19), clamp_feet=False), points, atol=1e-9)
    twice = relay(points, known=known, ratios=np.full(19, 2.0), clamp_feet=False)
    np.testing.assert_allclose(limb_lengths(twice), 2 * limb_lengths(points))
    np.testing.assert_allclose(twice - twice[joints.NECK], 2 * (points - points[joints.NECK]), atol=1e-9)
    assert len(LIMBS) == 19


def test_without_a_common_point_there_is_no_fit() -> None:
    actor = unsure(figure(PLATE), list(range(20)))
    with pytest.raises(NothingFoundError):
        fit_skeleton(actor, character=figure(PICTURE))


def test_the_frame_to_measure_is_the_first_with_most_limbs_known() -> None:
    whole = figure(PLATE, leg=0.4)
    assert measured_frame([unsure(whole, _LEGS), whole, whole]) == 1
    with pytest.raises(NothingFoundError):
        measured_frame([unsure(whole, list(range(20)))])


def test_the_first_frame_alone_is_put_where_the_reference_measured() -> None:
    actor, character = figure(PLATE, leg=0.4), figure(PICTURE, leg=0.25)
    fit = fit_skeleton(actor, character=character, mode="reference")
    shot = [with_moved(actor, 60, 0)] * 2
    first, second = retarget_skeletons(shot, fit=fit)
    assert second.body[joints.NECK, 0] - first.body[joints.NECK, 0] == pytest.approx(60 / fit.scale)
    gated = fit_skeleton(actor, character=character)
    first, second = retarget_skeletons(shot, fit=gated)
    assert np.array_equal(first.body, second.body)
