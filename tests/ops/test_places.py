"""Pixels read from another frame, between its pixels."""

from __future__ import annotations

import numpy as np

from wanfx.frames import Box
from wanfx.ops.places import Places, sample_at


def _places(size: int) -> Places:
    return Places(np.arange(size * size), Box(0, 0, size, size))


def _moved(x: float) -> np.ndarray:
    return np.array([[1.0, 0.0, x], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])


def test_a_move_by_whole_pixels_takes_their_bits() -> None:
    picture = np.random.default_rng(1).normal(size=(16, 16, 3)).astype(np.float16)
    places = _places(16)
    moved = sample_at(picture, _moved(2.0), places.across, places.down).reshape(16, 16, 3)
    assert moved[:, 2:].tobytes() == picture[:, :-2].astype(np.float32).tobytes()


def test_a_lamp_has_no_black_ring_between_the_pixels() -> None:
    picture = np.full((32, 32, 3), 0.3, np.float32)
    picture[12:20, 12:20] = 40.0
    places = _places(32)
    moved = sample_at(picture, _moved(0.4), places.across, places.down)
    assert moved.min() > 0.14
    assert moved.max() > 39


def test_light_below_zero_stays_below_zero() -> None:
    picture = np.full((16, 16, 3), -0.05, np.float32)
    places = _places(16)
    np.testing.assert_allclose(sample_at(picture, _moved(0.5), places.across, places.down), -0.05, atol=1e-6)
