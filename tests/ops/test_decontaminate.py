"""The old background is taken out of a kept actor's edge."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from wanfx.ops.decontaminate import own_colors

Array = npt.NDArray[np.float32]
ACTOR = np.array([0.1, 0.2, 0.6], np.float32)
SIZE = (120, 160)


def _alpha() -> Array:
    disc = np.zeros(SIZE, np.float32)
    cv2.circle(disc, (80, 60), 34, 1, -1)
    soft = cv2.GaussianBlur(disc, (0, 0), 2.5)
    return np.asarray(np.clip((soft - 0.02) / 0.96, 0, 1), np.float32)


def _plate(alpha: Array, behind: Array) -> Array:
    return np.asarray(ACTOR * alpha[..., None] + behind * (1 - alpha[..., None]), np.float32)


@pytest.mark.parametrize("color", [(0.0, 0.9, 0.0), (3.0, 3.0, 3.0), (-0.02, 0.0, 0.0)])
def test_the_edge_has_the_actors_colour_whatever_was_behind(color: tuple[float, ...]) -> None:
    alpha = _alpha()
    plate = _plate(alpha, np.broadcast_to(np.array(color, np.float32), (*SIZE, 3)))
    edge = (alpha > 0.1) & (alpha < 0.9)
    before, after = np.abs(plate - ACTOR)[edge].mean(), np.abs(own_colors(plate, alpha) - ACTOR)[edge].mean()
    assert after < 0.1 * before


def test_over_the_background_it_came_from_the_plate_comes_back() -> None:
    alpha = _alpha()
    ramp = np.linspace(0.1, 1.5, SIZE[1], dtype=np.float32)
    behind = np.repeat(np.broadcast_to(ramp, SIZE)[..., None], 3, axis=2)
    plate = _plate(alpha, behind)
    again = own_colors(plate, alpha) * alpha[..., None] + behind * (1 - alpha[..., None])
    assert np.abs(again - plate).max() < 0.05
    assert np.abs(again - plate).mean() < 0.001


def test_what_is_wholly_the_actors_or_not_at_all_keeps_its_bits_nan_too() -> None:
    alpha = _alpha()
    plate = _plate(alpha, np.full((*SIZE, 3), 0.5, np.float32))
    plate[60, 80], plate[3, 4], plate[60, 81] = np.nan, np.inf, 40.0
    own = own_colors(plate, alpha)
    plain = (alpha <= 0) | (alpha >= 1)
    assert own[plain].tobytes() == plate[plain].tobytes()
    assert np.isfinite(own[~plain]).all()


def test_a_hard_matte_changes_nothing() -> None:
    alpha = (_alpha() > 0.5).astype(np.float32)
    plate = np.random.default_rng(0).normal(0.5, 2, (*SIZE, 3)).astype(np.float32)
    assert own_colors(plate, alpha).tobytes() == plate.tobytes()


def test_colours_that_only_the_edge_has_are_found_too() -> None:
    alpha = _alpha()
    distance = cv2.distanceTransform((alpha > 0).astype(np.uint8), cv2.DIST_L2, 5)
    rim = np.exp(-((distance / 14) ** 2))[..., None]
    truth = np.asarray(ACTOR + rim * np.array([0.5, 0.0, -0.3], np.float32), np.float32)
    behind = np.full((*SIZE, 3), (0.02, 0.9, 0.02), np.float32)
    plate = np.asarray(truth * alpha[..., None] + behind * (1 - alpha[..., None]), np.float32)
    edge = (alpha > 0.1) & (alpha < 0.9)
    before, after = (np.abs(colors - truth)[edge].mean() for colors in (plate, own_colors(plate, alpha)))
    assert after < 0.28 * before


def test_a_saturated_old_background_leaves_no_fringe_over_a_dark_world() -> None:
    alpha = _alpha()
    plate = _plate(alpha, np.broadcast_to(np.array((0.01, 1.5, 0.02), np.float32), (*SIZE, 3)))
    over_black = own_colors(plate, alpha) * alpha[..., None]
    wanted = ACTOR * alpha[..., None]
    edge = (alpha > 0) & (alpha < 1)
    spill = (over_black - wanted)[edge][:, 1]
    naive = (plate * alpha[..., None] - wanted)[edge][:, 1]
    assert np.abs(spill).max() < 0.15 * naive.max()


def test_a_lamp_behind_an_edge_that_alpha_got_wrong_does_not_become_the_actors() -> None:
    alpha = _alpha()
    plate = _plate(alpha, np.full((*SIZE, 3), 0.3, np.float32))
    y, x = np.argwhere((alpha > 0.4) & (alpha < 0.6))[0]
    plate[y, x] = 30.0
    assert own_colors(plate, alpha)[y, x].max() < 3 * ACTOR.max()
