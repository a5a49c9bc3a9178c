"""Alpha steadied over time along the motion, without smearing. Mattes are (H, W) float32 in [0, 1]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.ops.fill import fill_smooth
from wanfx.ops.flow import carry, dense_flow

Array = npt.NDArray[np.float32]
_SAME_COLOR = np.float32(0.15)
_SAME_ALPHA = np.float32(0.3)


@dataclass(frozen=True, eq=False)
class Neighbor:
    """A neighbouring frame's alpha (H, W) and analysis picture (h, w, 3, display-encoded)."""

    alpha: Array
    picture: Array


def steady_alpha(alpha: Array, picture: Array, *, neighbors: Sequence[Neighbor], strength: float) -> Array:
    """``alpha`` (H, W) moved towards what its neighbours have at the same place of the subject.

    ``picture`` (h, w, 3) is the frame's analysis picture. A neighbour's alpha is carried along the optical flow and
    counts by ``strength`` (0 to 1) where the carried colours are the frame's own and its alpha is much like the
    frame's: what flickers is evened out, and what truly changed, or was followed wrongly, stays as it is. Where alpha
    and its neighbours agree on 0 or 1, nothing changes.
    """
    total, weight = alpha.copy(), np.ones_like(alpha)
    size = (alpha.shape[1], alpha.shape[0])
    for neighbor in neighbors:
        flow = _subject_flow(dense_flow(picture, neighbor.picture), alpha)
        unlike = np.abs(carry(neighbor.picture, flow) - picture).max(axis=2) / _SAME_COLOR
        trust = np.asarray(cv2.resize(np.exp(-unlike * unlike), size, interpolation=cv2.INTER_LINEAR), np.float32)
        carried = carry(neighbor.alpha, enlarge_flow(flow, size))
        apart = (carried - alpha) / _SAME_ALPHA
        share = np.float32(strength) * trust * np.exp(-apart * apart)
        total += share * carried
        weight += share
    return np.asarray(np.clip(total / weight, 0, 1), np.float32)


def _subject_flow(flow: Array, alpha: Array) -> Array:
    """Flow whose edge moves as the subject does: between the two it is neither's."""
    small = np.asarray(cv2.resize(alpha, flow.shape[1::-1], interpolation=cv2.INTER_AREA), np.float32)
    solid = cv2.erode((small > 0.95).astype(np.uint8), np.ones((3, 3), np.uint8))
    if not solid.any():
        return flow
    vectors = np.dstack([flow, np.zeros_like(small)])
    return np.ascontiguousarray(fill_smooth(vectors, solid.astype(np.float32))[..., :2])


def enlarge_flow(flow: Array, size: tuple[int, int]) -> Array:
    """Flow (h, w, 2) at another ``size`` (width, height), in that size's pixels."""
    scale = np.array([size[0] / flow.shape[1], size[1] / flow.shape[0]], np.float32)
    return np.asarray(cv2.resize(flow, size, interpolation=cv2.INTER_LINEAR), np.float32) * scale
