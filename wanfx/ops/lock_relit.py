"""Where a generator changed the light itself: a new shadow, or the old one gone. That is no error to be undone.

Both make whole patches of the background darker or brighter by one factor, beside what the rest of the picture agrees
on. The agreement is a fit of least absolute differences (half the picture may disagree), of offset and 3x3 only, for a
shadow looks much like a gain that varies over the picture. Patches are found with two thresholds (Canny, IEEE PAMI 8,
1986): as far as the lower reaches, wherever it meets the higher.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Cells = npt.NDArray[np.bool_]
_SEED, _REACH = 0.045, 0.015
"""Relative changes of code values that a patch begins with and ends at; 0.03 is about a tenth of a stop."""
_GROW_CELLS = 2
_ROUNDS = 12
_SMALLEST = 1e-4
_BLACK = 0.1
_LEAST_CELLS = 30


def find_relit(ours: Array, target: Array, clear: Cells) -> Cells:
    """(h, w): the cells that lie in another light, of generated and plate colours (h, w, 3) in model space.

    Only ``clear`` cells are looked at; none where there are too few.
    """
    seen = ours[clear].astype(np.float64)
    if len(seen) < _LEAST_CELLS:
        return np.zeros_like(clear)
    terms = np.column_stack([np.ones(len(seen)), seen])
    away = np.zeros(len(seen))
    for channel in range(3):
        wanted = target[clear][:, channel] - seen[:, channel]
        away += (wanted - terms @ _least_absolute(terms, wanted)) / ((seen[:, channel] + 1) / 2 + _BLACK) / 6
    # Patches are dark or bright as a whole.
    relit = np.zeros(clear.shape, np.uint8)
    for sign in (-1, 1):
        change = np.zeros(clear.shape, np.float32)
        change[clear] = sign * away
        _count, labels = cv2.connectedComponents((change > _REACH).astype(np.uint8))
        seeds = np.unique(labels[change > _SEED])
        relit |= np.isin(labels, seeds[seeds > 0]).astype(np.uint8)
    side = 2 * _GROW_CELLS + 1
    return np.asarray(cv2.dilate(relit, np.ones((side, side), np.uint8)) > 0)


def _least_absolute(terms: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The least sum of absolute differences, by weighted least squares again and again."""
    weight = np.ones(len(wanted))
    ridge = 1e-6 * len(wanted) * np.eye(terms.shape[1])
    for _ in range(_ROUNDS):
        weighted = terms * weight[:, None]
        found = np.linalg.solve(weighted.T @ terms + ridge, weighted.T @ wanted)
        weight = 1 / np.maximum(np.abs(wanted - terms @ found), _SMALLEST)
        weight /= weight.mean()
    return np.asarray(found, np.float64)
