"""Pictures on canvases of other shapes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from wanfx.errors import InputError
from wanfx.frames import Size
from wanfx.ops.letterbox import letterbox, letterbox_to_area
from wanfx.ops.sizes import inner_box


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(1).integers(1, 256, (72, 128, 3), dtype=np.uint8)


@pytest.mark.parametrize("canvas", [Size(80, 80), Size(200, 64), Size(33, 97)], ids=str)
def test_around_the_picture_is_black_and_inside_it_is_the_picture_resized(picture: np.ndarray, canvas: Size) -> None:
    boxed, box = letterbox(picture, canvas=canvas), inner_box(Size(128, 72), canvas=canvas)
    inside = boxed[box.slices()]
    assert np.array_equal(inside, cv2.resize(picture, (box.width, box.height), interpolation=cv2.INTER_LINEAR))
    assert boxed.sum(dtype=np.int64) == inside.sum(dtype=np.int64)
    assert boxed.shape == (canvas.height, canvas.width, 3)


def test_a_picture_of_the_canvas_size_is_not_touched(picture: np.ndarray) -> None:
    assert np.array_equal(letterbox(picture, canvas=Size(128, 72)), picture)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 1), (20, 30, 3)])
def test_type_and_channels_stay(dtype: type, shape: tuple[int, ...]) -> None:
    boxed = letterbox(np.ones(shape, dtype), canvas=Size(16, 16))
    assert boxed.dtype == dtype
    assert boxed.shape == (16, 16, *shape[2:])


def test_floats_above_white_and_below_black_stay_unclamped() -> None:
    picture = np.array([[[-1.0], [7.5]]], np.float32)
    assert letterbox(picture, canvas=Size(2, 1)).tolist() == picture.tolist()


def test_it_shrinks_by_area_and_grows_linearly(picture: np.ndarray) -> None:
    small = letterbox_to_area(picture, area_px=64 * 36, multiple_px=4)
    assert np.array_equal(small, cv2.resize(picture, (64, 36), interpolation=cv2.INTER_AREA))
    large = letterbox_to_area(picture, area_px=256 * 144)
    assert np.array_equal(large, cv2.resize(picture, (256, 144), interpolation=cv2.INTER_LINEAR))


def test_an_empty_picture_is_refused() -> None:
    with pytest.raises(InputError):
        letterbox(np.zeros((0, 5, 3), np.uint8), canvas=Size(16, 16))
