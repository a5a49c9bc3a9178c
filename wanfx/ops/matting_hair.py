"""Hair that stands off farther than an edge's band is wide: where a tracker's matte says it is."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.ops.trimap import UNKNOWN

Array = npt.NDArray[np.float32]
_TIMES = np.float32(4)
_EDGES = np.float32(2)
_TRUST = np.float32(0.01)


@dataclass(frozen=True, eq=False)
class HairBand:
    """How wide the band is on either side of the matte's edge, how much more the matte is believed ((H, W) both), and
    whether there is hair at all."""

    radius_px: Array
    trust: Array
    is_there: bool


def find_hair(matte: Array, *, radius_px: float, motion_px: Array | None = None) -> HairBand:
    """The band's width: ``radius_px``, and four times that where ``matte`` (H, W) is ragged as hair makes it.

    That is where a window four radii wide holds twice as much outline as a straight edge through it: a tracker finds no
    line to draw in hair. What moves quickly (``motion_px``, (H, W)) needs more. The farther from the matte's edge, the
    more the matte is believed there, so that texture is not taken for hair. Looked for at half size.

    >>> y, x = np.mgrid[0:64, 0:64]
    >>> straight, ragged = x < 32, x < 32 + 12 * (y % 4 > 1)
    >>> [float(find_hair(matte.astype(np.float32), radius_px=4).radius_px.max()) for matte in (straight, ragged)]
    [4.0, 16.0]
    """
    size = ((matte.shape[1] + 1) // 2, (matte.shape[0] + 1) // 2)
    hard = (cv2.resize(matte, size, interpolation=cv2.INTER_AREA) >= UNKNOWN).astype(np.uint8)
    radius = radius_px / 2
    side = round(_TIMES * radius) | 1
    most = _EDGES if motion_px is None else _EDGES * (1 + _resize(motion_px, size) / np.float32(4 * radius))
    is_ragged = (_outline(hard, side) > most * side).astype(np.uint8)
    if not is_ragged.any():
        return HairBand(np.full_like(matte, radius_px), np.zeros_like(matte), False)
    is_hair = cv2.dilate(is_ragged, np.ones((side, side), np.uint8)) > 0
    away = cv2.distanceTransform(hard, cv2.DIST_L2, 5) + cv2.distanceTransform(1 - hard, cv2.DIST_L2, 5)
    far = np.maximum(away / np.float32(radius) - np.float32(0.5), 0)
    wide, trust = np.where(is_hair, _TIMES, np.float32(1)), np.where(is_hair, _TRUST * far, np.float32(0))
    whole = matte.shape[::-1]
    return HairBand(_resize(wide, whole) * np.float32(radius_px), _resize(trust, whole), True)


def _outline(hard: npt.NDArray[np.uint8], side: int) -> Array:
    """How long the outline is in each window, in pixels."""
    values = hard.astype(np.float32)
    across, down = np.zeros_like(values), np.zeros_like(values)
    np.subtract(values[:, 1:], values[:, :-1], out=across[:, 1:])
    np.subtract(values[1:], values[:-1], out=down[1:])
    return np.asarray(cv2.boxFilter(cv2.magnitude(across, down), -1, (side, side), normalize=False), np.float32)


def _resize(values: Array, size: tuple[int, ...]) -> Array:
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_LINEAR), np.float32)
