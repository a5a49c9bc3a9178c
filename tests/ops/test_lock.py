"""The plate lock of carried frames."""

from __future__ import annotations

import numpy as np

from wanfx.ops.lock import lock_window, plate_error

RANDOM = np.random.default_rng(3)


def test_a_carried_frame_is_the_plate_outside_and_the_generated_picture_inside() -> None:
    generated, plate = (RANDOM.uniform(-1, 1, (6, 8, 3)).astype(np.float32) for _ in range(2))
    mask = np.zeros((6, 8), np.float32)
    mask[2:4, 2:6] = 1
    carried = lock_window(generated, plate, mask)
    assert carried[mask == 0].tobytes() == plate[mask == 0].tobytes()
    np.testing.assert_allclose(carried[mask == 1], generated[mask == 1], atol=1e-6)


def test_the_error_is_what_the_generator_added_away_from_the_mask() -> None:
    plate = RANDOM.uniform(-1, 1, (24, 32, 3)).astype(np.float32)
    mask = np.zeros((24, 32), np.float32)
    mask[0] = 1
    generated = plate + np.float32(0.125)
    generated[:5] = 9
    assert plate_error(generated, plate, mask, reach_px=5) == np.float32(0.125)
    assert plate_error(generated, plate, np.ones_like(mask), reach_px=0) is None


def test_a_mask_between_the_looked_at_pixels_of_a_large_picture_still_counts() -> None:
    plate = np.zeros((600, 800, 3), np.float32)
    mask = np.zeros((600, 800), np.float32)
    mask[:, ::4] = 1
    assert plate_error(plate, plate, mask, reach_px=2) is None
