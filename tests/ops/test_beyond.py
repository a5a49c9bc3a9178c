"""What goes on beyond a plate's edge has the light that the edge has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from wanfx.ops.beyond import join_beyond

Array = np.ndarray[Any, np.dtype[np.float32]]


def _scene(seed: int = 1) -> tuple[Array, Array]:
    """A smooth picture with detail, and a plate's window in it."""
    random = np.random.default_rng(seed)
    across = np.linspace(0.1, 0.6, 200, dtype=np.float32)[None, :, None]
    truth = across * random.uniform(0.9, 1.1, (120, 200, 3)).astype(np.float32)
    kept = np.zeros((120, 200), np.float32)
    kept[10:110, 40:160] = 1
    return truth, kept


def test_what_already_meets_the_plate_keeps_its_bits() -> None:
    truth, kept = _scene()
    assert join_beyond(truth, truth, kept, reach_px=40, floor=0.005) is truth


@pytest.mark.parametrize("stops", [-0.7, 0.4, 1.5])
def test_a_wrong_exposure_is_undone_at_the_edge_and_less_so_away_from_it(stops: float) -> None:
    truth, kept = _scene()
    made = (truth * np.float32(2.0**stops)).astype(np.float32)
    joined = join_beyond(made, truth, kept, reach_px=40, floor=0.001)
    error = np.abs(np.log2(joined / truth)).mean(axis=2)
    assert error[20:100, 36:40].mean() < 0.1 * abs(stops)
    assert error[20:100, :4].mean() > 0.5 * abs(stops)
    assert np.array_equal(joined[kept > 0], made[kept > 0])


def test_exposure_of_everything_changes_nothing_but_itself() -> None:
    truth, kept = _scene()
    made = (truth * np.float32(1.4)).astype(np.float32)
    once = join_beyond(made, truth, kept, reach_px=40, floor=0.002)
    brighter = join_beyond(4 * made, 4 * truth, kept, reach_px=40, floor=0.008)
    assert np.allclose(brighter, 4 * once, rtol=1e-4)


def test_nan_in_the_plate_and_light_below_black_do_no_harm() -> None:
    truth, kept = _scene()
    plate, made = truth.copy(), 1.3 * truth
    plate[50, 41] = np.nan
    made[0, 0] = -0.2
    joined = join_beyond(made.astype(np.float32), plate, kept, reach_px=40, floor=0.005)
    assert np.isfinite(joined).all() and (joined[0, 0] == made[0, 0].astype(np.float32)).all()


def test_the_black_line_that_a_plate_ends_in_darkens_nothing() -> None:
    truth, kept = _scene()
    plate = truth.copy()
    plate[:, 158:160] = 0
    plate[:, 157] *= 0.3
    assert join_beyond(truth, plate, kept, reach_px=40, floor=0.005) is truth


def test_without_an_edge_there_is_nothing_to_join() -> None:
    truth, kept = _scene()
    assert join_beyond(truth, 2 * truth, np.ones_like(kept), reach_px=40, floor=0.005) is truth
