"""How far the error outside is that inside: what a shot's own flicker says.

Where the generator's error changes from frame to frame outside, an inside that errs alike changes with it, and nothing
else in a performance does. A change is the median of what the quantiles of colour do: a performance moves, its colours
stay. docs/decisions/plate-lock.md has the figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wanfx.ops.lock_colors import Correction, Values
from wanfx.ops.lock_evidence import Evidence

_ALL, _NONE, _PART = 0.8, 0.1, 0.1
"""What is expected beforehand: mostly the whole error is shared, sometimes none, seldom a part."""
_SHARES = np.linspace(0, 1, 41)
_PLAY = 0.003
"""How much is changed beside the error from frame to frame, in model space: a log-normal distribution about this."""
_TIMES = np.exp(np.arange(-1.75, 2.26, 0.25))
_TIMES_SPREAD = 0.7
_ALIKE = 0.7
"""How much of it all channels have alike."""
_TAIL = 4.0
_LEAST_CHANGES = 4
_LEAST_ERROR = 3e-6
_DECIMALS = 6


@dataclass(frozen=True, eq=False)
class Change:
    """From a frame to the next, by channel (3,) in model space: what is predicted of the ``error``, and what the
    colours ``inside`` did.
    """

    error: Values
    inside: Values


def share_of(changes: Sequence[Change]) -> float:
    """The share of the error that the inside has, 0 to 1, from `find_changes` of some windows or of all of a shot.

    ``inside`` is taken for share * error + what a performance, and errors of its own, do: with tails of Student's t (4
    degrees of freedom), for there are jolts and turns. The mean of what is then to be believed of the share; what is
    expected beforehand where no error changes.
    """
    expected = np.full(len(_SHARES), _PART / len(_SHARES))
    expected[[0, -1]] += _NONE, _ALL
    if len(changes) >= _LEAST_CHANGES:
        error, inside = np.array([one.error for one in changes]), np.array([one.inside for one in changes])
        if float(np.sqrt((error**2).mean())) > _LEAST_ERROR:
            odds = np.log(expected) + _log_likelihood(error, inside)
            expected = np.exp(odds - odds.max())
    return float((expected * _SHARES).sum() / expected.sum())


def find_changes(frames: Mapping[int, Evidence], corrections: Mapping[int, Correction]) -> list[Change]:
    """From each frame to the next in which enough of the inside is seen, the changes there."""
    found = []
    for frame in sorted(frames):
        now, then = frames[frame], frames.get(frame + 1)
        if then is None or not len(now.inside) or not len(then.inside):
            continue
        # The same colours for both, so that only the error changes.
        terms = (now.inside_terms + then.inside_terms) / 2
        error = -(terms * (corrections[frame + 1].terms - corrections[frame].terms)).sum(axis=1)
        inside = np.median(then.inside - now.inside, axis=0)
        found.append(Change(error.round(_DECIMALS), inside.round(_DECIMALS)))
    return found


def _log_likelihood(error: Values, inside: Values) -> Values:
    """Of each share, given the changes (n, 3); how much is changed beside the error is summed over."""
    whiten = np.linalg.cholesky(np.linalg.inv(_PLAY**2 * (_ALIKE + (1 - _ALIKE) * np.eye(3))))
    left = (inside - _SHARES[:, None, None] * error) @ whiten
    far = (left**2).sum(axis=2)[:, None, :] / (_TIMES[:, None] ** 2)
    found = -np.log1p(far / _TAIL).sum(axis=2) * (_TAIL + 3) / 2 - 3 * len(error) * np.log(_TIMES)
    found -= (np.log(_TIMES) / _TIMES_SPREAD) ** 2 / 2
    return np.asarray(np.logaddexp.reduce(found, axis=1))
