"""Which background is shown where the old subject was."""

from __future__ import annotations

from typing import Any

import numpy as np

from wanfx.ops.seam import SeamErrors, fade_sources, feather, is_generated_better, seam_error

RANDOM = np.random.default_rng(2)
PLATE = RANDOM.uniform(0.05, 1, (60, 80, 3)).astype(np.float32)
RING = np.zeros((60, 80), np.bool_)
RING[20:40, 20:24] = True


def test_the_plate_itself_has_no_error_and_a_stop_more_has_one_stop() -> None:
    assert seam_error(PLATE, PLATE, RING, floor=1e-6) == 0
    brighter = seam_error(2 * PLATE, PLATE, RING, floor=1e-6)
    assert brighter is not None
    assert abs(brighter - 1) < 1e-3


def test_the_cast_that_the_lock_takes_off_is_no_error() -> None:
    away = ~RING
    found = seam_error(PLATE * np.array([1.1, 0.9, 1.3], np.float32), PLATE, RING, floor=1e-6, level=away)
    assert found is not None
    assert found < 1e-3


def test_a_ring_of_few_pixels_says_nothing() -> None:
    assert seam_error(PLATE, PLATE, np.zeros_like(RING), floor=1e-6) is None


def test_what_a_new_character_hides_of_the_ring_does_not_count() -> None:
    hidden = PLATE.copy()
    hidden[20:26] = 9
    found = seam_error(hidden, PLATE, RING, floor=1e-6)
    assert found is not None
    assert found < 0.05


def test_the_clean_plate_stays_unless_the_generated_background_fits_clearly_better() -> None:
    same, better = SeamErrors(0.1, 0.1, 0.0), SeamErrors(0.1, 0.05, 0.0)
    assert not is_generated_better([], was_generated=True)
    assert not is_generated_better([same], was_generated=False)
    assert is_generated_better([same], was_generated=True), "what is shown is given up late"
    assert is_generated_better([better, better, same], was_generated=False)
    assert is_generated_better([SeamErrors(0.05, 0.06, 1.0)], was_generated=False), "never seen: only a guess"


def test_a_change_of_source_never_jumps() -> None:
    windows = [(range(10), False), (range(10, 20), True), (range(20, 30), False)]
    weights = fade_sources([(list(frames), choice) for frames, choice in windows])
    values = np.array([weights[frame] for frame in range(30)])
    assert np.abs(np.diff(values)).max() < 0.13
    assert values[9] == 0
    assert values[19] == 1
    assert values[29] == 0


def _area() -> np.ndarray[Any, np.dtype[np.bool_]]:
    area = np.zeros((60, 80), np.bool_)
    area[10:50, 15:65] = True
    return area


def test_where_two_pictures_are_alike_nothing_is_mixed() -> None:
    assert np.array_equal(feather(PLATE, PLATE, _area(), reach_px=12, floor=0.005), _area().astype(np.float32))


def test_where_they_differ_the_edge_is_as_soft_as_they_are_apart() -> None:
    shares = [feather(PLATE * np.float32(2.0**stops), PLATE, _area(), reach_px=12, floor=1e-4) for stops in (0.05, 1.0)]
    narrow, wide = (share[30, 15:40] for share in shares)
    assert not wide[0] > 0.05 and (np.diff(wide) >= 0).all()
    assert (wide <= narrow + 1e-6).all() and wide[5] < narrow[5]
    for share in shares:
        assert not share[~_area()].any()
        assert (share[23:37, 28:52] == 1).all()


def test_a_step_of_light_becomes_a_ramp_that_is_no_steeper_than_its_reach() -> None:
    flat = np.full((60, 80, 3), 0.2, np.float32)
    share = feather(2 * flat, flat, _area(), reach_px=12, floor=1e-4)
    assert np.abs(np.diff(share, axis=1)).max() < 1.6 / 12 and np.abs(np.diff(share, axis=0)).max() < 1.6 / 12


def test_the_pictures_own_edge_is_no_seam() -> None:
    area = np.zeros((60, 80), np.bool_)
    area[20:, 15:65] = True
    share = feather(2 * PLATE, PLATE, area, reach_px=8, floor=1e-4)
    assert (share[-1, 30:50] == 1).all()


def test_the_feather_knows_no_exposure() -> None:
    one = feather(1.3 * PLATE, PLATE, _area(), reach_px=10, floor=0.005)
    assert np.allclose(feather(1.3 * 8 * PLATE, 8 * PLATE, _area(), reach_px=10, floor=0.04), one, atol=1e-4)
