"""Decoded channels of an EXR and their place in a canvas."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import OpenEXR
import OpenImageIO as oiio

from wanfx.frames import Box
from wanfx.io.exr_header import open_exr
from wanfx.io.exr_layout import ExrLayout, check_complete

Pixels = npt.NDArray[Any]

# Frames are made side by side, so a file is read and written by one thread: handing its chunks to a pool would take
# more time than it saves, three times as much for files that are not packed.
OpenEXR.set_global_thread_count(0)

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


def decode(layout: ExrLayout, *, only: Collection[int] | None = None) -> Decoded:
    """Every channel of every part, or of those numbered in ``only``, in the file's own types.

    Raises FrameReadError where pixels are missing or corrupt.
    """
    check_complete(layout)
    if only is not None and len(only) < len(layout.parts) and all(_is_plain(layout, index) for index in only):
        planes = tuple(_decode_part(layout, index) if index in only else {} for index in range(len(layout.parts)))
        return Decoded(open_exr(layout, pixels="none"), planes)
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


def _is_plain(layout: ExrLayout, index: int) -> bool:
    """Whether OpenImageIO can read the part as it is: one pixel type, nothing that a header hides."""
    channels = layout.parts[index].channels
    is_one_type = len({channel.pixel_type for channel in channels}) == 1
    return is_one_type and isinstance(layout.readable_source(), str) and layout.parts[index].storage == "scanline"


def _decode_part(layout: ExrLayout, index: int) -> dict[str, Pixels]:
    """One part alone. OpenEXR's module decodes a whole file or nothing."""
    source = oiio.ImageInput.open(str(layout.path))
    if source is None:
        raise layout.error(f"cannot be read ({oiio.geterror()})")
    try:
        source.seek_subimage(index, 0)
        spec = source.spec()
        pixels = source.read_image(index, 0, 0, spec.nchannels, layout.parts[index].channels[0].pixel_type)
    finally:
        source.close()
    if pixels is None:
        name = layout.parts[index].name or UNNAMED_PART
        raise layout.error(f"is corrupt: the pixels of {name} cannot be decoded")
    return {name: pixels[..., channel] for channel, name in enumerate(spec.channelnames)}
