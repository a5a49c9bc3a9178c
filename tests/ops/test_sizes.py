"""Wan2.2-Animate's canvases. Expected sizes are what Wan2.2's own preprocessing gives."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from wanfx.errors import InputError
from wanfx.frames import Size
from wanfx.ops.sizes import canvas_size, inner_box

_HD, _SD = 1280 * 720, 832 * 480
_SIZES = st.builds(Size, st.integers(16, 8192), st.integers(16, 8192))


@pytest.mark.parametrize(
    ("picture", "large", "small"),
    [
        (Size(1920, 1080), Size(1280, 720), Size(832, 464)),
        (Size(1080, 1920), Size(720, 1280), Size(464, 832)),
        (Size(1440, 1080), Size(1104, 816), Size(720, 544)),
        (Size(1000, 1000), Size(960, 960), Size(624, 624)),
        (Size(854, 480), Size(1280, 704), Size(832, 464)),
        (Size(2048, 858), Size(1472, 608), Size(976, 400)),
    ],
    ids=str,
)
def test_a_shape_has_the_canvas_the_model_was_trained_with(picture: Size, large: Size, small: Size) -> None:
    assert canvas_size(picture, area_px=_HD) == large
    assert canvas_size(picture, area_px=_SD) == small


@pytest.mark.parametrize(
    ("area_px", "canvas", "inner"),
    [
        (921600, (1280, 720), (1280, 720, 0, 0)),
        (399360, (832, 464), (824, 464, 4, 0)),
        (230400, (640, 352), (625, 352, 7, 0)),
        (720896, (1120, 624), (1109, 624, 5, 0)),
        (262144, (672, 384), (672, 378, 0, 3)),
        (522240, (960, 528), (938, 528, 11, 0)),
        (2073600, (1920, 1072), (1905, 1072, 7, 0)),
    ],
)
def test_a_wide_picture_lies_on_its_canvas_as_in_the_reference(
    area_px: int, canvas: tuple[int, int], inner: tuple[int, int, int, int]
) -> None:
    size = canvas_size(Size(1280, 720), area_px=area_px)
    box = inner_box(Size(1280, 720), canvas=size)
    assert (size.width, size.height) == canvas
    assert (box.width, box.height, box.x0, box.y0) == inner


@given(picture=_SIZES, area_px=st.integers(65536, 4_000_000))
def test_a_canvas_is_of_whole_steps_and_never_more_than_the_area(picture: Size, area_px: int) -> None:
    assume(1 / 16 < picture.width / picture.height < 16)
    canvas = canvas_size(picture, area_px=area_px)
    assert canvas.width % 16 == canvas.height % 16 == 0
    assert canvas.width * canvas.height <= area_px


@given(picture=_SIZES, canvas=_SIZES)
def test_a_picture_fills_one_side_of_its_canvas_lies_inside_and_in_the_middle(picture: Size, canvas: Size) -> None:
    assume(1 / 14 < picture.width / picture.height < 14)
    box = inner_box(picture, canvas=canvas)
    assert box.width == canvas.width or box.height == canvas.height
    assert 0 <= canvas.width - box.x1 - box.x0 <= 1
    assert 0 <= canvas.height - box.y1 - box.y0 <= 1


@pytest.mark.parametrize("picture", [Size(0, 10), Size(10, -1)], ids=str)
def test_an_empty_picture_is_refused(picture: Size) -> None:
    with pytest.raises(InputError):
        canvas_size(picture, area_px=_HD)
    with pytest.raises(InputError):
        inner_box(picture, canvas=Size(64, 64))


def test_a_shape_too_narrow_for_its_canvas_is_refused() -> None:
    with pytest.raises(InputError):
        canvas_size(Size(100000, 10), area_px=_SD)
    with pytest.raises(InputError):
        inner_box(Size(100000, 10), canvas=Size(64, 64))
