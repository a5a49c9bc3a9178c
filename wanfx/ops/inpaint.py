"""What was never seen, made up from examples: patches of the known picture that go on what surrounds the hole.

Coarse to fine: for every patch that touches the hole the nearest known patch is sought, and the hole becomes what
those say (Wexler, Shechtman, Irani: Space-time completion of video, PAMI 2007; the search is PatchMatch, Barnes et
al., SIGGRAPH 2009). Everything random is drawn from a fixed seed.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.ops.fill import fill_smooth
from wanfx.ops.nearest import Search, gather_patches, nearest_source, patch_reach

Array = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Shifts = npt.NDArray[np.int32]
_COARSEST_PX = 9
_LEAST_SIDE_PX = 24
_ROUNDS = (6, 4, 3)
_LEAST_SOURCES = 200
_PEEL_SOURCES = 1500
_MOST_PIXELS = 9000
_MOST_ACROSS = 420


@dataclass(frozen=True, eq=False)
class _Level:
    """One size of the picture: stops (h, w, 3), the hole, and what may be copied."""

    stops: Array
    hole: Bools
    source: Bools


def find_examples(stops: Array, hole: Bools, *, source: Bools) -> Shifts | None:
    """Where each pixel of the ``hole`` (h, w) is to be copied from, as (h, w, 2) shifts down and across; 0 elsewhere.

    ``stops`` is (h, w, 3); what is in the hole does not matter. Only pixels in ``source`` are copied. None where there
    is too little to copy from.
    """
    known = ~hole & source
    levels = _pyramid(stops, hole, known)
    levels = [level for level in levels if _patch_centres(level.source).sum() >= _LEAST_SOURCES]
    if not levels or levels[0].hole.shape != hole.shape:
        return None
    random = np.random.default_rng(1)
    shifts: Shifts | None = None
    for depth, level in reversed(list(enumerate(levels))):
        start = _peeled(level) if shifts is None else None
        search = Search(
            level.hole, centres=_patch_centres(level.source), random=random,
            start=None if shifts is None else _finer(shifts, level.hole.shape),
        )  # fmt: skip
        current = level.stops.copy()
        current[level.hole] = start[level.hole] if start is not None else search.vote(current)[level.hole]
        for _ in range(_ROUNDS[min(depth, len(_ROUNDS) - 1)] if depth < len(_ROUNDS) else _ROUNDS[0]):
            search.improve(gather_patches(current))
            current[level.hole] = search.vote(current)[level.hole]
        shifts = search.shifts
    return shifts


def copy_examples(linear: Array, shifts: Shifts, hole: Bools, *, step: int) -> Array:
    """``linear`` (H, W, 3) with its ``hole`` (H, W) copied as ``shifts`` of a picture ``step`` times smaller say.

    Between the small picture's pixels the copies are mixed, so that neither steps nor seams show. Nothing is scaled or
    clamped.
    """
    out = linear.copy()
    rows, columns = np.nonzero(hole)
    height, width = hole.shape
    y, x = (rows + 0.5) / step - 0.5, (columns + 0.5) / step - 0.5
    y0, x0 = np.floor(y).astype(int), np.floor(x).astype(int)
    down, across = (y - y0).astype(np.float32), (x - x0).astype(np.float32)
    total = np.zeros((len(rows), 3), np.float32)
    weights = np.zeros(len(rows), np.float32)
    for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
        at = np.clip(y0 + dy, 0, shifts.shape[0] - 1), np.clip(x0 + dx, 0, shifts.shape[1] - 1)
        shift = shifts[at] * step
        # Shifts of small pixels that are only half in the hole are 0: they would copy the hole itself.
        weight = np.abs(1 - dy - down) * np.abs(1 - dx - across) * shift.any(axis=1) + np.float32(1e-6)
        from_rows = np.clip(rows + shift[:, 0], 0, height - 1)
        from_columns = np.clip(columns + shift[:, 1], 0, width - 1)
        weight = np.where(hole[from_rows, from_columns], np.float32(0), weight)
        total += linear[from_rows, from_columns] * weight[:, None]
        weights += weight
    is_found = weights > 0
    out[rows[is_found], columns[is_found]] = total[is_found] / weights[is_found, None]
    if not is_found.all():
        known = np.ones(hole.shape, np.float32)
        known[rows[~is_found], columns[~is_found]] = 0
        out = fill_smooth(out, known)
    return out


def fill_by_example(linear: Array, hole: Bools, *, floor: float) -> Array:
    """``linear`` (H, W, 3, finite, unclamped) with its ``hole`` (H, W) filled by examples.

    They are looked for in a picture small enough. Where there is too little to copy from, it stays as it was. Light
    under ``floor`` counts as black.
    """
    if not hole.any():
        return linear
    step = max(1, int(np.ceil(np.sqrt(hole.sum() / _MOST_PIXELS))), int(np.ceil(hole.shape[1] / _MOST_ACROSS)))
    size = (hole.shape[1] // step, hole.shape[0] // step)
    if min(size) < 2:
        return linear
    inner = np.s_[: size[1] * step, : size[0] * step]
    small = np.asarray(cv2.resize(linear[inner], size, interpolation=cv2.INTER_AREA), np.float32)
    covered = cv2.resize(hole[inner].astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    stops = np.log2(np.maximum(small, 0) + np.float32(floor))
    shifts = find_examples(np.asarray(stops, np.float32), np.asarray(covered), source=np.asarray(~covered))
    return linear if shifts is None else copy_examples(linear, shifts, hole, step=step)


def _pyramid(stops: Array, hole: Bools, source: Bools) -> list[_Level]:
    """Ever smaller pictures, until the hole is but a few pixels wide."""
    levels = [_Level(stops, hole, source)]
    while _thickness(levels[-1].hole) > _COARSEST_PX and min(levels[-1].hole.shape) >= 2 * _LEAST_SIDE_PX:
        last = levels[-1]
        size = ((last.hole.shape[1] + 1) // 2, (last.hole.shape[0] + 1) // 2)
        shown = (~last.hole).astype(np.float32)
        weight = np.asarray(cv2.resize(shown, size, interpolation=cv2.INTER_AREA), np.float32)
        total = cv2.resize(last.stops * shown[..., None], size, interpolation=cv2.INTER_AREA)
        mean = np.asarray(total / np.maximum(weight, np.float32(1e-6))[..., None], np.float32)
        allowed = cv2.resize(last.source.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        levels.append(_Level(mean, weight < 0.5, allowed > 0.99))
    return levels


def _thickness(hole: Bools) -> float:
    return 2 * float(cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 3).max())


def _patch_centres(source: Bools) -> Bools:
    """Pixels around which a whole patch may be copied."""
    reach = patch_reach()
    side = 2 * reach + 1
    # What lies beyond the picture is no source.
    return np.asarray(
        cv2.erode(source.astype(np.uint8), np.ones((side, side), np.uint8), borderType=cv2.BORDER_CONSTANT,
                  borderValue=0) > 0
    )  # fmt: skip


def _peeled(level: _Level) -> Array:
    """A first guess from the rim inwards, each ring from what the rings before are like: lines go on into the hole."""
    out = fill_smooth(level.stops, (~level.hole).astype(np.float32))
    rest = level.hole.copy()
    centres = np.flatnonzero(_patch_centres(level.source))
    centres = centres[:: max(1, len(centres) // _PEEL_SOURCES)]
    sources = gather_patches(level.stops)[centres]
    while rest.any():
        ring = rest & (cv2.erode(rest.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) == 0)
        ring = ring if ring.any() else rest
        patches = gather_patches(out)
        known = np.repeat(gather_patches((~rest).astype(np.float32)[..., None] + np.float32(0.01)), 3, axis=1)
        for place in np.flatnonzero(ring):
            best, _cost = nearest_source(sources, patches[place], known[place])
            out.reshape(-1, 3)[place] = level.stops.reshape(-1, 3)[centres[best]]
        rest = rest & ~ring
    return out


def _finer(shifts: Shifts, shape: tuple[int, ...]) -> Shifts:
    """Shifts of a picture half the size, for the next."""
    large = np.repeat(np.repeat(shifts, 2, axis=0), 2, axis=1)[: shape[0], : shape[1]]
    return np.asarray(large * 2, np.int32)
