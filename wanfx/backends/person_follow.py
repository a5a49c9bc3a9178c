"""Which of the people that a detector found is the actor: the one the matte shows, through the whole shot."""

from __future__ import annotations

import math

import cv2
import numpy as np

from wanfx.backends.protocols import Array
from wanfx.ops.person_box import Person

_AGREES = 0.1
_SAME, _HELD_FRAMES = 0.4, 12
_SPECK_SHARE = 0.05
# Least part of a box that the person in it covers, arms out.
_FILLED = 0.35


class PersonFollower:
    """Keeps to one person. Where no detection agrees with the matte, the matte's own box is taken. Where there is no
    matte, whoever is detected where the actor was last seen is taken for him, for up to 12 frames.
    """

    def __init__(self) -> None:
        self._last: Person | None = None
        self._missed = 0

    def choose(self, found: tuple[Person, ...], *, matte: Array) -> Person | None:
        """The actor among those ``found`` in a frame, by its ``matte`` (H, W); None where he is not to be seen."""
        shown = matte_box(matte)
        if shown is None:
            self._missed += 1
            if self._last is None or self._missed > _HELD_FRAMES:
                return None
            chosen = _nearest(found, self._last, least=_SAME)
        else:
            chosen, self._missed = self._agreeing(found, shown, matte), 0
        self._last = chosen or self._last
        return chosen

    def _agreeing(self, found: tuple[Person, ...], shown: Person, matte: Array) -> Person:
        """The detection that agrees best with the matte, else the matte's box.

        One where the actor was a frame ago comes first; others count only where the matte has leapt away, too.
        """
        last = self._last
        near = found if last is None else tuple(one for one in found if overlap(one, last) >= _SAME)
        has_leapt = last is None or overlap(shown, last) < _SAME
        for people in (near, found if has_leapt else ()):
            agreeing = [(_agreement(one, shown, matte), one) for one in people]
            worth, person = max(agreeing, key=lambda pair: pair[0], default=(0.0, shown))
            if worth > _AGREES:
                return person
        return shown


def matte_box(matte: Array) -> Person | None:
    """The box around what a matte (H, W) shows, but for specks; None where it shows nothing."""
    lit = (matte > 0.5).astype(np.uint8)
    count, _islands, stats, _centers = cv2.connectedComponentsWithStats(lit)
    if count < 2:
        return None
    areas = stats[1:, cv2.CC_STAT_AREA]
    kept = stats[1:][areas >= _SPECK_SHARE * areas.max()]
    low = kept[:, [cv2.CC_STAT_LEFT, cv2.CC_STAT_TOP]]
    high = low + kept[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
    (x0, y0), (x1, y1) = low.min(axis=0).tolist(), high.max(axis=0).tolist()
    return Person(float(x0), float(y0), float(x1), float(y1), 1.0)


def _agreement(person: Person, shown: Person, matte: Array) -> float:
    """The share of the matte inside the box, times how far the matte fills the box as a person does, times the root of
    how alike both boxes are: a matte that leaks is wider than the person, and should still find him. In [0, 1].
    """
    height, width = matte.shape
    rows = slice(max(int(person.y0), 0), min(int(np.ceil(person.y1)), height))
    columns = slice(max(int(person.x0), 0), min(int(np.ceil(person.x1)), width))
    inside = float(matte[rows, columns].sum())
    filled = min(1.0, inside / max(_FILLED * person.width * person.height, 1.0))
    return inside / float(matte.sum()) * filled * math.sqrt(overlap(person, shown))


def overlap(one: Person, other: Person) -> float:
    """What two boxes share over what either covers, in [0, 1].

    >>> overlap(Person(0, 0, 10, 10, 1), Person(5, 0, 15, 10, 1)) == 1 / 3
    True
    """
    across = min(one.x1, other.x1) - max(one.x0, other.x0)
    down = min(one.y1, other.y1) - max(one.y0, other.y0)
    if across <= 0 or down <= 0:
        return 0.0
    both = across * down
    return both / (one.width * one.height + other.width * other.height - both)


def _nearest(found: tuple[Person, ...], last: Person, *, least: float) -> Person | None:
    best = max(found, key=lambda one: overlap(one, last), default=None)
    return best if best is not None and overlap(best, last) >= least else None
