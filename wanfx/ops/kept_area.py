"""Where a video model draws: all but a kept actor, or where somebody is to be gone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wanfx.ops.edges import grow_matte

Array = npt.NDArray[np.float32]
_HALF = np.float32(0.5)


def find_drawn(matte: Array, *, before: Array, after: Array, paint_over_px: float) -> Array:
    """(H, W), 1 where the model draws and 0 where the actor is kept, from the actor's mattes in three frames.

    What is his in this frame alone is not trusted, so that the edge does not flicker; he is then made smaller by
    ``paint_over_px``. A latent holds four frames and reads the mask of one of them: hard edges are all that it knows.

    >>> matte, gone = np.ones((3, 3), np.float32), np.zeros((3, 3), np.float32)
    >>> find_drawn(matte, before=gone, after=matte, paint_over_px=0).max()
    np.float32(0.0)
    >>> find_drawn(matte, before=gone, after=gone, paint_over_px=0).min()
    np.float32(1.0)
    """
    steady = np.minimum(matte, np.maximum(before, after))
    kept = grow_matte(np.ascontiguousarray(steady), radius_px=-paint_over_px)
    return np.where(kept >= _HALF, np.float32(0), np.float32(1))


def find_hole(matte: Array, *, before: Array, after: Array, grow_px: float) -> Array:
    """(H, W), 1 where the model draws so that nobody is left of the subject of these mattes, else 0.

    Whatever is his in this frame or the next to it is drawn, and ``grow_px`` around it.
    """
    any_of = np.maximum(matte, np.maximum(before, after))
    grown = grow_matte(np.ascontiguousarray(any_of), radius_px=grow_px)
    return np.where(grown > 0, np.float32(1), np.float32(0))
