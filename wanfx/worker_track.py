"""Following subjects through a range of frames for a worker: mattes as EXR, progress, and an end at any time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import cv2
import numpy as np

from wanfx.backends.protocols import Array, Prompts, Segmenter
from wanfx.errors import CancelledError, InputError
from wanfx.frames import FrameRange, Size
from wanfx.images import FramePattern
from wanfx.io import exr
from wanfx.io.stills import write_picture
from wanfx.worker_plate import WorkerPlate
from wanfx.worker_requests import FileKind, SizeKind

_PACE_S = 0.2
Tell = Callable[[Mapping[str, Any]], None]


def write_click_matte(path: Path, matte: Array, *, plate: WorkerPlate, file: FileKind, size: SizeKind) -> Size:
    """Write a matte (H, W) of analysis size for looking at; its size in the file. PNG is 8-bit grey."""
    if file == "exr":
        return write_track_matte(path, matte, plate=plate, size=size)
    matte = _of_canvas(matte, plate) if size == "full" else matte
    grey = np.rint(matte * 255).astype(np.uint8)
    write_picture(path, np.repeat(grey[..., None], 3, axis=2), durable=False)
    return Size(matte.shape[1], matte.shape[0])


def write_track_matte(path: Path, matte: Array, *, plate: WorkerPlate, size: SizeKind) -> Size:
    """Write a matte (H, W) of analysis size as EXR; ``full`` ones have the plate's windows and pixel aspect."""
    if size == "analysis":
        exr.write_matte(path, matte, durable=False)
        return Size(matte.shape[1], matte.shape[0])
    source = plate.source
    exr.write_matte(
        path, _of_canvas(matte, plate), data_window=source.canvas, display_window=source.display_window,
        pixel_aspect=source.pixel_aspect, durable=False,
    )  # fmt: skip
    return source.canvas.size


def _of_canvas(matte: Array, plate: WorkerPlate) -> Array:
    size = plate.source.canvas.width, plate.source.canvas.height
    return np.clip(np.asarray(cv2.resize(matte, size, interpolation=cv2.INTER_CUBIC), np.float32), 0.0, 1.0)


@dataclass
class MatteFolder:
    """The folder that tracked mattes are written to; it knows which files are this worker's own, and untouched."""

    folder: Path
    _own: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def pattern(self, name: str) -> FramePattern:
        return FramePattern(str(self.folder / f"{name}.####.exr"))

    def check_free(self, name: str, frames: FrameRange) -> None:
        """Raise InputError where a file of these frames is an artist's or another program's."""
        pattern = self.pattern(name)
        for frame in frames:
            path = pattern.path(frame)
            if path.exists() and self._own.get(path) != _stamp(path):
                raise InputError(
                    "is there already, and not as this worker wrote it", path=path, frame=frame,
                    remedy="choose another work folder, or ask with replace=true to write over it",
                )  # fmt: skip

    def write(self, path: Path, matte: Array, *, plate: WorkerPlate, size: SizeKind) -> None:
        write_track_matte(path, matte, plate=plate, size=size)
        self._own[path] = _stamp(path)


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


class _Watched:
    """A range of a plate as a `FrameSource` that says how far it was read, and stops when cancelled."""

    def __init__(self, plate: WorkerPlate, frames: FrameRange, *, cancelled: Event, tell: Tell) -> None:
        self._plate, self._cancelled, self._tell = plate, cancelled, tell
        self.frames, self.size = frames, plate.size
        self._reads, self._told_at = 0, 0.0

    def read(self, frame: int) -> Array:
        check_cancelled(self._cancelled)
        self._reads += 1
        now = time.monotonic()
        if now - self._told_at > _PACE_S:
            self._told_at = now
            self._tell({"stage": "look", "done": self._reads, "frame": frame})
        return self._plate.read(frame)


def check_cancelled(cancelled: Event) -> None:
    """Raise CancelledError where it was asked for."""
    if cancelled.is_set():
        raise CancelledError("tracking was cancelled", remedy="the mattes told of so far are whole; track again")


def track_subjects(
    plate: WorkerPlate,
    segmenter: Segmenter,
    subjects: Mapping[str, Prompts],
    *,
    frames: FrameRange,
    write: Callable[[str, int, Array], Path],
    cancelled: Event,
    tell: Tell,
) -> dict[str, dict[int, float]]:
    """Follow ``subjects`` through ``frames``; each subject's confidence by frame.

    Prompts in frames before or after the range lead into it. Raises CancelledError, NothingFoundError.
    """
    asked = [point.frame for prompts in subjects.values() for point in prompts.points]
    asked += [box.frame for prompts in subjects.values() for box in prompts.boxes]
    whole = FrameRange(min(frames.first, *asked), max(frames.last, *asked))
    for done, frame in enumerate(plate.prepare(whole), start=1):
        check_cancelled(cancelled)
        tell({"stage": "read", "done": done, "of": len(whole), "frame": frame})
    source = _Watched(plate, whole, cancelled=cancelled, tell=tell)
    confidence: dict[str, dict[int, float]] = {name: {} for name in subjects}
    done, of = 0, len(frames) * len(subjects)
    for one in segmenter.segment(source, subjects=subjects):
        check_cancelled(cancelled)
        if one.frame not in frames:
            continue
        done += 1
        confidence[one.subject][one.frame] = round(float(one.confidence), 4)
        path = write(one.subject, one.frame, one.matte)
        tell({
            "stage": "track", "done": done, "of": of, "subject": one.subject, "frame": one.frame, "matte": str(path),
            "confidence": confidence[one.subject][one.frame],
        })  # fmt: skip
    return confidence
