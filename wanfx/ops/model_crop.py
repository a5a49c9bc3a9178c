"""Crops whose shape a video model can take: sides of multiples of 16, and no picture stretched."""

from __future__ import annotations

from collections.abc import Mapping

from wanfx.frames import Box, Size
from wanfx.ops.sizes import canvas_size


def shape_crops(
    crops: Mapping[int, Box], *, canvas: Box, area_px: int, pixel_aspect: float
) -> tuple[dict[int, Box], Size]:
    """``crops`` (all of one size) in the shape of the model's picture, and that picture's size.

    The picture has about ``area_px`` square pixels and sides of multiples of 16 (`sizes.canvas_size`). A crop grows to
    its shape about its middle, inside ``canvas``; where there is no room it gives up a few pixels of the longer side
    instead. Its sides are whole pixels, so that a picture is stretched by less than one of them.

    >>> crops, size = shape_crops({1: Box(0, 0, 1280, 720)}, canvas=Box(0, 0, 1280, 720), area_px=832 * 480,
    ...                           pixel_aspect=1.0)
    >>> crops[1], size
    (Box(x0=0, y0=3, x1=1280, y1=717), Size(width=832, height=464))
    """
    first = next(iter(crops.values()))
    size = canvas_size(Size(max(1, round(first.width * pixel_aspect)), first.height), area_px=area_px)
    aspect = size.width / size.height / pixel_aspect
    width, height = max(first.width, round(first.height * aspect)), max(first.height, round(first.width / aspect))
    if width > canvas.width:
        width, height = canvas.width, round(canvas.width / aspect)
    if height > canvas.height:
        width, height = round(canvas.height * aspect), canvas.height
    shaped = {frame: _about(crop, width=width, height=height, canvas=canvas) for frame, crop in crops.items()}
    return shaped, size


def _about(crop: Box, *, width: int, height: int, canvas: Box) -> Box:
    x0 = min(max(canvas.x0, (crop.x0 + crop.x1 - width) // 2), canvas.x1 - width)
    y0 = min(max(canvas.y0, (crop.y0 + crop.y1 - height) // 2), canvas.y1 - height)
    return Box(x0, y0, x0 + width, y0 + height)
