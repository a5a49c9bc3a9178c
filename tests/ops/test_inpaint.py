"""What was never seen, made up from examples."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from wanfx.ops.fill import fill_smooth
from wanfx.ops.inpaint import copy_examples, find_examples

Array = npt.NDArray[np.float32]
HOLE = np.s_[30:60, 40:64]


def _stripes(height: int = 90, width: int = 120) -> Array:
    """Slanting stripes and a horizontal edge, in stops."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    wave = np.where(np.sin((x + 0.3 * y) / 2.5) > 0, 1.0, -1.0) + (y > 48)
    return np.asarray(np.repeat(wave[..., None], 3, axis=2) - 3, np.float32)


def _hole(shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    hole = np.zeros(shape[:2], bool)
    hole[HOLE] = True
    return hole


def test_stripes_go_on_through_the_hole_where_a_smooth_fill_is_grey() -> None:
    stops = _stripes()
    hole = _hole(stops.shape)
    shifts = find_examples(stops, hole, source=~hole)
    assert shifts is not None
    filled = copy_examples(stops, shifts, hole, step=1)
    smooth = fill_smooth(stops, (~hole).astype(np.float32))
    error = np.abs(filled - stops)[hole].mean()
    assert error < 0.35 * np.abs(smooth - stops)[hole].mean()
    assert filled[hole].std() > 0.8 * stops[hole].std()


def test_pixels_outside_the_hole_keep_their_bits_and_those_inside_are_copies_unclamped() -> None:
    stops = _stripes()
    hole = _hole(stops.shape)
    shifts = find_examples(stops, hole, source=~hole)
    assert shifts is not None
    linear = np.exp2(stops) * 40 - 5
    filled = copy_examples(linear, shifts, hole, step=1)
    assert filled[~hole].tobytes() == linear[~hole].tobytes()
    assert filled[hole].max() > 1
    assert filled[hole].min() < 0
    rows, columns = np.nonzero(hole)
    assert not hole[rows + shifts[hole][:, 0], columns + shifts[hole][:, 1]].any()


def test_what_is_in_the_hole_does_not_matter() -> None:
    stops = _stripes()
    hole = _hole(stops.shape)
    first = find_examples(stops, hole, source=~hole)
    assert first is not None
    stops[hole] = 7.0
    again = find_examples(stops, hole, source=~hole)
    assert again is not None
    np.testing.assert_array_equal(first, again)


def test_only_what_may_be_copied_is_copied() -> None:
    stops = _stripes()
    hole = _hole(stops.shape)
    source = ~hole
    source[:, 70:] = False
    shifts = find_examples(stops, hole, source=source)
    assert shifts is not None
    rows, columns = np.nonzero(hole)
    assert source[rows + shifts[hole][:, 0], columns + shifts[hole][:, 1]].all()


@pytest.mark.parametrize("threads", [1, 2])
def test_a_fill_is_the_same_each_time(threads: int) -> None:
    stops = _stripes()
    hole = _hole(stops.shape)
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(threads)
        found = find_examples(stops, hole, source=~hole)
    finally:
        cv2.setNumThreads(before)
    expected = find_examples(stops, hole, source=~hole)
    assert found is not None
    assert expected is not None
    np.testing.assert_array_equal(found, expected)


def test_with_too_little_to_copy_from_there_is_nothing_to_find() -> None:
    stops = _stripes(16, 16)
    hole = np.zeros((16, 16), bool)
    hole[4:12, 4:12] = True
    assert find_examples(stops, hole, source=~hole) is None
