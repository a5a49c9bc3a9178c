"""none: no pose. The draft's character is then a card."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from wanfx.backends.pose_protocol import PosePictures
from wanfx.backends.protocols import Array, FrameSource, ModelCard
from wanfx.errors import NothingFoundError
from wanfx.ops.pose import Pose, empty_pose
from wanfx.options import PoseOptions


class NoPoseEstimator:
    """Finds nothing, at no cost."""

    name = "none"
    models: tuple[ModelCard, ...] = ()
    settings: tuple[str, ...] = ()
    pictures: PosePictures = "analysis"

    def configure(self, options: PoseOptions) -> None:
        """Nothing of it is an option."""

    def load(self) -> None:
        """Nothing to load."""

    def track(self, source: FrameSource, *, matte: Callable[[int], Array]) -> Iterator[tuple[int, Pose]]:
        """Every frame with an empty pose."""
        for frame in source.frames:
            yield frame, empty_pose()

    def find(self, picture: Array, *, alpha: Array) -> Pose:
        """Raises NothingFoundError."""
        raise NothingFoundError("no pose is looked for", key="pose.backend", remedy="set pose.backend=lite")
