"""What is measured of a delivered frame beside its plate, from pixels that verify has read: seam, light, areas.

Everything is in stops, so the plate's exposure does not change it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.comp import is_lit
from wanfx.ops.edges import bounding_box
from wanfx.pixels import to_float
from wanfx.qc.frame_grain import grain_ratio

Pixels = npt.NDArray[Any]
_SAMPLES, _LEAST_EDGE = 40_000, 64
_SOLID = 0.99
_BAND, _AROUND = np.ones((3, 3), np.uint8), np.ones((7, 7), np.uint8)
LIGHT, PLATE_LIGHT = "edit_light_stops", "plate_light_stops"
"""The mean light of the edit in comp and plate: `add_flicker` makes flicker of them."""


def measure_frame(
    comp: Pixels, plate: Pixels | None, *, edit: Pixels, character: Pixels, floor: float
) -> dict[str, float]:
    """Named figures of one frame. ``comp`` and ``plate`` are linear RGB (H, W, 3), the mattes (H, W).

    Light below ``floor`` (linear) counts as ``floor``. Without the plate there are areas only.
    """
    lit = is_lit(edit)
    box = bounding_box(lit)
    found = {"character_area_px": 0.0}
    if box.is_empty:
        return found
    inside = box.slices()
    found["character_area_px"] = float(np.clip(to_float(character[inside]), 0, 1).sum(dtype=np.float64))
    if plate is None or plate.shape != comp.shape:
        return found
    here = np.flatnonzero(lit[inside])
    here = here[:: max(1, len(here) // _SAMPLES)]
    for name, picture in ((LIGHT, comp), (PLATE_LIGHT, plate)):
        found[name] = float(_stops(picture[inside].reshape(-1, 3).take(here, axis=0), floor).mean(dtype=np.float64))
    seam = _seam_energy(comp, plate, lit, is_lit(character), box=box, floor=floor)
    grain = grain_ratio(comp, plate, edited=edit >= _SOLID, kept=~lit, floor=floor)
    more = {"seam_energy": seam, "grain_ratio": grain}
    return found | {name: value for name, value in more.items() if value is not None}


def add_flicker(measures: Mapping[int, Mapping[str, float]]) -> dict[int, dict[str, float]]:
    """The measures of all frames, ``flicker`` and the plate's own in the place of the light.

    Flicker is how far (in stops) the mean light of the edit is from that of the frames before and after: what moves
    or brightens steadily has none. The first and the last frame have no value.

    >>> rows = {f: {"edit_light_stops": float(f == 3), "plate_light_stops": 0.1 * f} for f in range(1, 6)}
    >>> [round(row.get("flicker", -1.0), 3) for row in add_flicker(rows).values()]
    [-1.0, 0.5, 1.0, 0.5, -1.0]
    """
    found = {}
    for frame, row in measures.items():
        out = {name: value for name, value in row.items() if name not in (LIGHT, PLATE_LIGHT)}
        around = [measures.get(other, {}) for other in (frame - 1, frame, frame + 1)]
        for name, light in (("flicker", LIGHT), ("plate_flicker", PLATE_LIGHT)):
            if all(light in one for one in around):
                before, here, after = (one[light] for one in around)
                out[name] = abs(here - (before + after) / 2)
        found[frame] = out
    return found


def _seam_energy(
    comp: Pixels, plate: Pixels, edit: npt.NDArray[np.bool_], character: npt.NDArray[np.bool_], *, box: Box,
    floor: float,
) -> float | None:  # fmt: skip
    """The mean step between neighbours across the edit's edge, over that of the plate in the same places.

    The new character's own outline is no seam. None where hardly any edge is left, as in `background`.
    """
    height, width = edit.shape
    near = box.grow(4).clip(Box(0, 0, width, height))
    mask = np.ascontiguousarray(edit[near.slices()]).view(np.uint8)
    edge = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, _BAND, borderType=cv2.BORDER_REPLICATE)
    edge[cv2.dilate(np.ascontiguousarray(character[near.slices()]).view(np.uint8), _AROUND) > 0] = 0
    edge[-1:, :] = 0
    edge[:, -1:] = 0
    at = np.flatnonzero(edge)
    if at.size < _LEAST_EDGE:
        return None
    at = at[:: max(1, len(at) // _SAMPLES)]
    ours, theirs = (_steps(picture[near.slices()], at, floor) for picture in (comp, plate))
    # Half a percent of light is no step that anyone sees.
    least = math.log2(1.005)
    return float((ours + least) / (theirs + least))


def _steps(picture: Pixels, at: npt.NDArray[np.intp], floor: float) -> float:
    """The mean length of the gradient in stops at flat places ``at``, none in the last row or column."""
    flat, width = picture.reshape(-1, 3), picture.shape[1]
    here, right, below = (_stops(flat.take(at + move, axis=0), floor) for move in (0, 1, width))
    return float(np.hypot(right - here, below - here).mean(dtype=np.float64))


def _stops(linear: Pixels, floor: float) -> npt.NDArray[np.float32]:
    """The mean of the channels (N, 3) as stops (N,); NaN and infinite values count as ``floor``."""
    light = to_float(linear).mean(axis=1)
    light = np.where(np.isfinite(light), light, np.float32(floor))
    return np.asarray(np.log2(np.maximum(light, np.float32(floor))), np.float32)
