"""The puppet: what of the character is found, and its layers."""

from __future__ import annotations

import numpy as np
import pytest
from puppet_doll import SHIRT, doll_pose, draw_doll

from wanfx.errors import NothingFoundError
from wanfx.ops import pose as points
from wanfx.ops.puppet import Layer, Puppet, build_puppet


def _over(puppet: Puppet) -> np.ndarray:
    out = np.zeros_like(puppet.rgba)
    for layer in puppet.layers:
        view = out[layer.box.slices()]
        view[:] = view * (1 - layer.levels[0][..., 3:]) + layer.levels[0]
    return out


def _layer(puppet: Puppet, name: str) -> Layer:
    return next(layer for layer in puppet.layers if layer.name == name)


def test_a_full_figure_misses_nothing_and_comes_apart_into_body_and_limbs() -> None:
    puppet = build_puppet(draw_doll(), doll_pose())
    assert puppet.missing == ()
    limbs = {
        f"{side}_{limb}.{part}" for side in ("left", "right") for limb in ("arm", "leg") for part in ("upper", "lower")
    }
    assert {layer.name for layer in puppet.layers} == limbs | {"body"}


def test_the_layers_laid_over_each_other_make_the_reference_again() -> None:
    picture = draw_doll()
    assert np.abs(_over(build_puppet(picture, doll_pose())) - picture).max() < 0.15
    assert np.abs(_over(build_puppet(picture, doll_pose())) - picture).mean() < 1e-3


def test_layers_are_premultiplied_and_keep_values_above_one() -> None:
    for layer in build_puppet(draw_doll(), doll_pose()).layers:
        for level in layer.levels:
            assert level[..., 3].min() >= 0
            assert level[..., 3].max() <= 1 + 1e-6
            assert not level[..., :3][level[..., 3] == 0].any()
    body = _layer(build_puppet(draw_doll(), doll_pose()), "body")
    assert body.levels[0][..., 0].max() > 3.5


def test_a_hidden_hand_is_missing_and_not_invented() -> None:
    pose = doll_pose()
    puppet = build_puppet(draw_doll(without=("left hand",)), pose)
    assert puppet.missing == ("left hand",)
    assert _layer(puppet, "left_arm.lower").levels[0][..., 0].max() < 1
    assert puppet.chain("left_arm") == ("left_shoulder", "left_elbow", "left_wrist")


def test_an_arm_of_which_only_the_upper_part_is_found_misses_its_forearm() -> None:
    pose = doll_pose()
    pose.confidence[points.RIGHT_WRIST] = 0
    assert build_puppet(draw_doll(), pose).missing == ("right forearm",)


def test_a_robe_has_no_legs() -> None:
    pose = doll_pose()
    pose.confidence[points.LEFT_KNEE : points.RIGHT_ANKLE + 1] = 0
    puppet = build_puppet(draw_doll(without=("legs",)), pose)
    assert puppet.missing == ("legs",)
    assert not [layer for layer in puppet.layers if "leg" in layer.name]


def test_half_a_figure_is_one_whose_hips_lie_below_its_picture() -> None:
    pose = doll_pose()
    pose.confidence[points.LEFT_HIP :] = 0
    puppet = build_puppet(draw_doll()[:230], pose)
    assert "legs" in puppet.missing
    assert puppet.rest.is_cut


def test_a_figure_that_stands_on_the_pictures_edge_is_not_cut() -> None:
    puppet = build_puppet(draw_doll()[:450], doll_pose())
    assert not puppet.rest.is_cut
    assert puppet.missing == ()


@pytest.mark.parametrize("index", [points.LEFT_SHOULDER, points.RIGHT_SHOULDER])
def test_without_shoulders_there_is_no_puppet(index: int) -> None:
    pose = doll_pose()
    pose.confidence[index] = 0
    with pytest.raises(NothingFoundError, match="shoulders"):
        build_puppet(draw_doll(), pose)


def test_a_pose_beside_the_figure_makes_no_puppet() -> None:
    with pytest.raises(NothingFoundError, match="outside"):
        build_puppet(draw_doll(), doll_pose().moved(0, -300))


def test_an_arm_before_the_torso_leaves_no_ghost_on_it() -> None:
    before = {"left_elbow": (205.0, 205.0), "left_wrist": (160.0, 215.0)}
    puppet = build_puppet(draw_doll(joints=before), doll_pose(moved=before))
    body = _layer(puppet, "body")
    under = body.levels[0][205 - body.box.y0 : 225 - body.box.y0, 150 - body.box.x0 : 185 - body.box.x0]
    np.testing.assert_allclose(under[..., 3], 1, atol=0.02)
    np.testing.assert_allclose(under[..., :3].mean(axis=(0, 1)), SHIRT, atol=0.08)


def test_clothes_that_hang_over_the_thighs_stay_with_the_body() -> None:
    puppet = build_puppet(draw_doll(), doll_pose())
    thigh = _layer(puppet, "left_leg.upper").levels[0]
    above_hem = thigh[: 260 - _layer(puppet, "left_leg.upper").box.y0]
    solid = above_hem[above_hem[..., 3] > 0.9]
    assert len(solid) > 200
    assert (solid[:, 2] > 2 * solid[:, 1]).all()


def test_corners_follow_their_bones_wholly() -> None:
    for layer in build_puppet(draw_doll(), doll_pose()).layers:
        np.testing.assert_allclose(layer.mesh.weights.sum(axis=1), 1, atol=1e-9)
        assert layer.mesh.weights.min() >= 0
        assert layer.mesh.triangles.max() < len(layer.mesh.vertices)
        assert 20 < len(layer.mesh.triangles) < 1200
