"""Alpha from a rough matte and the plate."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from wanfx.ops.alpha import refine_alpha

Array = npt.NDArray[np.float32]


def _truth() -> Array:
    drawn = np.zeros((240, 320), np.uint8)
    cv2.ellipse(drawn, (160, 130), (55, 90), 10, 0, 360, 1, -1)
    cv2.line(drawn, (190, 100), (260, 60), 1, 18)
    return np.asarray(cv2.GaussianBlur(drawn.astype(np.float32), (0, 0), 0.8), np.float32)


def _plate(alpha: Array, *, stops: float = 0.0) -> Array:
    """A warm subject before a cool background, with texture; linear."""
    rng = np.random.default_rng(0)
    front = np.array([0.5, 0.25, 0.12]) * rng.uniform(0.85, 1.15, (*alpha.shape, 1))
    back = np.array([0.1, 0.2, 0.4]) * rng.uniform(0.85, 1.15, (*alpha.shape, 1))
    mixed = front * alpha[..., None] + back * (1 - alpha[..., None])
    return np.asarray(mixed * 2.0**stops, np.float32)


def _rough(alpha: Array, *, shift_px: int = 2) -> Array:
    """What a quarter-size matte, a little beside the truth, gives at full size."""
    small = cv2.resize(alpha, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, alpha.shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(np.roll(large, shift_px, axis=1), 0, 1), np.float32)


@pytest.mark.parametrize("stops", [-2.0, 0.0, 4.0])
def test_alpha_is_nearer_the_truth_than_the_rough_matte(stops: float) -> None:
    truth = _truth()
    rough = _rough(truth)
    alpha = refine_alpha(_plate(truth, stops=stops), rough, radius_px=8.0)
    assert np.abs(alpha - truth).mean() < 0.5 * np.abs(rough - truth).mean()


def test_away_from_the_edge_alpha_is_exactly_0_or_1() -> None:
    rough = _rough(_truth())
    alpha = refine_alpha(_plate(_truth()), rough, radius_px=6.0)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (17, 17))
    hard = (rough >= 0.5).astype(np.uint8)
    assert (alpha[cv2.erode(hard, disc) > 0] == 1).all()
    assert (alpha[cv2.dilate(hard, disc) == 0] == 0).all()
    assert alpha.min() >= 0
    assert alpha.max() <= 1


def test_a_radius_of_0_changes_nothing() -> None:
    rough = _rough(_truth())
    assert refine_alpha(_plate(_truth()), rough, radius_px=0).tobytes() == rough.tobytes()


def test_an_empty_matte_stays_empty() -> None:
    assert not refine_alpha(_plate(_truth()), np.zeros((240, 320), np.float32), radius_px=8.0).any()


def test_a_full_matte_stays_full() -> None:
    assert (refine_alpha(_plate(_truth()), np.ones((240, 320), np.float32), radius_px=8.0) == 1).all()


def test_a_subject_thinner_than_the_band_is_not_lost() -> None:
    truth = np.zeros((240, 320), np.float32)
    truth[20:220, 157:164] = 1
    alpha = refine_alpha(_plate(truth), truth, radius_px=8.0)
    assert alpha[40:200, 160].min() > 0.5


def test_where_colors_do_not_tell_the_matte_decides() -> None:
    rough = _rough(_truth())
    alpha = refine_alpha(np.full((240, 320, 3), 0.18, np.float32), rough, radius_px=6.0)
    assert np.mean((alpha >= 0.5) != (rough >= 0.5)) < 0.005


def test_alpha_has_no_small_pinholes_and_no_small_specks() -> None:
    plate = _plate(_truth())
    plate[np.random.default_rng(1).random((240, 320)) < 0.02] = (0.1, 0.2, 0.4)
    alpha = refine_alpha(plate, _rough(_truth()), radius_px=8.0, speck_px=24)
    for lit in (alpha > 0.1, alpha < 0.9):
        _count, _labels, stats, _centers = cv2.connectedComponentsWithStats(lit.astype(np.uint8), connectivity=8)
        assert stats[1:, cv2.CC_STAT_AREA].min() >= 24


def test_values_of_any_size_in_the_plate_leave_alpha_finite_and_in_range() -> None:
    plate = _plate(_truth())
    plate[100:140, 60:200] = 6e4
    plate[150:170, 60:200] = -5.0
    alpha = refine_alpha(plate, _rough(_truth()), radius_px=8.0)
    assert np.isfinite(alpha).all()
    assert 0 <= alpha.min() <= alpha.max() <= 1


def test_alpha_does_not_depend_on_the_number_of_threads() -> None:
    threads = cv2.getNumThreads()
    try:
        made = []
        for count in (1, 2, 2):
            cv2.setNumThreads(count)
            made.append(refine_alpha(_plate(_truth()), _rough(_truth()), radius_px=8.0).tobytes())
    finally:
        cv2.setNumThreads(threads)
    assert made[0] == made[1] == made[2]
