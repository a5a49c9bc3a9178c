"""One comp frame looked at: its header, its kept pixels, its mattes, and whether its layers rebuild it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.errors import WanfxError
from wanfx.frames import Box, nominal_rate
from wanfx.io import exr
from wanfx.ops.comp import Mattes, any_channel, composite, is_lit
from wanfx.ops.edges import bounding_box
from wanfx.ops.kept import kept_digest
from wanfx.pixels import to_float, to_half
from wanfx.qc.crypto_check import check_crypto
from wanfx.stages.header import PREFIX

Pixels = npt.NDArray[Any]
LOSSLESS = ("zip", "zips", "piz", "rle", "none")


@dataclass(frozen=True)
class FrameFaults:
    """What is wrong with a frame, by promise; each text names the frame."""

    frame: int
    by_promise: Mapping[str, list[str]] = field(default_factory=dict)
    is_compared_with_plate: bool = False


def check_frame(
    path: Path, frame: int, *, manifest: Mapping[str, Any], plate: Path | None, crypto: Path | None
) -> FrameFaults:
    """Look at one comp frame; ``plate`` is the plate's own file where it is still there, ``crypto`` its Cryptomatte."""
    fact = manifest["frame_facts"][str(frame)]
    faults: dict[str, list[str]] = {}

    def fault(promise: str, text: str) -> None:
        faults.setdefault(promise, []).append(f"frame {frame}: {text}")

    if not path.is_file():
        fault("frame-lock", f"{path.name} is missing")
        return FrameFaults(frame, faults)
    try:
        parts, header = exr.read_parts(path, frame=frame)
    except WanfxError as error:
        fault("nothing-lost", f"{path.name}: {error.what}")
        return FrameFaults(frame, faults)
    _check_header(header, fact, manifest, fault)
    missing = [name for name in manifest["comp"]["parts"] if name not in parts]
    if missing:
        fault("nothing-lost", f"parts {', '.join(missing)} are missing")
        return FrameFaults(frame, faults)
    pixels = {name: _pixels(part) for name, part in parts.items() if name != "plate"}
    pixels["rgb"] = np.ascontiguousarray(pixels["rgba"][..., :3])
    theirs = None
    if plate is not None and plate.is_file():
        theirs = exr.read_frame(plate, canvas=header.data_window, frame=frame).rgb
        _compare_with_plate(pixels, theirs, fault)
    _check_pixels(pixels, fact, manifest, fault)
    _check_layers(pixels, manifest, fault, plate=theirs)
    if crypto is not None:
        matte = pixels["matte_character"][..., 0]
        check_crypto(crypto, frame, manifest=manifest, matte=matte, header=header, fault=fault)
    return FrameFaults(frame, faults, theirs is not None)


def _pixels(part: exr.Part) -> Pixels:
    """A part's pixels, (H, W, C)."""
    if isinstance(part.pixels, tuple):
        return np.stack(part.pixels, axis=2)
    return part.pixels if part.pixels.ndim == 3 else part.pixels[..., None]


def _check_header(header: exr.ExrHeader, fact: Mapping[str, Any], manifest: Mapping[str, Any], fault: Any) -> None:
    plate = manifest["plate"]
    fps = Fraction(plate["fps"])
    timecode = header.timecode_at(nominal_rate(fps))
    found = None if timecode is None else str(timecode)
    if found != fact["timecode"]:
        fault("frame-lock", f"timecode is {found}, the plate's is {fact['timecode']}")
    if header.fps is not None and header.fps != fps:
        fault("frame-lock", f"framesPerSecond is {header.fps}, the plate's is {fps}")
    for what, ours, theirs in (
        ("data window", header.data_window.as_list(), fact["data_window"]),
        ("display window", header.display_window.as_list(), plate["display_window"]),
        ("pixel aspect", round(header.pixel_aspect, 6), round(plate["pixel_aspect"], 6)),
    ):
        if ours != theirs:
            fault("native-size", f"{what} is {ours}, the plate's is {theirs}")
    for name, compression in zip(header.parts, header.compressions, strict=True):
        if compression not in LOSSLESS:
            fault("scene-linear", f"compression {compression} of {name} loses pixels")
    if header.pixel_type != plate["pixel_type"]:
        fault("scene-linear", f"pixels are {header.pixel_type}, the plate's are {plate['pixel_type']}")
    for name, value in fact["provenance"].items():
        if header.attributes.get(PREFIX + name) != value:
            fault("provenance", f"header {PREFIX}{name} is {header.attributes.get(PREFIX + name)!r}, not {value!r}")


def _check_pixels(
    pixels: Mapping[str, Pixels], fact: Mapping[str, Any], manifest: Mapping[str, Any], fault: Any
) -> None:
    rgb = pixels["rgb"]
    edit, character, reveal = (pixels[name][..., 0] for name in ("matte_edit", "matte_character", "matte_reveal"))
    shadow = pixels["shadow"]
    edited = is_lit(edit)
    if kept_digest(rgb, edited) != fact["kept_sha256"]:
        fault("plate-integrity", "pixels outside the edit matte are not those of the plate")
    if not np.isfinite(rgb[edited]).all():
        fault("scene-linear", "edited pixels are NaN or infinite")
    if manifest["task"] == "background":
        wrong = edit != to_half(np.float32(1) - to_float(character))
    else:
        one = np.float16(1).view(np.uint16)
        is_shadowed = any_channel(np.ascontiguousarray(shadow).view(np.uint16) != one)
        wrong = edited != (is_lit(character) | is_lit(reveal) | is_shadowed)
    if wrong.any():
        fault("two-mattes", f"matte_edit is not the union of what is edited at {_first(wrong)}")


def _check_layers(
    pixels: Mapping[str, Pixels], manifest: Mapping[str, Any], fault: Any, *, plate: Pixels | None
) -> None:
    """Whether the layers make `rgba`, inside the edit's box. Without the plate, only where they hide it wholly."""
    box = bounding_box(is_lit(pixels["matte_edit"][..., 0]))
    if box.is_empty:
        return
    inside = {name: values[box.slices()] for name, values in pixels.items()}
    mattes = Mattes(*(inside[name][..., 0] for name in ("matte_character", "matte_reveal", "matte_edit")))
    rgb = inside["rgb"]
    char = inside[f"char_{manifest['subjects'][0]['layer']}"]
    judged = is_lit(mattes.edit)
    if plate is None or plate.shape != pixels["rgb"].shape:
        base = rgb
        judged &= (mattes.reveal >= 1) | (mattes.character >= 1)
    else:
        base = plate[box.slices()]
    rebuilt = composite(base, char=char, clean=inside["clean"], mattes=mattes, shadow=inside["shadow"])
    off = judged & ~_close(rgb, rebuilt)
    if off.any():
        fault("two-mattes", f"rgba is not what its layers make at {_first(off, box)}")


def _close(ours: Pixels, theirs: Pixels) -> npt.NDArray[np.bool_]:
    """Within the rounding of a half."""
    a, b = to_float(ours), to_float(theirs)
    near = np.abs(a - b) <= 2e-3 * np.maximum(np.abs(a), np.abs(b)) + 1e-6
    return ~any_channel(~near)


def _first(where: npt.NDArray[np.bool_], box: Box | None = None) -> str:
    y, x = np.argwhere(where)[0] + ((0, 0) if box is None else (box.y0, box.x0))
    return f"pixel ({x}, {y}) of the data window ({int(where.sum())} pixels)"


def _compare_with_plate(pixels: Mapping[str, Pixels], theirs: Pixels, fault: Any) -> None:
    ours = pixels["rgb"]
    edit = pixels["matte_edit"][..., 0]
    if ours.dtype != theirs.dtype or ours.shape != theirs.shape:
        fault("plate-integrity", f"pixels are {ours.dtype} {ours.shape}, the plate's {theirs.dtype} {theirs.shape}")
        return
    bits = np.uint16 if ours.dtype == np.float16 else np.uint32
    differs = any_channel(ours.view(bits) != np.ascontiguousarray(theirs).view(bits))
    changed = differs & ~is_lit(edit)
    if changed.any():
        fault("plate-integrity", f"rgba is not the plate at {_first(changed)}")
