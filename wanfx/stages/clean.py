"""clean: Plate, Alpha -> clean plate, from other frames by camera motion; filled, and marked, where never seen.

One editable EXR a frame (``work/clean``): RGB in the plate's own space and pixel type, and ``seen.A``, 1 where the
background was seen in some frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from wanfx.backends.protocols import ModelCard
from wanfx.frames import Box
from wanfx.images import FramePattern, Layer, Plate
from wanfx.io import exr
from wanfx.io.atomic import sha256_file
from wanfx.ops.camera import CameraPath
from wanfx.ops.clean import choose_samples, gather_clean, reach_px
from wanfx.ops.comp import any_channel, in_range
from wanfx.ops.edges import bounding_box
from wanfx.ops.glance import on_grid, take_glance
from wanfx.pixels import to_finite, to_half
from wanfx.stages.context import WORK_COMPRESSION, Made, RunContext, paintable, stage_key
from wanfx.stages.fill import FillMaker
from wanfx.stages.ingest import Ingested
from wanfx.stages.refine import Refined
from wanfx.stages.sample_reader import SampleReader
from wanfx.units import Unit

STAGE = "clean"
VERSION = 3
Array = npt.NDArray[np.float32]
_FLOOR = 0.01


@dataclass(frozen=True)
class Cleaned:
    """The clean plate, a hash for every frame, and how much of what was hidden was seen elsewhere."""

    layer: Layer
    hashes: Mapping[int, str]
    seen: Mapping[int, float]
    models: tuple[ModelCard, ...] = ()


@dataclass(frozen=True)
class GivenClean:
    """Pictures that take the clean plate's place: part ``name`` of the files of ``comp``, ``hashes`` those files'
    SHA-256, ``models`` who made them. What was ``seen`` is as the files of that pattern say.
    """

    comp: FramePattern
    name: str
    seen: FramePattern
    hashes: Mapping[int, str]
    models: tuple[ModelCard, ...]


class _Maker(Protocol):
    """What makes a frame's clean plate."""

    pattern: FramePattern

    def key(self, frame: int) -> str: ...
    def make(self, frame: int) -> Made: ...


def run_clean(
    run: RunContext, ingested: Ingested, refined: Refined, camera: CameraPath, *, frames: list[int]
) -> Cleaned:
    """The clean plate of ``frames``."""
    given = None if run.clean_source is None else run.clean_source(run, ingested, refined, frames)
    maker: _Maker = _CleanMaker(run, ingested, refined, camera) if given is None else _GivenMaker(run, ingested, given)
    with run.stage(STAGE, units=len(frames)) as progress:
        if isinstance(maker, _CleanMaker):
            # The fill comes first, for all frames share it.
            maker.fill.use(progress.make(maker.fill.unit(), maker.fill.make, count=False))
        jobs = ((Unit(STAGE, str(frame), maker.key(frame)), partial(maker.make, frame)) for frame in frames)
        records = dict(zip(frames, progress.make_many(jobs), strict=True))
    return Cleaned(
        Layer("clean", maker.pattern, ingested.plate.frames),
        {frame: next(iter(record.files.values())) for frame, record in records.items()},
        {frame: record.facts["seen"] for frame, record in records.items()},
        () if given is None else given.models,
    )


class _GivenMaker:
    """Copies clean plates that a pass made, frame by frame, bit for bit."""

    def __init__(self, run: RunContext, ingested: Ingested, given: GivenClean) -> None:
        self.pattern = FramePattern(str(run.work / "clean" / "clean.####.exr"))
        self._plate, self._keys, self._given = ingested.plate, ingested.keys, given
        self._folder = paintable(run, "clean")

    def key(self, frame: int) -> str:
        """The frame, and the pass's."""
        given = self._given
        return stage_key(STAGE, VERSION, self._keys[frame], given.hashes[frame], sha256_file(given.seen.path(frame)))

    def make(self, frame: int) -> Made:
        """Write the frame's clean plate, unless an artist painted it."""
        path = self.pattern.path(frame)
        seen: list[float] = []
        digest = self._folder.write(path, lambda target: seen.append(self._write(target, frame)))
        known = {} if digest is None else {path: digest}
        return Made((path,), {"seen": seen[0] if seen else 1.0, "painted": digest is None}, known)

    def _write(self, target: Path, frame: int) -> float:
        """Write to ``target``; how much of what the pass drew was seen in other frames."""
        plate, given = self._plate, self._given
        source = exr.read_frame(plate.path(frame), canvas=plate.canvas, frame=frame)
        parts, _header = exr.read_parts(given.comp.path(frame), frame=frame)
        here = source.header.data_window.slices(plate.canvas)
        rgb = source.rgb.copy()
        rgb[here] = np.stack(list(parts[given.name].planes.values()), axis=2)
        _clean, known = read_clean(given.seen.path(frame), plate=plate, frame=frame)
        seen = np.asarray(known, np.float32)
        write_clean(target, rgb, seen, plate=plate)
        drawn = any_channel(rgb != source.rgb)
        return round(float(seen[drawn].mean()), 4) if drawn.any() else 1.0


class _CleanMaker:
    """Makes clean plates frame by frame."""

    def __init__(self, run: RunContext, ingested: Ingested, refined: Refined, camera: CameraPath) -> None:
        self.pattern = FramePattern(str(run.work / "clean" / "clean.####.exr"))
        self._options = run.options.clean
        self._ingested, self._refined, self._camera = ingested, refined, camera
        self._plate = ingested.plate
        self._folder = paintable(run, "clean")
        self._floor = round(_FLOOR * 2.0**-ingested.exposure_stops, 9)
        bad_frames = sorted(frame for frame, fact in ingested.facts.items() if fact["bad_pixels"])
        self._reader = SampleReader(
            self._plate, refined, grow_px=self._options.grow_px, floor=self._floor, count=self._options.samples,
            bad_frames=bad_frames,
        )  # fmt: skip
        # The source says who makes clean plates, not how this one does.
        self._values = {name: value for name, value in asdict(self._options).items() if name != "source"}
        if bad_frames:
            self._values["hidden_by_bad_pixels"] = True
        key = (self._content(self.samples(None)), self._floor, self._values)
        self.fill = FillMaker(run, self._plate, camera, self._reader, samples=self.samples, content=key)

    def key(self, frame: int) -> str:
        """The frame, its samples and how they lie to it."""
        samples = self.samples(frame)
        homographies = [np.round(self._camera.between(other, frame), 9).tolist() for other in samples]
        content = self._content((frame, *samples))
        return stage_key(STAGE, VERSION, content, homographies, self.fill.key(frame), self._floor, self._values)

    def _content(self, frames: tuple[int, ...]) -> list[tuple[str, str]]:
        return [(self._ingested.keys[frame], self._refined.hashes[frame]) for frame in frames]

    def make(self, frame: int) -> Made:
        """Write the frame's clean plate, unless an artist painted it."""
        path = self.pattern.path(frame)
        seen: list[float] = []
        digest = self._folder.write(path, lambda target: seen.append(self._write(target, frame)))
        known = {} if digest is None else {path: digest}
        return Made((path,), {"seen": seen[0] if seen else 1.0, "painted": digest is None}, known)

    def samples(self, frame: int | None) -> tuple[int, ...]:
        """The samples of a frame, nearest first; without one, all of the shot's in order."""
        frames, confidence = list(self._plate.frames), self._camera.confidence
        at = frames[0] - 1 if frame is None else frame
        return choose_samples(frames, at, count=self._options.samples, confidence=confidence)

    def _write(self, target: Path, frame: int) -> float:
        """Write to ``target``; how much of what is hidden was seen in other frames."""
        plate = self._plate
        rgb = exr.read_frame(plate.path(frame), canvas=plate.canvas, frame=frame).rgb
        hidden = self._reader.hidden(frame)
        seen = np.ones(hidden.shape, np.float32)
        there = bounding_box(hidden)
        if not there.is_empty:
            linear = to_finite(rgb)
            glance = take_glance(linear, hidden, floor=self._floor)
            reach = reach_px(there)
            whole = Box(0, 0, plate.canvas.width, plate.canvas.height)
            box = on_grid(there.grow(int(reach)), step=int(glance.step)).clip(whole)
            clean, seen_in_box = gather_clean(
                linear, hidden, glance, self._reader.samples(self.samples(frame), self._camera, frame), box=box,
                near_px=reach, fill=self.fill.sample(frame),
            )  # fmt: skip
            here = box.slices()
            changed = any_channel(clean != linear[here]) | (hidden[here] > 0)
            rgb[here][changed] = in_range(clean, rgb.dtype)[changed]
            seen[here] = seen_in_box
        write_clean(target, rgb, seen, plate=plate)
        weight = float(hidden.sum())
        return round(float((seen * hidden).sum()) / weight, 4) if weight else 1.0


def write_clean(path: Path, rgb: npt.NDArray[Any], seen: Array, *, plate: Plate) -> None:
    """Write a clean plate with the plate's windows."""
    planes = (rgb[..., channel] for channel in range(3))
    exr.write_parts(
        path,
        [exr.Part("clean", (*planes, to_half(seen)), ("R", "G", "B", "seen.A"))],
        data_window=plate.canvas,
        display_window=plate.display_window,
        pixel_aspect=plate.pixel_aspect,
        compression=WORK_COMPRESSION,
        durable=False,
    )


def read_clean(path: Path, *, plate: Plate, frame: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """RGB and seen in their own pixel types; a painted file without ``seen.A`` counts as seen everywhere."""
    read = exr.read_frame(path, canvas=plate.canvas, extras=True, frame=frame)
    seen = read.extras.get("seen.A")
    if seen is None:
        return read.rgb, np.ones(read.rgb.shape[:2], np.float16)
    return read.rgb, seen
