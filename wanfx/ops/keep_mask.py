"""The keep-mask of Wan2.2-Animate: a frame's mask at latent size, four frames to a latent (WAN's own packing)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
_FRAMES, _PIXELS = 4, 8


def pack_keep_mask(mask: Array | None, *, carried_frames: int, frames: int, height: int, width: int) -> Array:
    """The keep-mask (4, (frames - 1) / 4 + 1, height / 8, width / 8) of a window of ``frames`` (4n + 1) pixel frames.

    ``mask`` (frames, height, width) in [0, 1] is 1 where the character is generated; without one all is generated. A
    latent pixel takes the top-left of its 8 x 8 pixels, with no threshold. The first ``carried_frames`` are kept
    whole. The first frame fills a latent alone, as four rows; each latent after it has four frames, one a channel.
    """
    rows, columns = height // _PIXELS, width // _PIXELS
    keep = np.zeros((frames, rows, columns), np.float32)
    if mask is not None:
        keep = np.float32(1) - mask[:, ::_PIXELS, ::_PIXELS][:, :rows, :columns]
    keep[:carried_frames] = 1
    spread = np.concatenate([np.repeat(keep[:1], _FRAMES, axis=0), keep[1:]])
    return np.ascontiguousarray(spread.reshape(-1, _FRAMES, rows, columns).swapaxes(0, 1))
