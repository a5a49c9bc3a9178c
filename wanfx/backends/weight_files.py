"""Files of weights looked at before they are taken: of the kind their name says, and all there."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from wanfx.errors import InputError

_POINTER = b"version https://git-lfs"
# The kinds of a protobuf field, and the numbers of two fields that every ONNX model has.
_VARINT, _LENGTH, _FIXED_BYTES = 0, 2, {1: 8, 5: 4}
_VERSION, _GRAPH = 1, 7


def check_weight_file(path: Path) -> None:
    """Raise InputError for Git LFS's pointer, and for a safetensors or ONNX file that is none or is cut off."""
    with path.open("rb") as file:
        if file.read(len(_POINTER)) == _POINTER:
            raise InputError("is only Git LFS's pointer to the file", path=path, remedy="run `git lfs pull` there")
        file.seek(0)
        is_whole = _IS_WHOLE.get(path.suffix.lower())
        if is_whole is not None and not is_whole(file, path.stat().st_size):
            raise InputError(
                f"is no {path.suffix[1:]} file, or not the whole of one", path=path,
                remedy="copy it again from where it was published",
            )  # fmt: skip


def _is_whole_safetensors(file: BinaryIO, size_bytes: int) -> bool:
    """A length, a JSON header of so many bytes, then the numbers, up to where the header says that the last ends."""
    header_bytes = int.from_bytes(file.read(8), "little")
    if not 2 <= header_bytes <= size_bytes - 8:
        return False
    try:
        header = json.loads(file.read(header_bytes))
        ends = [one["data_offsets"][1] for name, one in header.items() if name != "__metadata__"]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        return False
    return size_bytes == 8 + header_bytes + max(ends, default=0)


def _is_whole_onnx(file: BinaryIO, size_bytes: int) -> bool:
    """A protobuf message, which ends where its last field does, with a version and a graph."""
    try:
        return {_VERSION, _GRAPH} <= set(_fields(file, size_bytes))
    except ValueError:
        return False


def _fields(file: BinaryIO, size_bytes: int) -> Iterator[int]:
    """The number of each field of a message. Raises ValueError where it is none, or is cut off."""
    while (at := file.tell()) < size_bytes:
        tag = _read_varint(file)
        kind = tag & 7
        if kind == _VARINT:
            _read_varint(file)
            length = 0
        elif kind == _LENGTH:
            length = _read_varint(file)
        elif kind in _FIXED_BYTES:
            length = _FIXED_BYTES[kind]
        else:
            raise ValueError(f"no field at byte {at}")
        if length > size_bytes - file.tell():
            raise ValueError(f"the field at byte {at} is cut off")
        file.seek(length, os.SEEK_CUR)
        yield tag >> 3


def _read_varint(file: BinaryIO) -> int:
    """Seven bits a byte, the lowest first."""
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            raise ValueError("a number is cut off")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise ValueError("a number of more than 64 bits")


_IS_WHOLE = {".safetensors": _is_whole_safetensors, ".onnx": _is_whole_onnx}
