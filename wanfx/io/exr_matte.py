"""Mattes as EXR: R=G=B=A when wanfx writes them, and whatever artists paint when it reads them."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.errors import FrameReadError
from wanfx.frames import Box
from wanfx.io.exr_channels import find_picture, is_alpha, list_channels
from wanfx.io.exr_layout import ExrLayout, read_layout
from wanfx.io.exr_parts import Compression, Part, write_parts
from wanfx.io.exr_pixels import UNNAMED_PART, Pixels, Placement, decode
from wanfx.pixels import to_float, to_half

# More than the rounding of half and of lossy codecs between channels that were painted equal.
_GREY_TOLERANCE = 0.02


def write_matte(
    path: str | Path,
    matte: Pixels,
    *,
    data_window: Box | None = None,
    display_window: Box | None = None,
    pixel_aspect: float = 1.0,
    compression: Compression = "rle",
    attributes: Mapping[str, Any] | None = None,
    durable: bool = True,
) -> None:
    """Write a matte (H, W) as R=G=B=A, rounded to half. Windows and errors as in `wanfx.io.exr.write_rgb`."""
    window = data_window or Box(0, 0, matte.shape[1], matte.shape[0])
    write_parts(
        path,
        [Part(UNNAMED_PART, to_half(matte), ("R", "G", "B", "A"))],
        data_window=window,
        display_window=display_window or window,
        pixel_aspect=pixel_aspect,
        compression=compression,
        attributes=attributes,
        durable=durable,
    )


def read_matte(path: str | Path, *, canvas: Box | None = None, frame: int | None = None) -> npt.NDArray[np.float32]:
    """A painted matte as float32 (H, W), canvas-sized as in `wanfx.io.exr.read_frame`; not clamped.

    Artists paint into alpha, into RGB or into one channel, so the first of these that says something is the matte:

    1. the only channel, whatever its name;
    2. alpha, unless it is the same everywhere: a solid alpha under a painted RGB is no matte;
    3. RGB, which must be grey, unless it is the same everywhere too;
    4. the lower of the two: nothing painted under a solid alpha is an empty matte.

    Raises FrameReadError where no channel can be the matte, where RGB is coloured, and for NaN or infinite values.
    """
    layout = read_layout(path, frame=frame)
    decoded = decode(layout)
    part, rgb_names, alpha_name = _matte_channels(layout)
    planes = decoded.planes[part]
    alpha = None if alpha_name is None else to_float(planes[alpha_name])
    if alpha is not None and (not rgb_names or _varies(alpha)):
        matte = alpha
    else:
        matte = _choose(layout, [to_float(planes[name]) for name in rgb_names], alpha)
    if not np.isfinite(matte).all():
        raise layout.error("has NaN or infinite pixels, which no matte can have", remedy="paint or export it again")
    window = layout.parts[part].data_window
    return Placement(window, canvas or window).lay_out([matte])[..., 0]


def read_display_window(path: str | Path, *, frame: int | None = None) -> Box:
    """The display window of any EXR, a matte without RGB too. Raises FrameReadError."""
    layout = read_layout(path, frame=frame)
    for attribute in layout.parts[0].attributes:
        if attribute.name == "displayWindow":
            x0, y0, x1, y1 = struct.unpack("<4i", attribute.value)
            return Box.from_window((x0, y0), (x1, y1))
    raise layout.error("has no display window")


def _matte_channels(layout: ExrLayout) -> tuple[int, tuple[str, ...], str | None]:
    """Part, grey channels and alpha."""
    channels = [(index, channel.name) for index, part in enumerate(layout.parts) for channel in part.channels]
    if len(channels) == 1 and layout.parts[0].storage != "deep":
        return channels[0][0], (channels[0][1],), None
    alphas = [(index, name) for index, name in channels if is_alpha(name)]
    try:
        picture = find_picture(layout)
    except FrameReadError:
        if len(alphas) != 1 or any(part.storage == "deep" for part in layout.parts):
            raise
        return alphas[0][0], (), alphas[0][1]
    return picture.part, picture.rgb, picture.alpha


def _choose(layout: ExrLayout, rgb: list[Pixels], alpha: Pixels | None) -> Pixels:
    """The matte where alpha says nothing."""
    if any(np.abs(rgb[0] - other).max(initial=0) > _GREY_TOLERANCE for other in rgb[1:]):
        raise layout.error(
            f"is coloured and has no alpha that says more (channels {list_channels(layout)})",
            remedy="paint the matte into alpha, or in white",
        )
    if alpha is None or _varies(rgb[0]):
        return rgb[0]
    return np.minimum(rgb[0], alpha)


def _varies(plane: Pixels) -> bool:
    return bool(plane.size and (plane != plane.flat[0]).any())
