"""Movies as plates: their frames in float, in order, at their own times.

Nothing here changes the time of a frame unless conforming a variable rate was asked for.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
import numpy.typing as npt

from wanfx.errors import FrameReadError, MovieError
from wanfx.io.movie_info import (
    AudioInfo,
    MovieInfo,
    ends_early,
    open_movie,
    picture_stream,
    probe_movie,
    scan_packets,
)
from wanfx.io.yuv import frame_to_rgb

__all__ = ["AudioInfo", "MovieInfo", "conform_indices", "decode_frames", "probe_movie", "read_movie", "to_picture"]

_COPY_AGAIN = "copy the movie again, or convert it"
_QUARTER_TURNS = {0: 0, 90: 3, 180: 2, 270: 1}


def read_movie(
    path: str | Path, *, info: MovieInfo, variable_rate: Literal["error", "conform"] = "error"
) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """The frames in order, as (index from 0, (H, W, 3) float32), encoded as tagged; 0 black, 1 white, not clamped.

    ``info`` is from `probe_movie`. Rotation is applied; pixels are not unsqueezed. A variable rate is a MovieError,
    or with "conform" made constant (see `conform_indices`). Raises FrameReadError naming the index of a frame that is
    damaged or missing.
    """
    path = Path(path)
    if not info.is_variable_rate:
        yield from _decode(path, info)
        return
    if variable_rate == "error":
        raise MovieError(
            f"the frame rate is variable: {info.rate_evidence}",
            path=path,
            remedy="set ingest.variable_rate='conform', or convert the movie to a constant rate",
        )
    wanted = conform_indices(info)
    place = 0
    for index, picture in _decode(path, info):
        while place < len(wanted) and wanted[place] == index:
            yield place, picture
            place += 1


def conform_indices(info: MovieInfo) -> tuple[int, ...]:
    """For every frame of the movie at the constant rate ``info.fps``, the source frame nearest to it in time."""
    with open_movie(info.path) as container:
        scan = scan_packets(container, picture_stream(container, info.path))
    if len(scan.times) < 2:
        return tuple(range(info.frame_count))
    times = [(time - scan.times[0]) * scan.tick_s for time in scan.times]
    count = round(times[-1] * info.fps) + 1
    return tuple(_nearest(times, Fraction(index) / info.fps) for index in range(count))


def _nearest(times: list[Fraction], time: Fraction) -> int:
    after = min(bisect.bisect_left(times, time), len(times) - 1)
    before = max(after - 1, 0)
    return before if time - times[before] <= times[after] - time else after


def _decode(path: Path, info: MovieInfo) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    index = 0
    with open_movie(path) as container:
        for frame in decode_frames(container, path):
            yield index, to_picture(frame, info=info, index=index)
            index += 1
    if index < info.frame_count:
        raise ends_early(path, at=index, of=info.frame_count)


def to_picture(frame: Any, *, info: MovieInfo, index: int) -> npt.NDArray[np.float32]:
    """A decoded frame as `read_movie` gives it. Raises FrameReadError where it is damaged or of another size."""
    if frame.is_corrupt:
        raise FrameReadError("is damaged", path=info.path, frame=index, remedy=_COPY_AGAIN)
    if (frame.width, frame.height) != (info.coded_size.width, info.coded_size.height):
        what = f"is {frame.width}x{frame.height}, unlike the frames before"
        raise FrameReadError(what, path=info.path, frame=index, remedy="convert the movie to one size")
    rgb = frame_to_rgb(frame, matrix=info.matrix, is_full_range=info.range == "full")
    return np.ascontiguousarray(np.rot90(rgb, _QUARTER_TURNS[info.rotation]))


def decode_frames(container: Any, path: Path) -> Iterator[Any]:
    """Decoded frames in order. Raises FrameReadError naming the frame whose packet cannot be decoded."""
    stream = picture_stream(container, path)
    time: int | None = None
    try:
        for packet in container.demux(stream):
            time = packet.pts
            yield from packet.decode()
    except av.FFmpegError as error:
        what = f"cannot be decoded ({error.strerror})"
        raise FrameReadError(what, path=path, frame=_place_of(time, path), remedy=_COPY_AGAIN) from error


def _place_of(time: int | None, path: Path) -> int | None:
    """Which frame is shown at ``time``: packets come in another order than they are shown."""
    with open_movie(path) as container:
        times = scan_packets(container, picture_stream(container, path)).times
    return bisect.bisect_left(times, time) if time is not None and times else None
