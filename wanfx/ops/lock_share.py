"""How far the error outside is that inside: what a shot's own flicker says.

Where the generator's error changes from frame to frame outside, an inside that errs alike changes with it, and nothing
else in a performance does. So the changes of the inside's colours are regressed on those that the corrections predict.
A change is the median of what the quantiles of colour do: a performance moves, its colours stay. The slope and its
error (robust by frame) are weighed against what is expected beforehand: mostly the whole error is shared, sometimes
none, seldom a part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wanfx.ops.lock_colors import Correction, Values
from wanfx.ops.lock_evidence import Evidence

_ALL, _NONE, _PART = 0.85, 0.05, 0.10
_STEPS = 201
_HUBER = 1.5
_ROUNDS = 8
_CORRELATED = 1.25
_LEAST_CHANGES = 4


@dataclass(frozen=True)
class Share:
    """The share of the error that the inside has, 0 to 1; the slope and its standard error where they are known."""

    share: float
    slope: float | None = None
    error: float | None = None


def expected_share(slope: float | None, error: float | None) -> Share:
    """What is to be believed of the share, given a regression's slope."""
    if slope is None or error is None:
        return Share(_ALL + _PART / 2)
    shares = np.linspace(0, 1, _STEPS)
    belief = np.full(_STEPS, _PART / _STEPS)
    belief[0] += _NONE
    belief[-1] += _ALL
    odds = np.log(belief) - 0.5 * ((shares - slope) / error) ** 2
    # A shot's inside may change more than its outside: beyond the ends counts as the ends.
    likely = np.exp(odds - odds.max())
    return Share(float((likely * shares).sum() / likely.sum()), slope, error)


def measure_share(frames: Mapping[int, Evidence], corrections: Mapping[int, Correction]) -> Share:
    """The share from consecutive frames in which enough of the inside is seen."""
    return share_of(find_changes(frames, corrections))


def share_of(changes: Sequence[tuple[Values, Values]]) -> Share:
    """The share from `find_changes`, of one window or of all of a shot."""
    if len(changes) < _LEAST_CHANGES:
        return expected_share(None, None)
    return expected_share(*_regress(np.array([one[0] for one in changes]), np.array([one[1] for one in changes])))


def find_changes(frames: Mapping[int, Evidence], corrections: Mapping[int, Correction]) -> list[tuple[Values, Values]]:
    """From each frame to the next, the changes (3) of the predicted error and of the colours inside."""
    found = []
    for frame in sorted(frames):
        now, then = frames[frame], frames.get(frame + 1)
        if then is None or not len(now.inside) or not len(then.inside):
            continue
        # The same colours for both, so that only the error changes.
        terms = (now.inside_terms + then.inside_terms) / 2
        error = -(terms * (corrections[frame + 1].terms - corrections[frame].terms)).sum(axis=1)
        found.append((error, np.median(then.inside - now.inside, axis=0)))
    return found


def _regress(error: Values, inside: Values) -> tuple[float | None, float | None]:
    """Slope and standard error of ``inside`` (n, 3) on ``error`` (n, 3) through 0, by Huber's weights."""
    if (error**2).sum() < 1e-10:
        return None, None
    weight = np.ones(error.shape)
    slope = 0.0
    for _ in range(_ROUNDS):
        slope = float((weight * error * inside).sum() / (weight * error**2).sum())
        left = inside - slope * error
        scale = max(1.4826 * float(np.median(np.abs(left))), 1e-7)
        weight = np.minimum(1, _HUBER * scale / np.maximum(np.abs(left), 1e-12))
    # Channels of a frame are counted as one.
    spread = ((weight * error * left).sum(axis=1) ** 2).sum()
    return slope, max(_CORRELATED * float(np.sqrt(spread) / (weight * error**2).sum()), 0.01)
