"""Crops whose shape a video model can take: sides of multiples of 16, and no picture stretched."""

from __future__ import annotations

from collections.abc import Mapping

from wanfx.frames import Box, Size
from wanfx.ops.sizes import canvas_size

_MOST = 0.7


def shape_crops(
    crops: Mapping[int, Box], *, canvas: Box, area_px: int, pixel_aspect: float
) -> tuple[dict[int, Box], Size]:
    """``crops`` (all of one size) in the shape of the model's picture, and that picture's size.

    The picture has about ``area_px`` square pixels and sides of multiples of 16 (`sizes.canvas_size`). A crop grows to
    its shape about its middle, inside ``canvas``; where there is no room it reaches a few pixels beyond, so that
    nothing of it is lost. Its sides are whole pixels, so that a picture is stretched by less than one of them.

    >>> crops, size = shape_crops({1: Box(0, 0, 1280, 720)}, canvas=Box(0, 0, 1280, 720), area_px=832 * 480,
    ...                           pixel_aspect=1.0)
    >>> crops[1], size
    (Box(x0=-6, y0=0, x1=1285, y1=720), Size(width=832, height=464))
    """
    first = next(iter(crops.values()))
    size = canvas_size(Size(max(1, round(first.width * pixel_aspect)), first.height), area_px=area_px)
    aspect = size.width / size.height / pixel_aspect
    width, height = max(first.width, round(first.height * aspect)), max(first.height, round(first.width / aspect))
    shaped = {frame: _about(crop, width=width, height=height, canvas=canvas) for frame, crop in crops.items()}
    return shaped, size


def is_most_of_frame(crops: Mapping[int, Box], *, canvas: Box) -> bool:
    """Whether ``crops`` (all of one size) take up so much of ``canvas`` that all of it is better to look at.

    The picture that a video model is shown has one size: a crop of 0.7 of the frame is shown but a fifth larger than
    the frame would be, and moves with the actor where the frame stands still.

    >>> is_most_of_frame({1: Box(0, 0, 90, 80)}, canvas=Box(0, 0, 100, 100))
    True
    """
    first = next(iter(crops.values()))
    return first.width * first.height >= _MOST * canvas.width * canvas.height


def _about(crop: Box, *, width: int, height: int, canvas: Box) -> Box:
    x0 = _place((crop.x0 + crop.x1 - width) // 2, width, canvas.x0, canvas.x1)
    y0 = _place((crop.y0 + crop.y1 - height) // 2, height, canvas.y0, canvas.y1)
    return Box(x0, y0, x0 + width, y0 + height)


def _place(start: int, length: int, first: int, last: int) -> int:
    """Where so long a side starts: inside, or as far beyond one end as beyond the other."""
    if length > last - first:
        return (first + last - length) // 2
    return min(max(first, start), last - length)
