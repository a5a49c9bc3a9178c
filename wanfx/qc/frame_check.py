"""One comp frame looked at: its header, its kept pixels, its mattes, and whether its layers rebuild it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.comp_parts import parts_of
from wanfx.errors import WanfxError
from wanfx.frames import Box
from wanfx.io import exr
from wanfx.manifest import keeps_actor
from wanfx.ops.comp import Mattes, any_channel, is_lit
from wanfx.ops.edges import bounding_box
from wanfx.ops.grain_frames import Grain
from wanfx.ops.kept import kept_digest
from wanfx.qc.actor_check import is_touched, name_actor_faults, wrong_actor_edit
from wanfx.qc.crypto_check import check_crypto
from wanfx.qc.diagnosis import find_swapped, is_close, is_finite, name_clamp, not_finite, place
from wanfx.qc.frame_measures import measure_frame
from wanfx.qc.header_check import TAGS, check_carried, check_header, check_parts, timecode_of
from wanfx.qc.kept_check import KeptPixels, name_kept_faults
from wanfx.qc.subjects import composite_all, is_changed, with_union

Pixels = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]
Fault = Callable[[str, str], None]
_FLOOR = 0.01
_MATTES = ("matte_character", "matte_reveal", "matte_edit")


@dataclass(frozen=True)
class FrameFaults:
    """What is wrong with a frame, by promise; each text names the frame.

    ``kept_sha256`` is the hash of its kept pixels where that is not the recorded one, ``timecode`` what its header
    says, ``tags`` what it says of its colours; ``measures`` are those of `wanfx.qc.frame_measures`, where asked for.
    ``unread_plate`` is why the plate's file, which is there, could not be read.
    """

    frame: int
    by_promise: Mapping[str, list[str]] = field(default_factory=dict)
    is_compared_with_plate: bool = False
    unread_plate: str | None = None
    kept_sha256: str | None = None
    timecode: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    measures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Read:
    """A frame as it was read: ``pixels`` of its parts, (H, W, C), and the plate's RGB where it is there."""

    frame: int
    grains: tuple[Grain, ...]
    pixels: Mapping[str, Pixels]
    header: exr.ExrHeader
    fact: Mapping[str, Any]
    manifest: Mapping[str, Any]
    plate: Pixels | None


def check_frame(
    path: Path, frame: int, *, manifest: Mapping[str, Any], plate: Path | None, crypto: Path | None,
    grains: tuple[Grain, ...], is_changed: bool = False, is_measured: bool = False,
) -> FrameFaults:  # fmt: skip
    """Look at one comp frame; ``plate`` is the plate's own file where it is still there, ``crypto`` its Cryptomatte.

    ``grains`` are the delivery's own, one a subject, made again from its manifest. ``is_changed`` says that the file is
    not the one that was delivered, so that it is worth to ask for more; ``is_measured`` asks for measures.
    """
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
        fault("nothing-lost", f"{path.name} is half-written or damaged: {error.what}")
        return FrameFaults(frame, faults)
    check_header(header, fact, manifest, fault)
    about: dict[str, Any] = {"timecode": timecode_of(header, manifest), "tags": _tags(header)}
    if not check_parts(parts, manifest, fault):
        return FrameFaults(frame, faults, **about)
    pixels = {name: _pixels(part) for name, part in parts.items() if name != "plate"}
    pixels["rgb"] = np.ascontiguousarray(pixels["rgba"][..., :3])
    source, about["unread_plate"] = _read_plate(plate, frame, canvas=header.data_window, is_needed=is_measured)
    if source is not None:
        check_carried(header, source.header, fault)
    theirs = None if source is None else source.rgb
    pixels = with_union(pixels, parts_of(manifest))
    read = _Read(frame, grains, pixels, header, fact, manifest, theirs)
    if not (is_measured or is_changed):
        read = _without_changed_plate(read, fault)
    kept_sha256 = _check_pixels(read, is_changed=is_changed, fault=fault)
    if crypto is not None:
        mattes = [pixels[one.character][..., 0] for one in parts_of(manifest)]
        check_crypto(crypto, frame, manifest=manifest, mattes=mattes, header=header, fault=fault)
    about["measures"] = _measure(read) if is_measured else {}
    return FrameFaults(frame, faults, theirs is not None, kept_sha256=kept_sha256, **about)


def _read_plate(
    plate: Path | None, frame: int, *, canvas: Box, is_needed: bool
) -> tuple[exr.ExrFrame | None, str | None]:
    """The plate's frame, or why its file cannot be read; neither where there is no file."""
    if plate is None or not plate.is_file():
        return None, None
    try:
        return exr.read_frame(plate, canvas=canvas, frame=frame), None
    except WanfxError as error:
        if is_needed:
            raise
        return None, f"{plate.name} cannot be read: {error.what}"


def _without_changed_plate(read: _Read, fault: Fault) -> _Read:
    """A frame as it was delivered, by its file's and its kept pixels' hash, is not at fault where the plate differs:
    that says so, and the frame is judged as without a plate.
    """
    differs = _unlike_plate(read)
    if not differs.any() or _kept_digest(read.pixels) != read.fact["kept_sha256"]:
        return read
    changed = "the plate's file is no longer the one delivered from; the comp's is as it was made. They differ at"
    fault("plate-integrity", f"{changed} {place(differs)}")
    return replace(read, plate=None)


def _measure(read: _Read) -> dict[str, float]:
    pixels = read.pixels
    return measure_frame(
        pixels["rgb"], read.plate, edit=pixels["matte_edit"][..., 0], character=pixels["matte_character"][..., 0],
        floor=_FLOOR * 2.0 ** -read.manifest["color"]["model_space"]["exposure_stops"],
    )  # fmt: skip


def _tags(header: exr.ExrHeader) -> dict[str, str]:
    return {name: str(header.attributes[name]) for name in TAGS if name in header.attributes}


def _pixels(part: exr.Part) -> Pixels:
    """A part's pixels, (H, W, C)."""
    if isinstance(part.pixels, tuple):
        return np.stack(part.pixels, axis=2)
    return part.pixels if part.pixels.ndim == 3 else part.pixels[..., None]


def _check_pixels(read: _Read, *, is_changed: bool, fault: Fault) -> str | None:
    """Pixels and layers; the hash of what is kept, where it is not the recorded one."""
    digest = _kept_digest(read.pixels)
    is_kept = digest == read.fact["kept_sha256"]
    off, box = _wrong_layers(read)
    wrong, unlike = _wrong_edit(read), _wrong_alpha(read)
    if not is_kept or off.any() or wrong.any() or unlike.any():
        swapped = find_swapped(read.pixels, read.manifest["comp"]["parts"], lambda pixels: _is_right(read, pixels))
        if swapped is not None:
            fault("two-mattes", f"parts {swapped[0]} and {swapped[1]} are swapped")
            return None
    if not is_kept or is_changed or _unlike_plate(read).any():
        has_bad = str(read.frame) in read.manifest["plate"]["bad_pixels"]
        kept = KeptPixels(read.pixels, read.fact, read.manifest, read.plate, is_kept, has_bad)
        for promise, text in name_kept_faults(kept):
            fault(promise, text)
    _check_finite(read, fault)
    if is_touched(read.fact):
        for promise, text in name_actor_faults(read.pixels, read.fact, read.plate, _char(read.manifest)):
            fault(promise, text)
    if wrong.any():
        fault("two-mattes", f"matte_edit is not the union of what is edited at {place(wrong)}")
    if unlike.any():
        fault("two-mattes", f"the character's alpha is not matte_character at {place(unlike)}")
    if off.any():
        _name_edit_change(read, off, box, fault)
    return None if is_kept else digest


def _unlike_plate(read: _Read) -> Mask:
    """Where the kept pixels are not the plate's bits: nowhere without the plate, everywhere for another type."""
    ours, theirs = read.pixels["rgb"], read.plate
    if theirs is None:
        return np.zeros(ours.shape[:2], np.bool_)
    if ours.dtype != theirs.dtype or ours.shape != theirs.shape:
        return np.ones(ours.shape[:2], np.bool_)
    bits = np.uint16 if ours.dtype == np.float16 else np.uint32
    differs = any_channel(ours.view(bits) != np.ascontiguousarray(theirs).view(bits))
    return np.asarray(differs & ~is_lit(read.pixels["matte_edit"][..., 0]))


def _kept_digest(pixels: Mapping[str, Pixels]) -> str:
    return kept_digest(pixels["rgb"], is_lit(pixels["matte_edit"][..., 0]))


def _is_right(read: _Read, pixels: Mapping[str, Pixels]) -> bool:
    """Whether these pixels, parts of which were exchanged, are as they should be. The quick questions first."""
    exchanged = with_union(pixels, parts_of(read.manifest))
    other = replace(read, pixels={**exchanged, "rgb": np.ascontiguousarray(pixels["rgba"][..., :3])})
    ceiling = np.count_nonzero(is_lit(pixels["check_ceiling"][..., 0]))
    if ceiling != read.fact["ceiling_pixels"] or _wrong_alpha(other).any() or _wrong_edit(other).any():
        return False
    return _kept_digest(other.pixels) == read.fact["kept_sha256"] and not _wrong_layers(other)[0].any()


def _check_finite(read: _Read, fault: Fault) -> None:
    edited = is_lit(read.pixels["matte_edit"][..., 0])
    for name, values in read.pixels.items():
        if name == "rgba" or is_finite(values):
            continue
        bad = not_finite(values)
        # What is kept of the plate is the plate's, bad pixels and all.
        bad &= edited if name.startswith(("rgb", "clean")) else True
        if bad.any():
            what = "edited pixels are" if name == "rgb" else f"{name} is"
            fault("scene-linear", f"{what} NaN or infinite at {place(bad)}")


def _wrong_edit(read: _Read) -> Mask:
    """Where the edit matte is not the union of what is edited."""
    edit, character, reveal = (read.pixels[name][..., 0] for name in ("matte_edit", "matte_character", "matte_reveal"))
    if keeps_actor(read.manifest):
        return wrong_actor_edit(read.pixels, _char(read.manifest))
    if read.manifest["task"] == "animate":
        return np.asarray(edit != 1)
    return np.asarray(is_lit(edit) != (is_lit(character) | is_lit(reveal) | is_changed(read.pixels["shadow"])))


def _wrong_alpha(read: _Read) -> Mask:
    """Where a character's alpha is not its matte."""
    found = np.zeros(read.pixels["matte_edit"].shape[:2], np.bool_)
    for one in parts_of(read.manifest):
        alpha = np.ascontiguousarray(read.pixels[one.char][..., 3])
        matte = np.ascontiguousarray(read.pixels[one.character][..., 0])
        if alpha.dtype != matte.dtype:
            return np.ones(alpha.shape, np.bool_)
        bits = np.uint16 if alpha.dtype == np.float16 else np.uint32
        found |= alpha.view(bits) != matte.view(bits)
    return found


def _char(manifest: Mapping[str, Any]) -> str:
    return f"char_{manifest['subjects'][0]['layer']}"


def _wrong_layers(read: _Read) -> tuple[Mask, Box]:
    """Where, in the edit's box, the layers do not make `rgba`. Without the plate, only where they hide it wholly."""
    pixels, plate = read.pixels, read.plate
    box = bounding_box(is_lit(pixels["matte_edit"][..., 0]))
    if box.is_empty:
        return np.zeros((0, 0), np.bool_), box
    inside = box.slices()
    mattes = Mattes(*(pixels[name][..., 0][inside] for name in _MATTES))
    judged = is_lit(mattes.edit)
    if plate is None or plate.shape != pixels["rgb"].shape:
        judged &= (mattes.reveal >= 1) | (mattes.character >= 1)
    return judged & ~is_close(pixels["rgb"][inside], _rebuild(read, box)), box


def _rebuild(read: _Read, box: Box) -> Pixels:
    """What the layers and the grain make in ``box``, float32: rounding to a half is the comp's own."""
    rgb, plate = read.pixels["rgb"], read.plate
    base = rgb if plate is None or plate.shape != rgb.shape else plate
    window, canvas = read.header.data_window, read.manifest["plate"]["data_window"]
    return composite_all(
        base[box.slices()], read.pixels, parts_of(read.manifest), read.grains, box=box,
        place=box.shift(window.x0 - canvas[0], window.y0 - canvas[1]), frame=read.frame,
    )  # fmt: skip


def _name_edit_change(read: _Read, off: Mask, box: Box, fault: Fault) -> None:
    """What became of edited pixels that the layers do not make."""
    ours = read.pixels["rgb"][box.slices()]
    off = off & ~not_finite(ours)
    if not off.any():
        return
    edited = is_lit(read.pixels["matte_edit"][..., 0][box.slices()]) & ~not_finite(ours)
    clamped = name_clamp(ours, _rebuild(read, box), off, among=edited, of="the edit", box=box)
    for text in clamped:
        fault("scene-linear", text)
    is_one = np.count_nonzero(off) == 1
    what = "one edited pixel of rgba is not what its layers make:" if is_one else "rgba is not what its layers make at"
    fault("two-mattes", f"{what} {place(off, box)}")
