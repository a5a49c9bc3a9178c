"""What is measured of a matte against the truth."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from wanfx.ops.matte_errors import (
    absolute_difference,
    connectivity_error,
    edge_band,
    flicker_error,
    gradient_error,
    mean_squared_error,
)

Array = npt.NDArray[np.float32]
EVERYWHERE = np.ones((80, 100), bool)
MEASURES = (mean_squared_error, absolute_difference, gradient_error, connectivity_error)


def _disc(x: int = 50, *, softness_px: float = 2.0) -> Array:
    drawn = np.zeros((80, 100), np.float32)
    cv2.circle(drawn, (x, 40), 20, 1.0, -1)
    return np.asarray(cv2.GaussianBlur(drawn, (0, 0), softness_px), np.float32)


def test_the_truth_has_no_error() -> None:
    for measure in MEASURES:
        assert measure(_disc(), _disc(), where=EVERYWHERE) == 0


def test_errors_grow_with_the_distance_from_the_truth() -> None:
    for measure in (mean_squared_error, absolute_difference, gradient_error):
        errors = [measure(_disc(50 + shift), _disc(), where=EVERYWHERE) for shift in (1, 2, 4)]
        assert 0 < errors[0] < errors[1] < errors[2]


def test_sad_is_in_pixels_and_mse_is_a_mean() -> None:
    truth = np.zeros((80, 100), np.float32)
    matte = truth.copy()
    matte[10, :10] = 0.5
    assert absolute_difference(matte, truth, where=EVERYWHERE) == pytest.approx(5)
    assert mean_squared_error(matte, truth, where=EVERYWHERE) == pytest.approx(10 * 0.25 / truth.size)


def test_only_what_is_asked_for_counts() -> None:
    matte = _disc()
    matte[:10] = 1
    away = EVERYWHERE.copy()
    away[:10] = False
    assert absolute_difference(matte, _disc(), where=away) == 0


def test_the_gradient_of_a_ramp_is_its_slope() -> None:
    ramp = np.asarray(np.tile(np.arange(100) / 100, (80, 1)), np.float32)
    middle = np.zeros((80, 100), bool)
    middle[30:50, 30:50] = True
    error = gradient_error(ramp, np.zeros_like(ramp), where=middle)
    assert error == pytest.approx(400 * 0.01**2, rel=1e-3)


def test_an_island_is_less_connected_than_as_much_matte_that_hangs_on() -> None:
    truth = _disc(softness_px=0.5)
    near, far = truth.copy(), truth.copy()
    near[36:44, 70:76], far[36:44, 90:96] = 1, 1
    loose = truth.copy()
    loose[36:44, 90:96] = 0.5
    assert connectivity_error(far, truth, where=EVERYWHERE) == pytest.approx(48)
    assert connectivity_error(loose, truth, where=EVERYWHERE) == pytest.approx(24)
    assert connectivity_error(np.minimum(truth, 0.9), truth, where=EVERYWHERE) == 0


def test_flicker_is_change_that_the_truth_lacks() -> None:
    still, moved = _disc(50), _disc(52)
    assert flicker_error(still, moved, truth_before=still, truth_after=moved, where=EVERYWHERE) == 0
    assert flicker_error(still + 0.1, still + 0.1, truth_before=still, truth_after=still, where=EVERYWHERE) == 0
    jumped = flicker_error(still, still + 0.1, truth_before=still, truth_after=still, where=EVERYWHERE)
    assert jumped == pytest.approx(0.1, rel=1e-5)


def test_the_edge_band_holds_every_soft_pixel_and_hard_edges_too() -> None:
    assert edge_band(_disc(), radius_px=0)[(_disc() > 0) & (_disc() < 1)].all()
    hard = (_disc() > 0.5).astype(np.float32)
    band = edge_band(hard, radius_px=3)
    assert band.any()
    assert not band[40, 50]
    assert not band[2, 2]
