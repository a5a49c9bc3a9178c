"""How many stops lie between two pictures."""

from __future__ import annotations

import numpy as np
import pytest

from wanfx.ops.exposure import match_stops, median_stops

EVERYWHERE = np.ones((40, 60), bool)


@pytest.mark.parametrize("stops", [-3.0, 0.5, 2.0])
def test_a_picture_is_as_many_stops_brighter_as_it_was_made(stops: float) -> None:
    picture = np.random.default_rng(0).uniform(0.1, 1, (40, 60, 3)).astype(np.float32)
    before, after = median_stops(picture, EVERYWHERE), median_stops(picture * np.float32(2**stops), EVERYWHERE)
    assert before is not None
    assert after is not None
    assert abs(after - before - stops) < 1e-4


def test_neither_a_lamp_nor_black_counts() -> None:
    picture = np.full((40, 60, 3), 0.25, np.float32)
    picture[:10, :10], picture[30:, 50:] = 4000.0, -1.0
    assert median_stops(picture, EVERYWHERE) == -2.0


def test_too_few_pixels_tell_nothing() -> None:
    assert median_stops(np.ones((40, 60, 3), np.float32), np.zeros((40, 60), bool)) is None
    assert match_stops([], most=2.0) == 0.0


def test_no_more_stops_are_given_than_allowed() -> None:
    assert match_stops([(0.0, -7.0)], most=2.0) == 2.0
    assert match_stops([(-7.0, 0.0)], most=2.0) == -2.0
