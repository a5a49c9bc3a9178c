"""What of a kept actor a video model is shown: less than his matte, so that no old background comes with him."""

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
