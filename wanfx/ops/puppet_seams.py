"""Where clothes rather than joints part a limb from the body: a jacket's hem hangs over the thigh, and stays behind."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.ops.pose import Points
from wanfx.ops.puppet_joints import LEGS, RestPose
from wanfx.ops.puppet_parts import Part, segment_distance

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.intp]
_BINS = 16
_LEAST_PX = 60
_EDGE_PX = 3
_LIKELIER, _USUAL, _RARE, _ALIKE = 3, 0.03, 0.01, 0.1


def give_back_clothes(labels: Labels, reference: Array, rest: RestPose, parts: Sequence[Part]) -> Labels:
    """The labels (H, W; 0 the body, then the parts in order), what is the body's given back to it.

    What has rather the colours of the body beside a limb than the limb's own, and touches the body, is the body's: the
    shirt around an arm before it, a jacket's hem over a thigh and all above that hem.
    """
    bins = _color_bins(reference)
    y, x = np.mgrid[0 : labels.shape[0], 0 : labels.shape[1]].astype(np.float32) + np.float32(0.5)
    labels = labels.copy()
    for index, part in enumerate(parts, start=1):
        joints = [rest.joints[joint] for joint in part.joints]
        is_thigh = part.limb in LEGS and part.name.endswith(".upper")
        if part.limb in LEGS and not is_thigh:
            continue
        radius = np.float32(part.radius_px)
        line = segment_distance(x, y, [0.5 * (joints[0] + joints[1]), *joints[1:]])
        near = segment_distance(x, y, joints[:1] * 2 if is_thigh else joints)
        core = (labels == index) & (line < (0.7 if is_thigh else 0.45) * radius)
        below = _below(x, y, joints[0], joints[1])
        # Trousers begin above the hips: what is surely not the leg's is farther up.
        beside = (near < 3 * radius) & ((below < -0.8 * radius) | (not is_thigh))
        strange = _strange(labels, bins, index, core, beside, reference[..., 3] > 0.98)
        if is_thigh:
            strange |= (labels == index) & (below < 0.3 * radius) & (_likelihood(bins, core) < _RARE)
        hem = _touching(strange & (near < 2 * radius), labels == 0, close_px=7 if is_thigh else 1)
        if is_thigh:
            hem |= (labels == index) & _above_hem(x, y, hem, joints[0], joints[1])
        # Where a limb's edge mixes with what is behind it, it is the limb's.
        left = cv2.dilate(((labels == index) & ~hem).astype(np.uint8), np.ones((_EDGE_PX, _EDGE_PX), np.uint8)) > 0
        labels[hem & (is_thigh | ~left)] = 0
        if is_thigh:
            # What that cuts off from the limb goes too.
            labels[(labels == index) & ~_touching(labels == index, core & (labels == index))] = 0
    return labels


def _strange(
    labels: Labels, bins: Labels, index: int, core: npt.NDArray[np.bool_], beside: npt.NDArray[np.bool_],
    solid: npt.NDArray[np.bool_],
) -> npt.NDArray[np.bool_]:  # fmt: skip
    """The pixels of a part that have rather the body's colours, of the body beside it, than those of its own core.

    None where both are of the same cloth.
    """
    of_limb, of_body = core & solid, (labels == 0) & beside & solid
    if min(of_limb.sum(), of_body.sum()) < _LEAST_PX:
        return np.zeros(labels.shape, bool)
    limb, body = _likelihood(bins, of_limb), _likelihood(bins, of_body)
    if float(body[of_limb].mean()) > _ALIKE:
        return np.zeros(labels.shape, bool)
    return np.asarray((body > _LIKELIER * limb) & (body > _USUAL) & (labels == index))


def _color_bins(reference: Array) -> Labels:
    straight = reference[..., :3] / np.maximum(reference[..., 3:], np.float32(1e-3))
    # About as eyes see it; what is brighter than white is white.
    seen = np.clip(np.sqrt(np.maximum(straight, 0)), 0, 0.999)
    levels = (seen * _BINS).astype(np.intp)
    return np.asarray((levels[..., 0] * _BINS + levels[..., 1]) * _BINS + levels[..., 2], np.intp)


def _likelihood(bins: Labels, where: npt.NDArray[np.bool_]) -> Array:
    """How usual each pixel's colour is among the pixels ``where``, (H, W): 1 for the most usual one."""
    counts = np.bincount(bins[where], minlength=_BINS**3).astype(np.float32).reshape(_BINS, _BINS, _BINS)
    for axis in range(3):
        wide = np.pad(counts, [(1, 1) if other == axis else (0, 0) for other in range(3)], mode="edge")
        low, high = (np.take(wide, range(step, step + _BINS), axis=axis) for step in (0, 2))
        counts = 0.25 * low + 0.5 * counts + 0.25 * high
    counts /= max(float(counts.max()), 1e-6)
    return np.asarray(counts.ravel()[bins], np.float32)


def _below(x: Array, y: Array, start: Points, end: Points) -> Array:
    """How far each pixel is from ``start`` towards ``end``, in pixels."""
    dx, dy = (float(value) for value in (end - start) / np.linalg.norm(end - start))
    return np.asarray((x - float(start[0])) * dx + (y - float(start[1])) * dy, np.float32)


def _above_hem(x: Array, y: Array, hem: npt.NDArray[np.bool_], start: Points, end: Points) -> npt.NDArray[np.bool_]:
    """What lies nearer to the limb's root than cloth that hangs over it, column by column along the limb."""
    dx, dy = (float(value) for value in (end - start) / np.linalg.norm(end - start))
    along = _below(x, y, start, end)
    column = np.rint((y - start[1]) * dx - (x - start[0]) * dy).astype(np.intp)
    column -= column.min()
    lowest = np.full(int(column.max()) + 1, -np.inf, np.float32)
    np.maximum.at(lowest, column[hem], along[hem])
    # A single low speck is no hem; where the figure's edge is too soft to tell, it goes on.
    lowest = np.median(_windows(lowest, 3), axis=1)
    lowest = _windows(lowest, 12).max(axis=1)
    return np.asarray(along < lowest[column])


def _windows(values: npt.NDArray[np.floating], reach: int) -> npt.NDArray[np.floating]:
    padded = np.pad(values, reach, constant_values=-np.inf)
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)


def _touching(mask: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_], *, close_px: int = 1) -> npt.NDArray[np.bool_]:
    """The parts of a mask that touch another; gaps narrower than ``close_px`` in it are closed."""
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((close_px, close_px), np.uint8))
    _count, islands = cv2.connectedComponents(closed, connectivity=4)
    beside = cv2.dilate(other.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    touched = np.unique(islands[beside & (closed > 0)])
    return np.asarray((closed > 0) & np.isin(islands, touched))
