"""One plate frame: its linear EXR where it is not in place, its analysis picture, its measures."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.errors import BadPixelsError
from wanfx.frames import Size
from wanfx.images import FramePattern, Plate
from wanfx.io import exr, stills
from wanfx.pixels import to_float, to_half
from wanfx.stages.context import WORK_COMPRESSION, Made, RunContext
from wanfx.stages.source import Source
from wanfx_color.model_space import log_average_stops, suggest_exposure
from wanfx_color.tags import linear_tags
from wanfx_color.transforms import converter, to_linear_rec709, to_srgb_display

Pixels = npt.NDArray[Any]
Array = npt.NDArray[np.float32]


class PlateFrameMaker:
    """Makes one frame: the plate's EXR where it is not in place, the analysis picture, the measures."""

    def __init__(self, run: RunContext, source: Source, plate: Plate, proxies: FramePattern, size: Size) -> None:
        self._run, self._source, self._plate, self._proxies, self._size = run, source, plate, proxies, size
        self._to_linear = None if source.is_in_place else converter(run.color, source.space.name, plate.color_space)
        self._to_rec709 = to_linear_rec709(run.color, plate.color_space)
        self._exposure: float | None = None

    def anchor(self, facts: Mapping[str, Any]) -> None:
        """Take the exposure of the analysis pictures from the first frame's facts."""
        self._exposure = suggest_exposure([facts["log_average_stops"]])

    def anchor_on(self, encoded: Pixels) -> None:
        """Take the exposure from the first frame itself, as it will be written."""
        assert self._to_linear is not None
        linear = self._to_linear(np.ascontiguousarray(encoded, dtype=np.float32).copy())
        self.anchor(self._measure(self._plate.frames.first, to_float(to_half(linear)))[0])

    def __call__(self, frame: int, encoded: Pixels | None) -> Made:
        files = []
        if self._to_linear is None:
            linear = exr.read_frame(self._plate.path(frame), canvas=self._plate.canvas, frame=frame).rgb
            linear = to_float(linear)
        else:
            encoded = self._source.read_frame(frame) if encoded is None else encoded
            half = to_half(self._to_linear(np.ascontiguousarray(encoded, dtype=np.float32)))
            linear = to_float(half)
            files.append(self._write_plate(frame, half))
        facts, small = self._measure(frame, linear)
        proxy = self._proxies.path(frame)
        stills.write_picture(proxy, self._proxy(small), durable=False)
        return Made((*files, proxy), facts)

    def _write_plate(self, frame: int, half: Pixels) -> Path:
        plate = self._plate
        path = plate.path(frame)
        timecode = None if plate.timecode is None else plate.timecode + (frame - plate.frames.first)
        attributes = {**linear_tags(self._run.color, plate.color_space), **rate_attributes(plate.fps)}
        if timecode is not None:
            attributes["timeCode"] = exr.timecode_attribute(timecode)
        part = exr.Part("rgb", half, ("R", "G", "B"))
        exr.write_parts(
            path, [part], data_window=plate.canvas, display_window=plate.display_window,
            pixel_aspect=plate.pixel_aspect, compression=WORK_COMPRESSION, attributes=attributes, durable=False,
        )  # fmt: skip
        return path

    def _measure(self, frame: int, linear: Pixels) -> tuple[dict[str, Any], Pixels]:
        """The frame's facts, and the frame at analysis size, linear Rec.709."""
        finite = np.isfinite(linear)
        bad = int(linear.size - np.count_nonzero(finite))
        if bad:
            y, x = np.argwhere(~finite.all(axis=2))[0]
            if self._run.options.ingest.bad_pixels == "error":
                raise BadPixelsError(
                    f"{bad} NaN or Inf values, the first at pixel ({x + self._plate.canvas.x0}, "
                    f"{y + self._plate.canvas.y0})",
                    path=self._plate.path(frame),
                    frame=frame,
                    remedy="mend the plate, or set ingest.bad_pixels=keep to keep them where nothing is edited",
                )
            linear[~finite] = 0.0
        small = cv2.resize(linear, (self._size.width, self._size.height), interpolation=cv2.INTER_AREA)
        small = self._to_rec709(np.ascontiguousarray(small))
        average = log_average_stops(small)
        facts: dict[str, Any] = {
            "min_linear": float(linear.min()),
            "max_linear": float(linear.max()),
            "bad_pixels": bad,
            "log_average_stops": None if average is None else round(average, 4),
        }
        if self._exposure is None:
            self.anchor(facts)
        return facts, small

    def _proxy(self, rec709: Pixels) -> Pixels:
        assert self._exposure is not None
        display = to_srgb_display(rec709, exposure_stops=self._exposure)
        return np.asarray(np.rint(display * 255.0), np.uint8)


def rate_attributes(fps: Fraction) -> dict[str, Any]:
    """The header attribute for a frame rate."""
    return {"framesPerSecond": fps}
