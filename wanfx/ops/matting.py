"""Alpha inside a trimap's unknown band, from the plate's colours, by the method that was asked for."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.edges import bounding_box
from wanfx.ops.matting_closed_form import closed_form_alpha, find_laplacian
from wanfx.ops.matting_guided import guided_alpha
from wanfx.ops.trimap import UNKNOWN

Array = npt.NDArray[np.float32]
MattingMethod = Literal["guided", "closed-form"]
_AROUND_PX = 8
_LEAST_TRUST = np.float32(0.01)
_STEEP = np.float32(4)
_LIMIT_TRUST = np.float32(0.05)
_LIMIT_PX = np.float32(4)
_MOST_TRUST = np.float32(0.3)
_LOOK_PX = 21
_CONTRAST = np.float32(0.02)
_ENOUGH = 20_000
_NEAR_PX = 12


def find_alpha(
    plate_linear: Array,
    trimap: Array,
    matte: Array,
    *,
    method: MattingMethod,
    scale: float = 0.5,
    trust: Array | None = None,
) -> Array:
    """Alpha (H, W) in [0, 1]: the trimap's own values where it knows, found from ``plate_linear`` where it does not.

    ``matte`` (H, W) is the tracker's: it decides, softly, where colours do not tell, and more so by ``trust`` (H, W).
    The fast way solves at ``scale`` of the plate's size. Raises MissingError where the method's library is not
    installed.
    """
    is_unknown = trimap == UNKNOWN
    band = bounding_box(is_unknown)
    if band.is_empty:
        return trimap
    place = band.grow(_AROUND_PX).clip(Box(0, 0, trimap.shape[1], trimap.shape[0])).slices()
    guide = make_guide(plate_linear[place], where=is_unknown[place])
    # A tracker's edge is soft for want of pixels, not for hair or blur.
    known, prior = trimap[place], np.clip((matte[place] - UNKNOWN) * _STEEP + UNKNOWN, 0, 1)
    pull = _trust(guide, is_unknown[place])
    if trust is not None:
        pull = pull + trust[place]
    found = guided_alpha(guide, known, prior, trust=pull, scale=scale)
    if method == "closed-form":
        found = np.clip(closed_form_alpha(guide, known, found, trust=pull), 0, 1)
    out = trimap.copy()
    out[place] = np.where(is_unknown[place], found, known)
    return out


def check_method(method: MattingMethod) -> None:
    """Raise MissingError where the method's library is not installed: before a run, not in its middle."""
    if method == "closed-form":
        find_laplacian()


def make_guide(linear: Array, *, where: npt.NDArray[np.bool_]) -> Array:
    """``linear`` (H, W, 3, of any size and sign) as x / (x + k) in [0, 1).

    k is twice its median ``where``, or half of what is brightest within `_NEAR_PX` where that is more. Alpha is linear
    in linear light, which a curve as flat as this nearly keeps: before a window too, half of which shines through
    hair. And what is no brighter than most of the edge has one curve wherever it is. Pictures of another exposure give
    the same.
    """
    # Halves go no higher than 65504: what lies beyond is as bright.
    lit = np.clip(linear, np.float32(0), np.float32(65504))
    gray = _mean_color(lit)
    some = gray[where]
    middle = np.median(some[:: 1 + some.size // _ENOUGH]) if some.size else np.float32(0)
    half = np.maximum(np.float32(0.5) * _brightest(gray), max(np.float32(2) * middle, np.float32(1e-4)))
    return np.asarray(lit / (lit + half[..., None]), np.float32)


def _brightest(gray: Array) -> Array:
    """What is brightest around each pixel, smooth; found at half size."""
    half = ((gray.shape[1] + 1) // 2, (gray.shape[0] + 1) // 2)
    small = cv2.blur(cv2.resize(gray, half, interpolation=cv2.INTER_AREA), (3, 3), borderType=cv2.BORDER_REFLECT)
    window = (_NEAR_PX + 1, _NEAR_PX + 1)
    spread = cv2.blur(cv2.dilate(small, np.ones(window, np.uint8)), window, borderType=cv2.BORDER_REFLECT)
    return np.asarray(cv2.resize(spread, gray.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _mean_color(picture: Array) -> Array:
    third = np.float32(1 / 3)
    return np.asarray(cv2.transform(picture, np.full((1, 3), third)), np.float32)


def _trust(guide: Array, is_unknown: npt.NDArray[np.bool_]) -> Array:
    """How far the tracker's matte is believed.

    More where the picture is so plain around that no edge can be seen, and more at the band's limits, where the matte
    is seldom wrong: there texture like the other side's would leave a veil.
    """
    gray = _mean_color(guide)
    window = (_LOOK_PX, _LOOK_PX)
    mean = np.asarray(cv2.blur(gray, window, borderType=cv2.BORDER_REFLECT), np.float32)
    square = np.asarray(cv2.blur(gray * gray, window, borderType=cv2.BORDER_REFLECT), np.float32)
    plain = _CONTRAST**2 / (np.maximum(square - mean * mean, 0) + _CONTRAST**2)
    depth = cv2.distanceTransform(is_unknown.astype(np.uint8), cv2.DIST_L2, 5)
    limit = np.clip(1 - depth / _LIMIT_PX, 0, 1)
    return np.asarray(_LEAST_TRUST + _LIMIT_TRUST * limit + _MOST_TRUST * plain**8, np.float32)
