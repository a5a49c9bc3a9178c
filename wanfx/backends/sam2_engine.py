"""What SAM 2 is asked and answers, whichever library runs it. What is remembered, and for how long, is not theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.backends.protocols import Array
from wanfx.backends.sam2_plan import Direction

EngineName = Literal["transformers", "package"]
CONFIG, WEIGHTS = "config.json", "model.safetensors"
# Mean and deviation of ImageNet's colours, with which SAM 2 was trained.
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


@dataclass(frozen=True, eq=False)
class Asked:
    """Points (n, 2) in the network's pixels, centres whole, with labels (n,): 0 off, 1 on, 2 and 3 a box's corners; or
    a mask (side, side) of 0 and 1. ``start`` stands alone; a ``correction`` is seen with what was tracked.
    """

    kind: Literal["start", "correction"]
    points: Array
    labels: npt.NDArray[np.int32]
    mask: Array | None = None


@dataclass(frozen=True, eq=False)
class Remembered:
    """What is kept of a frame: a tensor that points at the subject, and maps (1, channels, cells, cells) or None."""

    pointer: Any
    maps: Any | None

    def without_maps(self) -> Remembered:
        """Only the pointer."""
        return replace(self, maps=None)

    def moved(self, right: int, down: int) -> Remembered:
        """As seen through a window that lies so many cells further right and down; the edge stands for what is new."""
        if self.maps is None or (right == 0 and down == 0):
            return self
        rows, columns = (
            _cells_from(self.maps, axis=2, by=down),
            _cells_from(self.maps, axis=3, by=right),
        )
        return replace(self, maps=self.maps.index_select(2, rows).index_select(3, columns))


def _cells_from(maps: Any, *, axis: int, by: int) -> Any:
    cells = maps.shape[axis]
    places = np.clip(np.arange(cells) + by, 0, cells - 1)
    return maps.new_tensor(places.tolist()).long()


@dataclass(frozen=True, eq=False)
class Answer:
    """Logits (h, w) of the matte; ``score``, the logit that the subject is in the frame; what to remember of it."""

    logits: Array
    score: float
    remembered: Remembered


class Engine(Protocol):
    """SAM 2 in memory. It keeps nothing of what it has seen.

    It looks at ``side_px`` squares and remembers maps of ``cells`` squares; ``memory_frames`` and ``pointer_frames``
    say from how many frames on it has no more use for a frame's maps and for its pointer.
    """

    name: EngineName
    side_px: int
    cells: int
    memory_frames: int
    pointer_frames: int

    def see(self, picture: Array) -> Any:
        """The embedding of a picture as `prepare_picture` makes it."""
        ...

    def look(
        self,
        seen: Any,
        *,
        index: int,
        direction: Direction,
        asked: Asked | None,
        known: Mapping[int, Remembered],
        recent: Mapping[int, Remembered],
        maps: Literal["encode", "none"] = "encode",
    ) -> Answer:
        """Find the subject in frame ``index``, by what is asked there and what is remembered of prompted frames
        (``known``) and of those just tracked (``recent``). Without ``maps`` nothing can be told from the answer later.
        """
        ...


def prepare_picture(picture: Array, side_px: int) -> Array:
    """A display-encoded sRGB picture (H, W, 3) in [0, 1] as the network wants it: (3, side, side), normalized."""
    is_smaller = picture.shape[0] < side_px or picture.shape[1] < side_px
    how = cv2.INTER_LINEAR if is_smaller else cv2.INTER_AREA
    square = np.asarray(cv2.resize(picture, (side_px, side_px), interpolation=how), np.float32)
    return np.ascontiguousarray(((square - _MEAN) / _DEVIATION).transpose(2, 0, 1))
