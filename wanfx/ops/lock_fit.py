"""From evidence to corrections: what a window's frames share, and what is each frame's own.

Terms of a higher order are the generator's, not a frame's: they are found from all frames of a window, near ones
counting more, and never across a join. A frame's own is only an offset and a gain (flicker). Both are the most
likely values under normal errors whose expected sizes are known (a ridge), so what the evidence does not tell stays 0,
and a frame that shows too little background takes its neighbours'. How many terms are used is decided on the cells
that were left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from wanfx.ops.lock_colors import (
    CURVE,
    EXPECTED,
    HUE,
    MATRIX,
    NO_CORRECTION,
    OFFSET,
    PLACE,
    TERMS,
    Correction,
    Values,
    rounded,
)
from wanfx.ops.lock_evidence import Evidence

_NEAR_FRAMES = 8.0
_FAR = 1e-3
_OWN_EXPECTED = 0.03
_OWN_CELLS, _SHARED_CELLS = 500.0, 500.0
_LEAST_VARIANCE = 1.6e-5
_BETTER = 0.98
_WORTH = 0.995
_LEVELS = (OFFSET, MATRIX, CURVE, HUE, PLACE)


@dataclass(frozen=True, eq=False)
class _Sums:
    """`Evidence`'s sums of several frames."""

    normal: Values
    wanted: Values
    energy: Values
    weight: Values

    def half(self, index: int) -> tuple[Values, Values]:
        return self.normal[index], self.wanted[index]

    @property
    def whole(self) -> tuple[Values, Values]:
        return self.normal.sum(axis=0), self.wanted.sum(axis=0)


def fit_window(frames: Mapping[int, Evidence]) -> dict[int, Correction]:
    """The correction of each frame of a window, in whatever order they come; full, as if the inside erred alike."""
    order = sorted(frames)
    if not order:
        return {}
    whole = _add([frames[frame] for frame in order], np.ones(len(order)))
    level, spread = _choose_level(whole)
    if level == 0:
        return dict.fromkeys(order, NO_CORRECTION)
    numbers = np.array(order, np.float64)
    found = {}
    for frame in order:
        nearness = np.maximum(np.exp(-0.5 * ((numbers - frame) / _NEAR_FRAMES) ** 2), _FAR)
        near = _add([frames[other] for other in order], nearness / nearness.sum())
        shared = _solve(*near.whole, level=level, spread=spread)
        found[frame] = rounded(shared + _own_terms(frames[frame], shared, spread))
    return found


def held_out(frames: Mapping[int, Evidence]) -> tuple[int, list[float]]:
    """How many groups of terms are used, and the error on cells left out with 0, 1, 2, ... groups (model space)."""
    whole = _add([frames[frame] for frame in sorted(frames)], np.ones(len(frames)))
    return _choose_level(whole)[0], [float(np.sqrt(error)) for error in _errors(whole)]


def _add(frames: list[Evidence], weights: Values) -> _Sums:
    parts = [(e.normal * w, e.wanted * w, e.energy * w, e.weight * w) for e, w in zip(frames, weights, strict=True)]
    return _Sums(*(sum(part[index] for part in parts) for index in range(4)))


def _variance(sums: _Sums) -> float:
    """Of plate minus generated, a cell."""
    return max(float(sums.energy.sum() / max(3 * sums.weight.sum(), 1e-12)), _LEAST_VARIANCE)


def _solve(normal: Values, wanted: Values, *, level: int, spread: Values) -> Values:
    """(3, TERMS): terms of the first ``level`` groups, shrunk by what is left of error (``spread``, a channel)."""
    used = _LEVELS[level - 1].stop
    out = np.zeros((3, TERMS))
    for channel in range(3):
        ridge = np.diag(spread[channel] / _SHARED_CELLS / EXPECTED[channel, :used] ** 2)
        out[channel, :used] = np.linalg.solve(normal[channel, :used, :used] + ridge, wanted[channel, :used])
    return out


def _left(half: _Sums, index: int, terms: Values) -> Values:
    """The squared error (3) of one half's cells beside ``terms``, from its sums."""
    normal, wanted = half.half(index)
    fitted = np.einsum("ci,cij,cj->c", terms, normal, terms) - 2 * np.einsum("ci,ci->c", terms, wanted)
    return np.asarray(np.maximum(half.energy[index] + fitted, 0))


def _errors(sums: _Sums) -> list[float]:
    return [float(left.mean()) for left in _left_by_level(sums)]


def _left_by_level(sums: _Sums) -> list[Values]:
    """The mean squared error (3) on the half that was not fitted, with none of the terms, the first group, ..."""
    total = max(float(sums.weight.sum()), 1e-12)
    start = np.full(3, _variance(sums))
    lefts = [sums.energy.sum(axis=0) / total]
    for level in range(1, len(_LEVELS) + 1):
        lefts.append(
            sum(
                _left(sums, 1 - fold, _solve(*(2 * part for part in sums.half(fold)), level=level, spread=start))
                for fold in range(2)
            )
            / total
        )
    return lefts


def _choose_level(sums: _Sums) -> tuple[int, Values]:
    """The fewest groups that do as well as any on cells left out, 0 where none helps; and what is left of error."""
    if not sums.weight.sum() or not sums.energy.any():
        return 0, np.full(3, _LEAST_VARIANCE)
    lefts = _left_by_level(sums)
    errors = [float(left.mean()) for left in lefts]
    best = min(errors)
    if best > _WORTH * errors[0]:
        return 0, lefts[0]
    level = next(index for index, error in enumerate(errors) if error * _BETTER <= best)
    return level, np.maximum(lefts[level], _LEAST_VARIANCE)


def _own_terms(frame: Evidence, shared: Values, spread: Values) -> Values:
    """(3, TERMS): offset and gain of one frame beside what it shares with its neighbours."""
    out = np.zeros((3, TERMS))
    for channel in range(3):
        used = [0, MATRIX.start + channel]
        normal = frame.normal.sum(axis=0)[channel]
        wanted = frame.wanted.sum(axis=0)[channel] - normal @ shared[channel]
        ridge = np.diag(np.full(2, spread[channel] / _OWN_CELLS / _OWN_EXPECTED**2))
        out[channel, used] = np.linalg.solve(normal[np.ix_(used, used)] + ridge, wanted[used])
    return out
