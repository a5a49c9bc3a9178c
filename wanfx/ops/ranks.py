"""Coverages of objects as ranks: at every pixel the object that covers most of it first, then the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wanfx.errors import WanfxError

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Ranks:
    """``ids`` and ``coverages``, float32 (R, H, W), the first rank covering most; both 0 where a rank is empty."""

    ids: Array
    coverages: Array

    def coverage(self, identifier: float) -> Array:
        """How much of each pixel the object with this id covers, (H, W)."""
        found = np.zeros(self.ids.shape[1:], np.float32)
        for ids, coverages in zip(self.ids, self.coverages, strict=True):
            found += np.where(ids == np.float32(identifier), coverages, np.float32(0))
        return found


def rank_coverages(coverages: Mapping[float, Array], *, rest: float) -> Ranks:
    """Rank objects by ``coverages``, id to (H, W) in [0, 1]; the object ``rest`` covers what they leave.

    There are as many ranks as objects, so however many overlap none is lost. Of equal coverages the first given comes
    first, ``rest`` last. Coverages of a pixel sum to 1, but for the rounding of float32. Raises WanfxError for
    coverages below 0, for sums beyond 1 and for NaN.

    >>> ranks = rank_coverages({5.0: np.array([[0.0, 0.25, 1.0]], np.float32)}, rest=7.0)
    >>> ranks.ids[0].tolist(), ranks.coverages[0].tolist()
    ([[7.0, 7.0, 5.0]], [[1.0, 0.75, 1.0]])
    >>> ranks.ids[1].tolist(), ranks.coverages[1].tolist()
    ([[0.0, 5.0, 0.0]], [[0.0, 0.25, 0.0]])
    """
    planes = [np.asarray(plane, np.float32) for plane in coverages.values()]
    count, shape = len(planes) + 1, planes[0].shape
    ids, amounts = np.zeros((2, count, planes[0].size), np.float32)
    # Most pixels show nothing but the rest.
    ids[0], amounts[0] = rest, 1
    lit = planes[0] != 0
    for plane in planes[1:]:
        lit |= plane != 0
    places = np.flatnonzero(lit)
    here = np.stack([plane.reshape(-1).take(places) for plane in planes])
    here = np.concatenate([here, _remainder(here)[None]])
    order = np.argsort(-here, axis=0, kind="stable")
    here = np.take_along_axis(here, order, axis=0)
    ids[:, places] = np.where(here > 0, np.array([*coverages, rest], np.float32)[order], np.float32(0))
    amounts[:, places] = here
    return Ranks(ids.reshape(count, *shape), amounts.reshape(count, *shape))


def _remainder(coverages: Array) -> Array:
    """1 minus the sum over the first axis."""
    left: Array = 1 - coverages.sum(axis=0, dtype=np.float32)
    rounding = len(coverages) * np.finfo(np.float32).eps
    # Asked the other way round, NaN would pass.
    if not (bool((coverages >= 0).all()) and bool((left >= -rounding).all())):
        raise WanfxError("coverages of a pixel are below 0, sum to more than 1, or are NaN")
    return np.asarray(np.maximum(left, np.float32(0)))


def cover_each_other(mattes: Sequence[Array]) -> list[Array]:
    """How much of each pixel every one of ``mattes`` (H, W), back to front, covers that none before it hides.

    What lies beyond 0 and 1 covers none or all of a pixel.

    >>> back, front = cover_each_other([np.float32([[1.0, 1.0]]), np.float32([[0.25, 2.0]])])
    >>> back.tolist(), front.tolist()
    ([[0.75, 0.0]], [[0.25, 1.0]])
    """
    left = np.ones(mattes[0].shape, np.float32)
    found = []
    for matte in reversed(mattes):
        cover = np.clip(matte, 0, 1).astype(np.float32)
        found.append(np.asarray(cover * left, np.float32))
        left = np.asarray(left * (1 - cover), np.float32)
    return found[::-1]
