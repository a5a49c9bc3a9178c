"""wan-animate with tiny networks, for tiny pictures; as a program: `wanfx` with that generator.

``python tiny_animate.py WEIGHTS run SHOT ...``
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from wanfx.backends.protocols import GeneratedFrame, WindowInputs
from wanfx.backends.registry import add_generator
from wanfx.backends.wan_animate import WanAnimateGenerator
from wanfx.backends.weights import HubSource, ModelSet
from wanfx.cli.main import main

NAME = "test-animate"


class TinyAnimate(WanAnimateGenerator):
    """The generator as it is, of ``folder``; broken off before the window after ``stops_after``.

    Untrained networks know no plate; in `replace` they get it outside the mask.
    """

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
        for frame, made in zip(inputs.frames, super().generate(inputs), strict=True):
            assert made.alpha is None and np.isfinite(made.rgb).all()
            if inputs.drive is not None and inputs.drive.is_whole:
                yield made
                continue
            inside = inputs.mask(frame)[..., None] > 0
            yield GeneratedFrame(np.where(inside, made.rgb, inputs.plate(frame)), None)


if __name__ == "__main__":
    TinyAnimate.folder = Path(sys.argv[1])
    add_generator(NAME, TinyAnimate)
    sys.exit(main(sys.argv[2:]))
