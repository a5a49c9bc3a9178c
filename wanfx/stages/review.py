"""review: the comp as a movie to look at, with the source's sound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from wanfx.ahead import make_ahead
from wanfx.frames import Size
from wanfx.images import Plate
from wanfx.io import exr
from wanfx.io.movie_write import review_suffix, write_review_movie
from wanfx.stages.context import Made, RunContext, stage_key
from wanfx.stages.finish import Finished
from wanfx.stages.ingest import Ingested
from wanfx.stages.view import choose_view, picture_size, show
from wanfx.units import Unit
from wanfx_color.transforms import DisplayConverter

STAGE = "review"
VERSION = 1


def run_review(run: RunContext, ingested: Ingested, finished: Finished, *, name: str) -> Path | None:
    """Make the review movie of all comp frames; None where ``review.codec`` is none."""
    codec = run.options.review.codec
    if codec == "none":
        return None
    plate = ingested.plate
    path = run.version.review(name, suffix=review_suffix(codec))
    look = run.options.review
    display = choose_view(
        run.color, plate_space=plate.color_space, source_space=plate.source_color_space, display=look.display,
        view=look.view,
    )  # fmt: skip
    size = picture_size(plate.shown_window, pixel_aspect=plate.pixel_aspect, width_px=look.width_px)
    frames = finished.frames
    comps = [finished.facts[frame]["key"] for frame in frames]
    rate = str(plate.fps)
    key = stage_key(STAGE, VERSION, run.version.name, comps, asdict(look), run.color.sha256, name, rate)
    with run.stage(STAGE, units=len(frames) + 1) as progress:

        def pictures() -> Iterator[npt.NDArray[np.float32]]:
            made = make_ahead(frames, lambda frame: _picture(finished, plate, frame, display, size), name=STAGE)
            for frame, picture in zip(frames, made, strict=True):
                yield picture
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


def _timecode(plate: Plate, frame: int) -> str | None:
    return None if plate.timecode is None else str(plate.timecode + (frame - plate.frames.first))


def _picture(
    finished: Finished, plate: Plate, frame: int, display: DisplayConverter, size: Size
) -> npt.NDArray[np.float32]:
    parts, header = exr.read_parts(finished.pattern.path(frame), ["rgba"], frame=frame)
    rgb = np.stack(list(parts["rgba"].planes.values())[:3], axis=2)
    return show(rgb, data_window=header.data_window, display_window=plate.shown_window, size=size, display=display)
