"""Pictures other than EXR, read through OpenImageIO: PNG, JPEG, TIFF, DPX; and PNGs written for reports.

Values come as the file has them, still encoded: no colour space, transfer function or premultiplication is applied.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
import OpenImageIO as oiio

from wanfx.errors import FrameReadError, WanfxError
from wanfx.frames import Box, Size, Timecode, exact_rate
from wanfx.io.atomic import atomic_path

Float = npt.NDArray[np.float32]
AlphaAssociation = Literal["none", "straight", "premultiplied"]

_SEPARATED_TIFF = 5
_UNSET_TIMECODE = 0xFFFFFFFF
# In order: what a file says about its colours. OpenImageIO's own guess comes last: it calls every untagged PNG sRGB.
_COLOR_TAGS = ("ICCProfile:profile_description", "dpx:Transfer", "oiio:ColorSpace")
_SAYS_NOTHING = ("Undefined", "User defined")


@dataclass(frozen=True, eq=False)
class Still:
    """A picture as its file has it.

    ``pixels`` are float32 (H, W, 3), encoded: integers divided by their largest value, floats as they are; grey is
    repeated. ``alpha`` is float32 (H, W) or None; ``alpha_association`` says whether ``pixels`` are multiplied by it.
    The picture stands upright (EXIF orientation is applied, to the windows too). ``color_space_tag`` is what the file,
    or OpenImageIO for it, says about its colours: an ICC profile's description, a DPX transfer, a name.
    """

    path: Path
    pixels: Float
    alpha: Float | None
    alpha_association: AlphaAssociation
    bit_depth: int
    is_float: bool
    color_space_tag: str | None
    pixel_aspect: float
    data_window: Box
    display_window: Box
    smpte_timecode: int | None

    def timecode_at(self, rate: int) -> Timecode | None:
        """The timecode (DPX) counted at a nominal ``rate``; None where there is none, or one that is no time of day.

        Binary-coded decimals, two digits a byte: SMPTE ST 268-1, 10.3.
        """
        return _timecode(self.smpte_timecode, rate)


@dataclass(frozen=True)
class StillHeader:
    """What a picture's file says before its pixels are read.

    ``size`` is that of the upright picture. ``color_tags`` are for `wanfx_color.tell_color_space`. ``fps`` is a DPX's
    frame rate.
    """

    size: Size
    pixel_aspect: float
    color_tags: Mapping[str, str]
    fps: Fraction | None
    smpte_timecode: int | None

    def timecode_at(self, rate: int) -> Timecode | None:
        """The timecode (DPX) counted at a nominal ``rate``; None where there is none, or one that is no time of day."""
        return _timecode(self.smpte_timecode, rate)


def read_still_header(path: str | Path, *, frame: int | None = None) -> StillHeader:
    """The header of a PNG, JPEG, TIFF or DPX. Raises FrameReadError as `read_still` does, but for broken pixels."""
    path = Path(path)
    _check_there(path, frame)
    source = _open(path, oiio.ImageSpec(), frame)
    spec = source.spec()
    source.close()
    _check_color(spec, path, frame)
    turned = spec.get_int_attribute("Orientation", 1) >= 5
    aspect = float(spec.get_float_attribute("PixelAspectRatio", 1.0)) or 1.0
    rate = spec.get_float_attribute("dpx:FrameRate", 0.0) or spec.get_float_attribute("dpx:TemporalFrameRate", 0.0)
    return StillHeader(
        size=Size(spec.height, spec.width) if turned else Size(spec.width, spec.height),
        pixel_aspect=1 / aspect if turned else aspect,
        color_tags=_color_tags(spec, path),
        fps=exact_rate(rate) if 1.0 <= rate <= 1000.0 else None,
        smpte_timecode=_smpte_timecode(spec),
    )


def _color_tags(spec: Any, path: Path) -> dict[str, str]:
    tags = {"oiio:BitsPerSample": str(_bit_depth(spec))}
    tag = _color_tag(spec)
    # OpenImageIO calls every PNG and JPEG sRGB, whether its file says so or not: no proof of a tag.
    if tag is not None and path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        tags["oiio:ColorSpace"] = tag
    return tags


def read_still(path: str | Path, *, frame: int | None = None) -> Still:
    """Read a PNG, JPEG, TIFF or DPX.

    Raises FrameReadError, with ``path`` and ``frame``, where it is missing, empty, truncated or no picture; for CMYK
    and GIF, and for pictures that are neither grey nor RGB.
    """
    path = Path(path)
    _check_there(path, frame)
    config = oiio.ImageSpec()
    # Without it OpenImageIO multiplies by alpha, and a round trip of 8-bit values through that loses most of them.
    config.attribute("oiio:UnassociatedAlpha", 1)
    source = _open(path, config, frame)
    try:
        spec = source.spec()
        _check_color(spec, path, frame)
        values = source.read_image(format=spec.format)
        problem = source.geterror()
    finally:
        source.close()
    # A JPEG that was cut short is read as grey from there on, and only the message says so.
    if values is None or problem:
        raise _error(f"is truncated or corrupt ({_one_line(problem)})", path, frame)
    return _still(path, spec, _as_float(values, spec, path, frame), frame)


def write_picture(path: str | Path, display_rgb: npt.NDArray[Any], *, durable: bool = True) -> None:
    """Write a display-encoded picture, uint8 or uint16 (H, W, 3), as the suffix says: .png, or .ppm, which is larger
    and much quicker to write and read.

    ``durable`` is as in `wanfx.io.atomic.atomic_path`. Raises DiskFullError, NotWritableError.
    """
    if display_rgb.dtype not in (np.uint8, np.uint16) or display_rgb.ndim != 3 or display_rgb.shape[2] != 3:
        raise WanfxError(f"a picture is uint8 or uint16 RGB, not {display_rgb.dtype} {display_rgb.shape}", path=path)
    # OpenImageIO's PNG writer reports success on a full disk, so the file is made in memory and written here.
    encoded, data = cv2.imencode(Path(path).suffix, np.ascontiguousarray(display_rgb[..., ::-1]))
    if not encoded:
        raise WanfxError("cannot be encoded", path=path)
    with atomic_path(path, durable=durable) as temporary:
        temporary.write_bytes(data.tobytes())


def _still(path: Path, spec: Any, values: Float, frame: int | None) -> Still:
    channels = _channel_indices(spec, path, frame)
    turned = _upright(values, spec.get_int_attribute("Orientation", 1))
    alpha = turned[..., spec.alpha_channel] if spec.alpha_channel >= 0 else None
    data = Box(spec.x, spec.y, spec.x + spec.width, spec.y + spec.height)
    display = Box(spec.full_x, spec.full_y, spec.full_x + spec.full_width, spec.full_y + spec.full_height)
    aspect = float(spec.get_float_attribute("PixelAspectRatio", 1.0)) or 1.0
    if spec.get_int_attribute("Orientation", 1) >= 5:
        aspect = 1 / aspect
        data, display = _transposed(data), _transposed(display)
    return Still(
        path=path,
        pixels=np.ascontiguousarray(turned[..., channels]),
        alpha=None if alpha is None else np.ascontiguousarray(alpha),
        alpha_association=_association(spec),
        bit_depth=_bit_depth(spec),
        is_float=_is_float(spec),
        color_space_tag=_color_tag(spec),
        pixel_aspect=aspect,
        data_window=data,
        display_window=display,
        smpte_timecode=_smpte_timecode(spec),
    )


def _check_there(path: Path, frame: int | None) -> None:
    try:
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise _error("there is no such file", path, frame, remedy="check the path") from error
    except OSError as error:
        raise _error(f"cannot be opened ({error.strerror})", path, frame, remedy="check its permissions") from error
    if not path.is_file() or size == 0:
        raise _error("is empty (0 bytes)" if path.is_file() else "is not a file", path, frame)


def _open(path: Path, config: Any, frame: int | None) -> Any:
    source = oiio.ImageInput.open(str(path), config)
    if source is None:
        # What OpenImageIO says is of its own readers; left unread it would be said of another file.
        oiio.geterror()
        raise _error("is not a picture that can be read", path, frame)
    # Of a GIF that moves only the first picture would be taken, and no more than 256 colours of any.
    if source.format_name() == "gif":
        source.close()
        raise _error("is a GIF", path, frame, remedy="export it as PNG, one file a frame")
    return source


def _check_color(spec: Any, path: Path, frame: int | None) -> None:
    spaces = {spec.get_string_attribute(name) for name in ("jpeg:ColorSpace", "tiff:ColorSpace", "oiio:ColorSpace")}
    is_separated = spec.get_int_attribute("tiff:PhotometricInterpretation", 0) == _SEPARATED_TIFF
    if is_separated or any(space.upper() in ("CMYK", "YCCK") for space in spaces):
        raise _error("is CMYK, made for print", path, frame, remedy="export it as RGB (sRGB)")


def _channel_indices(spec: Any, path: Path, frame: int | None) -> list[int]:
    names = [name.upper() for name in spec.channelnames]
    if all(name in names for name in "RGB"):
        return [names.index(name) for name in "RGB"]
    colors = [index for index in range(spec.nchannels) if index != spec.alpha_channel]
    if len(colors) == 1:
        return colors * 3
    raise _error(f"has channels {', '.join(spec.channelnames)}", path, frame, remedy="export it as RGB")


def _as_float(values: npt.NDArray[Any], spec: Any, path: Path, frame: int | None) -> Float:
    if np.issubdtype(values.dtype, np.floating):
        return values.astype(np.float32)
    if not np.issubdtype(values.dtype, np.unsignedinteger):
        raise _error(f"has values of type {values.dtype}", path, frame, remedy="export it as 8 or 16 bit")
    stored, depth = values.dtype.itemsize * 8, _bit_depth(spec)
    # OpenImageIO spreads 10 and 12 bits over 16 by repeating the upper ones; what was stored is exact.
    if depth > 16:
        return (values / np.float64(2**depth - 1)).astype(np.float32)
    return (values >> (stored - depth)).astype(np.float32) / np.float32(2**depth - 1)


def _bit_depth(spec: Any) -> int:
    stored = int(spec.format.basesize()) * 8
    said = int(spec.get_int_attribute("oiio:BitsPerSample", stored))
    return said if 8 <= said < stored or _is_float(spec) else stored


def _is_float(spec: Any) -> bool:
    return spec.format.basetype in (oiio.HALF, oiio.FLOAT, oiio.DOUBLE)


def _association(spec: Any) -> AlphaAssociation:
    if spec.alpha_channel < 0:
        return "none"
    return "straight" if spec.get_int_attribute("oiio:UnassociatedAlpha", 0) else "premultiplied"


def _color_tag(spec: Any) -> str | None:
    said = (spec.get_string_attribute(tag) for tag in _COLOR_TAGS)
    return next((text for text in said if text and text not in _SAYS_NOTHING), None)


def _upright(values: Float, orientation: int) -> Float:
    """Undo the EXIF orientation (TIFF 6.0, tag 274)."""
    if orientation >= 5:
        values = values.swapaxes(0, 1)
    flip_rows, flip_columns = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    return values[:: -1 if flip_rows else 1, :: -1 if flip_columns else 1]


def _transposed(box: Box) -> Box:
    return Box(box.y0, box.x0, box.y1, box.x1)


def _smpte_timecode(spec: Any) -> int | None:
    value = spec.getattribute("smpte:TimeCode")
    if not isinstance(value, tuple | list) or not value:
        return None
    packed = int(value[0]) & 0xFFFFFFFF
    return None if packed == _UNSET_TIMECODE else packed


def _timecode(digits: int | None, rate: int) -> Timecode | None:
    if digits is None:
        return None
    # The upper bits of each pair hold flags: drop frame in that of the frames (SMPTE ST 12-1, 9.2).
    masks = ((24, 0x3F), (16, 0x7F), (8, 0x7F), (0, 0x3F))
    hours, minutes, seconds, frame = (_from_bcd((digits >> shift) & mask) for shift, mask in masks)
    if hours > 23 or minutes > 59 or seconds > 59 or frame >= rate:
        return None
    drop = bool(digits & 0x40) and rate in (30, 60)
    return Timecode.of(hours, minutes, seconds, frame, rate=rate, drop=drop)


def _from_bcd(value: int) -> int:
    return (value >> 4) * 10 + (value & 0xF)


def _one_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "no reason given"


def _error(what: str, path: Path, frame: int | None, *, remedy: str = "export or copy it again") -> FrameReadError:
    return FrameReadError(what, path=path, frame=frame, remedy=remedy)
