"""Mattes grown, softened, cleaned and measured. Mattes are (H, W) float32 in [0, 1]."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Box

Array = npt.NDArray[np.float32]


def grow_matte(matte: Array, *, radius_px: float) -> Array:
    """The matte grown by ``radius_px`` (shrunk where negative); soft edges keep their softness.

    A grey dilation (erosion) by a disc; between whole radii the two nearest are mixed.
    """
    box = bounding_box(matte)
    if radius_px == 0 or box.is_empty:
        return matte
    reach = int(np.ceil(abs(radius_px)))
    whole = Box(0, 0, matte.shape[1], matte.shape[0])
    place = box.grow(reach).clip(whole)
    inside = matte[place.slices()]
    low, part = int(np.floor(abs(radius_px))), abs(radius_px) % 1
    grown = _spread(inside, low, shrink=radius_px < 0)
    if part:
        grown = grown + np.float32(part) * (_spread(inside, low + 1, shrink=radius_px < 0) - grown)
    out = np.zeros_like(matte)
    out[place.slices()] = grown
    return out


def _spread(matte: Array, radius: int, *, shrink: bool) -> Array:
    if radius == 0:
        return matte
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    # Beyond the picture's edge the matte goes on as it is there: a subject cut by the frame is not eaten from outside.
    spread = cv2.erode if shrink else cv2.dilate
    return np.asarray(spread(matte, disc, borderType=cv2.BORDER_REPLICATE), np.float32)


def soften_matte(matte: Array, *, radius_px: float) -> Array:
    """The matte blurred by a Gaussian of standard deviation ``radius_px`` / 2."""
    if radius_px <= 0:
        return matte
    blurred = cv2.GaussianBlur(matte, (0, 0), radius_px / 2, borderType=cv2.BORDER_REPLICATE)
    return np.clip(blurred, 0.0, 1.0)


def bounding_box(matte: npt.NDArray[np.floating | np.bool_], *, above: float = 0.0) -> Box:
    """The box of all pixels above ``above``; empty where there are none."""
    lit = matte > above
    rows = np.flatnonzero(lit.any(axis=1))
    if rows.size == 0:
        return Box(0, 0, 0, 0)
    columns = np.flatnonzero(lit[rows[0] : rows[-1] + 1].any(axis=0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def remove_specks(matte: Array, *, area_px: float) -> Array:
    """The matte without islands (at 0.5) smaller than ``area_px``; soft edges of what stays are kept."""
    small = _small_parts(matte >= 0.5, area_px)
    if not small.any():
        return matte
    near = cv2.dilate(small.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    large = cv2.dilate(((matte >= 0.5) & ~small).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return np.where(near & ~large, np.float32(0), matte)


def fill_holes(matte: Array, *, area_px: float) -> Array:
    """The matte with holes (at 0.5) smaller than ``area_px`` filled."""
    return np.where(_small_parts(matte < 0.5, area_px), np.float32(1), matte)


def _small_parts(lit: npt.NDArray[np.bool_], area_px: float) -> npt.NDArray[np.bool_]:
    _count, labels, stats, _centers = cv2.connectedComponentsWithStats(lit.astype(np.uint8), connectivity=4)
    is_small = stats[:, cv2.CC_STAT_AREA] < area_px
    is_small[0] = False
    return np.asarray(is_small[labels])
