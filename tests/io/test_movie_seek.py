"""Frames of a movie in any order are the frames in order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.io.movie_files import flat, write_planes
from wanfx.errors import FrameReadError
from wanfx.io.movie import probe_movie, read_movie
from wanfx.io.movie_seek import MovieSeeker

_ORDER = (30, 3, 3, 4, 39, 38, 0, 17, 18, 31, 1, 39)


def _planes(count: int) -> list[list[np.ndarray]]:
    noise = np.random.default_rng(3).integers(0, 255, (48, 64 + count), dtype=np.uint8)
    flats = flat(0)[1:]
    return [[np.ascontiguousarray(noise[:, at : at + 64]), *flats] for at in range(count)]


@pytest.mark.parametrize(
    ("name", "codec"), [("m.mp4", "libx264"), ("m.mkv", "libx264"), ("m.mkv", "ffv1"), ("m.avi", "mpeg4")]
)
def test_any_order_gives_the_pixels_of_reading_in_order(tmp_path: Path, name: str, codec: str) -> None:
    path = write_planes(tmp_path / name, _planes(40), codec=codec, pixel_format="yuv420p")
    info = probe_movie(path)
    in_order = dict(read_movie(path, info=info))
    with MovieSeeker(info) as seeker:
        for index in _ORDER:
            assert np.array_equal(seeker.read(index), in_order[index]), index


def test_a_conformed_rate_is_the_same_in_any_order(tmp_path: Path) -> None:
    times_ms = [index * 40 + (index % 3) * 13 for index in range(20)]
    path = write_planes(tmp_path / "m.mkv", _planes(20), pixel_format="yuv420p", times_ms=times_ms)
    info = probe_movie(path)
    assert info.is_variable_rate
    in_order = dict(read_movie(path, info=info, variable_rate="conform"))
    with MovieSeeker(info) as seeker:
        for index in reversed(in_order):
            assert np.array_equal(seeker.read(index), in_order[index]), index


def test_a_frame_after_the_last_is_an_error_and_the_others_are_still_read(tmp_path: Path) -> None:
    info = probe_movie(write_planes(tmp_path / "m.mp4", _planes(6), codec="libx264", pixel_format="yuv420p"))
    with MovieSeeker(info) as seeker:
        with pytest.raises(FrameReadError, match="ends"):
            seeker.read(6)
        assert seeker.read(2).shape == (48, 64, 3)
