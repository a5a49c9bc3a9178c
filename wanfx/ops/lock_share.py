"""How far the error outside is that inside: what a shot's own flicker says.

Where the generator's error changes from frame to frame outside, an inside that errs alike changes with it; one that
errs on its own flickers as much, but otherwise, or not at all. A change is the median of what the quantiles of colour
do: a performance moves, its colours stay. How far they do is seen in the plate at the same place.
docs/decisions/plate-lock.md has the figures.
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
_TIMES = np.exp(np.arange(-1.25, 2.26, 0.25))
_TIMES_SPREAD = 0.5
"""How much more a character's colours change than those of the plate in its place: a log-normal distribution."""
_ALIKE = 0.7
"""How much of such a change all channels have alike."""
_TAIL = 4.0
_LEAST_CHANGE = 0.002
_LEAST_CHANGES = 4
_LEAST_ERROR = 3e-6
_DECIMALS = 6
_NAMES = ("error", "inside", "plate")


@dataclass(frozen=True, eq=False)
class Change:
    """From a frame to the next, by channel (3,) in model space: what is predicted of the ``error``, and what the
    colours ``inside`` and those of the ``plate`` in the same place did.
    """

    error: Values
    inside: Values
    plate: Values


def share_of(changes: Sequence[Change]) -> float:
    """The share of the error that the inside has, 0 to 1, from `find_changes` of some windows or of all of a shot.

    ``inside`` is taken for share * error + sqrt(1 - share^2) * another error of that size, or none, + what a
    performance does, with tails of Student's t (4 degrees of freedom), for performances have jolts and turns. The mean
    of what is then to be believed of the share; what is expected beforehand where no error changes.
    """
    expected = np.full(len(_SHARES), _PART / len(_SHARES))
    expected[[0, -1]] += _NONE, _ALL
    if len(changes) >= _LEAST_CHANGES:
        error, inside, plate = (np.array([getattr(one, name) for one in changes]) for name in _NAMES)
        if float(np.sqrt((error**2).mean())) > _LEAST_ERROR:
            odds = np.log(expected) + _log_likelihood(error, inside, noise=_noise(plate))
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
        moved = (
            np.median(b - a, axis=0) for a, b in ((now.inside, then.inside), (now.plate_inside, then.plate_inside))
        )
        found.append(Change(*(values.round(_DECIMALS) for values in (error, *moved))))
    return found


def _noise(plate: Values) -> float:
    """How much the plate's colours (n, 3) change from frame to frame, robust; never nothing."""
    return float(np.hypot(1.4826 * np.median(np.abs(plate)), _LEAST_CHANGE))


def _log_likelihood(error: Values, inside: Values, *, noise: float) -> Values:
    """Of each share, given the changes (n, 3): how much more a character changes than the plate is summed over."""
    own = error.T @ error / len(error)
    together = noise**2 * (_ALIKE + (1 - _ALIKE) * np.eye(3))
    times = -0.5 * (np.log(_TIMES) / _TIMES_SPREAD) ** 2
    found = np.empty((len(_SHARES), len(_TIMES), 2))
    for row, share in enumerate(_SHARES):
        left = inside - share * error
        for column, factor in enumerate(_TIMES):
            for errs in (0, 1):
                spread = factor**2 * together + errs * (1 - share**2) * own
                far = np.einsum("nc,cd,nd->n", left, np.linalg.inv(spread), left)
                tails = np.log1p(far / _TAIL).sum() * (_TAIL + 3) / 2
                found[row, column, errs] = times[column] - tails - len(left) / 2 * np.linalg.slogdet(spread)[1]
    most = found.max()
    return np.asarray(np.log(np.exp(found - most).sum(axis=(1, 2)) + np.finfo(float).tiny) + most)
