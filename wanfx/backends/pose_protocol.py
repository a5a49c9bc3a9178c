"""What a pose estimator must offer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, Protocol

from wanfx.backends.protocols import Array, FrameSource, ModelCard
from wanfx.ops.pose import Pose
from wanfx.options import PoseOptions

PosePictures = Literal["analysis", "plate"]


class PoseEstimator(Protocol):
    """Finds the pose of one person, in the analysis pictures or in ``pictures`` as large as the plate.

    ``models`` are those it may use, ``settings`` whatever else changes what it finds.
    """

    name: str
    models: tuple[ModelCard, ...]
    settings: tuple[str, ...]
    pictures: PosePictures

    def configure(self, options: PoseOptions) -> None:
        """Take over what the options say, before all else; nothing is loaded. Raises OptionError."""
        ...

    def load(self) -> None: ...

    def track(self, source: FrameSource, *, matte: Callable[[int], Array]) -> Iterator[tuple[int, Pose]]:
        """Frame and pose (pixels of the source) of the person that ``matte`` (H, W, at the source's size) shows.

        Each frame once, in order, not smoothed over time; where nobody is found, every confidence is 0.
        """
        ...

    def find(self, picture: Array, *, alpha: Array) -> Pose:
        """The pose of the character in a still: display-encoded sRGB (H, W, 3) in [0, 1], its alpha (H, W).

        Raises NothingFoundError where it finds none.
        """
        ...
