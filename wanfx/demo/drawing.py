"""Shaded shapes with antialiased edges: just enough drawing for a picture that needs no assets.

Colours are scene-linear RGB of Rec.709 primaries; places and lengths are pixels of the finished picture, origin
top-left. A shape is a signed distance in pixels, negative inside, with its gradient; its edge is bevelled, so that
light falls on it as on something round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]  # float32
Point = tuple[float, float]
Color = tuple[float, float, float]

SUPERSAMPLING = 2
# Linear Rec.709 (D65) to ACEScg (AP1, ACES white), Bradford adaptation: from the primaries of ITU-R BT.709-6 and of
# S-2014-004 (ACEScg).
REC709_TO_ACESCG = np.array(
    [[0.613097, 0.339523, 0.047379], [0.070194, 0.916354, 0.013452], [0.020616, 0.109570, 0.869815]], np.float32
)


def rgb(color: Sequence[float]) -> Array:
    """A colour as an array that multiplies pictures."""
    return np.array(color, np.float32)


@dataclass(frozen=True)
class Light:
    """A distant light: where it comes from (x right, y down, z to the camera), its colour, and the ambient colour."""

    toward: tuple[float, float, float]
    color: Color
    ambient: Color

    def shade(self, x: Array, y: Array, z: Array) -> Array:
        """(H, W, 3) light on a surface whose unit normal is ``(x, y, z)``: Lambert's law over ambient light."""
        length = float(np.linalg.norm(self.toward))
        lx, ly, lz = (part / length for part in self.toward)
        lambert = np.maximum(x * lx + y * ly + z * lz, 0)[..., None]
        sky = (0.7 - 0.3 * y)[..., None]
        return lambert * rgb(self.color) + sky * rgb(self.ambient)


class Canvas:
    """A layer being drawn: ``pixels`` is (H, W, 4) float32, premultiplied, supersampled."""

    def __init__(self, width: int, height: int) -> None:
        self.pixels = np.zeros((height * SUPERSAMPLING, width * SUPERSAMPLING, 4), np.float32)

    def capsule(self, a: Point, b: Point, radii: tuple[float, float], color: Color, light: Light) -> None:
        """A rounded limb from ``a`` to ``b`` whose radius goes from ``radii[0]`` to ``radii[1]``; a ball if a is b."""
        reach = max(radii) + 1
        window = self._window(min(a[0], b[0]) - reach, min(a[1], b[1]) - reach, max(a[0], b[0]) + reach,
                              max(a[1], b[1]) + reach)  # fmt: skip
        x, y = self._grid(window)
        abx, aby = b[0] - a[0], b[1] - a[1]
        along = np.clip(((x - a[0]) * abx + (y - a[1]) * aby) / max(abx * abx + aby * aby, 1e-6), 0, 1)
        dx, dy = x - (a[0] + along * abx), y - (a[1] + along * aby)
        radius = radii[0] + along * (radii[1] - radii[0])
        distance = np.maximum(np.hypot(dx, dy), 1e-6)
        self._fill(window, distance - radius, (dx / distance, dy / distance), radius, color, light)

    def box(self, center: Point, size: tuple[float, float], corner: float, color: Color, light: Light, *,
            bevel: float = 6, turn: float = 0) -> None:  # fmt: skip
        """A box with rounded corners, turned by ``turn`` radians (clockwise on screen), with a bevelled edge."""
        reach = (size[0] + size[1]) / 2 + 1
        window = self._window(center[0] - reach, center[1] - reach, center[0] + reach, center[1] + reach)
        x, y = self._grid(window)
        c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        u, v = c * (x - center[0]) + s * (y - center[1]), c * (y - center[1]) - s * (x - center[0])
        qu, qv = np.abs(u) - size[0] / 2 + corner, np.abs(v) - size[1] / 2 + corner
        outside = np.hypot(np.maximum(qu, 0), np.maximum(qv, 0))
        distance = outside + np.minimum(np.maximum(qu, qv), 0) - corner
        gu = np.where(outside > 0, np.maximum(qu, 0) / np.maximum(outside, 1e-6), qu > qv) * np.sign(u)
        gv = np.where(outside > 0, np.maximum(qv, 0) / np.maximum(outside, 1e-6), qu <= qv) * np.sign(v)
        self._fill(window, distance, (c * gu - s * gv, s * gu + c * gv), np.asarray(bevel, np.float32), color, light)

    def finished(self) -> Array:
        """The layer at its finished size: (H, W, 4), premultiplied."""
        height, width = (length // SUPERSAMPLING for length in self.pixels.shape[:2])
        return np.asarray(cv2.resize(self.pixels, (width, height), interpolation=cv2.INTER_AREA), np.float32)

    def _window(self, x0: float, y0: float, x1: float, y1: float) -> tuple[slice, slice]:
        height, width = self.pixels.shape[:2]
        columns = slice(max(int(x0 * SUPERSAMPLING), 0), min(int(x1 * SUPERSAMPLING) + 1, width))
        return slice(max(int(y0 * SUPERSAMPLING), 0), min(int(y1 * SUPERSAMPLING) + 1, height)), columns

    @staticmethod
    def _grid(window: tuple[slice, slice]) -> tuple[Array, Array]:
        rows, columns = window
        x = (np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5) / SUPERSAMPLING
        y = (np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5) / SUPERSAMPLING
        return x[None, :], y[:, None]

    def _fill(self, window: tuple[slice, slice], distance: Array, gradient: tuple[Array, Array],
              bevel: Array, color: Color, light: Light) -> None:  # fmt: skip
        alpha = np.clip(0.5 - distance * SUPERSAMPLING, 0, 1)[..., None]
        tilt = np.clip(1 + distance / bevel, 0, 1)
        lit = light.shade(gradient[0] * tilt, gradient[1] * tilt, np.sqrt(1 - tilt * tilt)) * rgb(color)
        under = self.pixels[window]
        under *= 1 - alpha
        under[..., :3] += lit * alpha
        under[..., 3:] += alpha


def value_noise(rng: np.random.Generator, width: int, height: int, *, cell: tuple[int, int]) -> Array:
    """(H, W) smooth noise of mean 0 and deviation near 1, whose blobs are ``cell`` pixels wide and high."""
    coarse = rng.standard_normal((height // cell[1] + 3, width // cell[0] + 3)).astype(np.float32)
    fine = cv2.resize(coarse, (coarse.shape[1] * cell[0], coarse.shape[0] * cell[1]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(fine[:height, :width], np.float32)


def smoothstep(low: float, high: float, value: Array) -> Array:
    """0 below ``low``, 1 above ``high``, smooth between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)
