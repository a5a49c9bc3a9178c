"""EXRs as lists of named parts, written and read back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import OpenEXR

from wanfx.errors import FrameReadError, WanfxError
from wanfx.frames import Box, Size
from wanfx.io.atomic import atomic_path, short_write_error, write_error
from wanfx.io.exr_channels import split_channel
from wanfx.io.exr_header import LIBRARY_ERRORS, STRUCTURAL, ExrHeader, make_header
from wanfx.io.exr_layout import check_complete, read_layout
from wanfx.io.exr_pixels import UNNAMED_PART, Pixels, decode

Compression = Literal["none", "rle", "zips", "zip", "piz", "dwaa", "dwab"]

_COMPRESSIONS = {
    name: getattr(OpenEXR, f"{name.upper()}_COMPRESSION") for name in ("rle", "zips", "zip", "piz", "dwaa")
}
_COMPRESSIONS |= {"none": OpenEXR.NO_COMPRESSION, "dwab": OpenEXR.DWAB_COMPRESSION}
_PIXEL_TYPES = (np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.uint32))
# OpenEXR wants these to be the same in all parts (ImfMultiPartOutputFile.h); everything else is for the first.
_SHARED = ("timeCode", "chromaticities", "screenWindowCenter", "screenWindowWidth")


@dataclass(frozen=True, eq=False)
class Part:
    """One part of a file and its ``channels``' full names, as they are written.

    ``pixels`` is (H, W, C), a channel each; or (H, W), the same for every channel; or a tuple of (H, W) arrays, which
    may be of different types. Types are float16, float32 and uint32. ``compression`` is the file's where None.
    """

    name: str
    pixels: Pixels | tuple[Pixels, ...]
    channels: tuple[str, ...]
    compression: Compression | None = None

    @property
    def planes(self) -> dict[str, Pixels]:
        """Channel name to (H, W) array."""
        if isinstance(self.pixels, tuple):
            return dict(zip(self.channels, self.pixels, strict=True))
        if self.pixels.ndim == 2:
            return dict.fromkeys(self.channels, self.pixels)
        return {name: self.pixels[..., index] for index, name in enumerate(self.channels)}


def read_parts(
    path: str | Path, names: Collection[str] | None = None, *, frame: int | None = None
) -> tuple[dict[str, Part], ExrHeader]:
    """Every part, or those in ``names``, by name and in file order, each in its own data window; and the header.

    A part without a name is called ``rgba``. RGB and RGBA parts of one type come interleaved, as (H, W, 3 or 4).
    Raises FrameReadError, as `read_frame` does, and where a part is not there.
    """
    layout = read_layout(path, frame=frame)
    there = {part.name or UNNAMED_PART: index for index, part in enumerate(layout.parts)}
    missing = [name for name in names or () if name not in there]
    if missing:
        raise layout.error(
            f"has no part {', '.join(missing)}; it has {', '.join(there)}", remedy="make the frame again"
        )
    wanted = {name: index for name, index in there.items() if names is None or name in names}
    decoded = decode(layout, only=tuple(wanted.values()))
    parts = {name: _make_part(name, decoded.planes[index]) for name, index in wanted.items()}
    return parts, make_header(layout, decoded.file)


def write_parts(
    path: str | Path,
    parts: Collection[Part],
    *,
    data_window: Box,
    display_window: Box,
    pixel_aspect: float = 1.0,
    compression: Compression = "zip",
    attributes: Mapping[str, Any] | None = None,
    durable: bool = True,
) -> None:
    """Write ``parts``, all in ``data_window``, as one EXR: scanline, atomic, equal bytes for equal values.

    A single part makes a plain file. ``attributes`` (`ExrHeader.attributes`, or str, int, float, fractions.Fraction,
    lists of str, tuples, float32 matrices and OpenEXR's own types) go to the first part; those that OpenEXR wants in
    all parts go to all. ``durable`` is as in `wanfx.io.atomic.atomic_path`. Raises DiskFullError, NotWritableError.
    """
    given = dict(attributes or {})
    if wrong := STRUCTURAL.intersection(given):
        raise WanfxError(f"{', '.join(sorted(wrong))} cannot be written as attributes", path=path)
    common = {
        "type": OpenEXR.scanlineimage,
        "dataWindow": data_window.window,
        "displayWindow": display_window.window,
        "pixelAspectRatio": float(pixel_aspect),
        **{name: given[name] for name in _SHARED if name in given},
    }
    made: list[Any] = []
    for part in parts:
        _check_part(part, data_window.size, path)
        made.append(
            OpenEXR.Part(
                {"compression": _COMPRESSIONS[part.compression or compression], **common, **({} if made else given)},
                _channel_arrays(part),
                part.name if len(parts) > 1 else "",
            )
        )
    with atomic_path(path, durable=durable) as temporary:
        try:
            OpenEXR.File(made).write(str(temporary))
        except LIBRARY_ERRORS as error:
            raise write_error(error, path=path) from error
        _check_written(temporary, path)


def _check_written(temporary: Path, path: str | Path) -> None:
    # OpenEXR says nothing when the last flush, as it closes the file, finds the disk full.
    try:
        check_complete(read_layout(temporary))
    except FrameReadError as error:
        raise short_write_error(temporary, path=path) from error


def _make_part(name: str, planes: dict[str, Pixels]) -> Part:
    layer = {split_channel(channel)[0] for channel in planes}
    prefix = f"{min(layer)}." if min(layer) else ""
    ordered = tuple(f"{prefix}{component}" for component in "RGBA" if f"{prefix}{component}" in planes)
    is_picture = len(ordered) == len(planes) >= 3 and len({plane.dtype for plane in planes.values()}) == 1
    if is_picture:
        return Part(name, np.stack([planes[channel] for channel in ordered], axis=2), ordered)
    if len(planes) == 1:
        return Part(name, next(iter(planes.values())), tuple(planes))
    return Part(name, tuple(planes.values()), tuple(planes))


def _check_part(part: Part, size: Size, path: str | Path) -> None:
    for channel, plane in part.planes.items():
        if plane.shape != (size.height, size.width):
            shape = f"{plane.shape[1]}x{plane.shape[0]}" if plane.ndim == 2 else str(plane.shape)
            raise WanfxError(f"{part.name}: {channel} is {shape}, the data window {size}", path=path)
        if plane.dtype not in _PIXEL_TYPES:
            raise WanfxError(f"{part.name}: {channel} is {plane.dtype}, not half, float or uint", path=path)


def _channel_arrays(part: Part) -> dict[str, Pixels]:
    # OpenEXR reads past strides without looking at them, so every array must be contiguous.
    layer = split_channel(part.channels[0])[0]
    prefix = f"{layer}." if layer else ""
    is_interleaved = (
        not isinstance(part.pixels, tuple)
        and part.pixels.ndim == 3
        and part.channels in (tuple(prefix + c for c in "RGB"), tuple(prefix + c for c in "RGBA"))
        # OpenEXR takes these two names to be the unnamed layer.
        and layer not in ("RGB", "RGBA")
    )
    if is_interleaved:
        return {layer or "".join(part.channels): np.ascontiguousarray(part.pixels)}
    return {name: np.ascontiguousarray(plane) for name, plane in part.planes.items()}
