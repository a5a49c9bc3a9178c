"""Which picture fits the plate better where the old subject was: the clean plate, or the background as generated.

Both are looked at in the ring just outside the old subject, where the plate's own truth is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
_FEW_PX = 40
_BEST_SHARE = 35.0
_CLEARLY, _STILL = 0.7, 1.1
_UNSEEN_STOPS = 0.1
_FADE_FRAMES = 8
_PLAIN_STOPS = 0.15
"""Two smooth pictures so far apart show a plain edge where they meet."""


@dataclass(frozen=True)
class SeamErrors:
    """How far in stops two pictures are from the plate beside the old subject; ``unseen`` is how much of the clean
    plate in the subject's place, in [0, 1], was seen in no frame.
    """

    clean: float
    generated: float
    unseen: float


def seam_error(picture: Array, plate: Array, ring: Mask, *, floor: float, level: Mask | None = None) -> float | None:
    """Stops (the mean of the channels) that ``picture`` is from ``plate``, both scene-linear (H, W, 3), in ``ring``.

    None where the ring is too small. What a new character hides of the ring counts as its worst part, which is left
    out. With ``level`` (H, W) the cast that the picture has there is taken off first.
    """
    if np.count_nonzero(ring) < _FEW_PX:
        return None
    stops = _log(picture, floor) - _log(plate, floor)
    if level is not None and level.any():
        stops = stops - np.median(stops[level], axis=0)
    return float(np.percentile(np.abs(stops).mean(axis=2)[ring], _BEST_SHARE))


def _log(linear: Array, floor: float) -> Array:
    soft = cv2.GaussianBlur(np.maximum(np.nan_to_num(linear, posinf=0.0, neginf=0.0), 0), (0, 0), 1.5)
    return np.asarray(np.log2(soft + np.float32(floor)), np.float32)


def feather(picture: Array, behind: Array, area: Mask, *, reach_px: float, floor: float) -> Array:
    """How far (H, W) in [0, 1] ``picture`` is laid over what is ``behind``, both scene-linear (H, W, 3), in ``area``.

    0 outside, 1 from ``reach_px`` inside the edge on. Nearer to the edge it rises over the wider a stretch the more the
    two differ there, seen at large: where they are alike nothing is mixed, and what only the picture has stays sharp.
    Light under ``floor`` counts as black. An area that goes on beyond the array has no edge there.
    """
    inside = area.astype(np.uint8)
    if reach_px < 1 or not area.any() or area.all():
        return inside.astype(np.float32)
    weight = inside.astype(np.float32)
    apart = np.abs(_log(picture, floor) - _log(behind, floor)).mean(axis=2) * weight
    wide = max(float(reach_px) / 2, 1.0)
    around = cv2.GaussianBlur(weight, (0, 0), wide)
    apart = cv2.GaussianBlur(apart, (0, 0), wide) / np.maximum(around, np.float32(1e-6))
    stretch = np.clip(apart / _PLAIN_STOPS, 0, 1) * np.float32(reach_px)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    t = np.clip(depth / np.maximum(stretch, np.float32(1.0)), 0, 1)
    return np.asarray(weight * t * t * (3 - 2 * t), np.float32)


def is_generated_better(errors: Sequence[SeamErrors], *, was_generated: bool) -> bool:
    """Whether a window's frames show the generated background better; what the window before had is given up late.

    >>> is_generated_better([SeamErrors(0.2, 0.05, 0.0)], was_generated=False)
    True
    >>> is_generated_better([SeamErrors(0.05, 0.05, 0.0)], was_generated=False)
    False
    """
    if not errors:
        return False
    clean = float(np.median([one.clean + _UNSEEN_STOPS * one.unseen for one in errors]))
    generated = float(np.median([one.generated for one in errors]))
    return generated < (_STILL if was_generated else _CLEARLY) * clean


def fade_sources(choices: Sequence[tuple[Sequence[int], bool]]) -> dict[int, float]:
    """How far each frame shows the generated background, in [0, 1], from windows' frames and choices, in order.

    A change of mind is faded over a window's first frames.

    >>> fade_sources([((1, 2), False), ((3, 4), True)])
    {1: 0.0, 2: 0.0, 3: 0.3333, 4: 0.6667}
    """
    out: dict[int, float] = {}
    level: float | None = None
    for frames, is_generated in choices:
        aim = float(is_generated)
        start = aim if level is None else level
        steps = min(_FADE_FRAMES, len(frames)) + 1
        for index, frame in enumerate(frames):
            level = start + (aim - start) * min(1.0, (index + 1) / steps)
            out[frame] = round(level, 4)
    return out
