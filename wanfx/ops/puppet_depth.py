"""Which parts of a puppet lie before which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from wanfx.ops import pose as points
from wanfx.ops.pose import Pose
from wanfx.ops.puppet_joints import ARMS, JOINT_POINTS, LIMBS
from wanfx.ops.puppet_parts import BODY

# Depths of a still or of one camera are rough: they count only beyond what is usual. Parts of the torso's length;
# arms are before the body and legs behind its clothes, unless the depth says otherwise.
_USUAL = {"arm.upper": -0.6, "arm.lower": -0.7, "leg.upper": 1.4, "leg.lower": 1.5}
_MARGIN = 0.3


def depths_of(pose: Pose, names: Iterable[str]) -> dict[str, float]:
    """How far behind the body each layer lies, in the pose's pixels."""
    chest = pose.depth[[points.LEFT_SHOULDER, points.RIGHT_SHOULDER]].mean()
    pelvis = pose.depth[[points.LEFT_HIP, points.RIGHT_HIP]].mean()
    depths = {}
    for name in names:
        if name == BODY:
            depths[name] = 0.0
            continue
        limb, _, piece = name.partition(".")
        root, middle, end, _tip = LIMBS[limb]
        ends = (root, middle) if piece == "upper" else (middle, end)
        depth = float(sum(pose.depth[JOINT_POINTS[joint]] for joint in ends)) / 2
        depths[name] = depth - float(chest if limb in ARMS else pelvis)
    return depths


def rest_order(depths: Mapping[str, float], *, size_px: float) -> tuple[str, ...]:
    """The layers back to front. ``size_px`` is the torso's length."""
    keys = _keys(depths, size_px)
    return tuple(sorted(keys, key=lambda name: (-keys[name], name)))


def next_order(before: Sequence[str], depths: Mapping[str, float], *, size_px: float) -> tuple[str, ...]:
    """The layers back to front, as ``before`` wherever the depths do not clearly say otherwise."""
    keys = _keys(depths, size_px)
    order: list[str] = []
    for name in before:
        place = len(order)
        while place > 0 and keys[name] > keys[order[place - 1]] + _MARGIN:
            place -= 1
        order.insert(place, name)
    return tuple(order)


def _keys(depths: Mapping[str, float], size_px: float) -> dict[str, float]:
    keys = {}
    for name, depth in depths.items():
        usual = 0.0 if name == BODY else _USUAL[name.partition("_")[2]]
        keys[name] = depth / max(size_px, 1e-6) + usual
    return keys
