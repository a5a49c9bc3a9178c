"""Where scene-linear light meets a model's range."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wanfx_color import ColorError, ModelSpace, log_average_stops, suggest_exposure

HALVES = np.arange(65536, dtype=np.uint16).view(np.float16).astype(np.float32)
FINITE = np.unique(HALVES[np.isfinite(HALVES)])
EXPOSURES = [-16.0, -4.3, 0.0, 3.0, 16.0]


def code(space: ModelSpace, light: float) -> float:
    return float(space.encode(np.float32([light]))[0] + 1) / 2


@pytest.mark.parametrize("stops", EXPOSURES)
def test_light_comes_back_within_a_ten_thousandth_up_to_the_ceiling(stops: float) -> None:
    space = ModelSpace(stops)
    light = np.geomspace(1e-7, 64.0, 200_001).astype(np.float32)
    light = np.concatenate([np.linspace(space.floor, 0, 2001), light * 2.0**-stops]).astype(np.float32)
    small = 1e-4 * 2.0**-stops
    error = np.abs(space.decode(space.encode(light)) - light) / np.maximum(np.abs(light), small)
    assert error.max() < 1e-4


@pytest.mark.parametrize("stops", EXPOSURES)
def test_any_half_is_finite_in_model_space_and_back(stops: float) -> None:
    space = ModelSpace(stops)
    model = space.encode(HALVES)
    assert np.isfinite(model).all()
    assert np.isfinite(space.decode(model)).all()


def test_every_half_has_a_value_of_its_own_in_order() -> None:
    assert (np.diff(ModelSpace(0.0).encode(FINITE)) > 0).all()


@given(st.lists(st.floats(-100, 100, width=32), min_size=2, max_size=2, unique=True), st.floats(-8, 8))
def test_brighter_light_is_never_a_lower_value(pair: list[float], stops: float) -> None:
    low, high = ModelSpace(stops).encode(np.float32(sorted(pair)))
    assert low <= high


@pytest.mark.parametrize("joint", [-1 / 64, 0.0, 0.0030399, 0.18, 64.0])
def test_the_pieces_meet_with_equal_value_and_slope(joint: float) -> None:
    space, step = ModelSpace(0.0), np.float64(max(abs(joint), 0.01) * 1e-2)
    before, at, after = (code(space, joint + k * step) for k in (-1, 0, 1))
    assert (after - at) == pytest.approx(at - before, rel=0.05)


def test_the_ceiling_and_the_floor_are_the_ends_of_the_range() -> None:
    for stops in (0.0, 2.0):
        space = ModelSpace(stops)
        np.testing.assert_allclose(space.encode(np.float32([space.floor, space.ceiling])), [-1, 1], atol=1e-6)
    assert (ModelSpace.CEILING, ModelSpace.FLOOR, ModelSpace(2.0).ceiling) == (64.0, -1 / 64, 16.0)


def test_mid_grey_looks_to_the_model_like_ordinary_video() -> None:
    space = ModelSpace(0.0)
    assert 0.42 < code(space, 0.18) < 0.48
    slope_a_stop = code(space, 0.18) - code(space, 0.09)
    assert slope_a_stop == pytest.approx(0.9 * (0.4614 - 0.3321), rel=0.01)  # nine tenths of sRGB's


def test_exposure_is_a_gain() -> None:
    light = np.geomspace(1e-3, 8, 50).astype(np.float32)
    assert np.array_equal(ModelSpace(3.0).encode(light), ModelSpace(0.0).encode(light * 8))


def test_what_the_model_cannot_show_is_told() -> None:
    space = ModelSpace(1.0)
    light = np.float32([[[1, 1, 1], [0, 40, 0], [0, 0, -0.01], [np.nan, 0, 0]]])
    assert space.over_ceiling(light).tolist() == [[False, True, False, True]]
    assert space.under_floor(light).tolist() == [[False, False, True, True]]
    assert space.at_ceiling(space.encode(light[:, :2])).tolist() == [[False, True]]


@pytest.mark.parametrize("overshoot", [1.0001, 1.05, 2.0, 1000.0])
def test_values_beyond_the_range_decode_to_finite_light_beyond_the_ceiling(overshoot: float) -> None:
    light = ModelSpace(0.0).decode(np.float32([overshoot, -overshoot]))
    assert np.isfinite(light).all() and light[0] > 64 and light[1] < -1 / 64


def test_the_arguments_are_left_alone_and_half_is_taken() -> None:
    light = np.float16([[0.5, 1.0, 2.0]])
    model = ModelSpace(0.0).encode(light)
    assert model.dtype == np.float32 and model.shape == (1, 3)
    before = model.copy()
    ModelSpace(0.0).decode(model)
    assert np.array_equal(model, before)


def test_an_exposure_out_of_range_is_refused() -> None:
    for stops in (17.0, float("nan")):
        with pytest.raises(ColorError):
            ModelSpace(stops)


def test_an_ordinary_plate_keeps_exposure_zero_and_a_dark_one_is_lifted() -> None:
    assert suggest_exposure([np.log2(0.1)]) == 0.0
    assert suggest_exposure([np.log2(0.18) - 5]) == 3.5
    assert suggest_exposure([np.log2(0.18) + 4]) == -2.5
    assert suggest_exposure([None, None]) == suggest_exposure([]) == 0.0


def test_black_and_broken_pixels_do_not_count_in_the_log_average() -> None:
    light = np.full((4, 4, 3), 0.18, np.float32)
    light[0] = 0.0
    light[1, 0] = np.nan
    light[1, 1] = np.inf
    assert log_average_stops(light) == pytest.approx(np.log2(0.18), abs=1e-5)
    assert log_average_stops(np.zeros((2, 2, 3), np.float32)) is None
