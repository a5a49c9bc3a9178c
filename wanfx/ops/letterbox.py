"""A picture on a canvas of another shape: its own shape kept, black around it."""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Size
from wanfx.ops.sizes import MULTIPLE_PX, canvas_size, inner_box

Picture = npt.NDArray[Any]
Filter = Literal["linear", "area"]
_FLAGS = {"linear": cv2.INTER_LINEAR, "area": cv2.INTER_AREA}


def letterbox(picture: Picture, *, canvas: Size, resize: Filter = "linear") -> Picture:
    """``picture`` (H, W) or (H, W, C), uint8 or float32 of any encoding, on a canvas of 0; same type.

    Where it lies is `sizes.inner_box`. ``linear`` is OpenCV's, which does not antialias: it is what the model's
    reference and drawn poses go through. Raises InputError for an empty picture or canvas.

    >>> letterbox(np.full((2, 4), 9, np.uint8), canvas=Size(4, 4)).tolist()
    [[0, 0, 0, 0], [9, 9, 9, 9], [9, 9, 9, 9], [0, 0, 0, 0]]
    """
    box = inner_box(Size(picture.shape[1], picture.shape[0]), canvas=canvas)
    inner = cv2.resize(np.ascontiguousarray(picture), (box.width, box.height), interpolation=_FLAGS[resize])
    out = np.zeros((canvas.height, canvas.width, *picture.shape[2:]), picture.dtype)
    out[box.slices()] = inner.reshape(box.height, box.width, *picture.shape[2:])
    return out


def letterbox_to_area(picture: Picture, *, area_px: int, multiple_px: int = MULTIPLE_PX) -> Picture:
    """``picture`` on its own canvas of about ``area_px`` pixels (`sizes.canvas_size`).

    It shrinks by area and grows linearly. Raises InputError where there is no such canvas.
    """
    height, width = picture.shape[:2]
    canvas = canvas_size(Size(width, height), area_px=area_px, multiple_px=multiple_px)
    shrinks = canvas.width * canvas.height < width * height
    return letterbox(picture, canvas=canvas, resize="area" if shrinks else "linear")
