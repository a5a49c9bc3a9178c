"""Cryptomatte: EXRs from which a compositor picks objects by name.

A pixel holds ranks of an object's id and how much of the pixel it covers, as pairs of 32-bit channels: of the layer
``CryptoObject``, ``CryptoObject00.R`` is the first id, ``.G`` its coverage, ``.B`` and ``.A`` the second pair,
``CryptoObject01`` has the next two. The header names the objects. The specification is Psyop's, "Cryptomatte
Specification" version 1.2.0 (https://github.com/Psyop/Cryptomatte).

The metadata is in the first part and there is no other: Blender lists no layer whose metadata is elsewhere, and needs
no picture beside it.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wanfx.errors import FrameReadError, InputError
from wanfx.frames import Box
from wanfx.io.exr_channels import find_picture, list_channels
from wanfx.io.exr_layout import ExrLayout, read_layout
from wanfx.io.exr_matte import read_display_window
from wanfx.io.exr_parts import Part, write_parts
from wanfx.io.exr_pixels import Pixels, decode
from wanfx.ops.ranks import Ranks

LAYER = "CryptoObject"
"""The layer of objects by name; Blender and Nuke know it."""
BACKGROUND = "background"
"""The name of what no object covers."""
_HASH, _CONVERSION = "MurmurHash3_32", "uint32_to_float32"
_PREFIX = "cryptomatte/"
_PAIRS = ("RG", "BA")
_COMPONENTS = {"red": "R", "green": "G", "blue": "B", "alpha": "A"}
_WORD = 0xFFFFFFFF


@dataclass(frozen=True, eq=False)
class Cryptomatte:
    """One layer of a file: ``names`` maps objects to ids, as the manifest has it (empty where there is none).

    Ranks are (R, H, W) in ``data_window``.
    """

    layer: str
    names: Mapping[str, float]
    ranks: Ranks
    data_window: Box
    display_window: Box

    def matte(self, name: str) -> Pixels:
        """How much of each pixel the object covers, float32 (H, W); by its name alone, not by the manifest."""
        return self.ranks.coverage(object_id(name))


def murmur3_32(data: bytes, *, seed: int = 0) -> int:
    """MurmurHash3_x86_32 (Austin Appleby, public domain).

    >>> hex(murmur3_32(b"torus"))
    '0xf19c73fd'
    """
    value = seed
    whole = len(data) // 4 * 4
    for (block,) in struct.iter_unpack("<I", data[:whole]):
        value = _turn(value ^ _scramble(block), 13) * 5 + 0xE6546B64 & _WORD
    value ^= _scramble(int.from_bytes(data[whole:], "little")) ^ len(data)
    value = (value ^ value >> 16) * 0x85EBCA6B & _WORD
    value = (value ^ value >> 13) * 0xC2B2AE35 & _WORD
    return value ^ value >> 16


def _turn(value: int, bits: int) -> int:
    return (value << bits | value >> 32 - bits) & _WORD


def _scramble(block: int) -> int:
    return _turn(block * 0xCC9E2D51 & _WORD, 15) * 0x1B873593 & _WORD


def object_id(name: str) -> float:
    """The id of a name: the bits of its hash as a float32 that is never 0, subnormal, infinite or NaN.

    "ID Generation" of the specification: UTF-8, and one bit of the exponent turned where all are equal.

    >>> round(object_id("plane"), 21)
    3.6655761759e-11
    """
    bits = murmur3_32(name.encode())
    if bits >> 23 & 0xFF in (0, 0xFF):
        bits ^= 1 << 23
    return float(struct.unpack("<f", struct.pack("<I", bits))[0])


def id_text(identifier: float) -> str:
    """An id as manifests have it: the eight hexadecimal digits of its bits.

    >>> id_text(object_id("bunny"))
    '13851a76'
    """
    return f"{struct.unpack('<I', struct.pack('<f', identifier))[0]:08x}"


def object_ids(names: Iterable[str]) -> dict[str, float]:
    """Name to id. Raises InputError for an empty name and for names that would have one id."""
    ids: dict[str, float] = {}
    for name in names:
        identifier = object_id(name)
        if not name:
            raise InputError("an object without a name cannot be picked from a Cryptomatte", remedy="give it a name")
        if other := next((known for known, theirs in ids.items() if theirs == identifier), None):
            raise InputError(
                f"{other!r} and {name!r} cannot be told apart in a Cryptomatte: both are {id_text(identifier)}",
                remedy="give one of them another name",
            )
        ids[name] = identifier
    return ids


def write_cryptomatte(
    path: str | Path,
    ranks: Ranks,
    *,
    names: Mapping[str, float],
    data_window: Box,
    display_window: Box,
    pixel_aspect: float = 1.0,
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Write ``ranks`` (R, H, W) as 32-bit channels of one part, with ``names`` (to ids) as the manifest.

    ``attributes`` are further header attributes. The file is tagged as data (``colorInteropID``), by which Blender 5
    reads it raw by itself. Raises DiskFullError, NotWritableError.
    """
    planes: dict[str, Pixels] = {}
    for rank, (ids, coverages) in enumerate(zip(ranks.ids, ranks.coverages, strict=True)):
        planes |= {name: plane for name, plane in zip(_channels(rank), (ids, coverages), strict=True)}
    if len(ranks.ids) % 2:
        planes |= dict.fromkeys(_channels(len(ranks.ids)), np.zeros_like(ranks.ids[0]))
    manifest = {name: id_text(identifier) for name, identifier in names.items()}
    entries = {
        "name": LAYER, "hash": _HASH, "conversion": _CONVERSION,
        # Blender's own parser of manifests knows no \u: names stay as they are.
        "manifest": json.dumps(manifest, ensure_ascii=False, separators=(",", ":")),
    }  # fmt: skip
    metadata = {f"{_PREFIX}{layer_key(LAYER)}/{name}": text for name, text in entries.items()}
    write_parts(
        path,
        [Part(LAYER, tuple(planes.values()), tuple(planes))],
        data_window=data_window,
        display_window=display_window,
        pixel_aspect=pixel_aspect,
        compression="zip",
        attributes={**(attributes or {}), **metadata, "colorInteropID": "data"},
    )


def layer_key(layer: str) -> str:
    """The seven digits under which a header has a layer's metadata.

    >>> layer_key("CryptoObject")
    '3ae39a5'
    """
    return id_text(object_id(layer))[:7]


def is_cryptomatte(path: str | Path) -> bool:
    """Whether an EXR holds Cryptomattes and no picture. Raises FrameReadError where it is no EXR."""
    layout = read_layout(path)
    try:
        find_picture(layout)
    except FrameReadError:
        return bool(_layers(layout))
    return False


def read_cryptomatte(path: str | Path, *, layer: str = LAYER, frame: int | None = None) -> Cryptomatte:
    """A layer of any Cryptomatte EXR. Raises FrameReadError where it is not there, broken, or not of 32 bits."""
    layout = read_layout(path, frame=frame)
    entries = _find_layer(layout, layer)
    for name, known in (("hash", _HASH), ("conversion", _CONVERSION)):
        if entries.get(name) != known:
            raise layout.error(
                f"Cryptomatte {layer} has {name} {entries.get(name)!r}", remedy=f"render it with {name} {known}"
            )
    part, channels = _find_channels(layout, layer)
    planes = decode(layout, only=(part,)).planes[part]
    pairs = [(planes[channels[f"{rank:02d}{pair[0]}"]], planes[channels[f"{rank:02d}{pair[1]}"]])
             for rank in range(len(channels) // 4) for pair in _PAIRS]  # fmt: skip
    ranks = Ranks(*(np.stack([pair[index] for pair in pairs]) for index in range(2)))
    return Cryptomatte(
        layer, _names(layout, entries), ranks, layout.parts[part].data_window, read_display_window(path, frame=frame)
    )


def _channels(rank: int) -> tuple[str, ...]:
    return tuple(f"{LAYER}{rank // 2:02d}.{component}" for component in _PAIRS[rank % 2])


def _layers(layout: ExrLayout) -> list[dict[str, str]]:
    """The metadata of each layer, by the last word of each key."""
    found: dict[str, dict[str, str]] = {}
    for attribute in (attribute for part in layout.parts for attribute in part.attributes):
        if attribute.name.startswith(_PREFIX) and attribute.type == "string":
            key, _, word = attribute.name.removeprefix(_PREFIX).partition("/")
            found.setdefault(key, {})[word] = attribute.value.decode("utf-8", "replace")
    return list(found.values())


def _find_layer(layout: ExrLayout, layer: str) -> dict[str, str]:
    layers = _layers(layout)
    for entries in layers:
        if entries.get("name") == layer:
            return entries
    names = ", ".join(sorted(entries.get("name", "?") for entries in layers)) or "none"
    raise layout.error(f"has no Cryptomatte {layer}; it has {names}", remedy="give the file that has it")


def _find_channels(layout: ExrLayout, layer: str) -> tuple[int, dict[str, str]]:
    """The part of the layer's channels, and their full names by rank and component, as ``00R``."""
    pattern = re.compile(rf"(?:.*\.)?{re.escape(layer)}(\d\d)\.(\w+)$")
    for index, part in enumerate(layout.parts):
        channels: dict[str, str] = {}
        for channel in part.channels:
            if match := pattern.match(channel.name):
                if channel.pixel_type != "float":
                    raise layout.error(
                        f"{channel.name} is {channel.pixel_type}: ids are lost", remedy="write Cryptomattes as 32 bits"
                    )
                component = _COMPONENTS.get(match[2].lower(), match[2].upper())
                channels[match[1] + component] = channel.name
        wanted = {f"{rank:02d}{component}" for rank in range(len(channels) // 4) for component in "RGBA"}
        if channels and wanted == channels.keys():
            return index, channels
    raise layout.error(f"lacks channels of Cryptomatte {layer} (channels {list_channels(layout)})")


def _names(layout: ExrLayout, entries: Mapping[str, str]) -> dict[str, float]:
    try:
        manifest = json.loads(entries.get("manifest", "{}"))
        return {name: float(struct.unpack(">f", bytes.fromhex(text))[0]) for name, text in manifest.items()}
    except (ValueError, TypeError, AttributeError, struct.error) as error:
        raise layout.error(f"has a broken Cryptomatte manifest ({error})") from error
