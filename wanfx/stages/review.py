"""review: the comp as a movie to look at, with the source's sound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.colors import color_errors
from wanfx.frames import Box, Size
from wanfx.images import Plate
from wanfx.io import exr
from wanfx.io.movie_write import review_suffix, write_review_movie
from wanfx.stages.context import Made, RunContext, stage_key
from wanfx.stages.finish import Finished
from wanfx.stages.ingest import Ingested
from wanfx.units import Unit
from wanfx_color.transforms import DisplayConverter, display_converter

STAGE = "review"
VERSION = 1
_PLAIN_VIEW = "Un-tone-mapped"


def run_review(run: RunContext, ingested: Ingested, finished: Finished, *, name: str) -> Path | None:
    """Make the review movie of all comp frames; None where ``review.codec`` is none."""
    codec = run.options.review.codec
    if codec == "none":
        return None
    plate = ingested.plate
    path = run.version.review(name, suffix=review_suffix(codec))
    look = run.options.review
    with color_errors(key="review.view"):
        view = look.view or _plain_view(run, ingested, look.display)
        display = display_converter(run.color, plate.color_space, display=look.display, view=view)
    size = _picture_size(plate, width_px=run.options.review.width_px)
    frames = finished.frames
    comps = [finished.facts[frame]["key"] for frame in frames]
    rate = str(plate.fps)
    key = stage_key(STAGE, VERSION, run.version.name, comps, asdict(look), run.color.sha256, name, rate)
    with run.stage(STAGE, units=len(frames) + 1) as progress:

        def pictures() -> Iterator[npt.NDArray[np.float32]]:
            for frame in frames:
                yield _picture(finished, plate, frame, display, size)
                progress.step(frame)

        def label(index: int) -> list[str]:
            timecode = _timecode(plate, frames[index])
            return [str(frames[index]), *([timecode] if timecode else []), run.version.name]

        def make() -> Made:
            write_review_movie(
                path, pictures(), fps=plate.fps, size=size, codec=codec, audio_from=plate.movie,
                audio_start_s=float((frames[0] - ingested.source.frames.first) / plate.fps),
                timecode=_timecode(plate, frames[0]), label=label if run.options.review.burn_in else None,
            )  # fmt: skip
            return Made((path,))

        progress.make(Unit(STAGE, run.version.name, key), make)
    return path


def _plain_view(run: RunContext, ingested: Ingested, display: str | None) -> str | None:
    """For a plate that was made to be looked at as it is, the view that shows it so; else the display's default.

    A film view on top of a finished movie would darken it, and the review would not look like the movie.
    """
    if ingested.source.is_in_place or ingested.source.space.is_scene_linear:
        return None
    views = run.color.ocio.getViews(display or run.color.display)
    return _PLAIN_VIEW if _PLAIN_VIEW in list(views) else None


def _timecode(plate: Plate, frame: int) -> str | None:
    return None if plate.timecode is None else str(plate.timecode + (frame - plate.frames.first))


def _picture_size(plate: Plate, *, width_px: int) -> Size:
    """The display window in square pixels, no wider than ``width_px``, with even sides."""
    width = plate.display_window.width * plate.pixel_aspect
    scale = min(1.0, width_px / width)
    return Size(max(2, round(width * scale / 2) * 2), max(2, round(plate.display_window.height * scale / 2) * 2))


def _picture(
    finished: Finished, plate: Plate, frame: int, display: DisplayConverter, size: Size
) -> npt.NDArray[np.float32]:
    parts, header = exr.read_parts(finished.pattern.path(frame), ["rgba"], frame=frame)
    rgb = np.stack(list(parts["rgba"].planes.values())[:3], axis=2)
    linear = in_display_window(rgb, header.data_window, plate.display_window)
    shrinks = size.width < linear.shape[1]
    flag = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    if (linear.shape[1], linear.shape[0]) != (size.width, size.height):
        linear = np.asarray(cv2.resize(linear, (size.width, size.height), interpolation=flag), np.float32)
    return display(np.ascontiguousarray(np.nan_to_num(linear, posinf=0.0, neginf=0.0)))


def in_display_window(pixels: npt.NDArray[Any], data_window: Box, display_window: Box) -> npt.NDArray[np.float32]:
    """The RGB of a data window laid out in the display window, black where there is none, float32."""
    picture = np.zeros((display_window.height, display_window.width, 3), np.float32)
    common = data_window.clip(display_window)
    if not common.is_empty:
        picture[common.slices(display_window)] = pixels[common.slices(data_window)]
    return picture
