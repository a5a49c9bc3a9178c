"""The plate that a worker has open: its analysis pictures, in any order, made when they are first asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from wanfx.ahead import make_ahead
from wanfx.backends.protocols import Array
from wanfx.errors import InputError
from wanfx.frames import FrameRange, Size
from wanfx.images import FramePattern, Plate
from wanfx.io import stills
from wanfx.io.movie_seek import MovieSeeker
from wanfx.pixels import to_finite, to_float, to_half
from wanfx.stages.ingest import Ingested, analysis_size
from wanfx.stages.proxies import ProxySource
from wanfx.stages.source import Source
from wanfx_color.configs import ColorConfig
from wanfx_color.model_space import log_average_stops, suggest_exposure
from wanfx_color.transforms import converter, to_linear_rec709, to_srgb_display

_KEPT = 8


class WorkerPlate:
    """A plate's analysis pictures, the same as a run makes of it: a `FrameSource` and a context manager.

    They are made once and lie in ``folder``; a few are kept in memory. Threads may read at the same time.
    """

    def __init__(self, source: Source, *, frames: FrameRange, width_px: int, folder: Path, color: ColorConfig) -> None:
        """Reads the first frame, whose brightness sets the exposure of all. Raises FrameReadError."""
        self.source = source
        self.frames = frames
        self.size: Size = analysis_size(source, width_px=width_px)
        self._pattern = FramePattern(str(folder / "proxy.####.ppm"))
        self._kept: OrderedDict[int, Array] = OrderedDict()
        self._lock = threading.Lock()
        linear = source.space.name if source.is_in_place else color.scene_linear
        self._to_linear = None if source.is_in_place else converter(color, source.space.name, linear)
        self._to_rec709 = to_linear_rec709(color, linear)
        self._stack = ExitStack()
        self._seeker = None if source.movie is None else self._stack.enter_context(MovieSeeker(source.movie))
        self._ingested = Ingested(_plate_of(source, frames, linear), source, self._pattern, self.size, {}, {}, 0.0)
        self._proxies = ProxySource(self._ingested)
        average = log_average_stops(self._shrink(self._decode(frames.first)))
        self._exposure = suggest_exposure([average])

    def __enter__(self) -> WorkerPlate:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def ingested(self) -> Ingested:
        """The plate as the stages know it, but for keys and measures."""
        return self._ingested

    def write_picture(self, frame: int, folder: Path) -> Path:
        """The frame for looking at, as PNG. Raises FrameReadError."""
        path = folder / f"picture.{frame:04d}.png"
        if not path.exists():
            stills.write_picture(path, np.asarray(np.rint(self.read(frame) * 255.0), np.uint8), durable=False)
        return path

    def check(self, frame: int, *, key: str = "frame") -> int:
        """The frame. Raises InputError where the shot does not have it."""
        if frame not in self.frames:
            raise InputError(f"{frame} is not within {self.frames}", key=key, remedy="give a frame of the shot")
        return frame

    def read(self, frame: int) -> Array:
        """The frame for looking at: display-encoded sRGB (H, W, 3) in [0, 1], of 8 bits. Raises FrameReadError."""
        with self._lock:
            if frame not in self._kept:
                if not self._pattern.path(frame).exists():
                    self._write(frame, self._decode(frame))
                self._kept[frame] = self._proxies.read(frame)
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(frame)
            return self._kept[frame]

    def prepare(self, frames: Iterable[int]) -> Iterator[int]:
        """Make the pictures of ``frames`` that are not there yet, in order; each frame when it is there."""

        def decoded() -> Iterator[tuple[int, Any]]:
            for frame in frames:
                if self._pattern.path(frame).exists():
                    yield frame, None
                else:
                    # A movie is decoded in order, by one thread; files are read by those that convert.
                    yield frame, self._decode(frame) if self._seeker is not None else ...

        def make(job: tuple[int, Any]) -> int:
            frame, pixels = job
            if pixels is not None:
                self._write(frame, self._decode(frame) if pixels is ... else pixels)
            return frame

        yield from make_ahead(decoded(), make, name="worker")

    def _decode(self, frame: int) -> Any:
        if self._seeker is not None:
            return self._seeker.read(frame - self.source.frames.first)
        return self.source.read_frame(frame)

    def _shrink(self, encoded: Any) -> Array:
        """Linear Rec.709 at analysis size, by way of the half floats that a run's plate has."""
        if self._to_linear is None:
            linear = to_finite(encoded)
        else:
            linear = to_finite(to_float(to_half(self._to_linear(np.array(encoded, np.float32, order="C")))))
        small = cv2.resize(linear, (self.size.width, self.size.height), interpolation=cv2.INTER_AREA)
        return self._to_rec709(np.ascontiguousarray(small))

    def _write(self, frame: int, encoded: Any) -> None:
        display = to_srgb_display(self._shrink(encoded), exposure_stops=self._exposure)
        stills.write_picture(self._pattern.path(frame), np.asarray(np.rint(display * 255.0), np.uint8), durable=False)


def _plate_of(source: Source, frames: FrameRange, linear: str) -> Plate:
    return Plate(
        pattern=source.pattern, frames=frames, canvas=source.canvas, display_window=source.display_window,
        pixel_aspect=source.pixel_aspect, color_space=linear, pixel_type=source.pixel_type, fps=source.fps,
        timecode=None, source=source.path, source_color_space=source.space.name,
        color_space_from=source.space.told_by, held=source.held,
    )  # fmt: skip
