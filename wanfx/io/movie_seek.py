"""Single frames of a movie, in any order: decoded on from where the last one was, or from the key frame before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.errors import FrameReadError
from wanfx.io.movie import conform_indices, decode_frames, to_picture
from wanfx.io.movie_info import MovieInfo, ends_early, open_movie, picture_stream, scan_packets

_AHEAD = 12
"""Frames that are rather decoded than jumped over."""


class MovieSeeker:
    """Reads frames of a movie that stays open; a context manager. A variable rate is conformed, as `read_movie` does.

    Raises MovieError where the movie cannot be opened.
    """

    def __init__(self, info: MovieInfo) -> None:
        self._info = info
        self._wanted = conform_indices(info) if info.is_variable_rate else None
        with open_movie(info.path) as container:
            self._times = scan_packets(container, picture_stream(container, info.path)).times
        self._stack = ExitStack()
        self._restart(0)

    def __enter__(self) -> MovieSeeker:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def read(self, index: int) -> npt.NDArray[np.float32]:
        """The frame with this index from 0, with the very pixels that `read_movie` gives it. Raises FrameReadError."""
        if self._wanted is not None and index < len(self._wanted):
            index = self._wanted[index]
        if index >= self._info.frame_count:
            raise ends_early(self._info.path, at=index, of=self._info.frame_count)
        if not self._next <= index <= self._next + _AHEAD:
            self._restart(index)
        try:
            frame = self._decode_to(index) if self._times else None
            if frame is not None:
                return to_picture(frame, info=self._info, index=index)
        except FrameReadError:
            if self._is_from_start:
                raise
        # The container's index led astray, or into frames that lean on earlier ones: count from the first frame.
        self._restart(0)
        return self._count_to(index)

    def _decode_to(self, index: int) -> Any | None:
        """The frame whose time is the wanted one's; None where decoding runs past it."""
        for frame in self._frames:
            at = self._index_of(frame)
            if at is None or at > index:
                return None
            self._next = at + 1
            if at == index:
                return frame
        return None

    def _count_to(self, index: int) -> npt.NDArray[np.float32]:
        for frame in self._frames:
            self._next += 1
            if self._next > index:
                return to_picture(frame, info=self._info, index=index)
        raise ends_early(self._info.path, at=self._next, of=self._info.frame_count)

    def _index_of(self, frame: Any) -> int | None:
        """Where a decoded frame belongs; None where its time is none of the movie's."""
        place = int(np.searchsorted(self._times, frame.pts)) if frame.pts is not None else len(self._times)
        return place if place < len(self._times) and self._times[place] == frame.pts else None

    def _restart(self, index: int) -> None:
        """Go to the key frame before a frame, or to the start where times are not known."""
        self._stack.close()
        container = self._stack.enter_context(open_movie(self._info.path))
        stream = picture_stream(container, self._info.path)
        self._is_from_start = index == 0 or not self._times
        if not self._is_from_start:
            container.seek(self._times[index], stream=stream, backward=True)
        self._next = 0 if self._is_from_start else max(0, index - _AHEAD)
        self._frames: Iterator[Any] = decode_frames(container, self._info.path)
