"""ingest: Shot -> Plate. Scene-linear EXR stays in place; all else becomes linear half EXR, once.

Every frame also gets a small picture for analysis (``work/proxy``, sRGB PPM), and is measured: NaN and Inf, range,
brightness.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from wanfx.colors import color_errors
from wanfx.errors import SequenceError, ShotError
from wanfx.frames import FrameRange, Size
from wanfx.images import FramePattern, Plate
from wanfx.io.atomic import sha256_file
from wanfx.options import Options
from wanfx.shot import Shot
from wanfx.stages.context import Made, RunContext, StageProgress, stage_key
from wanfx.stages.plate_frame import PlateFrameMaker
from wanfx.stages.source import Source, Wanted, open_source
from wanfx.units import Record, Unit
from wanfx_color.configs import ColorConfig
from wanfx_color.model_space import suggest_exposure
from wanfx_color.transforms import converter, to_linear_rec709

STAGE = "ingest"
VERSION = 1


@dataclass(frozen=True)
class Anchor:
    """What sets the exposure of the analysis pictures of a plate that is a pass's: the shot's own first frame.

    A pass's first frame may be made again, which must not change all others.
    """

    key: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Ingested:
    """The plate, its analysis pictures (`proxies`, of `proxy_size`), a hash and measures for every frame.

    ``exposure_stops`` brings the shot's average brightness to mid grey; ``anchor`` is what was given for the proxies'.
    """

    plate: Plate
    source: Source
    proxies: FramePattern
    proxy_size: Size
    keys: Mapping[int, str]
    facts: Mapping[int, Mapping[str, Any]]
    exposure_stops: float
    anchor: Anchor | None = None


def run_ingest(run: RunContext, source: Source, *, anchor: Anchor | None = None) -> Ingested:
    """Read the plate's frames; an ``anchor`` takes the place of the first of a sequence.

    Raises FrameReadError, BadPixelsError.
    """
    for text, frame in source_warnings(source):
        run.warn(STAGE, text, frame=frame)
    plate = _plate_of(run, source)
    proxies = FramePattern(str(run.work / "proxy" / "proxy.####.ppm"))
    size = analysis_size(plate, width_px=run.options.matte.width_px)
    with run.stage(STAGE, units=len(plate.frames)) as progress:
        records = _ingest_frames(run, progress, source, plate, proxies, size, anchor)
    facts = {frame: record.facts for frame, record in records.items()}
    _report_bad_pixels(run, facts)
    exposure = suggest_exposure(fact["log_average_stops"] for fact in facts.values())
    keys = {frame: record.key for frame, record in records.items()}
    return Ingested(plate, source, proxies, size, keys, facts, exposure, anchor)


def find_keys(run: RunContext, source: Source, *, anchor: Anchor | None = None) -> dict[int, str]:
    """The ``keys`` of a sequence that `run_ingest` would give; no picture is decoded."""
    plate = _plate_of(run, source)
    unit = _unit_of(run, source, plate, analysis_size(plate, width_px=run.options.matte.width_px), anchor)
    return {frame: unit(frame).key for frame in plate.frames}


def open_plate(shot: Shot, options: Options, *, color: ColorConfig) -> Source:
    """The shot's plate as it was given, its headers checked.

    Raises SequenceError, FrameReadError, MovieError, ColorSpaceError, ShotError.
    """
    wanted = Wanted(
        key="plate",
        path=shot.resolve(shot.plate.path),
        colorspace=shot.plate.colorspace,
        fps=shot.plate.fps,
        first_frame=shot.plate.first_frame,
        frames=shot.frame_range,
        gaps=options.ingest.gaps,
        variable_rate=options.ingest.variable_rate,
    )
    source = open_source(wanted, color=color)
    with color_errors(key="plate.colorspace", path=wanted.path):
        converter(color, source.space.name, color.scene_linear)
        to_linear_rec709(color, plate_space(source, color=color))
    return source


def plate_space(source: Source, *, color: ColorConfig) -> str:
    """The colour space that the plate's frames are read in: their own where they stay in place."""
    return source.space.name if source.is_in_place else color.scene_linear


def shot_frames(shot: Shot, source: Source) -> FrameRange:
    """The frames of the shot: what it says, else all of the plate. Raises ShotError."""
    frames = shot.frame_range or source.frames
    if source.frames.clip(frames) != frames:
        raise ShotError(
            f"{frames} is not within the plate's {source.frames}",
            key="frames",
            remedy="set it within the plate's frames",
        )
    cut = shot.cut_range
    if cut is not None and frames.clip(cut) != cut:
        raise ShotError(f"{cut} is not within the shot's {frames}", key="cut", remedy="set it within the shot's frames")
    return frames


def source_warnings(source: Source) -> Iterator[tuple[str, int | None]]:
    """What a user should know of a plate as it was given, and the frame where it is of one."""
    if source.space.is_default:
        yield f"the plate's colour space is not tagged; taken as {source.space.name} (set plate.colorspace)", None
    if source.fps_from == "default":
        yield f"the plate has no frame rate; taken as {source.fps} (set plate.fps)", None
    if source.movie is not None and source.movie.is_interlaced:
        yield "the movie is interlaced; its fields stay woven together (deinterlace it first)", None
    for frame, other in source.held.items():
        yield f"missing frame; {other} is held", frame


def _plate_of(run: RunContext, source: Source) -> Plate:
    frames = shot_frames(run.shot, source)
    in_place = source.is_in_place
    pattern = source.pattern if in_place else FramePattern(str(run.work / "plate" / "plate.####.exr"))
    offset = frames.first - source.frames.first
    return Plate(
        pattern=pattern,
        frames=frames,
        canvas=source.canvas,
        display_window=source.display_window,
        pixel_aspect=source.pixel_aspect,
        color_space=plate_space(source, color=run.color),
        pixel_type=source.pixel_type if in_place else "half",
        fps=source.fps,
        timecode=None if source.timecode is None else source.timecode + offset,
        source=run.shot.plate.path,
        source_color_space=source.space.name,
        color_space_from=source.space.told_by,
        movie=Path(source.path) if source.kind == "movie" else None,
        held=source.held if in_place else {},
    )


def analysis_size(plate: Plate | Source, *, width_px: int) -> Size:
    """The size of a plate's analysis pictures: square pixels, never larger than the plate."""
    aspect = plate.canvas.width * plate.pixel_aspect / plate.canvas.height
    width = min(width_px, round(plate.canvas.width * plate.pixel_aspect))
    return Size(max(2, width), max(2, round(width / aspect)))


def _ingest_frames(
    run: RunContext, progress: StageProgress, source: Source, plate: Plate, proxies: FramePattern, size: Size,
    anchor: Anchor | None,
) -> dict[int, Record]:  # fmt: skip
    make = PlateFrameMaker(run, source, plate, proxies, size)
    unit = _unit_of(run, source, plate, size, anchor)
    first = plate.frames.first
    if source.kind != "movie":
        if anchor is not None:
            make.anchor(anchor.facts)
        # The first frame alone, for it sets the exposure of all proxies.
        records = {first: progress.make(unit(first), partial(make, first, None))}
        if anchor is None:
            make.anchor(records[first].facts)
        rest = list(plate.frames)[1:]
        jobs = ((unit(frame), partial(make, frame, None)) for frame in rest)
        return records | dict(zip(rest, progress.make_many(jobs), strict=True))
    return _ingest_movie(run, progress, source, make, {frame: unit(frame) for frame in plate.frames})


def _ingest_movie(
    run: RunContext, progress: StageProgress, source: Source, make: PlateFrameMaker, units: Mapping[int, Unit]
) -> dict[int, Record]:
    """A movie is decoded in order, up to the last frame that is not there yet."""
    good = {} if run.fresh else {frame: found for frame in units if (found := run.store.find(units[frame]))}
    for frame in good:
        progress.step(frame, reused=True)
    missing = [frame for frame in units if frame not in good]
    if not missing:
        return good
    first = min(units)
    if first in good:
        make.anchor(good[first].facts)

    def jobs() -> Iterator[tuple[Unit, Callable[[], Made]]]:
        for frame, rgb in source.read():
            if frame == first and frame in missing:
                make.anchor_on(rgb)
            if frame in missing:
                yield units[frame], partial(make, frame, rgb)
            if frame >= missing[-1]:
                return

    made = dict(zip(missing, progress.make_many(jobs()), strict=False))
    if len(made) < len(missing):
        raise SequenceError(
            "the movie ends before this frame", path=source.path, frame=missing[len(made)], remedy="copy it again"
        )
    return {frame: made.get(frame) or good[frame] for frame in units}


def _unit_of(run: RunContext, source: Source, plate: Plate, size: Size, anchor: Anchor | None) -> Callable[[int], Unit]:
    """Frame to unit; a movie is hashed once. All depend on the first frame, which sets the exposure of the proxies."""
    movie_hash = sha256_file(source.path) if source.kind == "movie" else ""
    exposed_by = movie_hash or (sha256_file(source.file(plate.frames.first)) if anchor is None else anchor.key)
    common = (
        exposed_by, plate.frames.first, str(plate.fps), str(plate.timecode), source.space.name, run.color.sha256,
        run.options.ingest.bad_pixels,
        [size.width, size.height], plate.canvas.as_list(),
    )  # fmt: skip

    def unit(frame: int) -> Unit:
        content = [movie_hash, frame - source.frames.first] if movie_hash else sha256_file(source.file(frame))
        return Unit(STAGE, str(frame), stage_key(STAGE, VERSION, content, frame, *common))

    return unit


def _report_bad_pixels(run: RunContext, facts: Mapping[int, Mapping[str, Any]]) -> None:
    for frame, fact in facts.items():
        if fact["bad_pixels"]:
            run.warn(STAGE, f"{fact['bad_pixels']} NaN or Inf values kept where edit is 0", frame=frame)
