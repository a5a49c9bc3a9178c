"""clean: Plate, Alpha -> clean plate, from other frames by camera motion; filled, and marked, where never seen.

One editable EXR a frame (``work/clean``): RGB in the plate's own space and pixel type, and ``seen.A``, 1 where the
background was seen in some frame.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.images import FramePattern, Layer, Plate
from wanfx.io import exr
from wanfx.ops.camera import CameraPath
from wanfx.ops.clean import Sample, choose_samples, gather_clean, reach_px
from wanfx.ops.edges import bounding_box, grow_matte
from wanfx.ops.glance import Glance, largest_channel, take_glance
from wanfx.stages.context import WORK_COMPRESSION, Made, RunContext, make_frames, paintable, stage_key
from wanfx.stages.ingest import Ingested
from wanfx.stages.refine import Refined

STAGE = "clean"
VERSION = 2
Array = npt.NDArray[np.float32]
_FLOOR = 0.01
_CACHE_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Cleaned:
    """The clean plate, a hash for every frame, and how much of what was hidden was seen elsewhere."""

    layer: Layer
    hashes: Mapping[int, str]
    seen: Mapping[int, float]


def run_clean(
    run: RunContext, ingested: Ingested, refined: Refined, camera: CameraPath, *, frames: list[int]
) -> Cleaned:
    """The clean plate of ``frames``."""
    maker = _CleanMaker(run, ingested, refined, camera)
    records = make_frames(run, stage=STAGE, frames=frames, key=maker.key, make=maker.make)
    return Cleaned(
        Layer("clean", maker.pattern, ingested.plate.frames),
        {frame: next(iter(record.files.values())) for frame, record in records.items()},
        {frame: record.facts["seen"] for frame, record in records.items()},
    )


class _CleanMaker:
    """Makes clean plates frame by frame."""

    def __init__(self, run: RunContext, ingested: Ingested, refined: Refined, camera: CameraPath) -> None:
        self.pattern = FramePattern(str(run.work / "clean" / "clean.####.exr"))
        self._options = run.options.clean
        self._ingested, self._refined, self._camera = ingested, refined, camera
        self._plate = ingested.plate
        self._folder = paintable(run, "clean")
        self._floor = round(_FLOOR * 2.0**-ingested.exposure_stops, 9)
        self._reader = _SampleReader(self._plate, refined, grow_px=self._options.grow_px, floor=self._floor)

    def key(self, frame: int) -> str:
        """The frame, its samples and how they lie to it."""
        samples = self._samples(frame)
        homographies = [np.round(self._camera.between(other, frame), 9).tolist() for other in samples]
        content = [(self._ingested.keys[other], self._refined.hashes[other]) for other in (frame, *samples)]
        return stage_key(STAGE, VERSION, content, homographies, self._floor, asdict(self._options))

    def make(self, frame: int) -> Made:
        """Write the frame's clean plate, unless an artist painted it."""
        path = self.pattern.path(frame)
        seen: list[float] = []
        was_made = self._folder.write(path, lambda target: seen.append(self._write(target, frame)))
        return Made((path,), {"seen": seen[0] if seen else 1.0, "painted": not was_made})

    def _samples(self, frame: int) -> tuple[int, ...]:
        confidence = self._camera.confidence
        return choose_samples(list(self._plate.frames), frame, count=self._options.samples, confidence=confidence)

    def _write(self, target: Path, frame: int) -> float:
        """Write to ``target``; how much of what is hidden was seen in other frames."""
        plate = self._plate
        rgb = exr.read_frame(plate.path(frame), canvas=plate.canvas, frame=frame).rgb
        hidden = self._reader.hidden(frame)
        seen = np.ones(hidden.shape, np.float32)
        there = bounding_box(hidden)
        if not there.is_empty:
            reach = reach_px(there)
            box = there.grow(int(reach)).clip(Box(0, 0, plate.canvas.width, plate.canvas.height))
            linear = np.nan_to_num(rgb.astype(np.float32), posinf=0.0, neginf=0.0)
            glance = take_glance(linear, hidden, floor=self._floor)
            clean, seen_in_box = gather_clean(linear, hidden, glance, self._sources(frame), box=box, near_px=reach)
            here = box.slices()
            changed = largest_channel(np.abs(clean - linear[here])) > 0
            rgb[here][changed] = clean.astype(rgb.dtype)[changed]
            seen[here] = seen_in_box
        write_clean(target, rgb, seen, plate=plate)
        weight = float(hidden.sum())
        return round(float((seen * hidden).sum()) / weight, 4) if weight else 1.0

    def _sources(self, frame: int) -> list[Sample]:
        reader, camera = self._reader, self._camera
        return [
            Sample(reader.glance(other), partial(reader.read, other), camera.between(other, frame))
            for other in self._samples(frame)
        ]


def write_clean(path: Path, rgb: npt.NDArray[Any], seen: Array, *, plate: Plate) -> None:
    """Write a clean plate with the plate's windows."""
    planes = (rgb[..., channel] for channel in range(3))
    exr.write_parts(
        path,
        [exr.Part("clean", (*planes, seen.astype(np.float16)), ("R", "G", "B", "seen.A"))],
        data_window=plate.canvas,
        display_window=plate.display_window,
        pixel_aspect=plate.pixel_aspect,
        compression=WORK_COMPRESSION,
    )


def read_clean(path: Path, *, plate: Plate, frame: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """RGB and seen in their own pixel types; a painted file without ``seen.A`` counts as seen everywhere."""
    read = exr.read_frame(path, canvas=plate.canvas, extras=True, frame=frame)
    seen = read.extras.get("seen.A")
    if seen is None:
        return read.rgb, np.ones(read.rgb.shape[:2], np.float16)
    return read.rgb, seen


class _SampleReader:
    """Frames and what is hidden in them, the last ones read kept within `_CACHE_BYTES`; glances are small, and stay."""

    def __init__(self, plate: Plate, refined: Refined, *, grow_px: float, floor: float) -> None:
        self._plate, self._refined, self._grow_px, self._floor = plate, refined, grow_px, floor
        self._lock = threading.Lock()
        self._cache: OrderedDict[int, npt.NDArray[Any]] = OrderedDict()
        self._glances: dict[int, Glance] = {}

    def hidden(self, frame: int) -> Array:
        """(H, W): the subject's alpha, grown."""
        matte = exr.read_matte(self._refined.matte.path(frame), canvas=self._plate.canvas)
        return grow_matte(matte, radius_px=self._grow_px)

    def glance(self, frame: int) -> Glance:
        """A glance at a sample; there are no more than ``clean.samples`` of them."""
        with self._lock:
            if frame not in self._glances:
                self._glances[frame] = take_glance(self._read(frame), self.hidden(frame), floor=self._floor)
            return self._glances[frame]

    def read(self, frame: int) -> npt.NDArray[Any]:
        """RGB (NaN and Inf as 0), native type."""
        with self._lock:
            return self._read(frame)

    def _read(self, frame: int) -> npt.NDArray[Any]:
        if frame in self._cache:
            self._cache.move_to_end(frame)
            return self._cache[frame]
        rgb = exr.read_frame(self._plate.path(frame), canvas=self._plate.canvas, frame=frame).rgb
        entry = np.nan_to_num(rgb, posinf=0.0, neginf=0.0)
        while self._cache and entry.nbytes * (len(self._cache) + 1) > _CACHE_BYTES:
            self._cache.popitem(last=False)
        self._cache[frame] = entry
        return entry
