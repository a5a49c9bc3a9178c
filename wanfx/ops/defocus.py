"""Depth of field: how soft a picture's edges are, and a lens's blur."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.pixels import to_finite

Array = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
_NEAR_PX, _FAR_PX = 1.2, 3.6
_LEAST_EDGES = 40
_CONTRAST = 0.02
_FLOOR = 0.02
_SHARPER_PERCENT = 30.0
_MOST_PX = 24.0
_MOST_RADIUS_PX, _TRIALS = 48.0, 8
_SUPER = 8


def edge_softness_px(linear: Array, usable: Mask, *, gain: float) -> float | None:
    """The deviation of the blur of a picture's edges, in pixels; None where too few tell.

    Linear (H, W, 3), scene-linear; ``usable`` (H, W) is where it is looked at; ``gain`` brings it to a picture's usual
    exposure. Two blurs of an edge of deviation s have gradients whose ratio R gives
    s^2 = (far^2 - R^2 near^2) / (R^2 - 1) (after Zhuo and Sim, Defocus Map Estimation from a Single Image, 2011).
    A scene has soft things in focus too, shadows for one: the sharper third of the edges counts.
    """
    luma = np.log2(np.maximum(to_finite(linear).mean(axis=2) * np.float32(gain), np.float32(0)) + np.float32(_FLOOR))
    near, far = (_gradient(luma, px) for px in (_NEAR_PX, _FAR_PX))
    is_crest = near >= cv2.dilate(near, np.ones((5, 5), np.uint8))
    at = usable & is_crest & (near > _CONTRAST) & (far > 0)
    if np.count_nonzero(at) < _LEAST_EDGES:
        return None
    ratio = np.square(near[at].astype(np.float64) / far[at])
    # What the wider blur makes steeper is no lone edge.
    ratio = ratio[ratio > 1 + (_FAR_PX / _MOST_PX) ** 2]
    if len(ratio) < _LEAST_EDGES:
        return None
    square = np.maximum((_FAR_PX**2 - ratio * _NEAR_PX**2) / (ratio - 1), 0.0)
    return round(float(np.sqrt(np.percentile(square, _SHARPER_PERCENT))), 3)


def _gradient(luma: Array, deviation_px: float) -> Array:
    blurred = cv2.GaussianBlur(luma, (0, 0), deviation_px, borderType=cv2.BORDER_REPLICATE)
    across, down = cv2.Sobel(blurred, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(blurred, cv2.CV_32F, 0, 1, scale=0.125)
    return np.asarray(cv2.magnitude(across, down), np.float32)


def match_defocus_px(linear: Array, usable: Mask, *, soft_px: float, gain: float) -> float:
    """The radius of the disc, 48 px at most, with which the picture measures as ``soft_px``; 0 where it does as it is.

    Found by trying: what the measure makes of a disc, and of edges that stand close, is then the same on both sides.
    """
    low, high = 0.0, _MOST_RADIUS_PX
    before = edge_softness_px(linear, usable, gain=gain)
    if before is None or before >= soft_px:
        return 0.0
    for _ in range(_TRIALS):
        middle = (low + high) / 2
        found = edge_softness_px(defocus(linear, radius_px=middle), usable, gain=gain)
        # Where no edge is left to tell, it is softer than anything.
        if found is None or found >= soft_px:
            high = middle
        else:
            low = middle
    return round((low + high) / 2, 2)


def defocus(linear: Array, *, radius_px: float) -> Array:
    """The picture (H, W, 3), scene-linear, out of focus: blurred by a disc, as a lens does; unclamped.

    Highlights become discs as bright as they have light for. Itself where the radius is 0.
    """
    if radius_px <= 0:
        return linear
    return np.asarray(cv2.filter2D(linear, -1, _disc(radius_px), borderType=cv2.BORDER_REPLICATE), np.float32)


def _disc(radius_px: float) -> Array:
    """A disc of sum 1, its rim anti-aliased."""
    reach = int(np.ceil(radius_px))
    place = (np.arange((2 * reach + 1) * _SUPER) + 0.5) / _SUPER - reach - 0.5
    fine = (np.hypot(place[:, None], place[None]) <= radius_px).astype(np.float64)
    side = 2 * reach + 1
    disc = fine.reshape(side, _SUPER, side, _SUPER).mean(axis=(1, 3))
    return np.asarray(disc / disc.sum(), np.float32)
