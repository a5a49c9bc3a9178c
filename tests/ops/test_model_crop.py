"""Crops for a video model: of its shape, inside the canvas, around what they were around."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wanfx.frames import Box
from wanfx.ops.model_crop import shape_crops

CANVAS = Box(0, 0, 1920, 1080)


@given(
    x0=st.integers(0, 1500), y0=st.integers(0, 800), width=st.integers(60, 1920), height=st.integers(60, 1080),
    aspect=st.sampled_from([1.0, 2.0, 1.3333]), area=st.sampled_from([832 * 480, 1280 * 720]),
)  # fmt: skip
def test_crops_have_the_models_shape_and_hold_all_that_they_held(
    x0: int, y0: int, width: int, height: int, aspect: float, area: int
) -> None:
    crop = Box(x0, y0, x0 + width, y0 + height).clip(CANVAS)
    crops, size = shape_crops({1: crop, 2: crop}, canvas=CANVAS, area_px=area, pixel_aspect=aspect)
    assert crops[1] == crops[2]
    # Nothing is lost, and a crop is only as far beyond the canvas as its shape needs: a block of 16 of the model's.
    assert crops[1].clip(crop) == crop
    beyond_x, beyond_y = max(0, crops[1].width - CANVAS.width), max(0, crops[1].height - CANVAS.height)
    assert crops[1].clip(CANVAS.grow(max(beyond_x, beyond_y))) == crops[1]
    assert min(beyond_x, beyond_y) == 0
    assert beyond_x <= crops[1].width * 16 / size.width + 1 and beyond_y <= crops[1].height * 16 / size.height + 1
    assert size.width % 16 == 0
    assert size.height % 16 == 0
    # Stretched by less than a pixel of the crop.
    wanted = crops[1].height * size.width / size.height / aspect
    assert abs(crops[1].width - wanted) <= max(1.0, size.width / size.height / aspect)


def test_a_crop_with_room_around_it_only_grows() -> None:
    crop = Box(700, 300, 900, 820)
    crops, _size = shape_crops({1: crop}, canvas=CANVAS, area_px=832 * 480, pixel_aspect=1.0)
    assert crops[1].clip(crop) == crop
