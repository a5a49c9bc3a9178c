"""A skeleton's limbs: how long they are, how much longer another figure's, and laid anew at other lengths.

`reference` is Wan2.2's own preprocessing (commit 42bf4cfa), which takes every point for known. `gated` believes only
points of some confidence: a limb that cannot be measured takes after its other side or the rest of the figure, and one
whose parent is not known is laid from the nearest ancestor that is.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import numpy.typing as npt

from wanfx.ops.pose import Points
from wanfx.ops.skeleton import BODY_POINTS, LEFT_KNEE, LIMBS, NECK, RIGHT_KNEE, Skeleton

Mode = Literal["gated", "reference"]
Known = npt.NDArray[np.bool_]
KNOWN_FROM = 0.4
# The longer of a pair counts, for the one seen from its side; ears and eyes turn with the head, so there the mean does.
_LONGER = ((0, 1), (2, 4), (3, 5), (6, 9), (7, 10), (8, 11), (17, 18))
_MEAN = ((13, 15), (14, 16))
_FEET = ((18, 8, RIGHT_KNEE), (17, 11, LEFT_KNEE))
_FOOT_SHARE = 0.5
_STRANGEST = 4.0
_LIMB_TO = {child: (limb, parent) for limb, (parent, child) in enumerate(LIMBS)}


def limb_lengths(points: Points) -> Points:
    """The lengths (19,) of the limbs between ``points`` (20, 2), in their unit."""
    return np.array([_length(points[parent], points[child]) for parent, child in LIMBS])


def known_points(skeleton: Skeleton, *, mode: Mode) -> Known:
    """Which of the body's points (20,) are to be believed."""
    return np.asarray(skeleton.body[:, 2] >= KNOWN_FROM) if mode == "gated" else np.ones(BODY_POINTS, np.bool_)


def known_limbs(known: Known) -> Known:
    """Which limbs (19,) have both ends in ``known`` (20,)."""
    return np.array([known[parent] and known[child] for parent, child in LIMBS])


def even_ratios(ratios: Points, *, known: Known, mode: Mode) -> Points:
    """The limbs' ``ratios`` (19,) between two figures with both sides of the body made alike.

    `gated`, limbs that end in a point not ``known`` (20,), and those four times off the median (foreshortened), count
    as not measured: they take after their other side, else after the median.
    """
    ratios = ratios.copy()
    if mode == "gated":
        ratios[~(known_limbs(known) & np.isfinite(ratios) & (ratios > 0))] = np.nan
        ratios[np.abs(np.log(ratios / _middle(ratios))) > np.log(_STRANGEST)] = np.nan
    for pair in _LONGER:
        ratios[list(pair)] = max(_measured(ratios, pair), default=np.nan)
    for pair in _MEAN:
        found = _measured(ratios, pair)
        ratios[list(pair)] = sum(found) / len(found) if found else np.nan
    if mode == "gated":
        ratios[np.isnan(ratios)] = _middle(ratios)
    return ratios


def relay(points: Points, *, known: Known, ratios: Points, clamp_feet: bool) -> Points:
    """``points`` (20, 2) with each limb ``ratios`` (19,) times as long at its own angle, from the neck, which stays.

    ``clamp_feet`` keeps a foot within half its calf's new length. A point whose parent is not ``known`` (20,) goes with
    the nearest of its ancestors that is, as far from it as before times the mean of the ratios between; without one it
    stays.
    """
    lengths = limb_lengths(points) * ratios
    if clamp_feet:
        for foot, calf, knee in _FEET:
            if known[knee]:
                lengths[foot] = min(lengths[foot], lengths[calf] * _FOOT_SHARE)
    out = points.copy()
    for limb, (parent, child) in enumerate(LIMBS):
        passed, ancestor = [float(ratios[limb])], parent
        while ancestor != NECK and not known[ancestor]:
            passing, ancestor = _LIMB_TO[ancestor]
            passed.append(float(ratios[passing]))
        if known[parent]:
            out[child] = out[parent] - lengths[limb] * _direction(points[parent], points[child])
        elif known[ancestor]:
            out[child] = out[ancestor] + np.mean(passed) * (points[child] - points[ancestor])
    return out


def _direction(parent: Points, child: Points) -> Points:
    """The unit vector from child to parent, by way of degrees as the reference has it."""
    angle = math.radians(math.degrees(math.atan2(parent[1] - child[1], parent[0] - child[0])))
    return np.array([math.cos(angle), math.sin(angle)])


def _length(a: Points, b: Points) -> float:
    return float(((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5)


def _middle(ratios: Points) -> float:
    """The median of what was measured; 1 where nothing was."""
    found = ratios[~np.isnan(ratios)]
    return float(np.median(found)) if len(found) else 1.0


def _measured(ratios: Points, pair: tuple[int, int]) -> list[float]:
    return [float(ratios[limb]) for limb in pair if not np.isnan(ratios[limb])]
