"""What can go wrong with colour. wanfx turns these into its own errors; this package stands alone."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import PyOpenColorIO as ocio

OCIO_ERRORS = (ocio.Exception, ocio.ExceptionMissingFile)
"""What OpenColorIO raises; to Python the second is not a kind of the first."""


class ColorError(ValueError):
    """A config, colour space or transform that cannot be used: what is wrong, and the ``remedy``."""

    def __init__(self, what: str, *, remedy: str = "") -> None:
        self.what = what
        self.remedy = remedy
        super().__init__(what)


class UnknownColorSpace(ColorError):
    """A colour space that the config does not have; ``nearest`` are the names that look most like it."""

    def __init__(self, name: str, *, config: str, known: Iterable[str]) -> None:
        self.name = name
        self.nearest = nearest_names(name, known)
        near = " or ".join(repr(other) for other in self.nearest)
        remedy = f"did you mean {near}?" if near else "see `ociocheck` for the config's colour spaces"
        super().__init__(f"colour space {name!r} is not in the OCIO config {config}", remedy=remedy)


def nearest_names(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """The up to three known names most like ``name``, whatever their case.

    >>> nearest_names("acescgg", ["ACEScg", "ACEScct", "Raw"])[0]
    'ACEScg'
    """
    by_lower = {other.lower(): other for other in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.5)
    return tuple(by_lower[other] for other in close)
