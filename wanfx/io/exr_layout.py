"""The structure of an OpenEXR file as it lies on disk: its parts, channel types, attributes and chunks.

OpenEXR's Python module tells neither the channels' pixel types without decoding them nor whether the pixels are all
there (it prints a warning and leaves the part out), and one attribute that it cannot represent makes the whole file
unreadable. What is needed to close these gaps is read here, from the format's own description:
https://openexr.com/en/latest/OpenEXRFileLayout.html
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from wanfx.errors import FrameReadError
from wanfx.frames import Box

ExrPixelType = Literal["uint", "half", "float"]

_MAGIC = 20000630
_TILED, _DEEP, _MULTIPART = 0x200, 0x800, 0x1000
_PIXEL_TYPES: tuple[ExrPixelType, ...] = ("uint", "half", "float")
# Index: the number in the file. Value: scanlines in a chunk.
_COMPRESSIONS = {"none": 1, "rle": 1, "zips": 1, "zip": 16, "piz": 32, "pxr24": 16, "b44": 32, "b44a": 32}
_COMPRESSIONS |= {"dwaa": 32, "dwab": 256}
_COPY_AGAIN = "copy or render the frame again"
# OpenEXR's Python module raises for these types.
_UNKNOWN_TO_PYTHON = ("idmanifest", "deepImageState")
_LONGEST_NAME = 255


@dataclass(frozen=True)
class ExrChannel:
    """A channel; ``sampling`` is (1, 1) unless it is subsampled."""

    name: str
    pixel_type: ExrPixelType
    sampling: tuple[int, int]


@dataclass(frozen=True)
class ExrAttribute:
    """Where the type's name and the value of an attribute lie; ``is_readable`` is False where OpenEXR would raise."""

    name: str
    type: str
    type_at: int
    value: bytes
    is_readable: bool


@dataclass(frozen=True)
class ExrPart:
    """One part; ``name`` is empty where it has none."""

    name: str
    storage: Literal["scanline", "tiled", "deep"]
    channels: tuple[ExrChannel, ...]
    data_window: Box
    compression: str
    attributes: tuple[ExrAttribute, ...]
    chunk_count: int | None

    @property
    def unreadable(self) -> tuple[str, ...]:
        return tuple(attribute.name for attribute in self.attributes if not attribute.is_readable)


@dataclass(frozen=True)
class ExrLayout:
    """The parts of a file; chunk tables start at byte ``table_at``."""

    path: Path
    frame: int | None
    parts: tuple[ExrPart, ...]
    is_multipart: bool
    table_at: int

    def error(self, what: str, *, remedy: str = _COPY_AGAIN) -> FrameReadError:
        return FrameReadError(what, path=self.path, frame=self.frame, remedy=remedy)

    def readable_source(self) -> str | BinaryIO:
        """What OpenEXR.File is to open: the path, or a copy in memory in which the types of unreadable attributes
        are unknown ones, which OpenEXR hands over as opaque bytes."""
        places = [a.type_at for part in self.parts for a in part.attributes if not a.is_readable]
        if not places:
            return str(self.path)
        data = bytearray(self.path.read_bytes())
        for place in places:
            data[place] = ord("?")
        return io.BytesIO(data)


def read_layout(path: str | Path, *, frame: int | None = None) -> ExrLayout:
    """The structure of an EXR file. Raises FrameReadError where it is missing, empty, no EXR or cut in its header."""
    path = Path(path)

    def error(what: str, remedy: str = _COPY_AGAIN) -> FrameReadError:
        return FrameReadError(what, path=path, frame=frame, remedy=remedy)

    try:
        with path.open("rb") as file:
            start = file.read(8)
            if not start:
                raise error("is empty (0 bytes)")
            if len(start) < 8 or struct.unpack("<I", start[:4])[0] != _MAGIC:
                raise error("is not an OpenEXR file, whatever its name says", "export it as EXR, or correct its name")
            flags = struct.unpack("<I", start[4:])[0]
            parts = tuple(_parts(file, flags))
            return ExrLayout(path, frame, parts, bool(flags & _MULTIPART), file.tell())
    except FileNotFoundError as missing:
        raise error("there is no such file", "check the path and the frame range") from missing
    except OSError as failed:
        raise error(
            f"cannot be opened ({(failed.strerror or str(failed)).lower()})", "check its permissions"
        ) from failed
    except (struct.error, KeyError, IndexError, UnicodeDecodeError, EOFError) as broken:
        raise error("has a broken header") from broken


def check_complete(layout: ExrLayout) -> None:
    """Raise FrameReadError where pixels are missing: the file was cut short, or its writer never finished."""
    counts = [part.chunk_count for part in layout.parts]
    with layout.path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(layout.table_at)
        for part, count in zip(layout.parts, counts, strict=True):
            if count is None:
                # Rare layouts (mip maps, codecs newer than this list): OpenEXR finds out when it decodes.
                return
            table = np.frombuffer(file.read(8 * count), "<u8")
            if (
                len(table) < count
                or not table.all()
                or not _last_chunk_fits(file, part, layout, int(table.max()), size)
            ):
                raise layout.error("is truncated: pixels are missing")


def _last_chunk_fits(file: BinaryIO, part: ExrPart, layout: ExrLayout, chunk_at: int, size: int) -> bool:
    resume_at = file.tell()
    leader_bytes = (20 if part.storage == "tiled" else 8) + (4 if layout.is_multipart else 0)
    file.seek(chunk_at)
    leader = file.read(leader_bytes)
    file.seek(resume_at)
    if len(leader) < leader_bytes:
        return False
    packed_bytes = int(struct.unpack("<i", leader[-4:])[0])
    return chunk_at + leader_bytes + packed_bytes <= size


def _parts(file: BinaryIO, flags: int) -> Iterator[ExrPart]:
    while attributes := tuple(_attributes(file)):
        yield _part(attributes, flags)
        if not flags & _MULTIPART:
            return


def _attributes(file: BinaryIO) -> Iterator[ExrAttribute]:
    while name := _text(file):
        type_at = file.tell()
        kind = _text(file)
        (size,) = struct.unpack("<i", file.read(4))
        value = file.read(size)
        if size < 0 or len(value) < size:
            raise EOFError
        yield ExrAttribute(name, kind, type_at, value, _is_readable(kind, value))


def _text(file: BinaryIO) -> str:
    start = file.tell()
    text, end, _rest = file.read(_LONGEST_NAME + 1).partition(b"\0")
    if not end:
        raise EOFError
    file.seek(start + len(text) + 1)
    return text.decode()


def _is_readable(kind: str, value: bytes) -> bool:
    if kind in ("string", "stringvector"):
        texts = [value] if kind == "string" else list(_string_vector(value))
        try:
            [text.decode() for text in texts]
        except UnicodeDecodeError:
            return False
    if kind == "rational":
        return value[4:8] != b"\0\0\0\0"
    return kind not in _UNKNOWN_TO_PYTHON


def _string_vector(value: bytes) -> Iterator[bytes]:
    while value:
        (size,) = struct.unpack("<i", value[:4])
        yield value[4 : 4 + size]
        value = value[4 + size :] if size >= 0 else b""


def _part(attributes: tuple[ExrAttribute, ...], flags: int) -> ExrPart:
    values = {attribute.name: attribute.value for attribute in attributes}
    storage = _storage(values, flags)
    x0, y0, x1, y1 = struct.unpack("<4i", values["dataWindow"])
    window = Box.from_window((x0, y0), (x1, y1))
    code = values["compression"][0]
    compression = list(_COMPRESSIONS)[code] if code < len(_COMPRESSIONS) else f"code {code}"
    return ExrPart(
        name=values.get("name", b"").decode(),
        storage=storage,
        channels=tuple(_channels(values["channels"])),
        data_window=window,
        compression=compression,
        attributes=attributes,
        chunk_count=_chunk_count(values, storage, window, compression),
    )


def _storage(values: dict[str, bytes], flags: int) -> Literal["scanline", "tiled", "deep"]:
    kind = values.get("type", b"").decode()
    if kind.startswith("deep") or (flags & _DEEP and not kind):
        return "deep"
    # In a single-part file the version flag counts, whatever `type` says.
    is_tiled = kind == "tiledimage" if flags & _MULTIPART else bool(flags & _TILED)
    return "tiled" if is_tiled else "scanline"


def _channels(value: bytes) -> Iterator[ExrChannel]:
    while value[0]:
        name, _, value = value.partition(b"\0")
        pixel_type, x_sampling, y_sampling = struct.unpack("<i4x2i", value[:16])
        yield ExrChannel(name.decode(), _PIXEL_TYPES[pixel_type], (x_sampling, y_sampling))
        value = value[16:]


def _chunk_count(values: dict[str, bytes], storage: str, window: Box, compression: str) -> int | None:
    if "chunkCount" in values:
        return int(struct.unpack("<i", values["chunkCount"])[0])
    if storage == "scanline" and compression in _COMPRESSIONS:
        return -(-window.height // _COMPRESSIONS[compression])
    if storage == "tiled" and values["tiles"][8] & 0xF == 0:
        width, height = (int(side) for side in struct.unpack("<2I", values["tiles"][:8]))
        return -(-window.width // width) * -(-window.height // height)
    return None
