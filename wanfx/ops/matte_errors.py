"""How far a matte is from the truth. Mattes are (H, W) float32 in [0, 1].

The four errors of Rhemann et al., A Perceptually Motivated Online Benchmark for Image Matting, CVPR 2009, and dtSSD of
Erofeev et al., Perceptually Motivated Benchmark for Video Matting, BMVC 2015. Each is taken where ``where`` is true.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
_SIGMA_PX = 1.4
_LEVELS = 10
_LOOSE = np.float32(0.15)


def mean_squared_error(matte: Array, truth: Array, *, where: Mask) -> float:
    """The mean of squared differences."""
    return float(np.mean(np.square(matte - truth)[where], dtype=np.float64))


def absolute_difference(matte: Array, truth: Array, *, where: Mask) -> float:
    """SAD: the sum of absolute differences, in pixels (publications give thousands)."""
    return float(np.sum(np.abs(matte - truth)[where], dtype=np.float64))


def gradient_error(matte: Array, truth: Array, *, where: Mask) -> float:
    """The sum of squared differences of the gradients' lengths, found with Gaussian derivatives of 1.4 px."""
    return float(np.sum(np.square(_gradient(matte) - _gradient(truth))[where], dtype=np.float64))


def connectivity_error(matte: Array, truth: Array, *, where: Mask) -> float:
    """The sum of differences in how firmly each pixel hangs on the largest region that is solid in both, in pixels."""
    levels = np.arange(1, _LEVELS + 1, dtype=np.float32) / np.float32(_LEVELS)
    held = np.full(matte.shape, -1, np.float32)
    both = np.minimum(matte, truth)
    for level in levels:
        cut_off = (held < 0) & ~_largest(both >= level)
        held[cut_off] = level - np.float32(1 / _LEVELS)
    held[held < 0] = 1
    return float(np.sum(np.abs(_firmness(matte, held) - _firmness(truth, held))[where], dtype=np.float64))


def flicker_error(before: Array, after: Array, *, truth_before: Array, truth_after: Array, where: Mask) -> float:
    """dtSSD: the root mean square of how far the change from frame to frame is from that of the truth."""
    missed = (after - before) - (truth_after - truth_before)
    return float(np.sqrt(np.mean(np.square(missed)[where], dtype=np.float64)))


def edge_band(truth: Array, *, radius_px: float) -> Mask:
    """Where the truth is neither 0 nor 1 or has an edge, and ``radius_px`` around."""
    window = np.ones((3, 3), np.uint8)
    is_edge = (truth > 0) & (truth < 1) | (cv2.dilate(truth, window) - cv2.erode(truth, window) > 0.5)
    reach = 2 * int(np.ceil(radius_px)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    return np.asarray(cv2.dilate(is_edge.astype(np.uint8), disc) > 0)


def _gradient(matte: Array) -> Array:
    reach = int(np.ceil(3 * _SIGMA_PX))
    place = np.arange(-reach, reach + 1, dtype=np.float64)
    bell = np.exp(-(place**2) / (2 * _SIGMA_PX**2))
    slope = -place * bell
    bell, slope = bell / bell.sum(), slope / np.abs(slope * place).sum()
    across = cv2.sepFilter2D(matte, cv2.CV_32F, slope, bell, borderType=cv2.BORDER_REPLICATE)
    down = cv2.sepFilter2D(matte, cv2.CV_32F, bell, slope, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(np.hypot(across, down), np.float32)


def _largest(lit: Mask) -> Mask:
    _count, labels, stats, _centers = cv2.connectedComponentsWithStats(lit.astype(np.uint8), connectivity=4)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    largest = int(areas.argmax())
    return np.asarray(labels == largest) if largest else np.zeros(lit.shape, bool)


def _firmness(matte: Array, held: Array) -> Array:
    over = matte - held
    return np.asarray(1 - np.where(over >= _LOOSE, over, 0), np.float32)
