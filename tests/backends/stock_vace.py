"""What diffusers' own WanVACEPipeline makes of a window."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from wanfx.backends.wan_vace_window import VaceWindow


def run_stock(pipeline: Any, window: VaceWindow, **how: Any) -> np.ndarray[Any, Any]:
    """(frames, H, W, 3) in [-1, 1]; ``how`` has text, noise, steps and guidance as the pipeline names them.

    References must be what a picture of 8 bits can hold (`in_bytes`): the pipeline takes them as such.
    """
    import torch
    from PIL import Image

    pipeline.set_progress_bar_config(disable=True)
    frames, height, width, _channels = window.video.shape
    pictures = [Image.fromarray(np.uint8(np.round((one + 1) * 127.5))) for one in reversed(window.references)]
    video = pipeline(
        video=torch.from_numpy((window.video.transpose(0, 3, 1, 2)[None] + 1) / 2),
        mask=torch.from_numpy(np.repeat(window.mask[None, :, None], 3, axis=2)),
        reference_images=pictures or None, height=height, width=width, num_frames=frames, output_type="pt", **how,
    ).frames[0]  # fmt: skip
    return np.asarray(video.permute(0, 2, 3, 1).numpy() * 2 - 1)


def in_bytes(window: VaceWindow) -> VaceWindow:
    """The window with its references rounded to 8 bits."""
    rounded = ((np.round((one + 1) * 127.5) / 127.5 - 1).astype(np.float32) for one in window.references)
    return replace(window, references=tuple(rounded))
