"""How pictures are shown to people: through one OCIO display and view, in square pixels. Never for the comp."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.colors import color_errors
from wanfx.frames import Box, Size
from wanfx.pixels import to_finite, to_float
from wanfx_color.configs import ColorConfig
from wanfx_color.spaces import is_scene_linear
from wanfx_color.transforms import DisplayConverter, display_converter

Array = npt.NDArray[np.float32]
_PLAIN_VIEW = "Un-tone-mapped"


def choose_view(
    color: ColorConfig, *, plate_space: str, source_space: str, display: str | None, view: str | None
) -> DisplayConverter:
    """From the plate's linear space to the display; the config's default display where none is given.

    Without a view, a plate that was made to be looked at as it is (``source_space`` is not scene-linear) is shown so,
    any other through the display's default: a film view on top of a finished movie would darken it, and what is shown
    would not look like the movie. Raises ColorSpaceError.
    """
    with color_errors(key="review.view"):
        if not view and not is_scene_linear(color, source_space):
            views = list(color.ocio.getViews(display or color.display))
            view = _PLAIN_VIEW if _PLAIN_VIEW in views else None
        return display_converter(color, plate_space, display=display, view=view)


def picture_size(display_window: Box, *, pixel_aspect: float, width_px: int) -> Size:
    """The display window in square pixels, no wider than ``width_px``, with even sides."""
    width = display_window.width * pixel_aspect
    scale = min(1.0, width_px / width)
    return Size(max(2, round(width * scale / 2) * 2), max(2, round(display_window.height * scale / 2) * 2))


def show(
    linear: npt.NDArray[Any], *, data_window: Box, display_window: Box, size: Size, display: DisplayConverter
) -> Array:
    """Linear RGB (H, W, 3) of a data window as a display-encoded picture of ``size`` in [0, 1]."""
    picture = resize(in_display_window(linear, data_window, display_window), size)
    return display(np.array(to_finite(picture), order="C"))


def resize(pixels: Array, size: Size) -> Array:
    """(H, W) or (H, W, C) at ``size``."""
    if (pixels.shape[1], pixels.shape[0]) == (size.width, size.height):
        return pixels
    flag = cv2.INTER_AREA if size.width < pixels.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, (size.width, size.height), interpolation=flag), np.float32)


def in_display_window(pixels: npt.NDArray[Any], data_window: Box, display_window: Box) -> Array:
    """The pixels (H, W) or (H, W, C) of a data window laid out in the display window, 0 where there is none."""
    if data_window == display_window:
        return to_float(pixels)
    picture = np.zeros((display_window.height, display_window.width, *pixels.shape[2:]), np.float32)
    common = data_window.clip(display_window)
    if not common.is_empty:
        picture[common.slices(display_window)] = to_float(pixels[common.slices(data_window)])
    return picture
