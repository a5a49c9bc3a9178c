"""What the stages hand to each other: where pictures lie and how they are to be read. No pixels here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Literal

from wanfx.frames import Box, FrameRange, Timecode

PixelType = Literal["half", "float"]
_HASHES = re.compile(r"#+")


@dataclass(frozen=True)
class FramePattern:
    """A numbered file: ``folder/head####tail``; the number of hashes is the padding.

    >>> FramePattern("/#12/sh010.####.exr").path(1001).as_posix()
    '/#12/sh010.1001.exr'
    """

    text: str

    def path(self, frame: int) -> Path:
        # A folder's name may have hashes of its own.
        return self.folder / _HASHES.sub(lambda hashes: f"{frame:0{len(hashes.group())}d}", self.name, count=1)

    @property
    def folder(self) -> Path:
        return Path(self.text).parent

    @property
    def name(self) -> str:
        return Path(self.text).name


@dataclass(frozen=True)
class Plate:
    """A plate as every stage reads it: one scene-linear EXR a frame.

    ``canvas`` is the union of the frames' data windows; arrays of a frame are canvas-sized, and a pixel's place in
    display-window coordinates is its array place plus the canvas origin. ``color_space`` is scene-linear.
    ``timecode`` is that of the first frame of ``frames``. ``source`` is what the user gave; ``movie`` is set
    where it is one. ``held`` maps missing frames to the ones that stand in for them. ``border`` (left, top, right,
    bottom) is how far the canvas goes on beyond all data windows, where the plate is to be extended.
    """

    pattern: FramePattern
    frames: FrameRange
    canvas: Box
    display_window: Box
    pixel_aspect: float
    color_space: str
    pixel_type: PixelType
    fps: Fraction
    timecode: Timecode | None
    source: str
    source_color_space: str
    color_space_from: str
    movie: Path | None = None
    held: Mapping[int, int] = field(default_factory=dict)
    border: tuple[int, int, int, int] = (0, 0, 0, 0)

    @property
    def is_extended(self) -> bool:
        """Whether the canvas goes on beyond the plate."""
        return any(self.border)

    @property
    def shown_window(self) -> Box:
        """What is to be looked at: the display window, or all of an extended picture."""
        return self.canvas if self.is_extended else self.display_window

    def comp_window(self, data_window: Box) -> Box:
        """The data window of a comp whose plate has ``data_window``."""
        return self.canvas if self.is_extended else data_window

    def canvas_of(self, display_window: Box) -> Box:
        """What of a picture with this display window lies on the canvas: all of the window or, where it is as large as
        the plate's, what lies there as the plate does.
        """
        shown = self.display_window
        if display_window.size != shown.size:
            return display_window
        return self.canvas.shift(display_window.x0 - shown.x0, display_window.y0 - shown.y0)

    def extended(self, border: tuple[int, int, int, int]) -> Plate:
        """The plate on a canvas that goes on beyond its edges."""
        left, top, right, bottom = border
        box = self.canvas
        grown = Box(box.x0 - left, box.y0 - top, box.x1 + right, box.y1 + bottom)
        return replace(self, canvas=grown, border=border)

    def path(self, frame: int) -> Path:
        """The frame's file; a missing frame that is held has that of an earlier one."""
        return self.pattern.path(self.held.get(frame, frame))


@dataclass(frozen=True)
class Matte:
    """A subject's matte sequence: R=G=B=A in [0, 1], canvas-sized."""

    subject: str
    pattern: FramePattern
    frames: FrameRange

    def path(self, frame: int) -> Path:
        return self.pattern.path(frame)


@dataclass(frozen=True)
class Layer:
    """A sequence of canvas-sized RGB or RGBA pictures in the plate's own scene-linear space."""

    name: str
    pattern: FramePattern
    frames: FrameRange

    def path(self, frame: int) -> Path:
        return self.pattern.path(frame)
