"""The plate lock: outside the edit, plate and generated picture show the same, so their difference is the generator's.

It is fitted there (`lock_evidence`, `lock_fit`), inverted inside as far as the inside is seen to share it
(`lock_share`), and what is carried from one window to the next is rebuilt from true plate pixels.
docs/decisions/plate-lock.md has the reasons and figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Box, Size
from wanfx.ops.edges import grow_matte
from wanfx.ops.lock_colors import NO_CORRECTION, Correction, correct
from wanfx.ops.lock_evidence import Evidence, gather
from wanfx.ops.lock_fit import fit_window
from wanfx.ops.lock_share import Change, find_changes, share_of
from wanfx.ops.lock_shift import Shift, clear_of, measure_shift, undo_shift

Array = npt.NDArray[np.float32]
VERSION = 5
_GRID_PIXELS = 20000
_BLEED = 0.02
"""How far, in heights, a generator's VAE smears what is inside."""


@dataclass(frozen=True, eq=False)
class WindowFit:
    """A window's corrections by frame, and its ``changes``, which help to tell the share in the windows after it."""

    corrections: Mapping[int, Correction]
    changes: Sequence[Change]


@dataclass(frozen=True, eq=False)
class FrameFit:
    """What one generated frame tells: how it lies beside its plate, and its colours' error there."""

    shift: Shift
    evidence: Evidence


def examine_frame(
    generated: Array, plate: Array, edit: Array, *, inside: Array, guard_px: float, shift: Shift | None = None
) -> FrameFit:
    """A frame's fit: (H, W, 3) in model space; ``edit`` and ``inside`` (H, W) as `lock_evidence.gather` has them.

    ``guard_px`` is how far beyond ``edit`` the two may differ. The shift is measured, unless it is given.
    """
    guard_px = max(guard_px, _BLEED * edit.shape[0])
    if shift is None:
        shift = measure_shift(generated, plate, clear_of(edit, guard_px=guard_px))
    return FrameFit(shift, gather(undo_shift(generated, shift), plate, edit, inside=inside, guard_px=guard_px))


def lock_window(generated: Array, plate: Array, mask: Array, *, correction: Correction = NO_CORRECTION) -> Array:
    """The frame that is carried on: the plate's bits where ``mask`` is 0, the corrected picture where it is 1.

    ``generated`` and ``plate`` are (H, W, 3) in model space, ``mask`` (H, W) in [0, 1]: 1 - the actor where the actor
    is kept. ``correction`` is of `fit_corrections`. Pure and window-local.
    """
    size = Size(mask.shape[1], mask.shape[0])
    locked = correct(generated, correction, box=Box(0, 0, size.width, size.height), size=size)
    weight = mask[..., None]
    return np.where(weight > 0, plate + weight * (locked - plate), plate)


def fit_corrections(
    frames: Mapping[int, Evidence], *, share: float | None = None, before: Sequence[Change] = ()
) -> WindowFit:
    """A window's corrections from its frames' evidence, by frame number in any order; none for a perfect generator.

    ``share`` is how much of the error the character has. Where it is not known it is measured, in these frames and in
    the changes of the windows ``before``: few frames alone take chance for a share.
    """
    full = fit_window(frames)
    changes = find_changes(frames, full)
    share = share_of([*before, *changes]) if share is None else share
    return WindowFit({frame: correction.times(share) for frame, correction in full.items()}, changes)


def plate_error(generated: Array, plate: Array, mask: Array, *, reach_px: float) -> float | None:
    """The median |generated - plate| in model space further than ``reach_px`` from ``mask``; None where all is near.

    There both show the same thing, so this is the generator's own error. Looked at on a grid of some ten thousand
    pixels.
    """
    step = max(1, int(np.sqrt(mask.size / _GRID_PIXELS)))
    grid = np.s_[step // 2 :: step, step // 2 :: step]
    # What the grid skips may hold a mask too.
    pooled = cv2.dilate(mask, np.ones((step, step), np.uint8))[grid]
    outside = grow_matte(np.ascontiguousarray(pooled), radius_px=reach_px / step) == 0
    if not outside.any():
        return None
    return float(np.median(np.abs(generated[grid][outside] - plate[grid][outside])))
