"""What steers a video model, frame by frame."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from wanfx.frames import Size

Array = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]


class Drive(Protocol):
    """What steers a video model frame by frame, and the reference it draws from; pictures are (H, W) = `size`.

    8-bit pictures are as the models were trained on them, display-encoded sRGB. ``is_whole``: all of the picture is to
    be made (`animate`), and no background is kept.
    """

    @property
    def size(self) -> Size: ...

    @property
    def is_whole(self) -> bool: ...

    @property
    def reference_display(self) -> Array:
        """The reference, (H, W, 3) display-encoded sRGB in [0, 1]: to be looked at."""
        ...

    @property
    def reference_model(self) -> Array:
        """The same in model space: to be drawn from. Light in it is light in what is generated."""
        ...

    def pose(self, frame: int) -> Bytes:
        """The actor's skeleton, (H, W, 3) on black."""
        ...

    def face(self, frame: int) -> Bytes:
        """The actor's face, (512, 512, 3); black where there is none."""
        ...

    def mask(self, frame: int) -> Bytes:
        """(H, W): 1 where the model draws, 0 where the plate is kept."""
        ...


class Guide(Protocol):
    """What a model that draws a world in words is told and shown; pictures are (H, W, 3) in model space.

    ``references`` are in the order in which the model is to see them.
    """

    @property
    def prompt(self) -> str: ...

    @property
    def negative_prompt(self) -> str | None:
        """What is to be kept away from; None for the model's own words."""
        ...

    @property
    def references(self) -> tuple[Array, ...]: ...

    def show(self, frame: int, plate: Array) -> tuple[Array, Array]:
        """The frame as the model is shown it, 0 (middle grey) where nothing is known, and (H, W): 1 where the model
        draws, 0 where what is shown is kept. ``plate`` is the frame's plate.
        """
        ...
