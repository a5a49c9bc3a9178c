"""The new world of task ``background``: the given still, sequence or movie, as plate-sized linear frames.

It moves with the plate's camera where the shot says so, and is brought to the old background's exposure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.errors import BadPixelsError, SequenceError, ShotError
from wanfx.frames import FrameRange
from wanfx.images import FramePattern, Plate
from wanfx.io import exr
from wanfx.io.atomic import sha256_file
from wanfx.ops.camera import CameraPath, hold_lost
from wanfx.ops.edges import bounding_box
from wanfx.ops.exposure import match_stops, median_stops
from wanfx.pixels import to_finite
from wanfx.shot import Shot
from wanfx.stages.clean import write_clean
from wanfx.stages.context import Made, RunContext, StageProgress, stage_key
from wanfx.stages.ingest import Ingested
from wanfx.stages.refine import Refined
from wanfx.stages.source import Source, Wanted, open_source
from wanfx.stages.world_placing import Placing
from wanfx.units import Record, Unit
from wanfx_color.configs import ColorConfig
from wanfx_color.transforms import converter

STAGE = "world"
VERSION = 2
Array = npt.NDArray[np.float32]
_LEAST_CONFIDENCE = 0.3
_MOST_STOPS = 2.0
_LOOKS = 5
_AROUND = 0.5


@dataclass(frozen=True)
class World:
    """The world's frames, their hashes, by how many stops its exposure was changed, and where the camera was lost.

    ``is_shown``: a generator was asked to show these very pictures, so that what it makes darker on them beside the
    actor is his shadow. Not so where they only guide it (depth, a grey render), or where there are none.
    """

    pattern: FramePattern
    hashes: Mapping[int, str]
    exposure_stops: float
    lost: tuple[int, ...]
    is_shown: bool = True


def run_world(run: RunContext, ingested: Ingested, refined: Refined, camera: CameraPath, *, frames: list[int]) -> World:
    """The world of ``frames``. Raises SequenceError where it is shorter than the shot, BadPixelsError."""
    source, follow = open_world(run.shot, frames=ingested.plate.frames, color=run.color)
    held, lost = hold_lost(camera, least=_LEAST_CONFIDENCE) if follow else (camera, ())
    if lost:
        run.warn(STAGE, f"the camera was lost in {len(lost)} frames ({_name(lost)}); the background goes on smoothly "
                        "as it last moved", frame=lost[0])  # fmt: skip
    maker = _WorldMaker(run, ingested, refined, source, Placing(ingested.plate, held, source, follow=follow))
    records: dict[int, Record] = {}
    with run.stage(STAGE, units=len(frames)) as progress:
        maker.match(progress)
        for frame, number, encoded in read_pictures(source, ingested.plate, frames):
            unit = Unit(STAGE, str(frame), maker.key(frame, number))
            records[frame] = progress.make(unit, partial(maker.make, frame, number, encoded))
    hashes = {frame: next(iter(record.files.values())) for frame, record in records.items()}
    return World(maker.pattern, hashes, maker.stops, lost)


def _name(frames: tuple[int, ...]) -> str:
    few = ", ".join(str(frame) for frame in frames[:6])
    return few if len(frames) <= 6 else f"{few} ... {frames[-1]}"


class _WorldMaker:
    """Makes the world frame by frame, all with one exposure."""

    def __init__(self, run: RunContext, ingested: Ingested, refined: Refined, source: Source, placing: Placing) -> None:
        self.pattern = FramePattern(str(run.work / "world" / "world.####.exr"))
        self.stops = 0.0
        self._run, self._ingested, self._refined = run, ingested, refined
        self._source, self._placing, self._plate = source, placing, ingested.plate
        self._to_plate = converter(run.color, source.space.name, self._plate.color_space)
        self._movie_hash = sha256_file(source.path) if source.kind == "movie" else ""

    def match(self, progress: StageProgress) -> None:
        """Find the shot's one exposure; says where it is too far off to be matched."""
        if self._run.options.condition.world_exposure == "keep":
            return
        frames = list(self._plate.frames)
        looks = [frames[i] for i in np.unique(np.linspace(0, len(frames) - 1, _LOOKS).astype(int))]
        first = self._source.frames.first
        content = [(self._ingested.keys[frame], self._refined.hashes[frame], self._common(frame)) for frame in looks]
        key = stage_key(STAGE, VERSION, "exposure", content, self._content(first))
        record = progress.make(Unit(STAGE, "exposure", key), lambda: self._measure(looks, first), count=False)
        self.stops = float(record.facts["exposure_stops"])
        if self.stops:
            off = f"{_MOST_STOPS:g} stops or more off" if abs(self.stops) >= _MOST_STOPS else "not"
            self._run.warn(STAGE, f"the new background's exposure is {off} the plate's; its light is changed by "
                                  f"{self.stops:+.2f} stops (condition.world_exposure=keep leaves it)")  # fmt: skip

    def _measure(self, looks: list[int], first: int) -> Made:
        """Around the actor, the old background against the new one's first picture."""
        linear = self._linear(first, next(iter(self._source.read()))[1])
        pairs = []
        for frame in looks:
            old = exr.read_frame(self._plate.path(frame), canvas=self._plate.canvas, frame=frame).rgb
            alpha = exr.read_matte(self._refined.matte.path(frame), canvas=self._plate.canvas)
            around = _around(alpha)
            finite = to_finite(old)
            wanted, there = median_stops(finite, around), median_stops(self._placing.place(linear, frame), around)
            if wanted is not None and there is not None:
                pairs.append((wanted, there))
        return Made((), {"exposure_stops": match_stops(pairs, most=_MOST_STOPS)})

    def key(self, frame: int, number: int) -> str:
        """The picture, how it is placed, and its exposure."""
        return stage_key(STAGE, VERSION, self._content(number), self._common(frame), self.stops)

    def _content(self, number: int) -> Any:
        return [self._movie_hash, number] if self._movie_hash else sha256_file(self._source.file(number))

    def _common(self, frame: int) -> list[Any]:
        plate = self._plate
        return [
            self._source.space.name, self._run.color.sha256, plate.color_space,
            np.round(self._placing.matrix(frame), 9).tolist(),
            [plate.canvas.as_list(), plate.display_window.as_list(), plate.pixel_aspect],
        ]  # fmt: skip

    def make(self, frame: int, number: int, read: Callable[[], npt.NDArray[Any]]) -> Made:
        """Write one frame."""
        rgb = self._placing.place(self._linear(number, read()) * np.float32(2.0**self.stops), frame)
        write_clean(self.pattern.path(frame), rgb, np.ones(rgb.shape[:2], np.float32), plate=self._plate)
        return Made((self.pattern.path(frame),), {"exposure_stops": self.stops})

    def _linear(self, number: int, encoded: npt.NDArray[Any]) -> Array:
        linear = self._to_plate(np.ascontiguousarray(encoded, dtype=np.float32).copy())
        if not np.isfinite(linear).all():
            raise BadPixelsError(
                "has NaN or Inf pixels", key="background", path=self._source.path, frame=number, remedy="mend it"
            )
        return np.asarray(linear, np.float32)


def _around(alpha: Array) -> npt.NDArray[np.bool_]:
    """The background beside the actor; all of it where there is none."""
    box = bounding_box(alpha)
    near = np.ones(alpha.shape, bool)
    if not box.is_empty:
        near[:] = False
        rows, columns = int(_AROUND * box.height), int(_AROUND * box.width)
        near[max(0, box.y0 - rows) : box.y1 + rows, max(0, box.x0 - columns) : box.x1 + columns] = True
    return np.asarray(near & (alpha <= 0))


def open_world(shot: Shot, *, frames: FrameRange, color: ColorConfig) -> tuple[Source, bool]:
    """The background as it was given, and whether it follows the camera. Raises what is wrong with it."""
    given = shot.background
    if given is None or given.path is None:
        raise ShotError(
            "is missing: without a video model the new background is the picture that is given",
            key="background.path", remedy="give a still, sequence or movie, or set generate.backend=wan-vace",
        )  # fmt: skip
    wanted = Wanted(key="background", path=shot.resolve(given.path), colorspace=given.colorspace)
    source = open_source(wanted, color=color)
    # A render's data window holds what it drew; the rest of its picture is black.
    source = replace(source, canvas=source.canvas.union(source.display_window))
    is_still = len(source.frames) == 1
    if not is_still and len(source.frames) < len(frames):
        raise SequenceError(
            f"has {len(source.frames)} frames, the shot {len(frames)}",
            path=source.path,
            remedy="give a background as long as the shot, or a still",
        )
    return source, given.follow == "camera" or (given.follow == "auto" and is_still)


def read_pictures(source: Source, plate: Plate, frames: list[int]) -> Iterator[tuple[int, int, Any]]:
    """Plate frame, the world's frame number, and a function that gives its pixels."""
    if len(source.frames) == 1:
        only = source.frames.first
        for frame in frames:
            yield frame, only, lambda: next(iter(source.read()))[1]
        return
    numbers = {source.frames.first + frame - plate.frames.first: frame for frame in frames}
    for number, encoded in source.read():
        if number in numbers:
            yield numbers[number], number, lambda encoded=encoded: encoded
        if number >= max(numbers):
            return
