"""A frame whose kept pixels are not the recorded ones: what was done to them, with the plate or without it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.ops.comp import is_lit
from wanfx.ops.edges import bounding_box
from wanfx.pixels import to_float
from wanfx.qc.diagnosis import count, count_levels, name_kept_change, not_finite, place

Pixels = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]
_INTEGRITY, _LINEAR = "plate-integrity", "scene-linear"
_BEYOND_PX = 8
_FEW_LEVELS, _MANY_SAMPLES = 256, 20_000
_RANGE_SLACK = 1e-3


@dataclass(frozen=True, eq=False)
class KeptPixels:
    """A frame's ``pixels`` by part, its ``fact``, and the plate's RGB where that is there.

    ``is_kept`` says that the recorded hash is theirs, ``has_bad_pixels`` that the plate's frame has NaN or Inf values.
    """

    pixels: Mapping[str, Pixels]
    fact: Mapping[str, Any]
    manifest: Mapping[str, Any]
    plate: Pixels | None
    is_kept: bool
    has_bad_pixels: bool


def name_kept_faults(kept: KeptPixels) -> Iterator[tuple[str, str]]:
    """Promise and text of each fault."""
    ours = kept.pixels["rgb"]
    where = ~is_lit(kept.pixels["matte_edit"][..., 0])
    found = list(_name_by_plate(kept, ours, where)) if kept.plate is not None else []
    if not kept.is_kept and not found:
        hash_alone = "pixels outside the edit matte are not those of the plate: their hash is not the recorded one"
        found = list(_name_alone(kept, ours, where)) or [hash_alone]
    for text in found:
        yield _INTEGRITY, text
        if " clamped " in text or "NaN" in text:
            yield _LINEAR, text
    yield from ((_LINEAR, text) for text in _name_range(kept, ours))


def _name_by_plate(kept: KeptPixels, ours: Pixels, where: Mask) -> Iterator[str]:
    theirs = kept.plate
    assert theirs is not None
    if ours.dtype != theirs.dtype or ours.shape != theirs.shape:
        yield f"pixels are {ours.dtype} {ours.shape}, the plate's {theirs.dtype} {theirs.shape}"
        return
    yield from name_kept_change(ours, theirs, where)
    if np.count_nonzero(where) != kept.fact["kept_pixels"]:
        yield f"{count(where)} are kept, {kept.fact['kept_pixels']} were: matte_edit is not that of the delivered frame"


def _name_alone(kept: KeptPixels, ours: Pixels, where: Mask) -> Iterator[str]:
    """Without the plate: by what is recorded, by numbers that no plate has, and by the clean plate."""
    bad = where & not_finite(ours)
    if bad.any() and not kept.has_bad_pixels:
        yield f"kept pixels are NaN or infinite, those of the plate are not, at {place(bad)}"
        return
    beside = _name_by_clean(kept, ours, where)
    if beside:
        yield from beside
        return
    samples = ours[where & ~bad]
    if len(samples) >= _MANY_SAMPLES and (levels := count_levels(samples)) <= _FEW_LEVELS:
        yield f"kept pixels look quantised to 8 bits: they have {levels} values a channel"


def _name_by_clean(kept: KeptPixels, ours: Pixels, where: Mask) -> list[str]:
    """The clean plate is the plate wherever the old subject is not; with room for what is cleaned around it."""
    clean = kept.pixels["clean"]
    if kept.manifest["task"] != "replace" or clean.dtype != ours.dtype:
        return []
    options = kept.manifest["options"]
    reach = sum(options.get(key, {}).get("value") or 0 for key in ("clean.grow_px", "finish.margin_px"))
    old = bounding_box(is_lit(kept.pixels["matte_subject"][..., 0]) | ~where).grow(int(reach) + _BEYOND_PX)
    far = where.copy()
    height, width = where.shape
    far[max(0, old.y0) : min(height, old.y1), max(0, old.x0) : min(width, old.x1)] = False
    return name_kept_change(ours, np.ascontiguousarray(clean), far, stand_in="the clean plate")


def _name_range(kept: KeptPixels, ours: Pixels) -> Iterator[str]:
    """Whether the brightest and darkest values are still those that were delivered."""
    delivered = kept.fact["range_linear"]
    values = to_float(ours)
    finite = values[np.isfinite(values)]
    if delivered is None or not finite.size:
        return
    low, high = float(finite.min()), float(finite.max())
    at_high, at_low = ((values == level).any(axis=2) for level in (high, low))
    if high < delivered[1] - _RANGE_SLACK * abs(delivered[1]):
        yield f"highlights are clamped at {high:g} ({count(at_high)}): the delivered frame reached {delivered[1]:g}"
    if low > delivered[0] + _RANGE_SLACK * abs(delivered[0]) and low == 0:
        yield f"values below 0 are clamped ({count(at_low)}): the delivered frame reached {delivered[0]:g}"
