"""draft: no weights, no GPU. The reference's cut-out is a card that follows the actor; a new background is as given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from wanfx.backends.protocols import GeneratedFrame, ModelCard, Quality, WindowInputs


class DraftGenerator:
    """Lays the card over the background. Frames do not depend on each other, so nothing is carried."""

    name = "draft"
    quality: Quality = "draft"
    models: tuple[ModelCard, ...] = (ModelCard("wanfx-draft-card", "1", "Apache-2.0"),)
    window_frames = 16
    carried_frames = 0
    pixel_type: Literal["half", "float"] = "half"

    def load(self, settings: Any) -> None:
        """Nothing to load."""

    def generate(self, inputs: WindowInputs) -> Iterator[GeneratedFrame]:
        """Every frame of the window: straight card colour where the card is, background elsewhere."""
        for frame in inputs.frames:
            background = inputs.background(frame)
            card = inputs.card(frame)
            if card is None:
                yield GeneratedFrame(background, None)
                continue
            rgb, alpha = card
            yield GeneratedFrame(np.where(alpha[..., None] > 0, rgb, background), alpha)
