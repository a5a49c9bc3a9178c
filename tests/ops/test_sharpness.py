"""Softness of a generated picture, measured against the plate and matched."""

from __future__ import annotations

import json

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from wanfx.ops.grain import NO_GRAIN, GrainCurve, GrainModel
from wanfx.ops.sharpness import UNKNOWN, Sharpness, match_sharpness, measure_sharpness

Array = npt.NDArray[np.float32]
_ALL = np.ones((256, 384), bool)


def _wall() -> Array:
    """Texture of all scales, scene-linear."""
    random = np.random.default_rng(1)
    picture = np.full((256, 384, 3), 0.3, np.float32)
    for cell in (1, 2, 4, 8, 16):
        noise = random.uniform(-0.05, 0.05, (256 // cell, 384 // cell, 1)).astype(np.float32)
        picture += cv2.resize(noise, (384, 256), interpolation=cv2.INTER_NEAREST)[..., None]
    return picture


def _blurred(picture: Array, sigma_px: float) -> Array:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px), np.float32)


def _measure(generated: Array, plate: Array, grain: GrainModel = NO_GRAIN) -> Sharpness:
    return measure_sharpness(generated, plate, usable=_ALL, grain=grain)


@pytest.mark.parametrize("sigma_px", [0.6, 0.8, 1.2])
def test_a_blur_is_measured_in_pixels(sigma_px: float) -> None:
    assert _measure(_blurred(_wall(), sigma_px), _wall()).blur_px == pytest.approx(sigma_px, rel=0.1)


def test_the_plates_grain_is_not_taken_for_sharpness() -> None:
    sigma = 0.03
    model = GrainModel((GrainCurve((0.3,), (sigma,)),) * 3, NO_GRAIN.mix, NO_GRAIN.correlation)
    grainy = _wall() + np.random.default_rng(2).normal(0, sigma, _wall().shape).astype(np.float32)
    assert _measure(_wall(), grainy, model).blur_px < 0.15
    assert _measure(_blurred(_wall(), 1.0), grainy, model).blur_px == pytest.approx(1.0, rel=0.15)


def test_a_picture_as_sharp_as_the_plate_is_left_alone() -> None:
    for generated in (_wall(), 2 * _wall() - _blurred(_wall(), 1.0)):
        found = _measure(generated, _wall())
        assert found.gain == 0
        assert match_sharpness(generated, found) is generated


def test_where_nothing_can_be_told_nothing_is_done() -> None:
    flat = np.full((256, 384, 3), 0.2, np.float32)
    nowhere = measure_sharpness(_blurred(_wall(), 1.0), _wall(), usable=np.zeros_like(_ALL), grain=NO_GRAIN)
    assert nowhere == UNKNOWN
    assert _measure(flat, flat) == UNKNOWN


def test_a_matched_picture_is_nearer_to_the_plate_in_contrast_and_in_pixels() -> None:
    soft = _blurred(_wall(), 0.8)
    matched = match_sharpness(soft, _measure(soft, _wall()))
    assert np.abs(matched - _wall()).mean() < 0.85 * np.abs(soft - _wall()).mean()
    before, after = np.array(_measure(soft, _wall()).transfer), np.array(_measure(matched, _wall()).transfer)
    assert np.abs(after - 1).mean() < 0.7 * np.abs(before - 1).mean()


def test_nothing_rings_around_a_lamp() -> None:
    """No pixel leaves its neighborhood's range, however strong the mask."""
    picture = _wall()
    picture[100:110, 100:110] = 40.0
    soft = _blurred(picture, 1.0)
    matched = match_sharpness(soft, Sharpness((0.1,), (0.5,), 1.0, 1.4, 1.5))
    around = np.ones((3, 3), np.uint8)
    assert (matched >= cv2.erode(soft, around)).all() and (matched <= cv2.dilate(soft, around)).all()
    assert (matched != soft).any()


def test_it_scales_with_exposure() -> None:
    soft = _blurred(_wall(), 1.0)
    found = _measure(soft, _wall())
    assert _measure(4 * soft, 4 * _wall()) == found
    np.testing.assert_allclose(match_sharpness(4 * soft, found), 4 * match_sharpness(soft, found), rtol=1e-5)


def test_bad_pixels_stay_where_they_are() -> None:
    soft = _blurred(_wall(), 1.0)
    soft[5, 5], soft[9, 9], soft[20, 20] = np.nan, np.inf, -0.5
    matched = match_sharpness(soft, Sharpness((0.1,), (0.5,), 1.0, 1.0, 1.0))
    assert (np.isfinite(matched) == np.isfinite(soft)).all()


def test_measures_survive_json() -> None:
    found = _measure(_blurred(_wall(), 1.0), _wall())
    assert Sharpness.from_dict(json.loads(json.dumps(found.as_dict()))) == found
