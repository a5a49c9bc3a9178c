"""The grain of the edit beside the plate's."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from wanfx.qc.frame_grain import grain_ratio

Array = npt.NDArray[np.float32]
HEIGHT, WIDTH = 160, 240
EDITED = np.zeros((HEIGHT, WIDTH), np.bool_)
EDITED[40:120, 80:160] = True


def _grainy(strength: float, *, seed: int = 1) -> Array:
    """A ramp with grain of so many stops, and texture in every other stripe."""
    random = np.random.default_rng(seed)
    stops = np.linspace(-4, 0, WIDTH)[None, :, None] + random.normal(0, strength, (HEIGHT, WIDTH, 3))
    stops[::16] += random.normal(0, 1, (HEIGHT // 16, WIDTH, 3))
    return np.exp2(stops).astype(np.float32)


@pytest.mark.parametrize("times", [0.25, 0.5, 1.0, 2.0])
def test_grain_is_told_against_the_plates_own(times: float) -> None:
    plate = _grainy(0.05)
    comp = np.where(EDITED[..., None], _grainy(0.05 * times, seed=2), plate)
    found = grain_ratio(comp, plate, edited=EDITED, kept=~EDITED, floor=0.001)
    assert found == pytest.approx(times, rel=0.1)


def test_the_plates_exposure_changes_nothing() -> None:
    plate = _grainy(0.05)
    comp = np.where(EDITED[..., None], _grainy(0.03, seed=2), plate)
    once = grain_ratio(comp, plate, edited=EDITED, kept=~EDITED, floor=0.001)
    again = grain_ratio(4 * comp, 4 * plate, edited=EDITED, kept=~EDITED, floor=0.004)
    assert once == pytest.approx(again, rel=1e-6)


def test_nothing_is_told_of_light_that_only_one_has_nor_beside_a_plate_without_grain() -> None:
    plate = _grainy(0.05)
    assert grain_ratio(plate * 64, plate, edited=EDITED, kept=~EDITED, floor=0.001) is None
    smooth = np.broadcast_to(np.exp2(np.linspace(-4, 0, WIDTH))[None, :, None], (HEIGHT, WIDTH, 3)).astype(np.float32)
    assert grain_ratio(plate, smooth, edited=EDITED, kept=~EDITED, floor=0.001) is None


def test_nothing_is_told_where_nothing_is_edited_or_nothing_kept() -> None:
    plate, none = _grainy(0.05), np.zeros_like(EDITED)
    assert grain_ratio(plate, plate, edited=none, kept=~none, floor=0.001) is None
    assert grain_ratio(plate, plate, edited=~none, kept=none, floor=0.001) is None
    assert grain_ratio(plate[:5, :5], plate[:5, :5], edited=none[:5, :5], kept=none[:5, :5], floor=0.001) is None
