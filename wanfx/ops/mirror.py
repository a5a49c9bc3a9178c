"""A picture that goes on beyond its edge as its own mirror image."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


def mirror_beyond(linear: Array, hole: Bools) -> tuple[Array, Bools]:
    """``linear`` (H, W, 3, unclamped) filled around what is known, and what of the ``hole`` (H, W) is left.

    Filled is what lies outside the convex hull of all that is known: each pixel is the one as far on the other side of
    the nearest known one. Holes between known pixels are left, for they can be gone on into from more than one side.
    """
    beyond = hole & ~_hull(~hole)
    if not beyond.any() or hole.all():
        return linear, hole
    nearest = _nearest(~hole)
    places = np.argwhere(beyond)
    height, width = hole.shape
    across = np.clip(2 * nearest[beyond] - places, 0, (height - 1, width - 1))
    # The picture may be narrower than the border, and have holes of its own.
    source = nearest[across[:, 0], across[:, 1]]
    out = linear.copy()
    out[beyond] = linear[source[:, 0], source[:, 1]]
    return out, hole & ~beyond


def _hull(known: Bools) -> Bools:
    filled = np.zeros(known.shape, np.uint8)
    points = cv2.findNonZero(known.astype(np.uint8))
    if points is not None:
        cv2.fillConvexPoly(filled, cv2.convexHull(points), 1)
    return filled > 0


def _nearest(known: Bools) -> npt.NDArray[np.int64]:
    """(H, W, 2): row and column of the known pixel nearest to each."""
    _, labels = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    places = np.argwhere(known)
    of_label = np.zeros((labels.max() + 1, 2), np.int64)
    of_label[labels[known]] = places
    return np.asarray(of_label[labels], np.int64)
