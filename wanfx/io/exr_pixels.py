"""Decoded channels of an EXR and their place in a canvas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import OpenEXR

from wanfx.frames import Box
from wanfx.io.exr_header import open_exr
from wanfx.io.exr_layout import ExrLayout, check_complete

Pixels = npt.NDArray[Any]

# Recorded, so that a run is the same on every machine; OpenEXR's own default is no threads at all.
THREADS = 2
OpenEXR.set_global_thread_count(THREADS)

UNNAMED_PART = "rgba"


@dataclass(frozen=True)
class Decoded:
    """An open file and, for each part, channel name to (H, W) array."""

    file: Any
    planes: tuple[dict[str, Pixels], ...]


@dataclass(frozen=True)
class Placement:
    """Where arrays of a data window lie in a canvas."""

    window: Box
    canvas: Box

    def lay_out(self, planes: list[Pixels]) -> Pixels:
        """(H, W, C) in the canvas, 0 outside the window."""
        common = self.window.clip(self.canvas)
        if len(planes) == 1 and self.window == self.canvas and planes[0].flags.c_contiguous:
            return planes[0][..., None]
        make = np.empty if common == self.canvas else np.zeros
        out = make((self.canvas.height, self.canvas.width, len(planes)), planes[0].dtype)
        if not common.is_empty:
            for index, plane in enumerate(planes):
                out[(*common.slices(self.canvas), index)] = plane[common.slices(self.window)]
        return out


def decode(layout: ExrLayout) -> Decoded:
    """Every channel of every part, in the file's own types. FrameReadError where pixels are missing or corrupt."""
    check_complete(layout)
    file = open_exr(layout, pixels="all")
    # OpenEXR's module leaves out a part that it fails to decode.
    found = {part.part_index: part.channels for part in file.parts}
    broken = [part.name or UNNAMED_PART for index, part in enumerate(layout.parts) if index not in found]
    if broken:
        raise layout.error(f"is corrupt: the pixels of {', '.join(broken)} cannot be decoded")
    planes = tuple(
        {channel.name: found[index][channel.name].pixels for channel in part.channels}
        for index, part in enumerate(layout.parts)
    )
    return Decoded(file, planes)
