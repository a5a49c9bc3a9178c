"""EXR pictures read and written through OpenEXR, bit for bit.

Pixels come as the file has them: half, float or uint, nothing converted, clamped or multiplied. A pixel's place in an
array is its place in the file minus the top-left corner of the data window, or of the canvas where one is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wanfx.frames import Box
from wanfx.io.exr_channels import find_picture, list_extras
from wanfx.io.exr_header import ExrHeader, make_header, read_header, read_timecode, timecode_attribute
from wanfx.io.exr_layout import read_layout
from wanfx.io.exr_matte import read_display_window, read_matte, write_matte
from wanfx.io.exr_parts import Compression, Part, read_parts, write_parts
from wanfx.io.exr_pixels import UNNAMED_PART, Pixels, Placement, decode

__all__ = [
    "Compression",
    "ExrFrame",
    "ExrHeader",
    "Part",
    "read_display_window",
    "read_frame",
    "read_header",
    "read_matte",
    "read_parts",
    "read_timecode",
    "timecode_attribute",
    "write_matte",
    "write_parts",
    "write_rgb",
]


@dataclass(frozen=True, eq=False)
class ExrFrame:
    """One picture: ``rgb`` (H, W, 3) and ``alpha`` (H, W) or None, in the file's own type, colour space and
    premultiplication; ``extras`` maps a channel's label to its (H, W) array."""

    rgb: Pixels
    alpha: Pixels | None
    extras: Mapping[str, Pixels]
    header: ExrHeader


def read_frame(
    path: str | Path, *, canvas: Box | None = None, extras: bool = False, frame: int | None = None
) -> ExrFrame:
    """The RGB picture of an EXR, and its other channels where ``extras``.

    Arrays have the size of ``canvas``, 0 where the file has no pixels; without one, that of the RGB's data window.
    Raises FrameReadError, with ``path`` and ``frame``, where the file is missing, truncated or corrupt, deep, luminance
    only, subsampled, or has no RGB.
    """
    layout = read_layout(path, frame=frame)
    picture = find_picture(layout)
    parts = decode(layout)
    header = make_header(layout, parts.file)
    place = Placement(header.data_window, canvas or header.data_window)
    planes = parts.planes[picture.part]
    others = {}
    for extra in list_extras(layout, picture) if extras else ():
        beside = Placement(layout.parts[extra.part].data_window, place.canvas)
        others[extra.label] = beside.lay_out([parts.planes[extra.part][extra.channel]])[..., 0]
    return ExrFrame(
        rgb=place.lay_out([planes[name] for name in picture.rgb]),
        alpha=None if picture.alpha is None else place.lay_out([planes[picture.alpha]])[..., 0],
        extras=others,
        header=header,
    )


def write_rgb(
    path: str | Path,
    rgb: Pixels,
    *,
    alpha: Pixels | None = None,
    data_window: Box | None = None,
    display_window: Box | None = None,
    pixel_aspect: float = 1.0,
    compression: Compression = "zips",
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Write a plain EXR of ``rgb`` (H, W, 3) and ``alpha`` (H, W), each in its own type.

    Without windows the data window starts at 0, 0; without a display window it is the data window.
    """
    window = data_window or Box(0, 0, rgb.shape[1], rgb.shape[0])
    planes = (*np.moveaxis(rgb, 2, 0), *(() if alpha is None else (alpha,)))
    part = Part(UNNAMED_PART, rgb if alpha is None else planes, ("R", "G", "B", "A")[: len(planes)])
    write_parts(
        path,
        [part],
        data_window=window,
        display_window=display_window or window,
        pixel_aspect=pixel_aspect,
        compression=compression,
        attributes=attributes,
    )
