"""Pixels change type as NumPy changes them."""

from __future__ import annotations

import numpy as np
import pytest

from wanfx.pixels import to_finite, to_float, to_half, to_type

_HALVES = np.arange(2**16, dtype=np.uint16).view(np.float16)


def _floats() -> np.ndarray:
    """Floats of every size, and all that lie between two halves."""
    rng = np.random.default_rng(7)
    wild = rng.integers(0, 2**32, 200_000, dtype=np.uint64).astype(np.uint32).view(np.float32)
    halves = _HALVES.astype(np.float32)
    halves = np.sort(halves[np.isfinite(halves)])
    edges = np.array([65504, 65519.996, 65520, -65520, np.inf, -np.inf, 0.0, -0.0, 3e-8, 2.98e-8], np.float32)
    small = np.ldexp(np.arange(4096, dtype=np.float32), -26)
    return np.concatenate([wild[~np.isnan(wild)], (halves[:-1] + halves[1:]) / 2, edges, small])


def test_every_half_becomes_its_float():
    known = ~np.isnan(_HALVES)
    ours = to_float(_HALVES.reshape(256, 256)).reshape(-1)
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours[known].view(np.uint32), _HALVES[known].astype(np.float32).view(np.uint32))
    assert np.isnan(ours[~known]).all()


def test_floats_become_halves_as_numpy_rounds_them():
    values = _floats()
    with np.errstate(over="ignore"):
        theirs = values.astype(np.float16)
    np.testing.assert_array_equal(to_half(values).view(np.uint16), theirs.view(np.uint16))


def test_nan_stays_nan():
    assert np.isnan(to_half(np.array([np.nan], np.float32))).all()


@pytest.mark.parametrize("shape", [(0, 3), (4, 1), (1, 4), (5,), (2, 3, 3), (2, 2, 7)])
def test_shapes_stay(shape: tuple[int, ...]):
    values = np.random.default_rng(1).random(shape, np.float32)
    assert to_half(values).shape == shape
    np.testing.assert_array_equal(to_float(to_half(values)), values.astype(np.float16).astype(np.float32))


def test_strided_pixels_are_read_where_they_are():
    values = np.random.default_rng(2).random((4, 6, 3), np.float32)
    np.testing.assert_array_equal(to_half(values[:, ::2, 1]), values[:, ::2, 1].astype(np.float16))


def test_what_has_the_type_already_is_given_back():
    values = np.ones((2, 2), np.float32)
    assert to_float(values) is values
    half = values.astype(np.float16)
    assert to_half(half) is half
    assert to_type(half, np.float32).dtype == np.float32


def test_finite_pixels_leave_the_given_ones_alone():
    values = np.array([[1.0, np.nan, -np.inf]], np.float32)
    np.testing.assert_array_equal(to_finite(values), [[1.0, 0.0, 0.0]])
    assert np.isnan(values[0, 1])
    np.testing.assert_array_equal(to_finite(values.astype(np.float16)), [[1.0, 0.0, 0.0]])
