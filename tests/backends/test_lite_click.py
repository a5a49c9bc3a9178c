"""A click cuts the person it is on, or what else it is on; points off take away what they are on."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_person import DrawnShot

from wanfx.backends.flow_click import FlowClicker
from wanfx.backends.lite import LiteSegmenter
from wanfx.backends.lite_click import LiteClicker
from wanfx.backends.protocols import BoxPrompt, Clicker, PointPrompt, Prompts
from wanfx.errors import NothingFoundError

_SHOT = DrawnShot(others=True, ball=True)
_HERO, _OTHER = PointPrompt(1, 74, 70), PointPrompt(1, 246, 80)
_OTHER_BOX = BoxPrompt(1, 205, 16, 290, 170)


@pytest.fixture(scope="module")
def clicker(lite_models: None) -> LiteClicker:  # noqa: ARG001
    made = LiteClicker()
    made.load()
    made.open(_SHOT.read(1))
    return made


@pytest.fixture
def colors() -> FlowClicker:
    made = FlowClicker()
    made.load()
    made.open(_SHOT.read(1))
    return made


def _likeness(matte: np.ndarray, truth: np.ndarray) -> float:
    return float(np.minimum(matte, truth).sum() / np.maximum(matte, truth).sum())


def _disc(x: float, y: float, radius: float) -> np.ndarray:
    return np.asarray(cv2.circle(np.zeros((180, 320), np.float32), (int(x), int(y)), int(radius), 1.0, -1))


def test_a_click_on_a_person_cuts_that_person(clicker: LiteClicker) -> None:
    matte, sure = clicker.click(Prompts((_HERO,)))
    assert matte.dtype == np.float32 and matte.shape == (180, 320) and matte.min() >= 0 and matte.max() <= 1
    assert _likeness(matte, _SHOT.truth(1)) > 0.85
    assert sure > 0.7


@pytest.mark.parametrize("prompts", [Prompts((_OTHER,)), Prompts(boxes=(_OTHER_BOX,))])
def test_a_click_or_box_on_the_other_person_leaves_the_first_out(clicker: LiteClicker, prompts: Prompts) -> None:
    matte, _sure = clicker.click(prompts)
    assert matte[80, 246] > 0.9
    assert (matte * _SHOT.truth(1)).sum() < 0.02 * matte.sum()


def test_the_last_of_several_boxes_holds(clicker: LiteClicker) -> None:
    both, _sure = clicker.click(Prompts(boxes=(BoxPrompt(1, 40, 10, 110, 172), _OTHER_BOX)))
    alone, _sure = clicker.click(Prompts(boxes=(_OTHER_BOX,)))
    assert np.array_equal(both, alone)


def test_a_click_off_takes_away_what_it_is_on(clicker: LiteClicker) -> None:
    before, _sure = clicker.click(Prompts((_HERO,)))
    shirt = PointPrompt(1, 74, 60, keep=False)
    after, _sure = clicker.click(Prompts((PointPrompt(1, 66, 125), shirt)))
    assert before[60, 74] > 0.9 and after[60, 74] < 0.05
    assert after[125, 66] > 0.8


def test_many_clicks_still_mean_the_person(clicker: LiteClicker) -> None:
    beside = tuple(PointPrompt(1, 74 + dx, 30 + 12 * step) for step in range(5) for dx in (-28, 28))
    off = tuple(PointPrompt(1, 70 + 2 * step, 60, keep=False) for step in range(8))
    matte, _sure = clicker.click(Prompts((_HERO, *beside, *off)))
    assert matte[120, 66] > 0.9 and matte[60, 74] < 0.05


def test_a_click_on_what_is_no_person_cuts_that(clicker: LiteClicker) -> None:
    x, y, _radius = _SHOT.ball(1)
    matte, _sure = clicker.click(Prompts((PointPrompt(1, x, y),)))
    assert matte[int(y), int(x)] > 0.9
    assert (matte * _SHOT.truth(1)).sum() < 1


def test_clicks_are_the_same_whatever_was_clicked_before(clicker: LiteClicker, lite_models: None) -> None:  # noqa: ARG001
    for prompts in (Prompts((PointPrompt(1, 150, 150),)), Prompts(boxes=(_OTHER_BOX,))):
        clicker.click(prompts)
    matte, sure = clicker.click(Prompts((_HERO,)))
    fresh = LiteClicker()
    fresh.load()
    fresh.open(_SHOT.read(1))
    again, sure_again = fresh.click(Prompts((_HERO,)))
    assert np.array_equal(matte, again) and sure == sure_again


def test_the_first_frame_of_a_track_is_what_was_clicked(clicker: LiteClicker) -> None:
    matte, _sure = clicker.click(Prompts((_HERO,)))
    segmenter = LiteSegmenter()
    segmenter.load()
    tracked = next(matte for frame, matte, _ in segmenter.follow(_SHOT, prompts=Prompts((_HERO,))) if frame == 1)
    assert _likeness(matte, tracked) > 0.9


def test_colors_cut_what_was_boxed_without_weights(colors: FlowClicker) -> None:
    x, y, radius = _SHOT.ball(1)
    matte, sure = colors.click(Prompts(boxes=(BoxPrompt(1, x - 14, y - 14, x + 14, y + 14),)))
    assert _likeness(matte, _disc(x, y, radius)) > 0.8
    assert sure > 0.3


def test_colors_are_not_sure_of_a_piece_of_wall(colors: FlowClicker) -> None:
    _matte, sure = colors.click(Prompts((PointPrompt(1, 150, 150),)))
    assert sure < 0.5


@pytest.mark.parametrize("prompts", [Prompts(), Prompts((PointPrompt(1, 74, 70, keep=False),))])
@pytest.mark.parametrize("name", ["clicker", "colors"])
def test_without_a_point_on_the_subject_there_is_nothing(
    name: str, prompts: Prompts, request: pytest.FixtureRequest
) -> None:
    made: Clicker = request.getfixturevalue(name)
    with pytest.raises(NothingFoundError, match="no point is on the subject"):
        made.click(prompts)
