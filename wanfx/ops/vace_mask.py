"""The mask of Wan2.1-VACE at latent size (section 3.2 of the VACE paper, Jiang et al., 2025)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
_FRAMES, _PIXELS = 4, 8


def pack_vace_mask(mask: Array) -> Array:
    """A window's mask (frames, H, W) in [0, 1], 1 = generate, as (64, latents, H / 8, W / 8).

    Each 8 x 8 pixels become 64 channels, row by row; a latent takes the frame nearest to its middle. Values stay soft.

    >>> frames_of_latents(81)[:5]
    [1, 5, 9, 13, 17]
    """
    frames, height, width = mask.shape
    rows, columns = height // _PIXELS, width // _PIXELS
    blocks = mask[frames_of_latents(frames)].reshape(-1, rows, _PIXELS, columns, _PIXELS)
    return np.ascontiguousarray(blocks.transpose(2, 4, 0, 1, 3).reshape(_PIXELS * _PIXELS, -1, rows, columns))


def frames_of_latents(frames: int) -> list[int]:
    """The frame whose mask each latent of ``frames`` pixel frames takes: frame 0's is read only where it is alone."""
    latents = (frames + _FRAMES - 1) // _FRAMES
    return [int((latent + 0.5) * frames / latents) for latent in range(latents)]
