"""The new world of task ``background``: the given still, sequence or movie, as plate-sized linear frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.errors import BadPixelsError, SequenceError
from wanfx.frames import FrameRange
from wanfx.images import FramePattern, Plate
from wanfx.io.atomic import sha256_file
from wanfx.ops.camera import CameraPath
from wanfx.shot import Shot
from wanfx.stages.clean import write_clean
from wanfx.stages.context import Made, RunContext, stage_key
from wanfx.stages.source import Source, Wanted, open_source
from wanfx.units import Record, Unit
from wanfx_color.configs import ColorConfig
from wanfx_color.transforms import converter

STAGE = "world"
VERSION = 1
Array = npt.NDArray[np.float32]


def run_world(
    run: RunContext, plate: Plate, camera: CameraPath, *, frames: list[int]
) -> tuple[FramePattern, Mapping[int, str]]:
    """The world's frames and their hashes. Raises SequenceError where it is shorter than the shot."""
    source, follow = open_world(run.shot, frames=plate.frames, color=run.color)
    pattern = FramePattern(str(run.work / "world" / "world.####.exr"))
    placing = _Placing(plate, camera, source, follow=follow)
    to_plate = converter(run.color, source.space.name, plate.color_space)
    movie_hash = sha256_file(source.path) if source.kind == "movie" else ""
    records: dict[int, Record] = {}
    with run.stage(STAGE, units=len(frames)) as progress:
        for frame, number, encoded in _pictures(source, plate, frames):
            content = [movie_hash, number] if movie_hash else sha256_file(source.file(number))
            matrix = np.round(placing.matrix(frame), 9).tolist()
            key = stage_key(
                STAGE,
                VERSION,
                content,
                source.space.name,
                run.color.sha256,
                plate.color_space,
                matrix,
                [plate.canvas.as_list(), plate.display_window.as_list(), plate.pixel_aspect],
            )

            def make(frame: int = frame, number: int = number, encoded: Any = encoded) -> Made:
                linear = to_plate(np.ascontiguousarray(encoded()))
                if not np.isfinite(linear).all():
                    raise BadPixelsError(
                        "has NaN or Inf pixels", key="background", path=source.path, frame=number, remedy="mend it"
                    )
                rgb = placing.place(linear, frame)
                write_clean(pattern.path(frame), rgb, np.ones(rgb.shape[:2], np.float32), plate=plate)
                return Made((pattern.path(frame),))

            records[frame] = progress.make(Unit(STAGE, str(frame), key), make)
    return pattern, {frame: next(iter(record.files.values())) for frame, record in records.items()}


def open_world(shot: Shot, *, frames: FrameRange, color: ColorConfig) -> tuple[Source, bool]:
    """The background as it was given, and whether it follows the camera. Raises what is wrong with it."""
    given = shot.background
    assert given is not None
    wanted = Wanted(key="background", path=shot.resolve(given.path), colorspace=given.colorspace)
    source = open_source(wanted, color=color)
    is_still = len(source.frames) == 1
    if not is_still and len(source.frames) < len(frames):
        raise SequenceError(
            f"has {len(source.frames)} frames, the shot {len(frames)}",
            path=source.path,
            remedy="give a background as long as the shot, or a still",
        )
    return source, is_still and given.follow == "camera"


def _pictures(source: Source, plate: Plate, frames: list[int]) -> Iterator[tuple[int, int, Any]]:
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


class _Placing:
    """Where the world's picture lies in the plate: filling it, and, for a still, moving with the camera."""

    def __init__(self, plate: Plate, camera: CameraPath, source: Source, *, follow: bool) -> None:
        self._plate, self._camera, self._follow = plate, camera, follow
        size = source.canvas.size
        width = size.width * source.pixel_aspect
        x0, y0, x1, y1 = self._extent()
        aspect = plate.pixel_aspect
        scale = max((x1 - x0) * aspect / width, (y1 - y0) / size.height)
        across, down = scale * source.pixel_aspect / aspect, scale
        self._fill = np.array(
            [
                [across, 0.0, (x0 + x1 - size.width * across) / 2],
                [0.0, down, (y0 + y1 - size.height * down) / 2],
                [0.0, 0.0, 1.0],
            ]
        )

    def matrix(self, frame: int) -> npt.NDArray[np.float64]:
        """World pixels to plate pixels (centres at .5)."""
        if not self._follow:
            return self._fill
        return np.asarray(self._camera.between(self._plate.frames.first, frame) @ self._fill)

    def place(self, linear: Array, frame: int) -> Array:
        """The world as the plate's camera sees it."""
        half = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
        matrix = np.linalg.inv(half) @ self.matrix(frame) @ half
        canvas = self._plate.canvas
        shrink = np.sqrt(abs(np.linalg.det(matrix[:2, :2])))
        if shrink < 1:
            # Warping samples single pixels; a larger picture is blurred to the plate's pitch first.
            blur = 0.5 * float(np.sqrt(1 / shrink**2 - 1)) + 1e-6
            linear = np.asarray(cv2.GaussianBlur(linear, (0, 0), blur), np.float32)
        warped = cv2.warpPerspective(
            linear, matrix, (canvas.width, canvas.height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(warped, np.float32)

    def _extent(self) -> tuple[float, float, float, float]:
        """What the camera sees in all frames, in the first frame's pixels."""
        canvas = self._plate.canvas
        corners = np.array(
            [[0, 0, 1], [canvas.width, 0, 1], [0, canvas.height, 1], [canvas.width, canvas.height, 1]], float
        )
        if not self._follow:
            return 0.0, 0.0, float(canvas.width), float(canvas.height)
        seen = []
        for frame in self._plate.frames:
            placed = corners @ self._camera.between(frame, self._plate.frames.first).T
            seen.append(placed[:, :2] / placed[:, 2:])
        points = np.concatenate(seen)
        low, high = points.min(axis=0), points.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])
