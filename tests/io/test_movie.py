"""Movies as plates."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.io.movie_files import MATRICES, expected_rgb, flat, to_frame, tone, write_planes
from wanfx.errors import FrameReadError, MovieError
from wanfx.frames import Size
from wanfx.io.movie import conform_indices, probe_movie, read_movie
from wanfx.io.yuv import frame_to_rgb


def pictures(path: Path) -> list[np.ndarray]:
    return [picture for _index, picture in read_movie(path, info=probe_movie(path))]


def random_planes(bits: int, *, seed: int = 0, size: tuple[int, int] = (48, 64)) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 2**bits, size).astype(np.uint8 if bits == 8 else np.uint16) for _ in range(3)]


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("color_range", [1, 2], ids=["limited", "full"])
@pytest.mark.parametrize(("pixel_format", "bits"), [("yuv444p", 8), ("yuv444p10le", 10), ("yuv444p12le", 12)])
def test_code_values_become_rgb_by_the_tagged_matrix_and_range_without_a_clamp(
    tmp_path: Path, matrix: str, color_range: int, pixel_format: str, bits: int
) -> None:
    planes = random_planes(bits)
    path = write_planes(
        tmp_path / "m.mkv", [planes], pixel_format=pixel_format, matrix=MATRICES[matrix], color_range=color_range
    )
    info = probe_movie(path)
    assert (info.matrix, info.bit_depth, info.range) == (matrix, bits, "full" if color_range == 2 else "limited")
    expected = expected_rgb(planes, bits=bits, matrix=matrix, is_full=color_range == 2)
    assert expected.min() < -0.2 and expected.max() > 1.2
    np.testing.assert_allclose(pictures(path)[0], expected, atol=2e-6)


def test_ten_bits_keep_all_their_levels(tmp_path: Path) -> None:
    luma = np.arange(64, 941, dtype=np.uint16)[None].repeat(16, axis=0)
    grey = np.full_like(luma, 512)
    path = write_planes(tmp_path / "m.mkv", [[luma, grey, grey]], pixel_format="yuv444p10le", color_range=1)
    assert len(np.unique(pictures(path)[0][0, :, 1])) == 877


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p"])
def test_a_chroma_ramp_comes_back_straight_and_in_its_place(pixel_format: str) -> None:
    # Chroma lies beside the left luma column: sample i of chroma is at luma column 2 i.
    luma = np.full((32, 64), 128, np.uint8)
    ramp = (64 + 4 * np.arange(32, dtype=np.uint8))[None].repeat(16 if pixel_format == "yuv420p" else 32, axis=0)
    frame = to_frame([luma, ramp, np.full_like(ramp, 128)], pixel_format)
    rgb = frame_to_rgb(frame, matrix="bt709", is_full_range=True)
    expected = 128 / 255 + 2 * (1 - 0.0722) * (64 + 2 * np.arange(64) - 128) / 255
    np.testing.assert_allclose(rgb[8, 4:-6, 2], expected[4:-6], atol=1e-5)


def test_a_vertical_chroma_ramp_lies_between_the_rows() -> None:
    ramp = (64 + 4 * np.arange(16, dtype=np.uint8))[:, None].repeat(16, axis=1)
    frame = to_frame([np.full((32, 32), 128, np.uint8), ramp, np.full_like(ramp, 128)], "yuv420p")
    rgb = frame_to_rgb(frame, matrix="bt709", is_full_range=True)
    expected = 128 / 255 + 2 * (1 - 0.0722) * (64 + 2 * np.arange(32) - 1 - 128) / 255
    np.testing.assert_allclose(rgb[4:-4, 8, 2], expected[4:-4], atol=1e-5)


def test_rgb_and_grey_movies_are_read_as_they_are(tmp_path: Path) -> None:
    red, green, blue = random_planes(10)
    path = write_planes(tmp_path / "m.mkv", [[green, blue, red]], pixel_format="gbrp10le")
    np.testing.assert_allclose(pictures(path)[0], np.stack([red, green, blue], -1) / 1023, atol=1e-7)
    red = random_planes(8)[0]
    path = write_planes(tmp_path / "g.mkv", [[red]], pixel_format="gray", color_range=2)
    np.testing.assert_allclose(pictures(path)[0], np.stack([red] * 3, -1) / 255, atol=1e-7)


@pytest.mark.parametrize(
    ("codec", "pixel_format", "suffix"),
    [("libx264", "yuv420p", "mp4"), ("libx265", "yuv420p10le", "mp4"), ("prores_ks", "yuv422p10le", "mov")],
)
def test_common_codecs_give_the_colour_that_went_in(tmp_path: Path, codec: str, pixel_format: str, suffix: str) -> None:
    planes = flat(120, size=(64, 128), chroma=120)
    planes = planes if pixel_format == "yuv420p" else [plane.astype(np.uint16) * 4 for plane in planes]
    if "422" in pixel_format:
        planes[1:] = [np.repeat(plane, 2, axis=0) for plane in planes[1:]]
    path = write_planes(
        tmp_path / f"m.{suffix}", [planes] * 5, codec=codec, pixel_format=pixel_format, matrix=1, color_range=1
    )
    frames = pictures(path)
    one = [np.full((1, 1), value) for value in (120, 120, 120)]
    expected = expected_rgb(one, bits=8, matrix="bt709", is_full=False)[0, 0]
    assert len(frames) == 5
    for frame in frames:
        np.testing.assert_allclose(frame[32, 64], expected, atol=0.006)


def test_an_untagged_movie_is_read_by_its_height_and_says_nothing_of_itself(tmp_path: Path) -> None:
    small = probe_movie(write_planes(tmp_path / "sd.mkv", [flat(100)], pixel_format="yuv420p"))
    large = probe_movie(write_planes(tmp_path / "hd.mkv", [flat(100, size=(720, 1280))], pixel_format="yuv420p"))
    assert (small.matrix, large.matrix, small.range) == ("smpte170m", "bt709", "limited")
    assert small.tags == {"primaries": "unspecified", "transfer": "unspecified", "matrix": "unspecified"}


def test_colour_tags_are_read(tmp_path: Path) -> None:
    path = write_planes(
        tmp_path / "hdr.mkv", [random_planes(10)], pixel_format="yuv444p10le", matrix=9, transfer=16, primaries=9
    )
    assert probe_movie(path).tags == {"primaries": "bt2020", "transfer": "smpte2084", "matrix": "bt2020nc"}


@pytest.mark.parametrize(
    ("counterclockwise", "clockwise", "corner"),
    [(0, 0, (0, 0)), (-90, 90, (0, -1)), (180, 180, (-1, -1)), (90, 270, (-1, 0))],
)
def test_a_rotated_movie_is_read_upright(
    tmp_path: Path, counterclockwise: int, clockwise: int, corner: tuple[int, int]
) -> None:
    planes = flat(16)
    planes[0][:16, :16] = 235
    path = write_planes(
        tmp_path / "m.mp4", [planes] * 2, codec="libx264", pixel_format="yuv420p", rotation=counterclockwise
    )
    info, frame = probe_movie(path), pictures(path)[0]
    assert info.rotation == clockwise and info.coded_size == Size(64, 48)
    assert frame.shape[:2] == (info.size.height, info.size.width) == ((48, 64) if clockwise % 180 == 0 else (64, 48))
    assert frame[corner].min() > 0.9 and frame.mean() < 0.3


def test_an_odd_size_is_read_whole(tmp_path: Path) -> None:
    path = write_planes(tmp_path / "m.mkv", [flat(100, size=(33, 47))], pixel_format="yuv420p")
    assert pictures(path)[0].shape == (33, 47, 3)


def test_b_frames_come_in_order_and_none_is_lost(tmp_path: Path) -> None:
    frames = [flat(20 + 8 * index) for index in range(25)]
    path = write_planes(tmp_path / "m.mp4", frames, codec="libx264", pixel_format="yuv420p")
    means = [frame.mean() for frame in pictures(path)]
    assert probe_movie(path).frame_count == len(means) == 25
    assert means == sorted(means)


@pytest.mark.parametrize("fps", [Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(12)])
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_the_rate_is_exact_whatever_the_containers_clock(tmp_path: Path, fps: Fraction, suffix: str) -> None:
    path = write_planes(tmp_path / f"m.{suffix}", [flat(50)] * 40, codec="libx264", pixel_format="yuv420p", fps=fps)
    info = probe_movie(path)
    assert (info.fps, info.is_variable_rate) == (fps, False)


def test_a_variable_rate_is_refused_with_the_evidence(tmp_path: Path) -> None:
    times_ms = [0, 40, 80, 120, 240, 280]
    frames = [flat(20 + 30 * index) for index in range(6)]
    path = write_planes(tmp_path / "m.mkv", frames, pixel_format="yuv420p", times_ms=times_ms)
    info = probe_movie(path)
    assert info.is_variable_rate and "120.0 ms" in info.rate_evidence
    with pytest.raises(MovieError, match="variable") as caught:
        next(read_movie(path, info=info))
    assert "ingest.variable_rate" in caught.value.remedy


def test_a_variable_rate_is_conformed_to_the_nearest_frames_on_request(tmp_path: Path) -> None:
    times_ms = [0, 40, 80, 280, 320, 360, 400]
    frames = [flat(20 + 30 * index) for index in range(7)]
    path = write_planes(tmp_path / "m.mkv", frames, pixel_format="yuv420p", times_ms=times_ms)
    info = probe_movie(path)
    wanted = conform_indices(info)
    for place, index in enumerate(wanted):
        time_ms = place * 1000 / info.fps
        assert abs(times_ms[index] - time_ms) == min(abs(time - time_ms) for time in times_ms)
    got = list(read_movie(path, info=info, variable_rate="conform"))
    assert [place for place, _picture in got] == list(range(len(wanted)))
    levels = [float(picture.mean()) for _place, picture in got]
    assert [sorted(set(levels)).index(level) for level in levels] == [sorted(set(wanted)).index(i) for i in wanted]


def test_the_start_timecode_is_read(tmp_path: Path) -> None:
    path = write_planes(
        tmp_path / "m.mov", [flat(50)] * 3, codec="libx264", pixel_format="yuv420p",
        metadata={"timecode": "01:02:03:04"},
    )  # fmt: skip
    assert probe_movie(path).timecode == "01:02:03:04"


def test_sound_is_described(tmp_path: Path) -> None:
    info = probe_movie(tone(tmp_path / "m.mp4", seconds=0.5, click_s=0.2))
    assert info.audio is not None
    assert (info.audio.codec, info.audio.sample_rate_hz, info.audio.channels) == ("aac", 48000, 1)
    assert info.duration_s == Fraction(1, 2)


@pytest.mark.parametrize("content", [b"", b"this is text\n" * 50], ids=["empty", "text"])
def test_what_is_no_movie_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.mp4"
    path.write_bytes(content)
    with pytest.raises(MovieError) as caught:
        probe_movie(path)
    assert str(path) in str(caught.value) and caught.value.remedy


def test_a_missing_movie_and_one_without_a_picture_are_named(tmp_path: Path) -> None:
    with pytest.raises(MovieError, match="not there"):
        probe_movie(tmp_path / "gone.mp4")
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=48000, layout="mono")
        part = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        part.sample_rate = 48000
        output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    with pytest.raises(MovieError, match="no picture"):
        probe_movie(path)


def noisy_movie(path: Path) -> Path:
    rng = np.random.default_rng(0)
    frames = [[rng.integers(16, 235, (192, 320)).astype(np.uint8), *flat(0, size=(192, 320))[1:]] for _ in range(30)]
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as output:
        stream = output.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p"
        for index, planes in enumerate(frames):
            frame = to_frame([np.ascontiguousarray(plane) for plane in planes], "yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 24)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def test_a_truncated_movie_is_named_with_the_frame_it_ends_at(tmp_path: Path) -> None:
    path = noisy_movie(tmp_path / "m.mp4")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(FrameReadError, match="30 frames") as caught:
        probe_movie(path)
    assert caught.value.frame is not None and 5 < caught.value.frame < 30


def test_a_movie_cut_inside_its_index_is_named(tmp_path: Path) -> None:
    path = noisy_movie(tmp_path / "m.mp4")
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(MovieError):
        probe_movie(path)


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_frame_is_named(tmp_path: Path, seed: int) -> None:
    path = noisy_movie(tmp_path / "m.mp4")
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as source:
        packets = [packet for packet in source.demux(video=0) if packet.size]
        packet = packets[15]
        index = sorted(packet.pts for packet in packets).index(packet.pts)
    content[packet.pos + 20 : packet.pos + packet.size] = np.random.default_rng(seed).bytes(packet.size - 20)
    path.write_bytes(content)
    with pytest.raises(FrameReadError) as caught:
        pictures(path)
    assert caught.value.frame == index


def test_a_damaged_frame_of_another_codec_is_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    planes = [
        [rng.integers(64, 940, shape).astype(np.uint16) for shape in ((64, 64), (64, 32), (64, 32))] for _ in "12345"
    ]
    path = write_planes(tmp_path / "m.mov", planes, codec="prores_ks", pixel_format="yuv422p10le")
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as source:
        packet = [packet for packet in source.demux(video=0) if packet.size][3]
    content[packet.pos : packet.pos + 200] = rng.bytes(200)
    path.write_bytes(content)
    with pytest.raises(FrameReadError) as caught:
        pictures(path)
    assert caught.value.frame == 3
