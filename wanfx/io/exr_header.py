"""What an EXR says about its picture: windows, channels, rate, timecode, and the attributes to carry on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import OpenEXR

from wanfx.frames import Box, Timecode, exact_rate, nominal_rate
from wanfx.io.exr_channels import find_picture, list_extras
from wanfx.io.exr_layout import ExrLayout, ExrPixelType, read_layout

# What OpenEXR's module raises for a file that it cannot open or represent.
LIBRARY_ERRORS = (RuntimeError, ValueError, TypeError, ArithmeticError)

# These describe the file, not the picture; every writer makes its own.
STRUCTURAL = frozenset(
    (
        *("channels", "chunkCount", "compression", "dataWindow", "displayWindow", "lineOrder"),
        *("maxSamplesPerPixel", "name", "pixelAspectRatio", "tiles", "type", "version"),
    )
)
_DIRECT_FRAMES = 30


@dataclass(frozen=True)
class ExrHeader:
    """The header of an EXR.

    ``data_window`` is that of the part with the RGB, ``part`` its number; ``rgb`` and ``alpha`` are channel names in
    it, ``extras`` the labels of all other channels. ``parts`` are the names of the parts ("" where there is none).
    ``attributes`` holds everything that is not structural, of the first part and of the RGB part, as OpenEXR's own
    types, ready to be written back; ``uncarried`` names those that OpenEXR's Python module can not represent.
    """

    path: Path
    data_window: Box
    display_window: Box
    pixel_aspect: float
    pixel_type: ExrPixelType
    part: int
    rgb: tuple[str, str, str]
    alpha: str | None
    extras: tuple[str, ...]
    parts: tuple[str, ...]
    compression: str
    compressions: tuple[str, ...]
    attributes: Mapping[str, Any]
    uncarried: tuple[str, ...]

    @property
    def fps(self) -> Fraction | None:
        """``framesPerSecond`` as a positive fraction; a float near an NTSC rate is that rate."""
        rate = self.attributes.get("framesPerSecond")
        if isinstance(rate, Fraction):
            return rate if rate > 0 else None
        return exact_rate(rate) if isinstance(rate, int | float) and 0 < rate < 1e6 else None

    @property
    def timecode(self) -> Timecode | None:
        """The timecode, where the file has a valid one and says its rate; see `read_timecode` for files without."""
        fps = self.fps
        return None if fps is None else self.timecode_at(nominal_rate(fps))

    def timecode_at(self, rate: int) -> Timecode | None:
        """The timecode counted at a nominal ``rate``; None where the file has none, or one that is no time of day."""
        value = self.attributes.get("timeCode")
        return read_timecode(value, rate=rate) if isinstance(value, OpenEXR.TimeCode) else None

    @property
    def chromaticities(self) -> tuple[float, ...] | None:
        """x and y of red, green, blue and white."""
        value = self.attributes.get("chromaticities")
        return tuple(float(number) for number in value) if isinstance(value, tuple) and len(value) == 8 else None

    @property
    def color_interop_id(self) -> str | None:
        value = self.attributes.get("colorInteropID")
        return value if isinstance(value, str) and value else None


def read_header(path: str | Path, *, frame: int | None = None) -> ExrHeader:
    """The header of an EXR; no pixel is decoded. Raises FrameReadError (see `wanfx.io.exr.read_frame`)."""
    layout = read_layout(path, frame=frame)
    return make_header(layout, open_exr(layout, pixels="none"))


def open_exr(layout: ExrLayout, *, pixels: str) -> Any:
    """The file as OpenEXR.File, with ``pixels`` "none" or "all" decoded, each channel a plane of its own."""
    try:
        return OpenEXR.File(layout.readable_source(), separate_channels=True, header_only=pixels == "none")
    except LIBRARY_ERRORS as error:
        raise layout.error(f"cannot be read by OpenEXR ({error})") from error


def make_header(layout: ExrLayout, file: Any) -> ExrHeader:
    """The header of an open file. Raises FrameReadError for files without a usable RGB picture."""
    picture = find_picture(layout)
    part = layout.parts[picture.part]
    headers = {found.part_index: found.header for found in file.parts}
    # Most writers put what is about the whole picture into the first part only.
    merged = {**headers.get(0, {}), **headers[picture.part]}
    unreadable = {*layout.parts[0].unreadable, *part.unreadable}
    attributes = {name: value for name, value in merged.items() if name not in STRUCTURAL and name not in unreadable}
    unwritable = [name for name, value in attributes.items() if not _is_writable(value)]
    shape = headers[picture.part]
    minimum, maximum = shape["displayWindow"]
    return ExrHeader(
        path=layout.path,
        data_window=part.data_window,
        display_window=Box.from_window(minimum, maximum),
        pixel_aspect=float(shape["pixelAspectRatio"]),
        pixel_type=next(channel.pixel_type for channel in part.channels if channel.name == picture.rgb[0]),
        part=picture.part,
        rgb=picture.rgb,
        alpha=picture.alpha,
        extras=tuple(extra.label for extra in list_extras(layout, picture)),
        parts=tuple(item.name for item in layout.parts),
        compression=part.compression,
        compressions=tuple(item.compression for item in layout.parts),
        attributes={name: value for name, value in attributes.items() if name not in unwritable},
        uncarried=tuple(sorted({*unreadable, *unwritable})),
    )


def read_timecode(value: Any, *, rate: int) -> Timecode | None:
    """An OpenEXR.TimeCode as a Timecode counted at ``rate``; None where it is no time of day (unset ones are all ones).

    Above 30 frames a second SMPTE ST 12-1 counts pairs of frames and marks the second with the field bit.
    """
    frame = value.frame if rate <= _DIRECT_FRAMES else value.frame * 2 + bool(value.fieldPhase)
    if value.hours > 23 or value.minutes > 59 or value.seconds > 59 or frame >= rate:
        return None
    drop = bool(value.dropFrame) and rate in (30, 60)
    return Timecode.of(value.hours, value.minutes, value.seconds, frame, rate=rate, drop=drop)


def timecode_attribute(timecode: Timecode, *, like: Any = None) -> Any:
    """A Timecode as an OpenEXR.TimeCode, with the flags and user bits of another one (``like``) where it is given."""
    hours, minutes, seconds, frame = timecode.fields
    phase = like.fieldPhase if like is not None else 0
    if timecode.rate > _DIRECT_FRAMES:
        frame, phase = divmod(frame, 2)
    flags = (0, phase, 0, 0, 0) if like is None else (like.colorFrame, phase, like.bgf0, like.bgf1, like.bgf2)
    value = OpenEXR.TimeCode(hours, minutes, seconds, frame, int(timecode.drop), *map(int, flags), *[0] * 8)
    value.userData = 0 if like is None else like.userData
    return value


def _is_writable(value: Any) -> bool:
    # OpenEXR's module tells the type of a vector from its first element.
    return not (isinstance(value, list) and not value)
