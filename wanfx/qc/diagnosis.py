"""What was done to pixels that are not what they should be: words for a fault that a hash alone cannot name.

Nothing here decides whether something is wrong; it is asked only where that is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.comp import any_channel
from wanfx.pixels import to_float

Pixels = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]
BITS = (8, 10, 12)
_LEAST_SHARE, _LEAST_SAMPLES = 0.2, 2000


def place(where: Mask, box: Box | None = None) -> str:
    """The first of the pixels of ``where`` (H, W), which lies in ``box`` of the data window, and how many there are."""
    y, x = np.argwhere(where)[0] + ((0, 0) if box is None else (box.y0, box.x0))
    return f"pixel ({x}, {y}) of the data window ({count(where)})"


def count(where: Mask) -> str:
    """How many are set, in words.

    >>> count(np.array([True, False])), count(np.ones(3, np.bool_))
    ('1 pixel', '3 pixels')
    """
    number = int(np.count_nonzero(where))
    return f"{number} pixel{'' if number == 1 else 's'}"


def not_finite(pixels: Pixels) -> Mask:
    """Where (H, W) any channel of half or float pixels (H, W) or (H, W, C) is NaN or infinite; by its bits."""
    bits, exponent = ("u2", 0x7C00) if pixels.dtype == np.float16 else ("u4", 0x7F800000)
    view = np.ascontiguousarray(pixels).view(bits)
    mask = view.dtype.type(exponent)
    found = np.asarray((view & mask) == mask)
    return any_channel(found) if found.ndim == 3 else found


def is_close(ours: Pixels, theirs: Pixels) -> Mask:
    """Where all channels are within the rounding of a half. Two infinities, which a plate may have, are not near."""
    a, b = to_float(ours), to_float(theirs)
    with np.errstate(invalid="ignore"):
        near = np.abs(a - b) <= 2e-3 * np.maximum(np.abs(a), np.abs(b)) + 1e-6
    return ~any_channel(~near)


def is_finite(pixels: Pixels) -> bool:
    """Whether no half or float is NaN or infinite; a tenth of the time that it takes to say where.

    >>> is_finite(np.array([-1, 65504], np.float16)), is_finite(np.array([np.nan], np.float16))
    (True, False)
    """
    plain = np.ascontiguousarray(pixels)
    signed, unsigned, above, below = (
        ("i2", "u2", 0x7C00, 0xFC00) if pixels.dtype == np.float16 else ("i4", "u4", 0x7F800000, 0xFF800000)
    )
    # As integers, what is positive and no number lies above all numbers; what is negative does without its sign.
    return bool(plain.view(signed).max(initial=0) < above and plain.view(unsigned).max(initial=0) < below)


def name_kept_change(ours: Pixels, theirs: Pixels, kept: Mask, *, stand_in: str = "the plate") -> list[str]:
    """What became of the kept pixels ``ours`` (H, W, 3), which should be ``theirs`` bit for bit where ``kept``.

    ``stand_in`` says what ``theirs`` is. Empty where nothing differs.
    """
    bits = np.uint16 if ours.dtype == np.float16 else np.uint32
    changed = kept & any_channel(ours.view(bits) != np.ascontiguousarray(theirs).view(bits))
    if not changed.any():
        return []
    found = []
    bad = changed & not_finite(ours)
    if bad.any():
        found.append(f"kept pixels are NaN or infinite, those of {stand_in} are not, at {place(bad)}")
        changed &= ~bad
    if not changed.any():
        return found
    quantised = _name_quantised(ours, theirs, kept & ~bad, changed, stand_in=stand_in)
    clamped = name_clamp(ours, theirs, changed, among=kept & ~bad, of="the kept plate", wholly=not quantised)
    found += quantised + clamped
    if not (quantised or clamped):
        is_one = np.count_nonzero(changed) == 1
        where = place(changed)
        found.append(f"one kept pixel is not {stand_in}'s: {where}" if is_one else f"rgba is not {stand_in} at {where}")
    return found


def name_clamp(
    ours: Pixels, theirs: Pixels, changed: Mask, *, among: Mask, of: str, box: Box | None = None, wholly: bool = True
) -> list[str]:
    """Whether ``ours`` is ``theirs`` clipped where ``changed``, at the largest or least value that it has ``among``.

    With ``wholly`` only where that explains every change; else also where other things were done.
    """
    a, b = to_float(ours[changed]), to_float(theirs[changed])
    whole = to_float(ours[among])
    high, low = whole.max(), whole.min()
    is_high, is_low = (a == high) & (b > high), (a == low) & (b < low)
    slack = 2e-3 * np.abs(b) + 1e-6
    if wholly and not (is_high | is_low | (np.abs(a - b) <= slack)).all():
        return []
    found = []
    for which, level, what in ((is_high, high, "highlights"), (is_low, low, "values below 0")):
        # A single darkest value is no clamp; people clamp at 0.
        if which.any() and (what == "highlights" or level == 0):
            where = np.zeros(changed.shape, np.bool_)
            where[changed] = which.any(axis=1)
            found.append(f"{what} of {of} are clamped at {level:g} ({count(where)}, first {place(where, box)})")
    return found


def _name_quantised(ours: Pixels, theirs: Pixels, kept: Mask, changed: Mask, *, stand_in: str) -> list[str]:
    samples = int(np.count_nonzero(kept))
    if samples < _LEAST_SAMPLES or np.count_nonzero(changed) < _LEAST_SHARE * samples:
        return []
    levels, before = count_levels(ours[kept]), count_levels(theirs[kept])
    for bits in BITS:
        if levels <= 2**bits < before and before > 1.2 * levels:
            return [
                f"kept pixels have been quantised to {bits} bits: {levels} values a channel, {before} in {stand_in}"
            ]
    return []


def count_levels(samples: Pixels) -> int:
    """How many values (N, C) has in the channel that has most."""
    return max(int(np.unique(samples[:, channel]).size) for channel in range(samples.shape[1]))


def find_swapped(
    pixels: Mapping[str, Pixels], names: Iterable[str], is_right: Callable[[Mapping[str, Pixels]], bool]
) -> tuple[str, str] | None:
    """The two parts among ``names`` that, exchanged, make everything right; None where there are none."""
    there = [name for name in names if name in pixels]
    for one, other in combinations(there, 2):
        a, b = pixels[one], pixels[other]
        if a.shape == b.shape and a.dtype == b.dtype and is_right({**pixels, one: b, other: a}):
            return one, other
    return None
