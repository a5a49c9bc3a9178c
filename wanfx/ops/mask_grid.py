"""Where Wan2.2-Animate draws in `replace`: the actor's mask, grown and coarsened to cells, and the hole it leaves.

Coarse cells leave room for a character of another shape, fine ones keep more of the plate; one cell is the actor's box.
The rules are those of Wan2.2's own preprocessing (commit 42bf4cfa), which the model was trained with, but for masks it
could not take: an empty one stays empty, and a narrow one gets cells of one pixel.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.errors import OptionError
from wanfx.frames import Box
from wanfx.ops.edges import bounding_box

Mask = npt.NDArray[np.uint8]


def grow_mask(mask: npt.NDArray[Any], *, kernel_px: int = 7, iterations: int = 3) -> Mask:
    """``mask`` (H, W), anything but 0 is in, grown by a square of ``kernel_px``, ``iterations`` times; 0 or 1.

    The defaults grow it by 9 pixels on each side. Raises OptionError for a kernel of no pixels.
    """
    if kernel_px < 1 or iterations < 0:
        raise OptionError(
            f"a mask cannot be grown {iterations} times by {kernel_px} pixels", remedy="give a kernel of 1 or more"
        )
    hard = _hard(mask)
    if iterations == 0:
        return hard
    return np.asarray(cv2.dilate(hard, np.ones((kernel_px, kernel_px), np.uint8), iterations=iterations), np.uint8)


def fill_cells(mask: npt.NDArray[Any], *, columns: int = 1, rows: int = 1) -> Mask:
    """``mask`` (H, W) with each cell of a grid over its box filled that any of it is in; 0 or 1.

    What does not divide makes a narrower cell at the right and the bottom. The box's last column and row are in no
    cell: the reference leaves them out, and they keep their own pixels. Raises OptionError for a grid of no cells.
    """
    if columns < 1 or rows < 1:
        raise OptionError(f"a grid of {columns} by {rows} has no cells", remedy="give 1 or more of each")
    out = _hard(mask)
    box = bounding_box(out != 0)
    if box.is_empty:
        return out
    last_x, last_y = box.x1 - 1, box.y1 - 1
    width, height = max((last_x - box.x0) // columns, 1), max((last_y - box.y0) // rows, 1)
    for y0 in range(box.y0, last_y, height):
        for x0 in range(box.x0, last_x, width):
            cell = Box(x0, y0, min(x0 + width, last_x), min(y0 + height, last_y)).slices()
            if out[cell].any():
                out[cell] = 1
    return out


def character_mask(
    mask: npt.NDArray[Any], *, kernel_px: int = 7, iterations: int = 3, columns: int = 1, rows: int = 1
) -> Mask:
    """Where the model draws: ``mask`` (H, W) grown, then filled cell by cell; 1 there, 0 where the plate is kept.

    With no ``iterations`` it is the mask itself, without a grid. Raises OptionError for what `grow_mask` and
    `fill_cells` refuse.
    """
    grown = grow_mask(mask, kernel_px=kernel_px, iterations=iterations)
    return fill_cells(grown, columns=columns, rows=rows) if iterations else grown


def cut_hole(frame: npt.NDArray[Any], *, mask: npt.NDArray[Any], black: float = 0.0) -> npt.NDArray[Any]:
    """``frame`` (H, W, C) in any encoding, black where ``mask`` (H, W) is not 0: the background the model is given.

    ``black`` is the encoding's: 0 in [0, 1] and in 8 bits, -1 in model space. Never grey, which means "unknown" to it.
    """
    out = frame.copy()
    out[np.asarray(mask) != 0] = black
    return out


def _hard(mask: npt.NDArray[Any]) -> Mask:
    return np.asarray(np.asarray(mask) != 0, np.uint8)
