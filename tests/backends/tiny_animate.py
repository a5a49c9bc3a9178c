"""wan-animate with tiny networks, for tiny pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from wanfx.backends.protocols import GeneratedFrame, WindowInputs
from wanfx.backends.wan_animate import WanAnimateGenerator
from wanfx.backends.weights import HubSource, ModelSet

NAME = "test-animate"


class TinyAnimate(WanAnimateGenerator):
    """The generator as it is, of ``folder``; broken off before the window after ``stops_after``."""

    name = NAME
    areas_px = {"480p": 48 * 64, "720p": 48 * 96}  # noqa: RUF012
    folder = Path()
    made: list[int] = []  # noqa: RUF012
    stops_after = 99

    def __init__(self) -> None:
        source = HubSource("tiny/animate", "0")
        super().__init__(
            ModelSet("tiny", "1", "Apache-2.0", "diffusers", "wan", source, contents=(), folder=self.folder)
        )

    def generate(self, inputs: WindowInputs) -> Iterator[GeneratedFrame]:
        """As ever."""
        if len(self.made) >= self.stops_after:
            raise KeyboardInterrupt
        self.made.append(inputs.frames[0])
        for made in super().generate(inputs):
            assert made.alpha is None and np.isfinite(made.rgb).all()
            yield made
