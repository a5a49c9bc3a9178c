"""A plate's grain from pairs of frames that are near and far in time, and from single frames."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from wanfx.ops.grain import GrainCurve, GrainModel, fine_curves, fit_grain
from wanfx.ops.grain_patches import Patches, select_patches

Method = Literal["differences", "held differences", "single frames", "none"]
_LEAST_NEAR, _LEAST_FAR = 24, 200
_HELD = 0.5
_PLAIN = 0.02
_LONGEST_FRAMES = 6.0


@dataclass(frozen=True)
class PlateGrain:
    """A plate's grain and how it was found; ``fine`` are the curves of its finest detail, see `own_share`."""

    model: GrainModel
    fine: tuple[GrainCurve, GrainCurve, GrainCurve]
    method: Method
    patches: int


def measure_plate(near: Patches, far: Patches, single: Patches, *, floor: float) -> PlateGrain:
    """The grain of a plate, from pairs of neighboring frames, pairs of frames far apart, and single frames.

    Film and sensors make new grain for each frame, and neighbors tell all of it. A codec repeats most of a frame, so
    that neighbors differ less than frames far apart; then those tell how strong the grain is and the neighbors how
    slowly it changes. It is never stronger than a single frame's detail, for what else differs after a while is light.
    """
    fine = fine_curves(single, floor=floor)
    model = fit_grain(near, floor=floor, pick="flat")
    if len(near) < _LEAST_NEAR:
        # A single frame's texture would be taken for grain.
        plain = select_patches(single, single.texture < _PLAIN)
        model = fit_grain(plain, floor=floor, pick="quiet")
        return PlateGrain(model, fine, "none" if model.is_none else "single frames", len(plain))
    if len(far) < _LEAST_FAR:
        return _found(model, fine, "differences", len(near))
    slow = fit_grain(far, floor=floor, pick="flat")
    changed = _power_ratio(model.curves, slow.curves)
    if changed is None or changed > _HELD:
        return _found(model, fine, "differences", len(near))
    whole = fit_grain(single, floor=floor, pick="quiet")
    first, second, third = (_at_most(curve, limit) for curve, limit in zip(slow.curves, whole.curves, strict=True))
    # Fields a quarter turn apart change by this angle from frame to frame.
    angle = math.acos(max(0.0, 1.0 - changed))
    hold = min(_LONGEST_FRAMES, math.pi / 2 / angle) if angle > 0 else _LONGEST_FRAMES
    held = replace(slow, curves=(first, second, third), hold_frames=round(max(1.0, hold), 3))
    return _found(held, fine, "held differences", len(far))


def _found(
    model: GrainModel, fine: tuple[GrainCurve, GrainCurve, GrainCurve], method: Method, count: int
) -> PlateGrain:
    return PlateGrain(model, fine, "none" if model.is_none else method, count)


def _power_ratio(near: Sequence[GrainCurve], far: Sequence[GrainCurve]) -> float | None:
    """The variance of ``near`` over that of ``far`` at most levels; None where there is no grain in ``far``."""
    ratios: list[float] = []
    for one, other in zip(near, far, strict=True):
        theirs = np.array(other.sigmas)
        mine = one.at(np.array(other.levels))
        ratios += np.square(mine[theirs > 0] / theirs[theirs > 0]).tolist()
    return float(np.median(ratios)) if ratios else None


def _at_most(curve: GrainCurve, limit: GrainCurve) -> GrainCurve:
    bound = limit.at(np.array(curve.levels)).tolist()
    return GrainCurve(curve.levels, tuple(map(min, curve.sigmas, bound)))
