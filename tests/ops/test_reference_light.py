"""A character's grade towards the plate's light."""

from __future__ import annotations

import numpy as np
import pytest

from wanfx.ops.grade import LightLook
from wanfx.ops.reference_light import match_light

_GREY = LightLook((0.3, 0.3, 0.3), (0.01, 0.01, 0.01), -2.0)


def _lit(*, by: tuple[float, float, float] = (1.0, 1.0, 1.0), blacks: float = 0.01) -> LightLook:
    red, green, blue = (0.3 * one for one in by)
    return LightLook((red, green, blue), (blacks, blacks, blacks), -2.0)


def test_a_character_in_the_plates_light_is_left_alone() -> None:
    assert match_light(_GREY, own=_GREY, actor=_GREY, around=_GREY, gain=1.0).is_none


@pytest.mark.parametrize("stops", [-6.0, -1.0, 0.5, 6.0])
def test_half_of_the_difference_in_light_is_made_good_and_one_stop_at_most(stops: float) -> None:
    plate = _lit(by=(2.0**stops,) * 3, blacks=0.01 * 2.0**stops)
    grade = match_light(_GREY, own=_GREY, actor=plate, around=plate, gain=1.0)
    assert np.log2(grade.slope) == pytest.approx([np.clip(stops / 2, -1, 1)] * 3, abs=2e-3)


def test_the_lights_color_is_told_by_what_surrounds_the_character_and_never_by_his_coat() -> None:
    green = LightLook((0.05, 0.6, 0.05), (0.0, 0.0, 0.0), -2.0)
    same = match_light(green, own=_GREY, actor=None, around=_GREY, gain=1.0).slope
    assert len(set(same)) == 1
    red, _green, blue = match_light(green, own=_GREY, actor=None, around=_lit(by=(1.4, 1.0, 0.6)), gain=1.0).slope
    assert red > same[0] > blue and red / same[0] <= 2**0.2501


def test_without_surroundings_the_picture_counts_as_lit_by_white() -> None:
    warm = _lit(by=(1.2, 1.0, 0.8))
    with_grey, without = (match_light(_GREY, own=own, actor=None, around=warm, gain=1.0) for own in (_GREY, None))
    assert with_grey == without


@pytest.mark.parametrize("plate_blacks", [0.0, 0.2])
def test_blacks_are_lifted_a_little_and_never_lose_more_than_half(plate_blacks: float) -> None:
    plate = _lit(blacks=plate_blacks)
    grade = match_light(_GREY, own=None, actor=plate, around=plate, gain=1.0)
    assert -0.005 <= grade.offset[0] <= 0.02
    assert (grade.offset[0] > 0) == (plate_blacks > 0.01)
