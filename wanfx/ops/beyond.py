"""What goes on beyond a plate's edge, joined to it: the error that shows along the edge is carried outwards, fading."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.ops.fill import fill_smooth
from wanfx.pixels import to_finite

Array = npt.NDArray[np.float32]
RIM_PX = 3
"""How far inside the edge what was made is compared with the plate."""
_WORK_PX = 480
_MOST_STOPS = 3.0
_BLANK = 0.1


def join_beyond(made: Array, plate: npt.NDArray[np.floating], kept: Array, *, reach_px: float, floor: float) -> Array:
    """``made`` (H, W, 3, linear, unclamped) outside ``kept`` (H, W; 1 on the plate) in the light of the plate's edge.

    In a rim inside the edge both show the same: what ``made`` misses there, in stops, goes on outwards smoothly
    (`fill_smooth`) and fades until ``reach_px``. Where made is the plate's own in the rim nothing changes. Light under
    ``floor`` counts as black; black lines that a plate may end in (blanking) tell nothing. Inside the plate and below 0
    ``made`` stays as it is.
    """
    inside = (kept >= 1).astype(np.uint8)
    if inside.all() or not inside.any():
        return made
    # What lies outside the picture is not beyond the plate: only its own edges count.
    deep = cv2.erode(inside, np.ones((2 * RIM_PX + 1, 2 * RIM_PX + 1), np.uint8), borderValue=1)
    rim = inside.astype(bool) & (deep == 0) & ~_blank(plate, floor=floor)
    theirs, ours = (np.maximum(to_finite(light), 0) + np.float32(floor) for light in (plate, made))
    stops = np.clip(np.log2(theirs) - np.log2(ours), -_MOST_STOPS, _MOST_STOPS)
    if not stops[rim].any():
        return made
    field = _outwards(np.asarray(stops, np.float32), rim)
    away = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5) / np.float32(max(reach_px, 1.0))
    t = np.clip(1 - away, 0, 1)
    fade = t * t * (3 - 2 * t)
    lit = np.maximum(made, 0)
    joined = (lit + np.float32(floor)) * np.exp2(field * fade[..., None]) - np.float32(floor)
    beyond = (inside == 0)[..., None] & (made > 0)
    return np.where(beyond, np.maximum(joined, 0), made).astype(np.float32)


def _blank(plate: npt.NDArray[np.floating], *, floor: float) -> npt.NDArray[np.bool_]:
    """Pixels without any light, and those beside them, which scaling has mixed with them."""
    black = np.asarray((to_finite(plate) < _BLANK * floor).all(axis=2), np.uint8)
    return np.asarray(cv2.dilate(black, np.ones((3, 3), np.uint8)) > 0)


def _outwards(stops: Array, rim: npt.NDArray[np.bool_]) -> Array:
    """The rim's stops (H, W, 3) wherever it is not, smoothly."""
    height, width = rim.shape
    step = max(1, round(max(height, width) / _WORK_PX))
    size = (max(1, width // step), max(1, height // step))
    known = rim.astype(np.float32)
    weight = np.asarray(cv2.resize(known, size, interpolation=cv2.INTER_AREA), np.float32)
    summed = cv2.resize(stops * known[..., None], size, interpolation=cv2.INTER_AREA)
    mean = np.asarray(summed / np.maximum(weight, np.float32(1e-6))[..., None], np.float32)
    # Grain and single lamps are no error of the light: they are smoothed away along the rim.
    soft = cv2.GaussianBlur(weight, (0, 0), 3.0)
    even = cv2.GaussianBlur(mean * weight[..., None], (0, 0), 3.0) / np.maximum(soft, np.float32(1e-6))[..., None]
    filled = fill_smooth(np.asarray(even, np.float32), (weight > 0).astype(np.float32))
    return np.asarray(cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
