"""A grade is OCIO's own ASC CDL, it can be undone, and what is suggested is moderate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import PyOpenColorIO as ocio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wanfx.ops.grade import Grade, LightLook, apply_grade, look_at_light, suggest_grade, undo_grade

Array = npt.NDArray[np.float32]
Three = tuple[float, float, float]
_slopes = st.tuples(*[st.floats(0.25, 4.0)] * 3)
_offsets = st.tuples(*[st.floats(-0.1, 0.1)] * 3)
_powers = st.tuples(*[st.floats(0.5, 2.0)] * 3)
_grades = st.builds(Grade, _slopes, _offsets, _powers, st.floats(0.5, 1.5))


def _colors() -> Array:
    """Light from below 0 to far above 1."""
    random = np.random.default_rng(4)
    colors = random.gamma(0.6, 0.8, (64, 16, 3)).astype(np.float32)
    colors[0], colors[1] = -0.05, 30.0
    return colors


@given(_grades)
def test_a_grade_is_what_opencolorio_makes_of_the_same_numbers(grade: Grade) -> None:
    cdl = ocio.CDLTransform(
        slope=list(grade.slope), offset=list(grade.offset), power=list(grade.power), sat=grade.saturation
    )
    cdl.setStyle(ocio.CDL_NO_CLAMP)
    wanted = np.ascontiguousarray(_colors().reshape(-1, 3))
    cpu = ocio.Config.CreateRaw().getProcessor(cdl).getOptimizedCPUProcessor(ocio.OPTIMIZATION_LOSSLESS)
    cpu.applyRGB(wanted)
    found = apply_grade(_colors(), grade).reshape(-1, 3)
    assert np.allclose(found, wanted, rtol=2e-4, atol=2e-4)


@given(_slopes, _offsets, st.floats(0.8, 1.25), st.floats(0.5, 1.5))
def test_a_grade_can_be_undone(slope: Three, offset: Three, power: float, saturation: float) -> None:
    grade = Grade(slope, offset, (power, 1.0, 1 / power), saturation)
    again = undo_grade(apply_grade(_colors(), grade), grade)
    # Saturation mixes the channels, so that the rounding is the largest one's.
    error = np.abs(again - _colors()) / np.maximum(np.abs(_colors()).max(axis=2, keepdims=True), 1)
    assert error.max() < 1e-3


@given(_slopes, _offsets)
def test_a_grade_of_slope_and_offset_is_undone_within_rounding(slope: Three, offset: Three) -> None:
    grade = Grade(slope, offset)
    again = undo_grade(apply_grade(_colors(), grade), grade)
    assert np.allclose(again, _colors(), rtol=1e-5, atol=1e-6)


def test_no_grade_returns_the_very_pixels() -> None:
    colors = _colors()
    assert apply_grade(colors, Grade()) is colors and undo_grade(colors, Grade()) is colors


def _look(scale: tuple[float, float, float] = (1.0, 1.0, 1.0), *, haze: float = 0.0) -> LightLook:
    picture = np.random.default_rng(7).gamma(1.0, 0.2, (90, 160, 3)).astype(np.float32)
    lit = picture * np.array(scale, np.float32) + np.float32(haze)
    look = look_at_light(lit, np.ones(lit.shape[:2], bool))
    assert look is not None
    return look


def test_a_world_in_the_same_light_asks_for_no_grade() -> None:
    assert suggest_grade([(_look(), _look(), _look())], gain=1.0).is_none
    assert suggest_grade([], gain=1.0).is_none


@pytest.mark.parametrize("scale", [(2.0, 1.0, 0.5), (0.01, 0.01, 0.02), (50.0, 20.0, 1.0)])
def test_what_is_suggested_goes_the_worlds_way_and_not_far(scale: tuple[float, float, float]) -> None:
    grade = suggest_grade([(_look(), _look(scale), _look())], gain=1.0)
    stops = np.log2(grade.slope)
    towards = np.log2(scale) - np.log2(scale).mean()
    tint = stops - stops.mean()
    alike = float(tint @ towards / np.linalg.norm(tint) / np.linalg.norm(towards))
    assert alike > 0.98 and np.linalg.norm(tint) < 0.55 * np.linalg.norm(towards)
    assert np.abs(stops).max() <= 0.8 + 1e-3
    assert grade.power == (1.0, 1.0, 1.0) and grade.is_invertible


def test_haze_lifts_blacks_and_a_clear_world_never_takes_more_than_half_of_the_actors() -> None:
    up = suggest_grade([(_look(), _look(haze=0.02), _look())], gain=1.0)
    assert min(up.offset) > 0 and max(up.offset) <= 0.02
    actor = LightLook((0.2, 0.2, 0.2), (0.004, 0.004, 0.004), -3.0)
    down = suggest_grade([(_look(haze=0.02), _look(), actor)], gain=1.0)
    assert max(down.offset) < 0
    assert min(np.array(actor.blacks) * down.slope + down.offset) >= 0.4 * 0.004


def test_a_lamp_in_the_world_does_not_decide() -> None:
    picture = np.random.default_rng(7).gamma(1.0, 0.2, (90, 160, 3)).astype(np.float32)
    lamp = picture.copy()
    lamp[:6, :6] = (400.0, 100.0, 10.0)
    everywhere = np.ones(picture.shape[:2], bool)
    plain, lit = look_at_light(picture, everywhere), look_at_light(lamp, everywhere)
    assert plain is not None and lit is not None
    assert np.allclose(np.log2(lit.level), np.log2(plain.level), atol=0.1)


def test_too_little_to_look_at_is_said() -> None:
    assert look_at_light(_colors(), np.zeros((64, 16), bool)) is None
