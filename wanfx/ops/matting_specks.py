"""Specks and pinholes taken out of alpha by their size, and nothing else: gaps between hairs and single hairs stay."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
_SEEN = np.float32(0.1)


def remove_small_parts(alpha: Array, *, area_px: float) -> Array:
    """Alpha (H, W) without islands, and without holes, of less than ``area_px`` pixels.

    An island is what is over 0.1 with nothing of the kind around it, corners too; a hole is what is under 0.9 with
    solid matte all around. A gap between hairs is open to its sides or has no solid border, so that it is none.
    """
    out = np.where(_small(alpha > _SEEN, area_px), np.float32(0), alpha)
    return np.where(_small(out < 1 - _SEEN, area_px), np.float32(1), out)


def _small(lit: npt.NDArray[np.bool_], area_px: float) -> npt.NDArray[np.bool_]:
    _count, labels, stats, _centers = cv2.connectedComponentsWithStats(lit.astype(np.uint8), connectivity=8)
    is_small = stats[:, cv2.CC_STAT_AREA] < area_px
    is_small[0] = False
    return np.asarray(is_small[labels])
