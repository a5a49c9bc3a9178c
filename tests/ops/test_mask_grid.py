"""Masks grown and coarsened. Drawn masks are what Wan2.2's own preprocessing gives."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wanfx.errors import OptionError
from wanfx.ops.edges import bounding_box
from wanfx.ops.mask_grid import character_mask, cut_hole, fill_cells, grow_mask

_THREE_BY_TWO = """
................
................
...#########....
...#########....
...##########...
...##########...
...##########...
...#########....
...######.......
...####.........
................
................
"""
_FOUR_BY_THREE = """
................
................
................
....##..........
....##..........
....########....
....##..........
....##..........
....##..........
................
................
................
"""
_ONE = """
................
................
...#########....
...#########....
...##########...
...##########...
...##########...
...#########....
...#########....
...####.........
................
................
"""


def drawn(text: str) -> np.ndarray:
    return np.array([[cell == "#" for cell in row] for row in text.split()], np.uint8)


@pytest.fixture
def mask() -> np.ndarray:
    out = np.zeros((12, 16), np.uint8)
    out[3:9, 4:6] = out[5, 6:12] = 1
    return out


@pytest.fixture
def blob() -> np.ndarray:
    out = np.zeros((120, 160), np.uint8)
    cv2.ellipse(out, (70, 60), (25, 40), 20, 0, 360, 1, -1)
    return out


@pytest.mark.parametrize(
    ("kernel_px", "columns", "rows", "expected"),
    [(3, 3, 2, _THREE_BY_TWO), (1, 4, 3, _FOUR_BY_THREE), (3, 1, 1, _ONE)],
)
def test_cells_are_filled_as_in_the_reference(
    mask: np.ndarray, kernel_px: int, columns: int, rows: int, expected: str
) -> None:
    found = character_mask(mask, kernel_px=kernel_px, iterations=1, columns=columns, rows=rows)
    assert np.array_equal(found, drawn(expected))


def test_the_defaults_grow_by_nine_pixels_and_fill_the_box_but_for_its_last_row_and_column(blob: np.ndarray) -> None:
    before, after = bounding_box(blob != 0), bounding_box(character_mask(blob) != 0)
    assert after == before.grow(9)
    filled = character_mask(blob)[after.slices()]
    assert filled[:-1, :-1].all()
    assert np.array_equal(filled, grow_mask(blob)[after.slices()] | np.pad(np.ones_like(filled[1:, 1:]), ((0, 1),) * 2))


@given(columns=st.integers(1, 40), rows=st.integers(1, 60), seed=st.integers(0, 99))
def test_cells_hold_the_mask_and_stay_in_its_box(columns: int, rows: int, seed: int) -> None:
    mask = (np.random.default_rng(seed).random((30, 24)) > 0.97).astype(np.uint8)
    filled = fill_cells(mask, columns=columns, rows=rows)
    assert (filled >= mask).all()
    assert bounding_box(filled != 0) == bounding_box(mask != 0)


def test_an_empty_mask_stays_empty() -> None:
    nothing = np.zeros((20, 30), np.uint8)
    assert not character_mask(nothing).any()
    assert not character_mask(nothing, columns=10, rows=20).any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (3, 2)])
def test_a_mask_narrower_than_its_grid_gets_cells_of_a_pixel(shape: tuple[int, int]) -> None:
    mask = np.zeros((20, 30), np.uint8)
    mask[5 : 5 + shape[0], 7 : 7 + shape[1]] = 1
    assert np.array_equal(fill_cells(mask, columns=10, rows=20), mask)


def test_without_iterations_the_mask_is_used_as_it_is(blob: np.ndarray) -> None:
    assert np.array_equal(character_mask(blob, iterations=0, columns=3, rows=3), blob)


def test_any_kind_of_mask_is_taken_and_comes_back_as_0_and_1(blob: np.ndarray) -> None:
    expected = character_mask(blob, columns=3, rows=5)
    for mask in (blob.astype(bool), blob * 255, blob.astype(np.float32) * 0.25):
        found = character_mask(mask, columns=3, rows=5)
        assert found.dtype == np.uint8
        assert np.array_equal(found, expected)


def test_the_given_mask_is_not_written_into(blob: np.ndarray) -> None:
    before = blob.copy()
    character_mask(blob)
    fill_cells(blob, columns=2, rows=2)
    assert np.array_equal(blob, before)


def test_growing_again_is_growing_by_one_larger_square(blob: np.ndarray) -> None:
    assert np.array_equal(grow_mask(blob, kernel_px=7, iterations=3), grow_mask(blob, kernel_px=19, iterations=1))


def test_the_hole_is_black_and_the_rest_is_the_frame_bit_for_bit(blob: np.ndarray) -> None:
    frame = np.random.default_rng(4).normal(size=(120, 160, 3)).astype(np.float32)
    frame[0, 0] = np.nan
    for black in (0.0, -1.0):
        holed = cut_hole(frame, mask=blob, black=black)
        assert (holed[blob == 1] == black).all()
        assert holed[blob == 0].tobytes() == frame[blob == 0].tobytes()
    whole = np.random.default_rng(4).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    assert np.array_equal(cut_hole(whole, mask=blob), whole * (1 - blob[..., None]))


def test_grids_and_kernels_of_nothing_are_refused(blob: np.ndarray) -> None:
    with pytest.raises(OptionError):
        grow_mask(blob, kernel_px=0)
    with pytest.raises(OptionError):
        grow_mask(blob, iterations=-1)
    with pytest.raises(OptionError):
        fill_cells(blob, columns=0, rows=1)
