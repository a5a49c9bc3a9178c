"""fake: a public, deterministic generator for testing pipelines: same inputs and seed, same pixels, on any machine.

It draws a striped figure in the mask, whose colour is of the seed, and mixes in the carried frame, so that a pipeline
test sees seeds, windows, carrying and resuming.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from wanfx.backends.plain import PlainGenerator
from wanfx.backends.protocols import Array, GeneratedFrame, ModelCard, Quality, WindowInputs

_STRIPE_PX = 8


class FakeGenerator(PlainGenerator):
    """Stripes in the mask, moving one pixel a frame; a quarter of the carried frame shines through the first frame."""

    name = "fake"
    quality: Quality = "draft"
    models: tuple[ModelCard, ...] = (ModelCard("wanfx-fake", "1", "Apache-2.0"),)
    window_frames = 8
    carried_frames = 1
    pixel_type: Literal["half", "float"] = "float"
    keeps_background = True

    def generate(self, inputs: WindowInputs) -> Iterator[GeneratedFrame]:
        """Every frame of the window; the carried frames come first and are given back as they are."""
        color = np.random.default_rng(inputs.seed).uniform(-0.6, 0.6, 3).astype(np.float32)
        for index, frame in enumerate(inputs.frames):
            background = inputs.background(frame)
            if index < len(inputs.carried):
                yield GeneratedFrame(inputs.carried[index], inputs.mask(frame))
                continue
            stripes = self._draw(background.shape[:2], frame, color)
            if inputs.carried and index == len(inputs.carried):
                stripes = np.float32(0.75) * stripes + np.float32(0.25) * inputs.carried[-1]
            alpha = inputs.mask(frame)
            yield GeneratedFrame(np.where(alpha[..., None] > 0, stripes, background), alpha)

    def _draw(self, shape: tuple[int, ...], frame: int, color: Array) -> Array:
        across = (np.arange(shape[1]) + frame) // _STRIPE_PX % 2
        bright = np.where(across, np.float32(1.0), np.float32(0.5))[None, :, None]
        return np.broadcast_to(bright * color, (*shape, 3)).astype(np.float32)
