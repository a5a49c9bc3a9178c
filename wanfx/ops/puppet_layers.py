"""A character's picture taken apart: a layer for the body and for each part of a limb, with what it uncovers filled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.edges import bounding_box
from wanfx.ops.fill import fill_smooth
from wanfx.ops.puppet_joints import ARMS, RestPose
from wanfx.ops.puppet_parts import BODY, Part, part_depth

Array = npt.NDArray[np.float32]
_EDGE_PX = 4
_SOLID = np.float32(0.98)
# How far parts overlap beyond their own surface, in their radius.
_OVERLAP = 1.4


@dataclass(frozen=True, eq=False)
class LayerPicture:
    """A layer's premultiplied RGBA (h, w, 4) and the box of it in the reference."""

    name: str
    rgba: Array
    box: Box


def cut_layers(
    reference: Array, shares: Mapping[str, Array], parts: Sequence[Part], rest: RestPose, *, order: Sequence[str]
) -> dict[str, LayerPicture]:
    """The layers that, laid over each other in ``order`` (back to front), make the reference again.

    What a layer owns it shows; under the layers before it, it goes on as far as it plausibly does, in its own colours
    filled smoothly, so that a limb that moves uncovers neither a hole nor its own ghost.
    """
    alpha = reference[..., 3]
    extents = _extents(alpha, shares, parts, rest)
    covered = np.zeros_like(alpha)
    layers = {}
    for name in reversed(order):
        # What is left for this layer, where the layers before it are soft.
        own = np.clip(shares[name] / np.maximum(1 - alpha * covered, np.float32(1e-4)), 0, 1)
        own = np.where(shares[name] > 1e-3, own, np.float32(0))
        hidden = np.clip((covered * alpha - np.float32(0.9)) * np.float32(10), 0, 1)
        under = extents[name] * hidden * (1 - own)
        box = bounding_box(alpha * own + under, above=1e-4).grow(_EDGE_PX)
        box = box.clip(Box(0, 0, alpha.shape[1], alpha.shape[0]))
        place = box.slices()
        filled = _solid_fill(reference[place], _source(name, shares, parts, rest)[place])
        rgba = reference[place] * own[place][..., None] + filled * under[place][..., None]
        layers[name] = LayerPicture(name, np.ascontiguousarray(rgba, np.float32), box)
        covered = np.minimum(covered + shares[name], np.float32(1))
    return {name: layers[name] for name in order}


def _source(name: str, shares: Mapping[str, Array], parts: Sequence[Part], rest: RestPose) -> Array:
    """The pixels that a layer goes on with under others: its own, and what turns about the same joint."""
    own = shares[name].copy()
    y, x = np.mgrid[0 : own.shape[0], 0 : own.shape[1]].astype(np.float32) + np.float32(0.5)
    for part in parts:
        joint = rest.joints[part.joints[0]]
        if name == BODY and part.limb in ARMS and part.name.endswith(".upper"):
            own += shares[part.name] * (np.hypot(x - joint[0], y - joint[1]) < part.radius_px)
        elif part.name != name and part.limb == name.partition(".")[0]:
            own += shares[part.name]
    return own


def _solid_fill(reference: Array, share: Array) -> Array:
    """The colours of what a layer surely owns, going on all around; alpha 1."""
    # A limb's soft shadow lies beside its edge: it is not a colour of what it falls on.
    sure = cv2.erode((share >= _SOLID).astype(np.float32), np.ones((5, 5), np.uint8))
    known = np.asarray(sure * (reference[..., 3] >= _SOLID), np.float32)
    filled = np.ones_like(reference)
    if known.any():
        filled[..., :3] = fill_smooth(reference[..., :3], known)
    return filled


def _extents(alpha: Array, shares: Mapping[str, Array], parts: Sequence[Part], rest: RestPose) -> dict[str, Array]:
    """How far each layer goes on under others (H, W) in [0, 1]."""
    y, x = np.mgrid[0 : alpha.shape[0], 0 : alpha.shape[1]].astype(np.float32) + np.float32(0.5)
    extents = {BODY: _body_extent(alpha, shares[BODY], x, y, parts, rest)}
    for part in parts:
        reach = np.float32((_OVERLAP - 1) * part.radius_px) - part_depth(x, y, part, rest)
        extents[part.name] = np.asarray(np.clip(reach / np.float32(_EDGE_PX) + 1, 0, 1), np.float32)
    return extents


def _body_extent(alpha: Array, share: Array, x: Array, y: Array, parts: Sequence[Part], rest: RestPose) -> Array:
    """The body under its limbs: its shape closed over what they cover, and a little beyond its seams."""
    own = ((share > 0.5) & (alpha > 0.5)).astype(np.uint8)
    arms = [part.radius_px for part in parts if part.limb in ARMS]
    reach = max(2, round(2.5 * max(arms, default=1.0)))
    shrink = max(1, reach // 4)
    small = cv2.resize(own, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    padded = cv2.copyMakeBorder(small, 10, 10, 10, 10, cv2.BORDER_REPLICATE)
    closed = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, disc)[10:-10, 10:-10].astype(np.float32)
    shape = cv2.resize(closed, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
    quad = [rest.joints[name] for name in ("left_shoulder", "right_shoulder", "right_hip", "left_hip")]
    torso = cv2.fillPoly(np.zeros(alpha.shape, np.uint8), [np.rint(np.stack(quad)).astype(np.int32)], 1)
    whole = np.maximum(np.maximum(shape, torso), own).astype(np.float32)
    for part in parts:
        # Each seam overlaps by some of the limb's thickness, about the joint it turns on.
        joint = rest.joints[part.joints[0]]
        if part.name.endswith(".upper"):
            near = np.hypot(x - joint[0], y - joint[1]) < 0.8 * part.radius_px
            whole = np.maximum(whole, near.astype(np.float32))
    return np.asarray(cv2.GaussianBlur(whole, (0, 0), _EDGE_PX / 2), np.float32)


def shrink_levels(rgba: Array) -> tuple[Array, ...]:
    """The picture, and halved again and again while it is larger than 8 pixels."""
    levels = [rgba]
    while min(levels[-1].shape[:2]) > 8 and len(levels) < 6:
        above = levels[-1]
        even = np.pad(above, ((0, above.shape[0] % 2), (0, above.shape[1] % 2), (0, 0)))
        levels.append(np.asarray(even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2, 4).mean(axis=(1, 3))))
    return tuple(levels)
