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
from wanfx.ops.puppet_parts import BODY, Part, part_depth, segment_distance

Array = npt.NDArray[np.float32]
_EDGE_PX = 4
_SOLID = np.float32(0.98)
_MARGIN = 0.015
# How far parts overlap beyond their own surface, in their radius.
_OVERLAP, _NARROW = 1.4, 0.8
_FAINT = np.float32(0.05), np.float32(0.3)


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
    margin = max(2, round(_MARGIN * rest.torso_px))
    layers = {}
    for name in reversed(order):
        # What is left for this layer, where the layers before it are soft.
        own = np.clip(shares[name] / np.maximum(1 - alpha * covered, np.float32(1e-4)), 0, 1)
        own = np.where(shares[name] > 1e-3, own, np.float32(0))
        # Where those leave but little of it, its own colours go on rather than theirs show through.
        seen = own * (1 - extents[name] * (1 - np.clip((shares[name] - _FAINT[0]) / (_FAINT[1] - _FAINT[0]), 0, 1)))
        hidden = np.clip((covered * alpha - np.float32(0.9)) * np.float32(10), 0, 1)
        under = alpha * (own - seen) + extents[name] * hidden * (1 - own)
        box = bounding_box(alpha * seen + under, above=1e-4).grow(_EDGE_PX)
        box = box.clip(Box(0, 0, alpha.shape[1], alpha.shape[0]))
        place = box.slices()
        filled = _solid_fill(
            reference[place], shares[name][place], _kept(name, shares, parts, rest)[place], margin_px=margin
        )
        rgba = reference[place] * seen[place][..., None] + filled * under[place][..., None]
        layers[name] = LayerPicture(name, np.ascontiguousarray(rgba, np.float32), box)
        covered = np.minimum(covered + shares[name], np.float32(1))
    return {name: layers[name] for name in order}


def _kept(name: str, shares: Mapping[str, Array], parts: Sequence[Part], rest: RestPose) -> Array:
    """What of other layers' pixels a layer shows too, where they hide it: what turns about the same joint."""
    kept = np.zeros_like(shares[name])
    y, x = np.mgrid[0 : kept.shape[0], 0 : kept.shape[1]].astype(np.float32) + np.float32(0.5)
    for part in parts:
        if name == BODY and part.limb in ARMS and part.name.endswith(".upper"):
            away = segment_distance(x, y, [rest.joints[part.joints[0]]] * 2)
            kept += shares[part.name] * np.clip((np.float32(part.radius_px) - away) / _EDGE_PX, 0, 1)
        elif part.name != name and part.limb == name.partition(".")[0]:
            kept += shares[part.name]
    return kept


def _solid_fill(reference: Array, share: Array, kept: Array, *, margin_px: int) -> Array:
    """The colours of what a layer surely owns, going on all around, and the pixels it keeps; alpha 1."""
    # Beside a limb's edge lie its soft shadow and slivers of it: not the colours of what it covers.
    around = np.ones((2 * margin_px + 1, 2 * margin_px + 1), np.uint8)
    sure = cv2.erode((share >= _SOLID).astype(np.float32), around)
    known = np.asarray(sure * (reference[..., 3] >= _SOLID), np.float32)
    filled = np.ones_like(reference)
    if known.any():
        filled[..., :3] = fill_smooth(reference[..., :3], known)
    return np.asarray(filled + kept[..., None] * (reference - filled), np.float32)


def _extents(alpha: Array, shares: Mapping[str, Array], parts: Sequence[Part], rest: RestPose) -> dict[str, Array]:
    """How far each layer goes on under others (H, W) in [0, 1]."""
    y, x = np.mgrid[0 : alpha.shape[0], 0 : alpha.shape[1]].astype(np.float32) + np.float32(0.5)
    extents = {BODY: _body_extent(alpha, shares[BODY], x, y, parts, rest)}
    for part in parts:
        # Wide under the body and about its own joints, and not beyond its own surface under other limbs.
        beside = sum(shares[name] for name in shares if name == BODY or name.partition(".")[0] == part.limb)
        wide = np.where(np.asarray(beside) > 0.5, np.float32(_OVERLAP - 1), np.float32(_NARROW - 1))
        reach = wide * np.float32(part.radius_px) - part_depth(x, y, part, rest)
        extents[part.name] = np.asarray(np.clip(reach / np.float32(_EDGE_PX) + 1, 0, 1), np.float32)
    return extents


def _body_extent(alpha: Array, share: Array, x: Array, y: Array, parts: Sequence[Part], rest: RestPose) -> Array:
    """The body under its arms: the hull of what is seen of its trunk, and a little of each shoulder."""
    own = (share > 0.5) & (alpha > 0.5)
    up = (x - float(rest.pelvis[0])) * float(rest.up[0]) + (y - float(rest.pelvis[1])) * float(rest.up[1])
    whole = own.astype(np.float32)
    # Slivers beside an arm tell nothing of the trunk's shape.
    thick = max(3, round(0.06 * rest.torso_px)) | 1
    own = cv2.morphologyEx(own.astype(np.uint8), cv2.MORPH_OPEN, np.ones((thick, thick), np.uint8)) > 0
    # In two, so that a waist under an arm is not filled from the shoulder to the hem.
    for low, high in ((-1.5, 0.35), (0.25, 1.0)):
        trunk = own & (up > low * rest.torso_px) & (up < high * rest.torso_px)
        corners = np.argwhere(trunk)[:, ::-1].astype(np.int32)
        if len(corners) > 2:
            whole = np.maximum(whole, cv2.fillConvexPoly(np.zeros_like(whole), cv2.convexHull(corners), 1.0))
    for part in parts:
        if part.limb in ARMS and part.name.endswith(".upper"):
            away = segment_distance(x, y, [rest.joints[part.joints[0]]] * 2)
            whole = np.maximum(whole, (away < 0.8 * part.radius_px).astype(np.float32))
    return np.asarray(cv2.GaussianBlur(whole, (0, 0), _EDGE_PX / 2), np.float32)


def shrink_levels(rgba: Array) -> tuple[Array, ...]:
    """The picture, and halved again and again while it is larger than 8 pixels."""
    levels = [rgba]
    while min(levels[-1].shape[:2]) > 8 and len(levels) < 6:
        above = levels[-1]
        even = np.pad(above, ((0, above.shape[0] % 2), (0, above.shape[1] % 2), (0, 0)))
        levels.append(np.asarray(even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2, 4).mean(axis=(1, 3))))
    return tuple(levels)
