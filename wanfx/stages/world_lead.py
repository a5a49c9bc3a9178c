"""What leads a prompted video model in the new world: depth, edges or a grey render, a picture a frame.

A guide from a 3-D scene has no lens: with an ST map it is distorted onto the plate. The plate is never undistorted.
Guide and map are taken by their display windows, as compositors see them: a render's data window holds what it drew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.background_input import GuideInput
from wanfx.errors import BadPixelsError, SequenceError, ShotError
from wanfx.frames import Box, FrameRange, Size
from wanfx.images import FramePattern, Plate
from wanfx.io import exr
from wanfx.io.atomic import sha256_file
from wanfx.ops.crop import to_model
from wanfx.ops.st_map import apply_st_map, round_trip_px
from wanfx.pixels import to_float
from wanfx.shot import Shot
from wanfx.stages.context import WORK_COMPRESSION, Made, RunContext, stage_key
from wanfx.stages.source import Source, Wanted, open_source
from wanfx.stages.world import read_pictures
from wanfx.stages.world_references import encode_model
from wanfx.units import Record, Unit
from wanfx_color.configs import ColorConfig
from wanfx_color.model_space import ModelSpace

STAGE = "guide_lead"
VERSION = 2
Array = npt.NDArray[np.float32]
_MOST_LEFT_PX, _BEYOND = 1.0, 0.01
_NOWHERE = -1.0
"""In S and T: beyond every picture."""


@dataclass(frozen=True)
class Lead:
    """The pictures that lead, (H, W, 3) in model space, and their hashes."""

    pattern: FramePattern
    hashes: Mapping[int, str]

    def read(self, frame: int) -> Array:
        """The frame's picture."""
        return to_float(exr.read_frame(self.pattern.path(frame), frame=frame).rgb)


def run_lead(run: RunContext, plate: Plate, *, size: Size, space: ModelSpace) -> Lead:
    """Bring all of the shot's guide pictures onto the plate, at the model's size. Raises as `open_lead` does."""
    source, given = open_lead(run.shot, frames=plate.frames, color=run.color)
    # Through a map all of its window is looked at.
    canvas = source.display_window if given.redistort else plate.canvas_of(source.display_window)
    source = replace(source, canvas=canvas)
    maker = _LeadMaker(run, source, given, plate, size, space)
    frames, records = list(plate.frames), dict[int, Record]()
    with run.stage(STAGE, units=len(frames)) as progress:
        for frame, number, read in read_pictures(source, plate, frames):
            unit = Unit(STAGE, str(frame), maker.key(number))
            records[frame] = progress.make(unit, partial(maker.make, frame, read))
    return Lead(maker.pattern, {frame: next(iter(record.files.values())) for frame, record in records.items()})


def open_lead(shot: Shot, *, frames: FrameRange, color: ColorConfig) -> tuple[Source, GuideInput]:
    """The guide as it was given. Raises what is wrong with it: of its maps, too."""
    assert shot.background is not None and shot.background.guide is not None
    given = shot.background.guide
    # Of data no color space is asked: its values are what the model sees.
    space = color.scene_linear if given.kind == "data" else given.colorspace
    wanted = Wanted(key="background.guide", path=shot.resolve(given.path), colorspace=space)
    source = open_source(wanted, color=color)
    if 1 < len(source.frames) < len(frames):
        raise SequenceError(
            f"has {len(source.frames)} frames, the shot {len(frames)}", path=source.path,
            remedy="render a guide for every frame, or give a still for a locked camera",
        )  # fmt: skip
    if given.redistort is not None and given.undistort is not None:
        names = {"redistort": given.redistort, "undistort": given.undistort}
        maps = [read_st_map(shot.resolve(path), key=f"background.guide.{name}") for name, path in names.items()]
        left = round_trip_px(maps[0], maps[1])
        if not left <= _MOST_LEFT_PX:
            raise ShotError(
                f"does not undo redistort: {left:.1f} pixels are left", key="background.guide.undistort",
                path=shot.resolve(given.undistort), remedy="give the two maps of one lens, and not in turn",
            )  # fmt: skip
    return source, given


def read_st_map(path: str, *, key: str, plate: Plate | None = None) -> Array:
    """S and T (H, W, 2) of an EXR's R and G in its display window, or on a ``plate`` of that size.

    Raises FrameReadError, BadPixelsError.
    """
    read = exr.read_frame(Path(path))
    header, st = read.header, to_float(read.rgb)[..., :2]
    if not np.isfinite(st).all():
        raise BadPixelsError(
            "is no ST map: it has NaN or Inf", key=key, path=path, remedy="export R and G from 0 to 1 everywhere"
        )
    canvas = header.display_window if plate is None else plate.canvas_of(header.display_window)
    return _lay_out(st, header.data_window, canvas, beyond=_NOWHERE)


def _lay_out(picture: Array, window: Box, canvas: Box, *, beyond: float) -> Array:
    out = np.full((canvas.height, canvas.width, picture.shape[2]), np.float32(beyond))
    both = window.clip(canvas)
    if not both.is_empty:
        out[both.slices(canvas)] = picture[both.slices(window)]
    return out


class _LeadMaker:
    """Makes the pictures."""

    def __init__(
        self, run: RunContext, source: Source, given: GuideInput, plate: Plate, size: Size, space: ModelSpace
    ) -> None:
        self._run, self._source, self._given = run, source, given
        self._plate, self._size, self._space = plate, size, space
        self.pattern = FramePattern(str(run.work / "guide" / "lead" / "lead.####.exr"))
        path = None if given.redistort is None else run.shot.resolve(given.redistort)
        self._map = None if path is None else read_st_map(path, key="background.guide.redistort", plate=plate)
        self._map_hash = "" if path is None else sha256_file(path)
        self._movie_hash = sha256_file(source.path) if source.kind == "movie" else ""

    def key(self, number: int) -> str:
        content = [self._movie_hash, number] if self._movie_hash else sha256_file(self._source.file(number))
        return stage_key(
            STAGE, VERSION, content, self._map_hash, self._given.kind, self._source.space.name, asdict(self._size),
            [self._plate.canvas.as_list(), self._plate.display_window.as_list()],
            self._space.exposure_stops, self._run.color.sha256,
        )  # fmt: skip

    def make(self, frame: int, read: Callable[[], npt.NDArray[Any]]) -> Made:
        source, seen = self._source, np.ascontiguousarray(read(), np.float32)
        if source.kind != "exr" and source.canvas != source.display_window:
            seen = _lay_out(seen, source.display_window, source.canvas, beyond=0)
        if self._map is not None:
            seen = apply_st_map(seen, self._map)
        path = self.pattern.path(frame)
        write_model_picture(path, self._encode(seen, frame))
        return Made((path,))

    def _encode(self, seen: Array, frame: int) -> Array:
        if self._given.kind == "data":
            low, high = float(seen.min()), float(seen.max())
            if not (low >= -_BEYOND and high <= 1 + _BEYOND):
                raise BadPixelsError(
                    f"has values from {low:g} to {high:g}, data for the model runs from 0 to 1", key="background.guide",
                    path=self._source.path, frame=frame,
                    remedy="scale depth to 0 (far) to 1 (near), or set kind = \"picture\" for a render",
                )  # fmt: skip
            return np.clip(to_model(seen, size=self._size) * 2 - 1, -1, 1)
        model = encode_model(self._run, self._source, seen, space=self._space)
        return np.clip(to_model(model, size=self._size), -1, 1)


def write_model_picture(path: Path, rgb: Array) -> None:
    """A picture (H, W, 3) at the model's size, float."""
    box = Box(0, 0, rgb.shape[1], rgb.shape[0])
    part = exr.Part("guide", np.ascontiguousarray(rgb, np.float32), ("R", "G", "B"))
    exr.write_parts(
        path, [part], data_window=box, display_window=box, compression=WORK_COMPRESSION, durable=False
    )  # fmt: skip
