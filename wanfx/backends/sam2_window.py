"""Where SAM 2 looks: the whole frame, or a window that goes with a subject that is small in it.

The network sees every picture as one small square, so a small subject is a few of its cells; through a window it is
many. Windows keep the frame's shape, come in few sizes, and are moved by whole cells of the network's memory, so that
what it remembers can be moved along exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from wanfx.backends.protocols import Array
from wanfx.frames import Box, Size

Crop = Literal["subject", "frame"]
OUTSIDE = -32.0
"""The logit of what was not looked at: as far from the subject as SAM 2 ever is."""
_CLOSEST = 2
_LEAST_PX = 64
_ROOM = 2.0
"""A window is at least so many times as wide and as high as its subject when it is chosen."""
_TIGHT, _LOOSE = 4 / 3, 2.5
"""A subject that outgrows the first is seen from further off, one that leaves more room than the second from nearer."""
_MARGIN = 8


@dataclass(frozen=True)
class Window:
    """Part of a frame, in its pixels; ``zoom`` halves the frame so many times, 0 is all of it. It may overhang the
    frame by less than a cell.
    """

    box: Box
    zoom: int = 0


class Framing:
    """The windows there are for frames of a size, and a network whose memory has ``cells`` squares."""

    def __init__(self, size: Size, *, cells: int, crop: Crop) -> None:
        self._size, self._cells = size, cells
        self.whole = Window(Box(0, 0, size.width, size.height))
        self._sizes = [size]
        for zoom in range(1, _CLOSEST + 1 if crop == "subject" else 1):
            width, height = (cells * -(-side // (cells << zoom)) for side in (size.width, size.height))
            if min(width, height) >= _LEAST_PX and width < size.width and height < size.height:
                self._sizes.append(Size(width, height))

    def zoom_for(self, box: Box, *, now: int | None = None) -> int:
        """How near to look at a subject in ``box``; ``now`` is how near it is looked at, which changes unwillingly."""
        best = self._fit(box, room=_ROOM)
        if now is None:
            return best
        if self._fit(box, room=_TIGHT, most=now) < now:
            return min(best, now)
        return max(now, self._fit(box, room=_LOOSE))

    def _fit(self, box: Box, *, room: float, most: int = _CLOSEST) -> int:
        fits = [
            zoom for zoom, size in enumerate(self._sizes[: most + 1])
            if box.width * room <= size.width and box.height * room <= size.height
        ]  # fmt: skip
        return max(fits, default=0)

    def around(self, box: Box, *, zoom: int) -> Window:
        """The window of a zoom with ``box`` in its middle, as far as the frame lets it."""
        if zoom == 0:
            return self.whole
        x0, width = self._place(box.x0, box.x1, window=self._sizes[zoom].width, frame=self._size.width)
        y0, height = self._place(box.y0, box.y1, window=self._sizes[zoom].height, frame=self._size.height)
        return Window(Box(x0, y0, x0 + width, y0 + height), zoom)

    def _place(self, first: int, last: int, *, window: int, frame: int) -> tuple[int, int]:
        cell = window // self._cells
        start = round((first + last - window) / 2 / cell)
        return min(max(start, 0), -(-(frame - window) // cell)) * cell, window

    def follow(self, window: Window, box: Box) -> Window:
        """The window for the next frame: it stays while ``box`` keeps off its border."""
        if window.zoom == 0:
            return window
        inner = Box(
            window.box.x0 + window.box.width // _MARGIN, window.box.y0 + window.box.height // _MARGIN,
            window.box.x1 - window.box.width // _MARGIN, window.box.y1 - window.box.height // _MARGIN,
        )  # fmt: skip
        return window if inner.clip(box) == box else self.around(box, zoom=window.zoom)

    def is_cut(self, window: Window, box: Box) -> bool:
        """Whether a subject reaches a border of the window that is not the frame's."""
        seen, frame = window.box, self.whole.box
        return (
            (box.x0 <= seen.x0 > frame.x0) or (box.y0 <= seen.y0 > frame.y0)
            or (box.x1 >= seen.x1 < frame.x1) or (box.y1 >= seen.y1 < frame.y1)
        )  # fmt: skip

    def cells_between(self, then: Window, now: Window) -> tuple[int, int]:
        """How many cells ``now`` lies to the right of ``then``, and below it; both have one zoom."""
        size = self._sizes[now.zoom]
        right = (now.box.x0 - then.box.x0) * self._cells // size.width
        return right, (now.box.y0 - then.box.y0) * self._cells // size.height


def cut_window(picture: Array, window: Window) -> Array:
    """What the window shows of a picture (H, W) or (H, W, C); its edge is repeated where the window overhangs."""
    height, width = picture.shape[:2]
    inside = window.box.clip(Box(0, 0, width, height))
    part = picture[inside.slices()]
    right, down = window.box.x1 - inside.x1, window.box.y1 - inside.y1
    if right or down:
        return np.asarray(cv2.copyMakeBorder(part, 0, down, 0, right, cv2.BORDER_REPLICATE), np.float32)
    return part


def place_logits(logits: Array, window: Window, size: Size) -> Array:
    """The logits (h, w) of a window as (H, W) of the frame."""
    shape = window.box.width, window.box.height
    drawn = np.asarray(cv2.resize(logits, shape, interpolation=cv2.INTER_LINEAR), np.float32)
    if window.zoom == 0:
        return drawn
    inside = window.box.clip(Box(0, 0, size.width, size.height))
    placed = np.full((size.height, size.width), OUTSIDE, np.float32)
    placed[inside.slices()] = drawn[: inside.height, : inside.width]
    return placed


def subject_box(logits: Array, window: Window, size: Size) -> Box | None:
    """The box of the frame in which logits (h, w) of a window are those of the subject; None where none are."""
    is_on = logits > 0
    rows, columns = np.flatnonzero(is_on.any(axis=1)), np.flatnonzero(is_on.any(axis=0))
    if not len(rows):
        return None
    across, down = window.box.width / logits.shape[1], window.box.height / logits.shape[0]
    found = Box(
        window.box.x0 + int(columns[0] * across), window.box.y0 + int(rows[0] * down),
        window.box.x0 + int(np.ceil((columns[-1] + 1) * across)), window.box.y0 + int(np.ceil((rows[-1] + 1) * down)),
    ).clip(Box(0, 0, size.width, size.height))  # fmt: skip
    return None if found.is_empty else found
