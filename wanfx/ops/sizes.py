"""Wan2.2-Animate's picture sizes: an area of pixels as a canvas, and where a picture lies on one.

The rules are those of Wan2.2's own preprocessing (commit 42bf4cfa), in its order of float operations: another order
ends a pixel away, since each side is cut to a whole number by itself.
"""

from __future__ import annotations

import math

from wanfx.errors import InputError
from wanfx.frames import Box, Size

MULTIPLE_PX = 16


def canvas_size(picture: Size, *, area_px: int, multiple_px: int = MULTIPLE_PX) -> Size:
    """The model's canvas for a picture's shape: about ``area_px`` pixels, both sides multiples of ``multiple_px``.

    Each side is rounded down by itself, so the shape is kept but roughly. Raises InputError where nothing is left.

    >>> str(canvas_size(Size(1920, 1080), area_px=832 * 480)), str(canvas_size(Size(1440, 1080), area_px=1280 * 720))
    ('832x464', '1104x816')
    """
    _check(picture)
    height = math.sqrt(area_px / (picture.width / picture.height))
    width = area_px / height
    canvas = Size(int(width // multiple_px * multiple_px), int(height // multiple_px * multiple_px))
    if canvas.width <= 0 or canvas.height <= 0:
        raise InputError(
            f"a {picture} picture has no canvas of {area_px} pixels in steps of {multiple_px}",
            remedy="choose a larger area",
        )
    return canvas


def inner_box(picture: Size, *, canvas: Size) -> Box:
    """Where a picture, its shape kept, lies on a canvas: as large as fits, in the middle, the odd pixel right or below.

    The long side may be a pixel or two short of exact. Raises InputError where a side of it would be nothing.

    >>> inner_box(Size(1280, 720), canvas=Size(832, 464))
    Box(x0=4, y0=0, x1=828, y1=464)
    """
    _check(picture)
    _check(canvas)
    if picture.height / picture.width > canvas.height / canvas.width:
        width, height = int(canvas.height / picture.height * picture.width), canvas.height
    else:
        width, height = canvas.width, int(canvas.width / picture.width * picture.height)
    if width <= 0 or height <= 0:
        raise InputError(f"a {picture} picture is too narrow for a {canvas} canvas", remedy="crop it first")
    x0, y0 = int((canvas.width - width) / 2), int((canvas.height - height) / 2)
    return Box(x0, y0, x0 + width, y0 + height)


def _check(size: Size) -> None:
    if size.width <= 0 or size.height <= 0:
        raise InputError(f"a picture of {size} pixels is empty", remedy="give one of at least a pixel")
