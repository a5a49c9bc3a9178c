"""What generators have in common that need nothing but their own frames: no options, no models, any size."""

from __future__ import annotations

from pathlib import Path

from wanfx.backends.protocols import Join, Task
from wanfx.frames import FrameRange
from wanfx.options import Options


class PlainGenerator:
    """The defaults of a `Generator`: to be inherited."""

    carries: tuple[int, ...] = (1,)
    joins: Join = "dissolve"
    is_driven = False
    is_prompted = False
    tasks: tuple[Task, ...] = ("replace", "animate", "background")
    area_px: int | None = None
    settings: tuple[str, ...] = ()

    def configure(self, options: Options) -> None:
        """Nothing to choose."""

    def load(self, *, cache: Path) -> None:
        """Nothing to load."""

    def frames_read(self, frames: FrameRange, *, shot: FrameRange) -> tuple[int, ...]:  # noqa: ARG002
        """Its own frames."""
        return tuple(frames)
