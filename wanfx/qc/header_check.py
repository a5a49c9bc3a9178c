"""A comp frame's header looked at: windows, time, parts, provenance, and whether anything stale is left in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from wanfx.frames import nominal_rate
from wanfx.io import exr
from wanfx.stages.header import PREFIX, STALE

Fault = Callable[[str, str], None]
LOSSLESS = ("zip", "zips", "piz", "rle", "none")
TAGS = ("chromaticities", "colorInteropID")
# A comp's own: of the plate's they may differ.
_OWN = (*STALE, "timeCode", "framesPerSecond", "name", "type", "chunkCount")


def check_header(header: exr.ExrHeader, fact: Mapping[str, Any], manifest: Mapping[str, Any], fault: Fault) -> None:
    """What the manifest says of a frame's header, and what must not be in one."""
    plate = manifest["plate"]
    _check_time(header, fact, manifest, fault)
    for what, ours, theirs in (
        ("data window", header.data_window.as_list(), fact["data_window"]),
        ("display window", header.display_window.as_list(), plate["display_window"]),
        ("pixel aspect", round(header.pixel_aspect, 6), round(plate["pixel_aspect"], 6)),
    ):
        if ours != theirs:
            fault("native-size", f"{what} is {ours}, the plate's is {theirs}")
    found, grown = header.data_window.as_list(), plate["data_window"]
    if any(plate.get("border", ())) and found == fact["data_window"] != grown:
        fault("native-size", f"data window is {found}, the extended plate's is {grown}")
    for name, compression in zip(header.parts, header.compressions, strict=True):
        if compression not in LOSSLESS:
            fault("scene-linear", f"compression {compression} of {name} loses pixels")
    if header.pixel_type != plate["pixel_type"]:
        fault("scene-linear", f"pixels are {header.pixel_type}, the plate's are {plate['pixel_type']}")
    _check_provenance(header, fact, fault)


def _check_time(header: exr.ExrHeader, fact: Mapping[str, Any], manifest: Mapping[str, Any], fault: Fault) -> None:
    fps = Fraction(manifest["plate"]["fps"])
    found = timecode_of(header, manifest)
    if found != fact["timecode"]:
        others = manifest["frame_facts"].items() if found is not None else ()
        same = next((frame for frame, other in others if other["timecode"] == found), None)
        whose = "" if same is None else f" (that of frame {same})"
        fault("frame-lock", f"timecode is {found}, the plate's is {fact['timecode']}{whose}")
    if header.fps is not None and header.fps != fps:
        fault("frame-lock", f"framesPerSecond is {header.fps}, the plate's is {fps}")


def timecode_of(header: exr.ExrHeader, manifest: Mapping[str, Any]) -> str | None:
    """The header's timecode as the manifest writes it."""
    timecode = header.timecode_at(nominal_rate(Fraction(manifest["plate"]["fps"])))
    return None if timecode is None else str(timecode)


def _check_provenance(header: exr.ExrHeader, fact: Mapping[str, Any], fault: Fault) -> None:
    expected = {PREFIX + name: value for name, value in fact["provenance"].items()}
    for name, value in expected.items():
        if header.attributes.get(name) != value:
            fault("provenance", f"header {name} is {header.attributes.get(name)!r}, not {value!r}")
    for name in header.attributes:
        if name.startswith(PREFIX) and name not in expected:
            fault("provenance", f"header {name} is stale: it is not of what made this frame")


def check_carried(header: exr.ExrHeader, plate: exr.ExrHeader, fault: Fault) -> None:
    """Whether the plate's attributes were carried over as they are in this frame's plate, and no others."""
    theirs = {name: value for name, value in plate.attributes.items() if _is_carried(name)}
    ours = {name: value for name, value in header.attributes.items() if _is_carried(name)}
    for name in sorted(theirs.keys() | ours.keys()):
        if name not in theirs:
            fault("provenance", f"header {name} is stale: this frame's plate has none")
        elif name not in ours:
            fault("provenance", f"header {name} of the plate is not there")
        elif not _is_same(ours[name], theirs[name]):
            fault(
                "provenance", f"header {name} is stale: it is {_shown(ours[name])}, the plate's {_shown(theirs[name])}"
            )
    for name in STALE:
        if name not in TAGS and name in header.attributes:
            fault("provenance", f"header {name} is stale: it tells of the plate's own file")


def _is_carried(name: str) -> bool:
    return name not in _OWN and not name.startswith(PREFIX)


def _is_same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return bool(np.array_equal(one, other))
    return str(one) == str(other)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def check_parts(parts: Mapping[str, exr.Part], manifest: Mapping[str, Any], fault: Fault) -> bool:
    """Whether all parts are there, each with its own channels; what is missing, renamed or exchanged is named."""
    wanted: list[str] = list(manifest["comp"]["parts"])
    missing = [name for name in wanted if name not in parts]
    added = [name for name in parts if name not in wanted and name != "plate"]
    for name in list(missing):
        other = next((one for one in added if _layer(parts[one]) in (name, one) and _is_like(parts[one], name)), None)
        if other is not None:
            fault("nothing-lost", f"part {name} was renamed: it is called {other}")
            missing.remove(name)
            added.remove(other)
    if missing:
        fault("nothing-lost", f"{_list_parts(missing)} missing")
    for name in added:
        fault("nothing-lost", f"part {name} is not one of the comp's")
    _check_channels(parts, [name for name in wanted if name in parts], fault)
    return all(name in parts for name in wanted)


def _check_channels(parts: Mapping[str, exr.Part], names: list[str], fault: Fault) -> None:
    held = {name: _layer(parts[name]) for name in names if name != "rgba"}
    for name, layer in held.items():
        if layer == name:
            continue
        if held.get(layer) == name:
            if name < layer:
                fault("two-mattes", f"parts {name} and {layer} are swapped: each holds the other's channels")
        else:
            fault("two-mattes", f"part {name} holds channels {', '.join(parts[name].channels)}")
    if "rgba" in names and not set(parts["rgba"].channels) >= set("RGBA"):
        fault("two-mattes", f"part rgba holds channels {', '.join(parts['rgba'].channels)}")


def _layer(part: exr.Part) -> str:
    """What comes before the dot of its channels."""
    return part.channels[0].rpartition(".")[0]


def _is_like(part: exr.Part, name: str) -> bool:
    """Whether its channels are as many as those of the comp's part ``name``."""
    wanted = 1 if name.startswith(("matte_", "check_")) else 3 if name.startswith(("clean", "shadow", "wrap")) else 4
    return len(part.channels) == wanted


def _list_parts(names: list[str]) -> str:
    return f"part {names[0]} is" if len(names) == 1 else f"parts {', '.join(names)} are"
