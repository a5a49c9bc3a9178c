"""Review movies."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.io.movie_files import sound_of, tone
from wanfx.errors import InputError
from wanfx.frames import Size
from wanfx.io.movie import probe_movie, read_movie
from wanfx.io.movie_write import Codec, draw_burn_in, review_suffix, write_review_movie

SIZE = Size(256, 128)
FPS = Fraction(24000, 1001)
CODECS = pytest.mark.parametrize("codec", ["h264", "prores", "dnxhr"])


def pictures(count: int, size: Size = SIZE) -> Iterator[np.ndarray]:
    x = np.linspace(0.1, 0.9, size.width, dtype=np.float32)
    y = np.linspace(0.2, 0.8, size.height, dtype=np.float32)
    for index in range(count):
        ramp = np.broadcast_to(x, (size.height, size.width))
        down = np.broadcast_to(y[:, None], ramp.shape)
        yield np.stack([ramp, down, np.full_like(ramp, 0.3 + 0.01 * index)], axis=-1)


@CODECS
def test_a_review_movie_shows_what_it_was_given_and_says_bt709(tmp_path: Path, codec: Codec) -> None:
    path = tmp_path / f"r{review_suffix(codec)}"
    assert write_review_movie(path, pictures(6), fps=FPS, size=SIZE, codec=codec, timecode="10:00:00:00") == 6
    info = probe_movie(path)
    assert info.tags == {"primaries": "bt709", "transfer": "bt709", "matrix": "bt709"}
    assert (info.fps, info.range, info.size, info.timecode, info.frame_count) == (
        FPS,
        "limited",
        SIZE,
        "10:00:00:00",
        6,
    )
    assert info.bit_depth == (8 if codec == "h264" else 10)
    for (_index, shown), given in zip(read_movie(path, info=info), pictures(6), strict=True):
        assert np.abs(shown - given).mean() < (0.006 if codec == "h264" else 0.0015)


@CODECS
def test_the_same_pictures_make_the_same_bytes(tmp_path: Path, codec: Codec) -> None:
    source = tone(tmp_path / "source.mp4", seconds=0.5, click_s=0.1)
    contents = []
    for name in ("a", "b"):
        path = tmp_path / f"{name}{review_suffix(codec)}"
        write_review_movie(path, pictures(8), fps=FPS, size=SIZE, codec=codec, audio_from=source)
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]


@pytest.mark.parametrize("codec", ["h264", "prores"])
def test_an_odd_size_grows_by_a_copy_of_its_edge(tmp_path: Path, codec: Codec) -> None:
    path = tmp_path / f"r{review_suffix(codec)}"
    size = Size(255, 127)
    write_review_movie(path, pictures(2, size), fps=FPS, size=size, codec=codec)
    info = probe_movie(path)
    assert info.size == Size(256, 128)
    _index, shown = next(read_movie(path, info=info))
    assert np.abs(shown[:127, :255] - next(pictures(1, size))).mean() < 0.006


@CODECS
@pytest.mark.parametrize("start_s", [0.0, 0.5, 0.77])
def test_sound_keeps_its_place_beneath_the_pictures(tmp_path: Path, codec: Codec, start_s: float) -> None:
    click_s, count = 1.0, 24
    source = tone(tmp_path / "source.mp4", seconds=2.0, click_s=click_s)
    path = tmp_path / f"r{review_suffix(codec)}"
    write_review_movie(
        path, pictures(count), fps=Fraction(24), size=SIZE, codec=codec, audio_from=source, audio_start_s=start_s
    )
    sound, rate_hz = sound_of(path)
    assert len(sound) / rate_hz == pytest.approx(1.0, abs=0.05)
    if start_s > 0:
        heard_s = np.flatnonzero(np.abs(sound) > 0.1)[0] / rate_hz
        assert heard_s == pytest.approx(click_s - start_s, abs=0.01)
    else:
        assert np.abs(sound[: int(0.95 * rate_hz)]).max() < 0.05


def test_sound_is_copied_where_the_container_takes_it_and_encoded_where_it_is_cut(tmp_path: Path) -> None:
    source = tone(tmp_path / "source.mp4", seconds=1.0, click_s=0.5)
    for start_s, expected in ((0.0, "aac"), (0.25, "pcm_s24le")):
        path = tmp_path / "r.mov"
        write_review_movie(
            path, pictures(8), fps=FPS, size=SIZE, codec="prores", audio_from=source, audio_start_s=start_s
        )
        audio = probe_movie(path).audio
        assert audio is not None and audio.codec == expected


def test_a_source_without_sound_makes_a_silent_movie(tmp_path: Path) -> None:
    source, path = tmp_path / "source.mp4", tmp_path / "r.mp4"
    write_review_movie(source, pictures(3), fps=FPS, size=SIZE, codec="h264")
    write_review_movie(path, pictures(3), fps=FPS, size=SIZE, codec="h264", audio_from=source)
    assert probe_movie(path).audio is None


def test_a_movie_that_cannot_be_finished_leaves_the_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "r.mp4"
    write_review_movie(path, pictures(2), fps=FPS, size=SIZE, codec="h264")
    before = path.read_bytes()

    def failing() -> Iterator[np.ndarray]:
        yield from pictures(1)
        raise InputError("stop")

    with pytest.raises(InputError, match="stop"):
        write_review_movie(path, failing(), fps=FPS, size=SIZE, codec="h264")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_no_pictures_a_wrong_size_a_wrong_suffix_and_a_tiny_dnxhr_are_refused(tmp_path: Path) -> None:
    common = {"fps": FPS, "size": SIZE}
    with pytest.raises(InputError, match="no pictures"):
        write_review_movie(tmp_path / "r.mp4", [], codec="h264", **common)
    with pytest.raises(InputError, match="picture 0"):
        write_review_movie(tmp_path / "r.mp4", [np.zeros((2, 2, 3), np.float32)], codec="h264", **common)
    with pytest.raises(InputError, match=r"\.mp4"):
        write_review_movie(tmp_path / "r.mp4", pictures(1), codec="prores", **common)
    with pytest.raises(InputError, match="too small"):
        write_review_movie(tmp_path / "r.mov", [], codec="dnxhr", fps=FPS, size=Size(160, 90))
    assert list(tmp_path.iterdir()) == []


def test_the_burn_in_is_on_a_copy_at_the_lower_left() -> None:
    picture = np.full((270, 480, 3), 0.4, np.float32)
    shown = draw_burn_in(picture, ["sh010 1001", "01:00:00:00  v001 draft"])
    assert (picture == np.float32(0.4)).all()
    assert np.array_equal(shown[:200], picture[:200])
    assert shown[220:, :240].max() > 0.9 and shown.min() < 0.2 and shown.max() <= 1.0


def test_a_long_burn_in_line_stays_in_the_picture() -> None:
    shown = draw_burn_in(np.zeros((128, 256, 3), np.float32), ["x" * 200])
    assert shown[:, -3:].max() < 0.5 and shown.max() > 0.3


def test_the_label_is_asked_for_every_picture(tmp_path: Path) -> None:
    asked: list[int] = []

    def label(index: int) -> list[str]:
        asked.append(index)
        return [f"{1001 + index}"]

    write_review_movie(tmp_path / "r.mp4", pictures(3), fps=FPS, size=SIZE, codec="h264", label=label)
    assert asked == [0, 1, 2]
