"""How large one figure is beside another, and how much of a figure a picture shows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import numpy as np

from wanfx.ops import skeleton as joints
from wanfx.ops.pose import Points
from wanfx.ops.skeleton import Skeleton
from wanfx.ops.skeleton_limbs import KNOWN_FROM, Mode, known_limbs, known_points, limb_lengths

By = Literal["ankles", "hips", "limbs", "canvas"]
_HEIGHT_FROM = 0.5
_HIPS, _ANKLES = [joints.RIGHT_HIP, joints.LEFT_HIP], [joints.RIGHT_ANKLE, joints.LEFT_ANKLE]
_MEASURES: tuple[tuple[By, list[int]], ...] = (("ankles", _ANKLES), ("hips", _HIPS))
_HEAD = [joints.NOSE, joints.RIGHT_EYE, joints.LEFT_EYE, joints.RIGHT_EAR, joints.LEFT_EAR]
_SHOULDERS = [joints.LEFT_SHOULDER, joints.RIGHT_SHOULDER]


class Framing(IntEnum):
    """How much of a figure is in the picture."""

    HALF = 0
    THREE_QUARTER = 1
    FULL = 2


@dataclass(frozen=True)
class Heights:
    """``scale`` is one figure's pixels a pixel of the other, ``by`` what it was measured with."""

    scale: float
    by: By


def parts_of(skeleton: Skeleton) -> Points:
    """The body's points (20, 2) as parts of the canvas."""
    return np.asarray(skeleton.body[:, :2] / (skeleton.size.width, skeleton.size.height))


def compare_heights(actor: Skeleton, character: Skeleton, *, mode: Mode) -> Heights:
    """The ``actor``'s height a height of the ``character``'s, nose to ankles, else nose to hips.

    Points with confidence over 0.5 in both count. Else `gated` takes the median of the limbs known in both; with none,
    and in `reference`, it is how large the two canvases are.
    """
    for by, ends in _MEASURES:
        needed = [joints.NOSE, *ends]
        heights = [_height(figure, ends) for figure in (actor, character)]
        sure = min(actor.body[needed, 2].min(), character.body[needed, 2].min()) > _HEIGHT_FROM
        if sure and min(heights) > 0:
            return Heights(heights[0] / heights[1], by)
    known = known_points(actor, mode=mode) & known_points(character, mode=mode)
    lengths = [limb_lengths(figure.body[:, :2])[known_limbs(known)] for figure in (actor, character)]
    lengths = [each[(lengths[0] > 0) & (lengths[1] > 0)] for each in lengths]
    if mode == "gated" and len(lengths[0]):
        return Heights(float(np.median(lengths[0] / lengths[1])), "limbs")
    areas = [float(np.sqrt(figure.size.height * figure.size.width)) for figure in (actor, character)]
    return Heights(areas[0] / areas[1], "canvas")


def framing(figure: Skeleton) -> Framing:
    """What of the ``figure`` is above the picture's lower edge, by points with confidence from 0.4."""
    shown = (figure.body[:, 1] <= figure.size.height) & (figure.body[:, 2] >= KNOWN_FROM)
    if not shown[_HIPS].all():
        return Framing.HALF
    return Framing.FULL if shown[_ANKLES].all() else Framing.THREE_QUARTER


def edit_scale(figure: Skeleton, edited: Skeleton, *, heights: Heights, mode: Mode) -> float:
    """How many times smaller a ``figure`` became in its ``edited`` picture: by head or shoulders, the more of the two.

    1 where the edited pair's ``heights`` could be compared, which makes up for it already, or nothing can be measured.
    """
    if heights.by != "canvas":
        return 1.0
    known = known_points(figure, mode=mode) & known_points(edited, mode=mode)
    head = [point for point in _HEAD if known[point]]
    found = []
    if len(head) > 1:
        spans = [float(np.ptp(parts_of(of)[head, 0])) for of in (figure, edited)]
        found.append((spans[0], spans[1]))
    if known[_SHOULDERS].all():
        found.append((_shoulders(figure), _shoulders(edited)))
    return max((before / after for before, after in found if after > 0), default=1.0)


def _height(figure: Skeleton, ends: list[int]) -> float:
    y = parts_of(figure)[:, 1]
    return float(figure.size.height * abs((y[ends[0]] + y[ends[1]]) / 2 - y[joints.NOSE]))


def _shoulders(figure: Skeleton) -> float:
    left, right = (figure.body[point, :2] for point in _SHOULDERS)
    return float(((left[0] - right[0]) ** 2 + (left[1] - right[1]) ** 2) ** 0.5)
