"""draft: no GPU. The reference's cut-out performs as a puppet or a card; a new background is as given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from wanfx.backends.plain import PlainGenerator
from wanfx.backends.protocols import GeneratedFrame, ModelCard, Quality, WindowInputs


class DraftGenerator(PlainGenerator):
    """Lays the character over the background. Frames do not depend on each other, so nothing is carried."""

    name = "draft"
    quality: Quality = "draft"
    models: tuple[ModelCard, ...] = (ModelCard("wanfx-draft", "2", "Apache-2.0"),)
    window_frames = 8
    carried_frames = 0
    pixel_type: Literal["half", "float"] = "half"
    keeps_background = True

    def generate(self, inputs: WindowInputs) -> Iterator[GeneratedFrame]:
        """Every frame of the window: straight colour where the character is, background elsewhere."""
        for frame in inputs.frames:
            background = inputs.background(frame)
            character = inputs.character(frame)
            if character is None:
                yield GeneratedFrame(background, None)
                continue
            rgb, alpha = character
            yield GeneratedFrame(np.where(alpha[..., None] > 0, rgb, background), alpha)
