"""A rough matte of analysis size becomes alpha at the plate's size."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.edges import bounding_box, fill_holes, remove_specks
from wanfx.ops.fill import fill_smooth

Array = npt.NDArray[np.float32]
_EPSILON = 1e-3
_MIDDLE = 0.7
_ALIKE = np.float32(0.1)
_SPREAD = np.float32(0.2)


def refine_alpha(guide_linear: Array, matte: Array, *, radius_px: float) -> Array:
    """Alpha (H, W) in [0, 1] whose edge follows ``guide_linear`` (H, W, 3, scene-linear) within ``radius_px`` of 0.5.

    Farther from the matte's edge (at 0.5) alpha is exactly 0 or 1. Within, it is how far a pixel lies from the colour
    of the background to that of the subject, as both go on from beyond the band; where they are alike, a guided filter
    of the matte decides (He, Sun, Tang: Guided Image Filtering, ECCV 2010). Colours are compared in stops.
    """
    whole = Box(0, 0, matte.shape[1], matte.shape[0])
    box = bounding_box(matte, above=0.02)
    if radius_px <= 0 or box.is_empty:
        return matte
    reach = int(np.ceil(radius_px))
    place = box.grow(3 * reach).clip(whole)
    hard = (matte[place.slices()] >= 0.5).astype(np.uint8)
    distance, limit = _band(hard, radius_px)
    is_far = distance > limit
    solid = hard.astype(np.float32)
    guide = _in_stops(guide_linear[place.slices()])
    follows = np.asarray(cv2.ximgproc.guidedFilter(guide, solid, max(2, reach), _EPSILON), np.float32)
    mixed = _unmix(guide, follows, subject=is_far & (hard > 0), background=is_far & (hard == 0))
    # Texture and the filter spread the ends of the range: what is nearly all or nothing is all or nothing.
    alpha = np.clip((mixed - _SPREAD) / (1 - 2 * _SPREAD), 0, 1)
    # Towards the band's limits alpha goes over to 0 and 1, so that the band itself shows no edge.
    trust = np.clip(2 - 2 * distance / limit, 0, 1)
    refined = np.where(is_far, solid, solid + trust * (alpha - solid)).astype(np.float32)
    # Texture like the other side's leaves pinholes and specks, smaller than the band is wide.
    refined = fill_holes(remove_specks(refined, area_px=radius_px**2), area_px=radius_px**2)
    out = np.zeros_like(matte)
    out[place.slices()] = np.where(is_far, solid, refined)
    return out


def _band(hard: npt.NDArray[np.uint8], radius_px: float) -> tuple[Array, Array]:
    """How far each pixel is from the edge, and up to where it is of the band.

    The band leaves the middle of whatever is thinner than itself, so that fingers are not lost.
    """
    inner = cv2.distanceTransform(hard, cv2.DIST_L2, 5)
    outer = cv2.distanceTransform(1 - hard, cv2.DIST_L2, 5)
    reach = int(np.ceil(radius_px))
    middle = cv2.dilate(inner, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    limit = np.where(hard > 0, np.minimum(middle * np.float32(_MIDDLE), np.float32(radius_px)), np.float32(radius_px))
    # Without any edge the distance is endless.
    return np.minimum(inner + outer, np.float32(4 * radius_px)), np.asarray(limit, np.float32)


def _in_stops(linear: Array) -> Array:
    return np.asarray(np.log2(np.maximum(linear, 0) + np.float32(0.02)) / np.float32(6), np.float32)


def _unmix(guide: Array, follows: Array, *, subject: npt.NDArray[np.bool_], background: npt.NDArray[np.bool_]) -> Array:
    """The share of the subject's colour in each pixel; ``follows`` where it cannot be told. May leave [0, 1]."""
    if not (subject.any() and background.any()):
        return follows
    behind = _extend(guide, background)
    apart = _extend(guide, subject) - behind
    along = guide - behind
    share = sum(along[..., c] * apart[..., c] for c in range(3)) + _ALIKE * follows
    return np.asarray(share / (sum(apart[..., c] ** 2 for c in range(3)) + _ALIKE), np.float32)


def _extend(guide: Array, known: npt.NDArray[np.bool_]) -> Array:
    """The colours of what is known go on beyond it; found at half size, as they are smooth."""
    size = (guide.shape[1], guide.shape[0])
    half = ((size[0] + 1) // 2, (size[1] + 1) // 2)
    small = np.asarray(cv2.resize(guide, half, interpolation=cv2.INTER_AREA), np.float32)
    weight = cv2.resize(known.astype(np.float32), half, interpolation=cv2.INTER_AREA)
    filled = fill_smooth(small, (weight > 0.999).astype(np.float32))
    return np.asarray(cv2.resize(filled, size, interpolation=cv2.INTER_LINEAR), np.float32)
