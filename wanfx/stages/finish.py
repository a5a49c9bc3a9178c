"""finish: everything above -> comp frames at native size, one streaming pass: read, stitch, deliver.

Where ``edit`` is 0 the plate's bits are copied, and a hash of them is recorded, so that it can be proven later.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.errors import InputError
from wanfx.frames import Box, nominal_rate
from wanfx.images import FramePattern, Matte, Plate
from wanfx.io import exr
from wanfx.ops.comp import Mattes, composite, keep_mattes, make_mattes
from wanfx.ops.crop import from_model
from wanfx.ops.edges import bounding_box, grow_matte
from wanfx.stages.clean import read_clean
from wanfx.stages.conditioning import Conditioning, SpaceBridge
from wanfx.stages.context import Made, RunContext, make_frames, stage_key
from wanfx.stages.generate import Generated, read_generated
from wanfx.stages.header import comp_attributes

STAGE = "finish"
VERSION = 1
Pixels = npt.NDArray[Any]
Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class FinishInputs:
    """All that a comp frame is made of. ``new`` is the new character's matte, or the actor's own in `background`."""

    conditioning: Conditioning
    generated: Generated
    bridge: SpaceBridge
    old: Matte
    old_hashes: Mapping[int, str]
    new: Matte
    new_hashes: Mapping[int, str]
    confidence: Mapping[int, float]
    plate_hashes: Mapping[int, str]
    layer: str
    provenance: Mapping[str, str]


@dataclass(frozen=True)
class CopiedFrames:
    """Comp frames of an earlier version: their pattern, and what its manifest says of each."""

    pattern: FramePattern
    facts: Mapping[int, Mapping[str, Any]]


@dataclass(frozen=True)
class Finished:
    """The comp's frames, their names in the delivery, and the facts that the manifest keeps of each."""

    pattern: FramePattern
    frames: tuple[int, ...]
    parts: tuple[str, ...]
    facts: Mapping[int, Mapping[str, Any]]


def part_names(layer: str) -> tuple[str, ...]:
    """The parts of a comp frame, in order."""
    mattes = ("matte_subject", "matte_character", "matte_reveal", "matte_edit")
    return ("rgba", f"char_{layer}", "clean", "shadow", *mattes, "check_ceiling", "check_confidence")


def run_finish(
    run: RunContext, inputs: FinishInputs, *, pattern: FramePattern, frames: list[int], copied: CopiedFrames | None
) -> Finished:
    """Make the comp of ``frames``; all others that ``copied`` has are copied from there."""
    kept = _kept_frames(inputs, frames, copied)
    maker = FrameMaker(run, inputs)

    def key(frame: int) -> str:
        return maker.key(frame) if frame in frames else str(copied.facts[frame]["key"]) if copied else ""

    def make(frame: int) -> Made:
        path = pattern.path(frame)
        if copied and frame in copied.facts and copied.facts[frame]["key"] == key(frame):
            return _copy(copied, frame, path)
        return Made((path,), {**maker.make(frame, path), "key": key(frame)})

    version = run.version.name
    records = make_frames(
        run,
        stage=STAGE,
        frames=sorted({*frames, *kept}),
        key=lambda frame: stage_key(version, VERSION, key(frame)),
        make=make,
    )
    facts = {frame: record.facts for frame, record in records.items()}
    return Finished(pattern, tuple(sorted(facts)), part_names(inputs.layer), facts)


def _kept_frames(inputs: FinishInputs, frames: list[int], copied: CopiedFrames | None) -> list[int]:
    """The frames that are copied as they are. Raises InputError where their plate is no longer what they show."""
    kept = [frame for frame in (copied.facts if copied else ()) if frame not in frames and frame in inputs.plate_hashes]
    for frame in kept:
        assert copied is not None
        if copied.facts[frame]["plate_key"] != inputs.plate_hashes[frame]:
            raise InputError(
                "the plate has changed since this frame was delivered, so it cannot be copied",
                path=inputs.conditioning.plate.path(frame),
                frame=frame,
                remedy="run without --frames to make all frames again",
            )
    return kept


def _copy(copied: CopiedFrames, frame: int, path: Path) -> Made:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    shutil.copyfile(copied.pattern.path(frame), temporary)
    temporary.replace(path)
    return Made((path,), dict(copied.facts[frame]))


class FrameMaker:
    """Makes comp frames one by one."""

    def __init__(self, run: RunContext, inputs: FinishInputs) -> None:
        self._run, self._inputs = run, inputs
        self._options = run.options.finish
        self._plate: Plate = inputs.conditioning.plate

    def key(self, frame: int) -> str:
        """The frame's key: all that its pixels and header depend on, the version's number not."""
        inputs, conditioning = self._inputs, self._inputs.conditioning
        plate = self._plate
        return stage_key(
            STAGE, VERSION, inputs.plate_hashes[frame], inputs.old_hashes[frame], inputs.new_hashes[frame],
            inputs.generated.hashes[frame], conditioning.background_hashes[frame], conditioning.is_world,
            conditioning.crops[frame].as_list(), conditioning.space.exposure_stops, plate.color_space,
            plate.canvas.as_list(), inputs.confidence.get(frame), inputs.layer, dict(inputs.provenance),
            asdict(self._options),
        )  # fmt: skip

    def make(self, frame: int, path: Path) -> dict[str, Any]:
        """Write one comp frame and return its facts."""
        inputs, plate = self._inputs, self._plate
        source = exr.read_frame(
            plate.path(frame), canvas=plate.canvas, extras=self._options.plate_channels == "keep", frame=frame
        )
        background, seen = read_clean(inputs.conditioning.background.path(frame), plate=plate, frame=frame)
        old = exr.read_matte(inputs.old.path(frame), canvas=plate.canvas)
        if inputs.conditioning.is_world:
            layers = self._keep_actor(frame, source.rgb, background, old)
        else:
            new = exr.read_matte(inputs.new.path(frame), canvas=plate.canvas)
            layers = self._replace_actor(frame, source.rgb, background, old, new)
        rgb = source.rgb.copy()
        box = _edit_box(layers.mattes.edit)
        if not box.is_empty:
            inside = box.slices()
            rgb[inside] = composite(
                source.rgb[inside],
                char=layers.char[inside],
                clean=layers.clean[inside],
                mattes=_within(layers.mattes, box),
            )
        confidence = self._confidence(frame, layers.mattes, seen, box)
        parts = self._parts(source, rgb, layers, old.astype(np.float16), confidence)
        self._write(path, parts, source.header, frame)
        here = source.header.data_window.slices(plate.canvas)
        return {
            **_facts(source.rgb[here], layers.mattes.edit[here], layers.ceiling[here]),
            "data_window": source.header.data_window.as_list(),
            "timecode": self._timecode(frame, source.header),
            "plate_error": inputs.generated.measures[frame]["plate_error"],
            "provenance": dict(inputs.provenance),
            "plate_key": inputs.plate_hashes[frame],
        }

    def _timecode(self, frame: int, header: exr.ExrHeader) -> str | None:
        plate = self._plate
        if frame in plate.held and plate.timecode is not None:
            return str(plate.timecode + (frame - plate.frames.first))
        timecode = header.timecode_at(nominal_rate(plate.fps))
        return None if timecode is None else str(timecode)

    def _replace_actor(self, frame: int, plate_rgb: Pixels, clean: Pixels, old: Array, new: Array) -> _Layers:
        reach = grow_matte(old, radius_px=self._options.margin_px) if self._options.margin_px else old
        mattes = make_mattes(new, reach)
        char = np.zeros((*new.shape, 4), np.float16)
        ceiling = np.zeros(new.shape, np.float16)
        crop = self._inputs.conditioning.crops[frame]
        box = bounding_box(new).clip(crop)
        if not box.is_empty:
            model, _alpha = read_generated(self._inputs.generated.pattern.path(frame), frame=frame)
            model = from_model(model, crop=crop)[box.slices(crop)]
            alpha = mattes.character[box.slices()].astype(np.float32)[..., None]
            with np.errstate(over="ignore"):
                char[box.slices()] = np.concatenate([self._inputs.bridge.decode(model) * alpha, alpha], axis=2)
            ceiling[box.slices()] = self._inputs.conditioning.space.at_ceiling(model) & (alpha[..., 0] > 0)
        return _Layers(char, clean.astype(plate_rgb.dtype, copy=False), mattes, ceiling)

    def _keep_actor(self, frame: int, plate_rgb: Pixels, _world: Pixels, old: Array) -> _Layers:
        mattes = keep_mattes(old)
        crop = self._inputs.conditioning.crops[frame]
        model, _alpha = read_generated(self._inputs.generated.pattern.path(frame), frame=frame)
        model = from_model(model, crop=crop)
        clean = np.zeros(plate_rgb.shape, plate_rgb.dtype)
        ceiling = np.zeros(old.shape, np.float16)
        with np.errstate(over="ignore"):
            clean[crop.slices()] = self._inputs.bridge.decode(model).astype(plate_rgb.dtype)
        ceiling[crop.slices()] = self._inputs.conditioning.space.at_ceiling(model)
        alpha = mattes.character.astype(np.float32)[..., None]
        with np.errstate(over="ignore", invalid="ignore"):
            rgb = np.where(alpha > 0, plate_rgb.astype(np.float32) * alpha, np.float32(0))
            char = np.concatenate([rgb, alpha], axis=2).astype(np.float16)
        return _Layers(char, clean, mattes, np.where(mattes.edit > 0, ceiling, np.float16(0)))

    def _confidence(self, frame: int, mattes: Mattes, seen: Array, box: Box) -> Pixels:
        """1 where nothing is edited; else the tracker's, lowered where the clean plate was never seen."""
        confidence = np.ones(seen.shape, np.float16)
        if box.is_empty:
            return confidence
        inside = box.slices()
        tracked = np.float32(self._inputs.confidence.get(frame, 1.0))
        shows = mattes.reveal[inside].astype(np.float32) * (1 - mattes.character[inside].astype(np.float32))
        unseen = 0.0 if self._inputs.conditioning.is_world else shows * (1 - seen[inside])
        confidence[inside] = np.where(mattes.edit[inside] > 0, tracked * (1 - unseen), np.float32(1))
        return confidence

    def _parts(
        self, source: exr.ExrFrame, rgb: Pixels, layers: _Layers, subject: Pixels, confidence: Pixels
    ) -> list[exr.Part]:
        box = source.header.data_window
        here = box.slices(self._plate.canvas)
        alpha = np.ones(rgb.shape[:2], rgb.dtype)
        if self._options.plate_alpha == "keep" and source.alpha is not None:
            alpha = source.alpha
        layer = self._inputs.layer
        shadow = np.ones((*rgb.shape[:2], 1), np.float16)[here][..., 0]
        parts = [
            exr.Part("rgba", (*_planes(rgb[here]), alpha[here]), ("R", "G", "B", "A")),
            exr.Part(f"char_{layer}", layers.char[here], tuple(f"char_{layer}.{c}" for c in "RGBA")),
            exr.Part("clean", layers.clean[here], tuple(f"clean.{c}" for c in "RGB")),
            exr.Part("shadow", shadow, tuple(f"shadow.{c}" for c in "RGB")),
        ]
        for name, matte in (
            ("matte_subject", subject), ("matte_character", layers.mattes.character),
            ("matte_reveal", layers.mattes.reveal), ("matte_edit", layers.mattes.edit),
            ("check_ceiling", layers.ceiling), ("check_confidence", confidence),
        ):  # fmt: skip
            parts.append(exr.Part(name, matte[here], (f"{name}.A",)))
        if source.extras and self._options.plate_channels == "keep":
            names = tuple(f"plate.{name.replace('.', '_')}" for name in source.extras)
            parts.append(exr.Part("plate", tuple(pixels[here] for pixels in source.extras.values()), names))
        return parts

    def _write(self, path: Path, parts: list[exr.Part], header: exr.ExrHeader, frame: int) -> None:
        plate = self._plate
        exr.write_parts(
            path,
            parts,
            data_window=header.data_window,
            display_window=plate.display_window,
            pixel_aspect=plate.pixel_aspect,
            compression=self._options.compression,
            attributes=comp_attributes(header, plate, frame, color=self._run.color, provenance=self._inputs.provenance),
        )


@dataclass(frozen=True, eq=False)
class _Layers:
    char: Pixels
    clean: Pixels
    mattes: Mattes
    ceiling: Pixels


def _planes(rgb: Pixels) -> tuple[Pixels, ...]:
    return tuple(rgb[..., channel] for channel in range(3))


def _edit_box(edit: Pixels) -> Box:
    return bounding_box(edit.astype(np.float32))


def _within(mattes: Mattes, box: Box) -> Mattes:
    inside = box.slices()
    return Mattes(mattes.character[inside], mattes.reveal[inside], mattes.edit[inside])


def kept_digest(rgb: Pixels, edit: Pixels) -> str:
    """SHA-256 of the pixels where ``edit`` is 0: the RGB bits, 0 where edited, then the packed mask of what is kept."""
    kept = np.where((edit > 0)[..., None], rgb.dtype.type(0), rgb)
    digest = hashlib.sha256(np.ascontiguousarray(kept).tobytes())
    digest.update(np.packbits(edit == 0).tobytes())
    return digest.hexdigest()


def _facts(plate_rgb: Pixels, edit: Pixels, ceiling: Pixels) -> dict[str, Any]:
    return {
        "kept_sha256": kept_digest(plate_rgb, edit),
        "kept_pixels": int((edit == 0).sum()),
        "edited_pixels": int((edit > 0).sum()),
        "ceiling_pixels": int((ceiling > 0).sum()),
    }
