"""Laws of mattes that are grown, shrunk, softened and cleaned."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from wanfx.frames import Box
from wanfx.ops.edges import bounding_box, fill_holes, grow_matte, remove_specks, soften_matte


@pytest.fixture
def matte() -> np.ndarray:
    """A soft blob clear of the frame's edge, with a notch and a bump."""
    hard = np.zeros((80, 100), np.float32)
    cv2.circle(hard, (50, 40), 18, 1, -1)
    cv2.rectangle(hard, (64, 20), (72, 60), 1, -1)
    hard[36:44, 30:40] = 0
    return cv2.GaussianBlur(hard, (0, 0), 1.2)


@pytest.mark.parametrize("radius", [1.0, 3.0, 6.0])
def test_grown_and_shrunk_again_it_contains_what_it_was(matte: np.ndarray, radius: float) -> None:
    assert (grow_matte(grow_matte(matte, radius_px=radius), radius_px=-radius) >= matte - 1e-6).all()


@pytest.mark.parametrize("radius", [1.0, 3.0, 6.0])
def test_shrunk_and_grown_again_it_is_within_what_it_was(matte: np.ndarray, radius: float) -> None:
    assert (grow_matte(grow_matte(matte, radius_px=-radius), radius_px=radius) <= matte + 1e-6).all()


def test_more_radius_never_gives_less_matte(matte: np.ndarray) -> None:
    mattes = [grow_matte(matte, radius_px=radius) for radius in (-4, -2.3, -1, -0.4, 0, 0.4, 1, 2.3, 4)]
    for smaller, larger in pairwise(mattes):
        assert (larger >= smaller - 1e-6).all()
        assert larger.sum() > smaller.sum()


@pytest.mark.parametrize("sign", [1, -1], ids=["grown", "shrunk"])
def test_a_part_of_a_pixel_lies_between_its_whole_neighbours(matte: np.ndarray, sign: int) -> None:
    two, quarter, three = (grow_matte(matte, radius_px=sign * radius) for radius in (2, 2.25, 3))
    np.testing.assert_allclose(quarter, two + 0.25 * (three - two), atol=1e-6)


def test_no_radius_changes_nothing(matte: np.ndarray) -> None:
    assert np.array_equal(grow_matte(matte, radius_px=0), matte)
    assert np.array_equal(soften_matte(matte, radius_px=0), matte)


def test_a_subject_cut_by_the_frame_is_not_eaten_from_outside() -> None:
    matte = np.zeros((40, 40), np.float32)
    matte[10:, 10:30] = 1
    shrunk = grow_matte(matte, radius_px=-3)
    assert bounding_box(shrunk) == Box(13, 13, 27, 40)


def test_softening_keeps_the_range_and_the_area(matte: np.ndarray) -> None:
    soft = soften_matte(matte, radius_px=4)
    assert soft.min() >= 0
    assert soft.max() <= 1
    assert soft.sum() == pytest.approx(matte.sum(), rel=1e-3)


def test_the_box_holds_exactly_what_is_above() -> None:
    matte = np.zeros((20, 30), np.float32)
    matte[3, 4], matte[10, 25] = 1, 0.4
    assert bounding_box(matte) == Box(4, 3, 26, 11)
    assert bounding_box(matte, above=0.5) == Box(4, 3, 5, 4)
    assert bounding_box(np.zeros((5, 5), np.float32)).is_empty


def test_specks_go_by_area_and_the_rest_is_untouched(matte: np.ndarray) -> None:
    dirty = matte.copy()
    dirty[70:73, 5:8], dirty[70:76, 90:96] = 1, 1
    clean = remove_specks(dirty, area_px=20)
    assert not clean[68:76, 3:11].any()
    expected = dirty.copy()
    expected[70:73, 5:8] = 0
    assert np.array_equal(clean, expected)


def test_holes_are_filled_by_area_and_the_rest_is_untouched() -> None:
    matte = np.zeros((60, 60), np.float32)
    matte[5:55, 5:55] = 1
    matte[10:13, 10:13], matte[30:40, 30:40] = 0, 0
    expected = matte.copy()
    expected[10:13, 10:13] = 1
    assert np.array_equal(fill_holes(matte, area_px=20), expected)
