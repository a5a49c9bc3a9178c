"""What the user gave as a picture, before it is a plate: EXR frames, other stills, or a movie."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import numpy as np

from wanfx.colors import color_errors
from wanfx.errors import MovieError, SequenceError, ShotError
from wanfx.frames import Box, FrameRange, Timecode, nominal_rate
from wanfx.images import FramePattern, PixelType
from wanfx.io import exr, movie, sequence, stills
from wanfx.pixels import to_float
from wanfx_color.configs import ColorConfig
from wanfx_color.spaces import COLOR_TAGS, ToldSpace, tell_color_space

MOVIE_SUFFIXES = (".mov", ".mp4", ".m4v", ".mkv", ".mxf", ".avi", ".webm")
DEFAULT_FPS = Fraction(24)
DEFAULT_FIRST_FRAME = 1001


@dataclass(frozen=True)
class Source:
    """A plate or background as it was given.

    ``space`` is the colour space of its pixels, ``canvas`` the union of the data windows, ``held`` maps missing frames
    to those that stand in. ``fps_from`` says where the rate came from.
    """

    kind: Literal["exr", "stills", "movie"]
    path: str
    pattern: FramePattern
    frames: FrameRange
    canvas: Box
    display_window: Box
    pixel_aspect: float
    pixel_type: PixelType
    space: ToldSpace
    fps: Fraction
    fps_from: str
    timecode: Timecode | None
    movie: movie.MovieInfo | None = None
    held: Mapping[int, int] = field(default_factory=dict)

    @property
    def is_in_place(self) -> bool:
        """Whether the files themselves are the plate: scene-linear EXR."""
        return self.kind == "exr" and self.space.is_scene_linear

    def file(self, frame: int) -> Path:
        """The file a frame is read from."""
        return self.pattern.path(self.held.get(frame, frame))

    def read(self) -> Iterator[tuple[int, np.ndarray[Any, Any]]]:
        """Every frame's number and float32 (H, W, 3) pixels, canvas-sized, encoded as `space` says, in order."""
        if self.kind == "movie":
            assert self.movie is not None
            for index, rgb in movie.read_movie(self.path, info=self.movie, variable_rate="conform"):
                yield self.frames.first + index, rgb
            return
        for frame in self.frames:
            yield frame, self.read_frame(frame)

    def read_straight(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any] | None]:
        """The first picture's straight colours (H, W, 3), as `read` gives them, and the alpha (H, W) that it has."""
        first = self.frames.first
        if self.kind == "movie":
            return next(iter(self.read()))[1], None
        if self.kind == "exr":
            frame = exr.read_frame(self.file(first), canvas=self.canvas, frame=first)
            return _straight(to_float(frame.rgb), None if frame.alpha is None else to_float(frame.alpha))
        still = stills.read_still(self.file(first), frame=first)
        is_straight = still.alpha is None or still.alpha_association != "premultiplied"
        return (still.pixels, still.alpha) if is_straight else _straight(still.pixels, still.alpha)

    def read_frame(self, frame: int) -> np.ndarray[Any, Any]:
        """One frame of a sequence, as `read` gives it."""
        if self.kind == "exr":
            return to_float(exr.read_frame(self.file(frame), canvas=self.canvas, frame=frame).rgb)
        return stills.read_still(self.file(frame), frame=frame).pixels


def _straight(
    rgb: np.ndarray[Any, Any], alpha: np.ndarray[Any, Any] | None
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any] | None]:
    """Premultiplied colours as straight ones, 0 where alpha is 0."""
    if alpha is None:
        return rgb, None
    return np.divide(rgb, alpha[..., None], out=np.zeros_like(rgb), where=alpha[..., None] > 0), alpha


@dataclass(frozen=True)
class Wanted:
    """How a source is to be read: what the shot says about it, which ``frames`` it wants, and what of its faults."""

    key: str
    path: str
    colorspace: str | None
    fps: str | None = None
    first_frame: int | None = None
    frames: FrameRange | None = None
    gaps: Literal["error", "hold"] = "error"
    variable_rate: Literal["error", "conform"] = "error"


def open_source(wanted: Wanted, *, color: ColorConfig) -> Source:
    """Look at every frame's header (never its pixels). Raises what is wrong before any work starts."""
    if Path(wanted.path).suffix.lower() in MOVIE_SUFFIXES:
        return _open_movie(wanted, color=color)
    found = sequence.find_sequence(wanted.path)
    inside = tuple(number for number in found.numbers if wanted.frames is None or number in wanted.frames)
    if inside:
        # What is wrong with frames that nobody asked for is nobody's trouble.
        found = dataclasses.replace(found, numbers=inside)
    sequence.check_sequence(found, gaps=wanted.gaps)
    frames = FrameRange(found.numbers[0], found.numbers[-1])
    numbers = set(found.numbers)
    held: dict[int, int] = {}
    for frame in frames:
        if frame not in numbers:
            held[frame] = held.get(frame - 1, frame - 1)
    suffix = Path(found.pattern.name).suffix.lower()
    opener = _open_exr if suffix == ".exr" else _open_stills
    return opener(wanted, found.pattern, frames, held, color)


def _open_exr(
    wanted: Wanted, pattern: FramePattern, frames: FrameRange, held: Mapping[int, int], color: ColorConfig
) -> Source:
    first = exr.read_header(pattern.path(frames.first), frame=frames.first)
    canvas = first.data_window
    space = _tell(wanted, color, path=pattern.path(frames.first), kind="exr", tags=first.attributes)
    for frame in frames:
        if frame in held:
            continue
        header = exr.read_header(pattern.path(frame), frame=frame)
        _check_same(first, header, frame=frame)
        if _tags(header.attributes) != _tags(first.attributes):
            told = _tell(wanted, color, path=pattern.path(frame), kind="exr", tags=header.attributes)
            _check_space(space, told, path=pattern.path(frame), frame=frame)
        canvas = canvas.union(header.data_window)
    fps, fps_from = _choose_fps(wanted, first.fps)
    return Source(
        kind="exr", path=wanted.path, pattern=pattern, frames=frames, canvas=canvas,
        display_window=first.display_window, pixel_aspect=first.pixel_aspect,
        pixel_type="float" if first.pixel_type == "float" else "half", space=space, fps=fps, fps_from=fps_from,
        timecode=first.timecode_at(nominal_rate(fps)), held=held,
    )  # fmt: skip


def _check_same(first: exr.ExrHeader, header: exr.ExrHeader, *, frame: int) -> None:
    for what, ours, theirs in (
        ("display window", first.display_window.as_list(), header.display_window.as_list()),
        ("pixel aspect", first.pixel_aspect, header.pixel_aspect),
        ("pixel type", first.pixel_type, header.pixel_type),
    ):
        if ours != theirs:
            raise SequenceError(
                f"{what} is {theirs}, but {ours} in {first.path.name}",
                path=header.path,
                frame=frame,
                remedy="give one sequence of frames of one size and type",
            )
    if header.pixel_type == "uint":
        raise SequenceError(
            "RGB is unsigned integer, which has no scene-linear meaning",
            path=header.path,
            frame=frame,
            remedy="write RGB as half or float; integer channels beside it are fine",
        )


def _tags(attributes: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(attributes[name]) for name in COLOR_TAGS if name in attributes}


def _check_space(first: ToldSpace, told: ToldSpace, *, path: Path, frame: int) -> None:
    if told.name != first.name:
        raise SequenceError(
            f"is {told.name} by {told.told_by}, but the first frame {first.name} by {first.told_by}",
            path=path, frame=frame,
            remedy="convert the frame, or name the colour space of all frames in the shot where a tag is wrong",
        )  # fmt: skip


def _open_stills(
    wanted: Wanted, pattern: FramePattern, frames: FrameRange, held: Mapping[int, int], color: ColorConfig
) -> Source:
    first = stills.read_still_header(pattern.path(frames.first), frame=frames.first)
    space = _tell(wanted, color, path=pattern.path(frames.first), kind="still", tags=first.color_tags)
    for frame in frames:
        if frame in held:
            continue
        header = stills.read_still_header(pattern.path(frame), frame=frame)
        if header.size != first.size:
            raise SequenceError(
                f"is {header.size}, but {first.size} in {pattern.path(frames.first).name}",
                path=pattern.path(frame), frame=frame, remedy="give one sequence of frames of one size",
            )  # fmt: skip
        if header.color_tags != first.color_tags:
            told = _tell(wanted, color, path=pattern.path(frame), kind="still", tags=header.color_tags)
            _check_space(space, told, path=pattern.path(frame), frame=frame)
    box = Box(0, 0, first.size.width, first.size.height)
    fps, fps_from = _choose_fps(wanted, first.fps)
    return Source(
        kind="stills", path=wanted.path, pattern=pattern, frames=frames, canvas=box, display_window=box,
        pixel_aspect=first.pixel_aspect, pixel_type="half", space=space, fps=fps, fps_from=fps_from,
        timecode=first.timecode_at(nominal_rate(fps)), held=held,
    )  # fmt: skip


def _open_movie(wanted: Wanted, *, color: ColorConfig) -> Source:
    path = Path(wanted.path)
    info = movie.probe_movie(path)
    count = info.frame_count
    if info.is_variable_rate:
        if wanted.variable_rate == "error":
            raise MovieError(
                f"the frame rate is variable: {info.rate_evidence}",
                path=path,
                remedy="set ingest.variable_rate=conform to conform it to its average rate, or transcode it first",
            )
        count = len(movie.conform_indices(info))
    space = _tell(wanted, color, path=path, kind="movie", tags=info.tags)
    fps, fps_from = _choose_fps(wanted, info.fps)
    timecode = _parse_timecode(info.timecode, fps)
    first = wanted.first_frame
    if first is None:
        first = DEFAULT_FIRST_FRAME if timecode is None else timecode.frames
    box = Box(0, 0, info.size.width, info.size.height)
    return Source(
        kind="movie", path=wanted.path, pattern=FramePattern(wanted.path),
        frames=FrameRange(first, first + count - 1), canvas=box, display_window=box,
        pixel_aspect=float(info.pixel_aspect), pixel_type="half", space=space, fps=fps, fps_from=fps_from,
        timecode=timecode, movie=info,
    )  # fmt: skip


def _tell(
    wanted: Wanted, color: ColorConfig, *, path: Path, kind: Literal["exr", "movie", "still"], tags: Mapping[str, Any]
) -> ToldSpace:
    with color_errors(key=f"{wanted.key}.colorspace", path=str(path)):
        return tell_color_space(color, path=str(path), kind=kind, declared=wanted.colorspace, tags=tags)


def _choose_fps(wanted: Wanted, own: Fraction | None) -> tuple[Fraction, str]:
    if wanted.fps is not None:
        try:
            fps = Fraction(wanted.fps)
        except (ValueError, ZeroDivisionError) as error:
            raise ShotError(
                f"{wanted.fps!r} is not a frame rate", key=f"{wanted.key}.fps", remedy="write it as 24 or 24000/1001"
            ) from error
        if fps <= 0:
            raise ShotError(f"{wanted.fps} is not above 0", key=f"{wanted.key}.fps", remedy="write it as 24")
        return fps, "shot"
    return (own, "file") if own else (DEFAULT_FPS, "default")


def _parse_timecode(text: str | None, fps: Fraction) -> Timecode | None:
    return None if text is None else Timecode.parse(text, rate=nominal_rate(fps))
