"""The nearest known patch for every patch that touches a hole: PatchMatch on whole arrays, from a given generator."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Shifts = npt.NDArray[np.int32]
_REACH = 3
_TURNS = 1
_FARNESS = np.float32(0.03)
_EXACT_WORK = 1_000_000
_DEEP = np.float32(0.8)
_NEAR = ((0, -1), (0, 1), (-1, 0), (1, 0), (0, -5), (0, 5), (-5, 0), (5, 0))


def patch_reach() -> int:
    """How far a patch goes from its centre."""
    return _REACH


def gather_patches(stops: Array) -> Array:
    """(h * w, n): the patch around each pixel of (h, w, c); beyond the picture its edge goes on."""
    padded = np.pad(stops, ((_REACH, _REACH), (_REACH, _REACH), (0, 0)), mode="edge")
    height, width = stops.shape[:2]
    side = 2 * _REACH + 1
    planes = [padded[dy : dy + height, dx : dx + width] for dy in range(side) for dx in range(side)]
    return np.concatenate(planes, axis=2).reshape(height * width, -1)


class Search:
    """The search over one picture. ``centres`` (h, w) are the patches that may be copied; ``start`` shifts or None."""

    def __init__(self, hole: Bools, *, centres: Bools, random: np.random.Generator, start: Shifts | None) -> None:
        self._hole, self._centres, self._random = hole, centres, random
        side = 2 * _REACH + 1
        self._touched = cv2.dilate(hole.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
        self._rows, self._columns = (v.astype(np.int32) for v in np.nonzero(self._touched))
        self._sources = np.stack(np.nonzero(centres), axis=1).astype(np.int32)
        self._found = self._begin(start)
        self._cost: Array | None = None
        inside = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 3)
        self._firm = np.asarray(_DEEP**inside, np.float32)
        firm = gather_patches(self._firm[..., None])[self._rows * hole.shape[1] + self._columns]
        # What is known says more than what is made up, and that the more the nearer it is to the rim.
        self._weights = np.repeat(firm / firm.sum(axis=1, keepdims=True), 3, axis=1)

    @property
    def shifts(self) -> Shifts:
        """(h, w, 2): down and across from each pixel of the hole to what it is like; 0 elsewhere."""
        out = np.zeros((*self._hole.shape, 2), np.int32)
        out[self._rows, self._columns] = self._found - np.stack([self._rows, self._columns], axis=1)
        out[~self._hole] = 0
        return out

    def improve(self, patches: Array) -> None:
        """Look for nearer patches: what neighbours found, and chance."""
        targets = patches[self._rows * self._hole.shape[1] + self._columns]
        every = np.arange(len(targets))
        self._cost = self._costs(patches, targets, every, self._found)
        if len(targets) * len(self._sources) <= _EXACT_WORK:
            self._search_all(patches, targets)
            return
        for _ in range(_TURNS):
            for down, across in _NEAR:
                self._try(patches, targets, self._neighbours(down, across))
            radius = max(self._hole.shape)
            while radius >= 1:
                away = self._random.integers(-radius, radius + 1, self._found.shape, dtype=np.int32)
                self._try(patches, targets, self._found + away)
                radius //= 2

    def vote(self, stops: Array) -> Array:
        """The picture as the found patches say; pixels of patches that fit well and lie near the rim count more."""
        height, width = self._hole.shape
        found = np.full((height, width, 2), -1, np.int32)
        found[self._rows, self._columns] = self._found
        share = np.zeros((height, width), np.float32)
        share[self._rows, self._columns] = self._share()
        rows, columns = np.nonzero(self._hole)
        total, weights = np.zeros((len(rows), 3), np.float32), np.full(len(rows), 1e-12, np.float32)
        for dy in range(-_REACH, _REACH + 1):
            for dx in range(-_REACH, _REACH + 1):
                y, x = np.clip(rows + dy, 0, height - 1), np.clip(columns + dx, 0, width - 1)
                there = found[y, x]
                weight = np.where((y == rows + dy) & (x == columns + dx), share[y, x], np.float32(0))
                from_rows = np.clip(there[:, 0] - dy, 0, height - 1)
                from_columns = np.clip(there[:, 1] - dx, 0, width - 1)
                total += stops[from_rows, from_columns] * weight[:, None]
                weights += weight
        out = stops.copy()
        out[rows, columns] = total / weights[:, None]
        return out

    def _share(self) -> Array:
        firm = self._firm[self._rows, self._columns]
        if self._cost is None:
            return firm
        typical = max(float(np.percentile(self._cost, 75)), 1e-6)
        return np.asarray(firm * (np.exp(-self._cost / (2 * typical)) + np.float32(1e-6)), np.float32)

    def _begin(self, start: Shifts | None) -> Shifts:
        """What was found in the smaller picture, where it may be copied here; the rest by chance."""
        drawn = self._sources[self._random.integers(0, len(self._sources), len(self._rows))]
        if start is None:
            return drawn
        wide = cv2.dilate(np.abs(start).max(axis=2).astype(np.float32), np.ones((3, 3), np.uint8)) > 0
        there = (
            np.stack([self._rows, self._columns], axis=1)
            + _spread(start, self._touched & wide)[self._rows, self._columns]
        )
        return np.asarray(np.where(self._may(there)[:, None], there, drawn), np.int32)

    def _may(self, there: Shifts) -> Bools:
        height, width = self._centres.shape
        is_in = (there >= 0).all(axis=1) & (there[:, 0] < height) & (there[:, 1] < width)
        rows, columns = np.where(is_in, there[:, 0], 0), np.where(is_in, there[:, 1], 0)
        return np.asarray(is_in & self._centres[rows, columns])

    def _neighbours(self, down: int, across: int) -> Shifts:
        """What the neighbour found, moved on to here."""
        height, width = self._hole.shape
        found = np.full((height, width, 2), -9999, np.int32)
        found[self._rows, self._columns] = self._found
        y, x = np.clip(self._rows + down, 0, height - 1), np.clip(self._columns + across, 0, width - 1)
        return np.asarray(found[y, x] - np.stack([y - self._rows, x - self._columns], axis=1), np.int32)

    def _try(self, patches: Array, targets: Array, candidates: Shifts) -> None:
        assert self._cost is not None
        able = np.flatnonzero(self._may(candidates))
        cost = self._costs(patches, targets[able], able, candidates[able])
        better = cost < self._cost[able]
        self._found[able[better]] = candidates[able[better]]
        self._cost[able[better]] = cost[better]

    def _costs(self, patches: Array, targets: Array, able: npt.NDArray[np.intp], found: Shifts) -> Array:
        off = patches[found[:, 0] * self._hole.shape[1] + found[:, 1]] - targets
        unlike = np.einsum("ij,ij,ij->i", off, off, self._weights[able])
        down, across = found[:, 0] - self._rows[able], found[:, 1] - self._columns[able]
        # Of two that are as like, the nearer one is the likelier: light and perspective change across a picture.
        return np.asarray(unlike + _FARNESS * (down**2 + across**2) / max(self._hole.shape) ** 2, np.float32)

    def _search_all(self, patches: Array, targets: Array) -> None:
        """In a small picture every source is compared."""
        assert self._cost is not None
        sources = patches[self._sources[:, 0] * self._hole.shape[1] + self._sources[:, 1]]
        for i, (target, weights) in enumerate(zip(targets, self._weights, strict=True)):
            away = ((self._sources - (self._rows[i], self._columns[i])) ** 2).sum(axis=1)
            best, cost = nearest_source(sources, target, weights, more=_FARNESS * away / max(self._hole.shape) ** 2)
            if cost < self._cost[i]:
                self._found[i], self._cost[i] = self._sources[best], cost


def nearest_source(
    sources: Array, target: Array, weights: Array, *, more: npt.NDArray[np.floating] | float = 0.0
) -> tuple[int, float]:
    """Which of the patches (m, n) is most like ``target`` (n,), and its squared distance and ``more`` (m,)."""
    off = sources - target
    cost = np.einsum("ij,ij,j->i", off, off, weights) + more
    best = int(np.argmin(cost))
    return best, float(cost[best])


def _spread(shifts: Shifts, wanted: Bools) -> Shifts:
    """Shifts also where there are none yet: those of a neighbour."""
    out = shifts.copy()
    for _ in range(_REACH + 2):
        missing = wanted & ~out.any(axis=2)
        if not missing.any():
            break
        for axis, by in ((0, 1), (0, -1), (1, 1), (1, -1)):
            moved = np.roll(out, by, axis=axis)
            take = missing & moved.any(axis=2) & ~out.any(axis=2)
            out[take] = moved[take]
    return out
