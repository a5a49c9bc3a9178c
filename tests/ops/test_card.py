"""The card: where it stands and how it is drawn."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from wanfx.frames import Box
from wanfx.ops.card import Placement, SubjectMeasure, card_box, draw_card, measure_subject, place_cards

Array = npt.NDArray[np.float32]
CANVAS = Box(0, 0, 640, 360)


def _doll(height: int = 120, width: int = 80, *, feet: int = 110) -> Array:
    """Alpha of a figure 100 rows tall (rows 10 to ``feet``) in the middle of its picture."""
    alpha = np.zeros((height, width), np.float32)
    alpha[10:feet, 20:60] = 1
    return alpha


def _card(seed: int = 0) -> Array:
    alpha = cv2.GaussianBlur(_doll(), (0, 0), 1)
    rgb = np.random.default_rng(seed).uniform(-0.1, 8, (120, 80, 3)).astype(np.float32)
    return np.concatenate([rgb * alpha[..., None], alpha[..., None]], axis=2)


def _standing(x: float, *, y0: int = 100, y1: int = 300) -> SubjectMeasure:
    return SubjectMeasure((int(x) - 40, y0, int(x) + 40, y1), x, 40.0, 12000.0)


def _place(measures: dict[int, SubjectMeasure], alpha: Array | None = None, *, aspect: float = 1.0) -> list[Placement]:
    reference = _doll() if alpha is None else alpha
    return place_cards(measures, confidence={}, reference_alpha=reference, canvas=CANVAS, pixel_aspect=aspect)


def test_a_measure_is_not_moved_by_stray_pixels() -> None:
    matte = np.zeros((360, 640), np.float32)
    matte[100:300, 200:280] = 1
    clean = measure_subject(matte)
    matte[5, 600] = matte[350, 3] = 1
    assert measure_subject(matte).box == clean.box == (200, 100, 280, 300)
    assert clean.center_x == pytest.approx(240)
    assert clean.head_width_px == 80


def test_an_empty_matte_is_nobody() -> None:
    assert not measure_subject(np.zeros((20, 30), np.float32)).is_there


def test_the_card_is_as_tall_as_the_subject_and_stands_where_it_stands() -> None:
    for placed in _place({frame: _standing(320) for frame in range(10)}):
        drawn = draw_card(np.dstack([_doll()] * 4), placed, box=CANVAS, pixel_aspect=1.0)[..., 3]
        rows = np.flatnonzero(drawn.max(axis=1) > 0.5)
        columns = np.flatnonzero(drawn.max(axis=0) > 0.5)
        assert (rows[0], rows[-1] + 1) == (100, 300)
        assert (columns[0] + columns[-1] + 1) / 2 == pytest.approx(320, abs=0.51)


def test_a_character_beside_the_middle_of_its_picture_stands_where_the_subject_stands() -> None:
    alpha = np.pad(_doll(), ((0, 30), (100, 0)))
    for aspect in (1.0, 2.0):
        placed = _place({frame: _standing(320) for frame in range(5)}, alpha, aspect=aspect)[2]
        drawn = draw_card(np.dstack([alpha] * 4), placed, box=CANVAS, pixel_aspect=aspect)[..., 3]
        columns = np.flatnonzero(drawn.max(axis=0) > 0.5)
        assert (columns[0] + columns[-1] + 1) / 2 == pytest.approx(320, abs=0.6)
        assert np.flatnonzero(drawn.max(axis=1) > 0.5)[[0, -1]].tolist() == [100, 299]


def test_steady_motion_is_followed_without_lag() -> None:
    placed = _place({frame: _standing(100 + 4.0 * frame) for frame in range(60)})
    np.testing.assert_allclose([p.x for p in placed], [100 + 4.0 * frame for frame in range(60)], atol=1e-6)


def test_jitter_is_damped() -> None:
    noise = np.random.default_rng(3).normal(0, 4, 80)
    measures = {f: _standing(300 + float(noise[f]), y0=100 + round(float(noise[-f]))) for f in range(80)}
    placed = _place(measures)
    steps = np.diff([p.x for p in placed])
    assert steps.std() < 0.15 * np.diff(300 + noise).std()
    assert np.diff([p.scale for p in placed]).std() * 100 < 1.0


def test_frames_without_a_subject_lie_between_their_neighbours() -> None:
    measures = {frame: _standing(100 + 4.0 * frame) for frame in range(40)}
    measures[20] = SubjectMeasure((0, 0, 0, 0), 0.0, 0.0, 0.0)
    assert _place(measures)[20].x == pytest.approx(180, abs=1e-6)


def test_a_shot_without_a_subject_has_no_card() -> None:
    placed = _place({1: SubjectMeasure((0, 0, 0, 0), 0.0, 0.0, 0.0)})
    assert placed[0].scale == 0
    assert not draw_card(_card(), placed[0], box=CANVAS, pixel_aspect=1.0).any()


def test_a_subject_cut_by_the_lower_edge_gets_a_card_that_goes_below_it() -> None:
    cut = {frame: SubjectMeasure((280, 160, 360, 360), 320.0, 100.0, 12000.0) for frame in range(5)}
    placed = _place(cut, _doll(feet=120))[2]
    assert placed.y > 360
    assert placed.scale * 110 == pytest.approx(110 / 40 * 100)
    whole = _place(cut, _doll())[2]
    assert whole.scale * 100 == pytest.approx(200), "a card with feet stays as tall as what is seen"


def test_on_an_anamorphic_plate_the_card_is_squeezed_and_its_heights_are_kept() -> None:
    measures = {frame: _standing(320) for frame in range(3)}
    square, squeezed = _place(measures)[1], _place(measures, aspect=2.0)[1]
    assert square.scale == squeezed.scale
    alpha = np.dstack([_doll()] * 4)
    wide = draw_card(alpha, square, box=CANVAS, pixel_aspect=1.0)[..., 3]
    narrow = draw_card(alpha, squeezed, box=CANVAS, pixel_aspect=2.0)[..., 3]
    assert narrow.sum() == pytest.approx(wide.sum() / 2, rel=0.01)
    box = card_box(squeezed, width=80, height=120, pixel_aspect=2.0)
    assert box.width == pytest.approx(80 * squeezed.scale / 2, abs=2)


@pytest.mark.parametrize("scale", [2.3, 1.0, 0.73, 0.5, 0.31, 0.1])
def test_the_area_of_a_card_goes_with_the_square_of_its_scale(scale: float) -> None:
    card = _card()
    drawn = draw_card(card, Placement(1, 320.3, 330.4, scale), box=CANVAS, pixel_aspect=1.0)
    np.testing.assert_allclose(drawn.sum(axis=(0, 1)), card.sum(axis=(0, 1)) * scale**2, rtol=0.02)
    assert drawn[..., 3].min() >= 0
    assert drawn[..., 3].max() <= 1 + 1e-6


def test_drawing_is_linear_in_color_and_clamps_nothing() -> None:
    a, b = _card(0), _card(1)
    placement = Placement(1, 320.3, 330.4, 0.63)
    draw = [draw_card(card, placement, box=CANVAS, pixel_aspect=1.0) for card in (a, b, 3 * a - 2 * b)]
    np.testing.assert_allclose(draw[2], 3 * draw[0] - 2 * draw[1], atol=1e-4)
    assert draw[2].min() < -1
    assert draw[2].max() > 10


@pytest.mark.parametrize("around", [0.71, 0.5, 0.25])
def test_a_card_that_slowly_grows_changes_smoothly(around: float) -> None:
    """Where the card is halved once less, it changes less than by growing by 1 %."""
    smooth_card = np.asarray(cv2.GaussianBlur(_card(), (0, 0), 1.5), np.float32)
    scales = [around * (1 + 0.0005 * (i - 10)) for i in range(21)]
    drawn = [
        draw_card(smooth_card, Placement(1, 320.5, 330.5, scale), box=CANVAS, pixel_aspect=1.0)
        for scale in (*scales, around * 1.0155)
    ]
    changes = [float(np.abs(b - a).mean()) for a, b in pairwise(drawn)]
    assert max(changes[:-1]) < changes[-1]


def test_a_part_of_the_canvas_is_drawn_as_in_the_whole() -> None:
    card, placement, part = _card(), Placement(1, 300.2, 310.7, 1.4), Box(250, 180, 350, 300)
    whole = draw_card(card, placement, box=CANVAS, pixel_aspect=1.0)
    np.testing.assert_allclose(draw_card(card, placement, box=part, pixel_aspect=1.0), whole[part.slices()], atol=2e-3)


def test_a_card_at_its_own_size_on_whole_pixels_keeps_its_values() -> None:
    card = _card()
    drawn = draw_card(card, Placement(1, 40.0, 120.0, 1.0), box=Box(0, 0, 80, 120), pixel_aspect=1.0)
    np.testing.assert_allclose(drawn, card, atol=1e-5)


def test_drawing_does_not_depend_on_the_number_of_threads() -> None:
    threads = cv2.getNumThreads()
    try:
        drawn = []
        for count in (1, 2):
            cv2.setNumThreads(count)
            drawn.append(draw_card(_card(), Placement(1, 300.2, 310.7, 0.61), box=CANVAS, pixel_aspect=1.0).tobytes())
    finally:
        cv2.setNumThreads(threads)
    assert drawn[0] == drawn[1]
