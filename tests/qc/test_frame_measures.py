"""Seam, flicker and areas: what a perfect comp has, what a bad one has, and that exposure changes neither."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wanfx.qc.frame_measures import LIGHT, PLATE_LIGHT, add_flicker, measure_frame

HEIGHT, WIDTH = 80, 120
_FLOOR = 1e-4


def _plate(seed: int = 3) -> Any:
    noise = np.random.default_rng(seed).uniform(-0.03, 0.03, (HEIGHT, WIDTH, 3))
    return (0.3 + 0.2 * np.linspace(0, 1, WIDTH)[None, :, None] + noise).astype(np.float32)


def _mattes() -> tuple[Any, Any]:
    """An edit, and a character that ends well inside it."""
    edit, character = np.zeros((HEIGHT, WIDTH), np.float16), np.zeros((HEIGHT, WIDTH), np.float16)
    edit[15:65, 30:90] = 1
    character[30:50, 50:70] = 0.5
    return edit, character


def _measure(comp: Any, plate: Any, *, scale: float = 1.0) -> dict[str, float]:
    edit, character = _mattes()
    comp, plate = comp * np.float32(scale), plate * np.float32(scale)
    return measure_frame(comp, plate, edit=edit, character=character, floor=_FLOOR * scale)


def test_a_comp_that_is_the_plate_has_the_plates_own_seam_and_light() -> None:
    found = _measure(_plate(), _plate())
    assert found["seam_energy"] == 1
    assert found[LIGHT] == found[PLATE_LIGHT]
    assert found["character_area_px"] == 200


@pytest.mark.parametrize("gain", [0.8, 1.25])
def test_an_edit_that_is_lighter_or_darker_has_a_seam_and_what_only_the_character_shows_has_none(gain: float) -> None:
    edit, character = _mattes()
    comp = _plate()
    comp[edit > 0] *= np.float32(gain)
    assert _measure(comp, _plate())["seam_energy"] > 1.5
    comp = _plate()
    comp[character > 0] *= np.float32(4 * gain)
    assert _measure(comp, _plate())["seam_energy"] == 1


@given(st.floats(-6, 6))
def test_exposure_of_the_plate_changes_no_measure(stops: float) -> None:
    edit, _character = _mattes()
    comp = _plate()
    comp[edit > 0] *= np.float32(1.1)
    plain, exposed = _measure(comp, _plate()), _measure(comp, _plate(), scale=2.0**stops)
    assert exposed["seam_energy"] == pytest.approx(plain["seam_energy"], rel=1e-3)
    assert exposed[LIGHT] - exposed[PLATE_LIGHT] == pytest.approx(plain[LIGHT] - plain[PLATE_LIGHT], abs=1e-4)


def test_without_a_plate_or_an_edit_there_are_areas_alone() -> None:
    edit, character = _mattes()
    alone = measure_frame(_plate(), None, edit=edit, character=character, floor=_FLOOR)
    assert alone == {"character_area_px": 200.0}
    nothing = np.zeros_like(edit)
    assert measure_frame(_plate(), _plate(), edit=nothing, character=nothing, floor=_FLOOR) == {"character_area_px": 0}


def test_an_edit_whose_only_edge_is_the_characters_outline_has_no_seam() -> None:
    _edit, character = _mattes()
    assert "seam_energy" not in measure_frame(_plate(), _plate(), edit=character, character=character, floor=_FLOOR)


def test_values_that_are_no_numbers_leave_the_measures_numbers() -> None:
    comp = _plate()
    comp[20:30, 40:50] = np.nan
    assert all(np.isfinite(value) for value in _measure(comp, _plate()).values())


@given(st.lists(st.floats(-3, 3), min_size=3, max_size=20), st.floats(-1, 1))
def test_steady_changes_of_light_are_no_flicker(lights: list[float], slope: float) -> None:
    rows = {f: {LIGHT: light, PLATE_LIGHT: 0.0} for f, light in enumerate(lights)}
    steady = {f: {LIGHT: row[LIGHT] + slope * f, PLATE_LIGHT: slope * f} for f, row in rows.items()}
    for one, other in zip(add_flicker(rows).values(), add_flicker(steady).values(), strict=True):
        assert one == pytest.approx(other, abs=1e-9)
        assert one.get("plate_flicker", 0.0) == 0


def test_frames_around_a_gap_have_no_flicker() -> None:
    rows = {f: {LIGHT: 1.0, PLATE_LIGHT: 1.0} for f in (1, 2, 3, 7, 8, 9)}
    assert [f for f, row in add_flicker(rows).items() if "flicker" in row] == [2, 8]
