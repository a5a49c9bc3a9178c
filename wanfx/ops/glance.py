"""A frame at a glance: small, in stops, with what of it shows the background; for judging, never for the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.pixels import to_float

Array = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]
_WIDTH_PX = 320
HALF = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
"""From pixel indices to places with centres at .5."""


@dataclass(frozen=True, eq=False)
class Glance:
    """A frame in small, (h, w).

    ``stops`` (h, w, 3) is log2 of linear light plus a floor; ``visible`` how much of a pixel shows background, 0 to 1;
    ``away_px`` how far it is from what is hidden, in full-size pixels; ``step`` full-size pixels a pixel.
    ``luma`` (h, w) is the mean of the channels' stops.
    """

    stops: Array
    visible: Array
    away_px: Array
    step: float
    floor: float
    luma: Array

    @property
    def to_small(self) -> Matrix:
        """Full-size pixels to pixels of the glance."""
        return np.diag([1 / self.step, 1 / self.step, 1.0])


def glance_step(width_px: int) -> int:
    """How many times smaller a glance at so wide a frame is."""
    return max(1, round(width_px / _WIDTH_PX))


def take_glance(linear: npt.NDArray[Any], hidden: Array, *, floor: float, step: int | None = None) -> Glance:
    """A glance at ``linear`` (H, W, 3, finite), of which ``hidden`` (H, W) is no background.

    ``floor`` (linear) is the light below which differences do not matter; ``step`` is `glance_step` of the width where
    none is given.
    """
    step = step or glance_step(linear.shape[1])
    size = (-(-linear.shape[1] // step), -(-linear.shape[0] // step))
    right, below = size[0] * step - linear.shape[1], size[1] * step - linear.shape[0]
    rgb, visible = to_float(linear), 1 - hidden
    if right or below:
        rgb = np.pad(rgb, ((0, below), (0, right), (0, 0)), mode="edge")
        visible = np.pad(visible, ((0, below), (0, right)), mode="edge")
    small = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.float32)
    shown = np.asarray(cv2.resize(visible, size, interpolation=cv2.INTER_AREA), np.float32)
    away = cv2.distanceTransform((shown > 0.999).astype(np.uint8), cv2.DIST_L2, 5)
    stops = np.log2(np.maximum(small, 0) + np.float32(floor))
    # Without anything hidden the distance is endless.
    away_px = np.minimum(away, np.float32(1e4)) * np.float32(step)
    stops = np.asarray(stops, np.float32)
    return Glance(stops, shown, np.asarray(away_px, np.float32), float(step), floor, mean_channel(stops))


def on_grid(box: Box, *, step: int) -> Box:
    """The box grown to whole pixels of a glance."""
    return Box(
        box.x0 // step * step, box.y0 // step * step, -(-box.x1 // step) * step, -(-box.y1 // step) * step
    )  # fmt: skip


def mean_channel(pixels: Array) -> Array:
    """(h, w): the mean of three channels."""
    # A sum of slices is five times as fast as a mean over the last axis.
    return np.asarray((pixels[..., 0] + pixels[..., 1] + pixels[..., 2]) / np.float32(3), np.float32)


def largest_channel(pixels: Array) -> Array:
    """(h, w): the largest of three channels."""
    return np.asarray(np.maximum(np.maximum(pixels[..., 0], pixels[..., 1]), pixels[..., 2]), np.float32)


def warp_into(pixels: npt.NDArray[Any], matrix: Matrix, box: Box, *, border: float | None = None) -> Array:
    """``pixels`` as the frame that ``matrix`` leads to sees them in ``box``; beyond are ``border`` or their edge."""
    shift = np.array([[1.0, 0.0, -box.x0], [0.0, 1.0, -box.y0], [0.0, 0.0, 1.0]])
    corner = np.linalg.inv(HALF) @ shift @ matrix @ HALF
    mode = cv2.BORDER_REPLICATE if border is None else cv2.BORDER_CONSTANT
    return np.asarray(
        cv2.warpPerspective(
            pixels, corner, (box.width, box.height), flags=cv2.INTER_LINEAR, borderMode=mode,
            borderValue=[border or 0.0] * 4,
        ),
        np.float32,
    )  # fmt: skip
