"""Where alpha is known and where it has to be found. Trimaps are (H, W) float32: 0, 1, and 0.5 for unknown."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
UNKNOWN = np.float32(0.5)
_MIDDLE = np.float32(0.7)
_DOUBT = 0.1
_SHUTTER = np.float32(0.25)


def make_trimap(matte: Array, *, radius_px: float | Array, motion_px: Array | None = None) -> Array:
    """The trimap of a tracker's ``matte`` (H, W, in [0, 1]): unknown within ``radius_px`` of its edge at 0.5.

    ``radius_px`` may differ from place to place (H, W). On each side half of it, for the matte's own errors, and a
    quarter of ``motion_px`` (H, W), how far the edge moves from frame to frame, have room: so far an exposure of 180
    degrees smears it; the band is at most twice as wide. It leaves the middle of whatever is thinner than
    itself, so that fingers are not lost, and takes in what the tracker doubts (0.1 to 0.9) within twice its width.
    """
    hard = (matte >= 0.5).astype(np.uint8)
    inside = cv2.distanceTransform(hard, cv2.DIST_L2, 5)
    outside = cv2.distanceTransform(1 - hard, cv2.DIST_L2, 5)
    limit = np.broadcast_to(np.float32(radius_px), matte.shape)
    if motion_px is not None:
        limit = np.clip(_SHUTTER * motion_px + limit / 2, limit, 2 * limit)
    reach = int(np.ceil(np.max(radius_px)))
    middle = np.asarray(cv2.dilate(inside, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)), np.float32)
    is_doubted = (matte > _DOUBT) & (matte < 1 - _DOUBT) & (inside + outside <= 2 * limit)
    is_unknown = np.where(hard > 0, inside <= np.minimum(middle * _MIDDLE, limit), outside <= limit) | is_doubted
    return np.where(is_unknown, UNKNOWN, hard.astype(np.float32))


def edge_motion(flow: Array, matte: Array, *, reach_px: float) -> Array:
    """How far the subject's edge moves in a frame, (H, W), pixels, for all that lies within ``reach_px`` of it.

    ``flow`` (H, W, 2) leads to a neighbouring frame. What stands still beside a moving edge is smeared over all the
    same, so the subject's own motion is spread outwards.
    """
    speed = np.hypot(flow[..., 0], flow[..., 1])
    own = np.where(matte >= 0.5, speed, 0).astype(np.float32)
    # One wild vector is no motion: the median of a neighbourhood.
    calm = cv2.medianBlur(own, 5)
    reach = 2 * int(np.ceil(reach_px)) + 1
    spread = cv2.dilate(calm, np.ones((reach, reach), np.uint8))
    return np.asarray(spread, np.float32)
