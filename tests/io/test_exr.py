import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import OpenImageIO
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.io.exr_files import EVERY_HALF, layer, plane, write_raw
from wanfx.errors import DiskFullError, FrameReadError, NotWritableError, WanfxError
from wanfx.frames import Box, Timecode
from wanfx.io.exr import (
    Part,
    read_frame,
    read_header,
    read_matte,
    read_parts,
    timecode_attribute,
    write_matte,
    write_parts,
    write_rgb,
)
from wanfx.io.exr_layout import read_layout

SAME_FOLDER = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def bits(pixels: Any) -> Any:
    return pixels.view(f"u{pixels.dtype.itemsize}")


def same_bits(one: Any, other: Any) -> bool:
    return (
        one.dtype == other.dtype
        and bits(np.ascontiguousarray(one)).tolist() == bits(np.ascontiguousarray(other)).tolist()
    )


# --- bits ---


@pytest.mark.parametrize("compression", ["none", "rle", "zips", "zip", "piz"])
def test_every_half_survives_with_its_bits(tmp_path: Path, compression: Any) -> None:
    rgb = np.stack([EVERY_HALF, EVERY_HALF.T, EVERY_HALF[::-1]], axis=2)
    write_rgb(tmp_path / "a.exr", rgb, alpha=EVERY_HALF[:, ::-1], compression=compression)
    frame = read_frame(tmp_path / "a.exr")
    assert same_bits(frame.rgb, rgb)
    assert frame.alpha is not None
    assert same_bits(frame.alpha, EVERY_HALF[:, ::-1])


@SAME_FOLDER
@given(
    words=hnp.arrays(np.uint32, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))),
    dtype=st.sampled_from([np.float32, np.uint32]),
    origin=st.tuples(st.integers(-5, 5), st.integers(-5, 5)),
)
def test_every_float_and_uint_survives_with_its_bits(
    tmp_path: Path, words: Any, dtype: Any, origin: tuple[int, int]
) -> None:
    rgb = words.view(dtype)
    window = Box(0, 0, rgb.shape[1], rgb.shape[0]).shift(*origin)
    write_rgb(tmp_path / "a.exr", rgb, data_window=window, display_window=Box(0, 0, 4, 4))
    frame = read_frame(tmp_path / "a.exr")
    assert same_bits(frame.rgb, rgb)
    assert frame.header.data_window == window
    assert frame.header.display_window == Box(0, 0, 4, 4)


@SAME_FOLDER
@given(
    window=st.tuples(st.integers(-4, 9), st.integers(-4, 9), st.integers(1, 9), st.integers(1, 9)),
    canvas=st.tuples(st.integers(-4, 9), st.integers(-4, 9), st.integers(1, 9), st.integers(1, 9)),
)
def test_a_canvas_holds_the_data_window_in_its_place_and_zero_around_it(
    tmp_path: Path, window: tuple[int, ...], canvas: tuple[int, ...]
) -> None:
    data = Box(window[0], window[1], window[0] + window[2], window[1] + window[3])
    whole = Box(canvas[0], canvas[1], canvas[0] + canvas[2], canvas[1] + canvas[3])
    rgb = np.arange(1, data.width * data.height * 3 + 1, dtype=np.float32).reshape(data.height, data.width, 3)
    write_rgb(tmp_path / "a.exr", rgb, data_window=data, display_window=Box(0, 0, 6, 6), alpha=rgb[..., 1])
    frame = read_frame(tmp_path / "a.exr", canvas=whole)
    assert frame.rgb.shape == (whole.height, whole.width, 3)
    for y in range(whole.height):
        for x in range(whole.width):
            px, py = x + whole.x0 - data.x0, y + whole.y0 - data.y0
            inside = 0 <= px < data.width and 0 <= py < data.height
            assert frame.rgb[y, x].tolist() == (rgb[py, px].tolist() if inside else [0, 0, 0])
    assert frame.alpha is not None
    assert np.array_equal(frame.alpha, frame.rgb[..., 1])


def test_arrays_that_are_views_are_written_as_they_look(tmp_path: Path) -> None:
    whole = np.arange(20 * 20 * 4, dtype=np.float32).reshape(20, 20, 4)
    rgb, alpha = whole[::2, ::-2, 2::-1], whole[::2, 1::2, 3]
    write_rgb(tmp_path / "a.exr", rgb, alpha=alpha)
    write_rgb(tmp_path / "b.exr", rgb)
    frame = read_frame(tmp_path / "a.exr")
    assert np.array_equal(frame.rgb, rgb)
    assert frame.alpha is not None
    assert np.array_equal(frame.alpha, alpha)
    assert np.array_equal(read_frame(tmp_path / "b.exr").rgb, rgb)


def test_rgb_and_alpha_of_different_types_keep_their_types(tmp_path: Path) -> None:
    rgb, alpha = np.full((4, 5, 3), 0.1, np.float16), np.full((4, 5), 0.1, np.float32)
    write_rgb(tmp_path / "a.exr", rgb, alpha=alpha)
    frame = read_frame(tmp_path / "a.exr")
    assert same_bits(frame.rgb, rgb)
    assert frame.alpha is not None
    assert same_bits(frame.alpha, alpha)


# --- channels and parts of other applications ---


@pytest.mark.parametrize(
    ("parts", "rgb", "alpha", "value"),
    [
        ([("", layer("", 1))], ("R", "G", "B"), None, 1),
        ([("", layer("", 1, "rgba"))], ("r", "g", "b"), "a", 1),
        ([("", layer("beauty.", 1) | layer("albedo.", 5))], ("beauty.R", "beauty.G", "beauty.B"), None, 1),
        ([("", layer("albedo.", 5, "RGBA") | layer("rgba.", 1))], ("rgba.R", "rgba.G", "rgba.B"), None, 1),
        ([("", layer("View Layer.Albedo.", 5) | layer("View Layer.Combined.", 1, "RGBA"))], None, None, 1),
        ([("", {"main.red": plane(1), "main.green": plane(2), "main.blue": plane(3)})], None, None, 1),
        ([("", layer("spec.", 5) | layer("", 1))], ("R", "G", "B"), None, 1),
        ([("normals", layer("", 5)), ("beauty", layer("", 1, "RGBA"))], ("R", "G", "B"), "A", 1),
        ([("depth", {"Z": plane(9)}), ("rgba", layer("", 1))], ("R", "G", "B"), None, 1),
        ([("a", layer("a.", 1)), ("b", layer("b.", 5))], ("a.R", "a.G", "a.B"), None, 1),
        ([("CryptoObject00", layer("", 5, "rgba")), ("other", layer("", 1))], ("R", "G", "B"), None, 1),
    ],
)
def test_the_picture_is_found_under_any_name(
    tmp_path: Path, parts: Any, rgb: Any, alpha: str | None, value: float
) -> None:
    path = write_raw(tmp_path / "a.exr", *parts)
    frame = read_frame(path)
    assert frame.rgb[0, 0].tolist() == [value, value + 1, value + 2]
    if rgb is not None:
        assert (frame.header.rgb, frame.header.alpha) == (rgb, alpha)


def test_extra_channels_come_with_their_names_types_and_places(tmp_path: Path) -> None:
    depth, ids = plane(7.5, np.float32), plane(9, np.uint32)
    path = write_raw(tmp_path / "a.exr", ("rgba", layer("", 1, "RGBA")), ("depth", {"Z": depth}), ("id", {"id.X": ids}))
    header = read_header(path)
    assert header.extras == ("depth.Z", "id.X")
    assert header.parts == ("rgba", "depth", "id")
    frame = read_frame(path, extras=True, canvas=Box(-1, 0, 8, 6))
    assert set(frame.extras) == {"depth.Z", "id.X"}
    assert frame.extras["depth.Z"].dtype == np.float32
    assert frame.extras["id.X"][:, 1:].tolist() == ids.tolist()
    assert frame.extras["id.X"][:, 0].tolist() == [0] * 6
    assert dict(read_frame(path).extras) == {}


def test_tiled_files_read_as_scanline_files_do(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).random((50, 70, 3)).astype(np.float16)
    tiles = OpenEXR.TileDescription()
    tiles.xSize, tiles.ySize = 32, 16
    path = tmp_path / "tiled.exr"
    OpenEXR.File({"type": OpenEXR.tiledimage, "tiles": tiles}, {"RGB": pixels}).write(str(path))
    assert same_bits(read_frame(path).rgb, pixels)
    with pytest.raises(FrameReadError, match="truncated"):
        read_frame(truncated(path, 0.9))


def test_the_full_size_of_a_mip_map_is_read(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).random((64, 64, 3)).astype(np.float16)
    write_rgb(tmp_path / "a.exr", pixels)
    buffer = OpenImageIO.ImageBuf(str(tmp_path / "a.exr"))
    config = OpenImageIO.ImageSpec()
    config.attribute("maketx:resize", 0)
    path = tmp_path / "mip.exr"
    assert OpenImageIO.ImageBufAlgo.make_texture(OpenImageIO.MakeTxTexture, buffer, str(path), config)
    assert same_bits(read_frame(path).rgb, pixels)


# --- failures ---


def truncated(path: Path, keep: float) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep) if keep < 1 else len(data) - 1])
    return path


@pytest.mark.parametrize("keep", [0.02, 0.3, 0.7, 1])
@pytest.mark.parametrize("parts", [1, 3])
def test_a_truncated_file_is_named_with_its_frame(tmp_path: Path, keep: float, parts: int) -> None:
    pixels = np.random.default_rng(1).random((100, 100, 3)).astype(np.float16)
    named = [(f"p{chr(97 + number)}", {"RGB": pixels}) for number in range(parts)]
    path = truncated(write_raw(tmp_path / "plate.1042.exr", *named), keep)
    with pytest.raises(FrameReadError) as caught:
        read_frame(path, frame=1042)
    assert (caught.value.path, caught.value.frame) == (str(path), 1042)
    assert caught.value.remedy


def test_a_file_whose_writer_was_killed_is_incomplete(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).random((100, 100, 3)).astype(np.float16)
    path = write_raw(tmp_path / "a.exr", ("", {"RGB": pixels}))
    # OpenEXR writes the table of chunks last; until then it is zeros.
    layout = read_layout(path)
    data = bytearray(path.read_bytes())
    data[layout.table_at : layout.table_at + 7 * 8] = bytes(7 * 8)
    path.write_bytes(data)
    with pytest.raises(FrameReadError, match="truncated"):
        read_frame(path)


def test_corrupt_pixels_are_an_error(tmp_path: Path, capfd: Any) -> None:
    pixels = np.random.default_rng(1).random((100, 100, 3)).astype(np.float16)
    path = write_raw(tmp_path / "a.exr", ("", {"RGB": pixels}))
    data = bytearray(path.read_bytes())
    data[-5000:-1000] = bytes(4000)
    path.write_bytes(data)
    with pytest.raises(FrameReadError, match="corrupt"):
        read_frame(path, frame=7)
    capfd.readouterr()


@pytest.mark.parametrize("read", [read_header, read_frame, read_parts, read_matte])
@pytest.mark.parametrize(
    ("content", "words"), [(b"", "empty"), (b"once upon a time", "not an OpenEXR"), (None, "no such file")]
)
def test_what_is_no_exr_is_named(tmp_path: Path, read: Any, content: bytes | None, words: str) -> None:
    path = tmp_path / "plate.0007.exr"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FrameReadError, match=words) as caught:
        read(path, frame=7)
    assert (caught.value.path, caught.value.frame, caught.value.exit_code) == (str(path), 7, 2)


def test_a_folder_named_like_a_frame_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.exr").mkdir()
    with pytest.raises(FrameReadError):
        read_frame(tmp_path / "a.exr")


def test_missing_rgb_names_the_channels_there_are(tmp_path: Path) -> None:
    path = write_raw(tmp_path / "a.exr", ("", {"depth.Z": plane(1), "R": plane(1), "G": plane(1)}))
    for read in (read_header, read_frame):
        with pytest.raises(FrameReadError, match=re.escape("G, R, depth.Z")):
            read(path)


def test_luminance_files_are_refused_with_a_remedy(tmp_path: Path) -> None:
    quarter = plane(1)[:3, :4].copy()
    chroma = {name: OpenEXR.Channel(name, quarter, 2, 2) for name in ("BY", "RY")}
    grey = write_raw(tmp_path / "grey.exr", ("", {"Y": plane(1)}))
    colour = tmp_path / "colour.exr"
    window = ((0, 0), (7, 5))
    OpenEXR.File({"dataWindow": window, "displayWindow": window}, chroma).write(str(colour))
    for path, words in ((grey, "luminance"), (colour, "BY, RY")):
        with pytest.raises(FrameReadError, match=words):
            read_frame(path)


def test_deep_files_are_refused_with_a_remedy(tmp_path: Path) -> None:
    samples = np.empty((4, 4), dtype=object)
    for index in np.ndindex(4, 4):
        samples[index] = np.ones(2, np.float32)
    path = tmp_path / "deep.exr"
    header = {"type": OpenEXR.deepscanline, "compression": OpenEXR.ZIPS_COMPRESSION}
    OpenEXR.File(header, {name: samples for name in "RGBAZ"}).write(str(path))
    for read in (read_header, read_frame):
        with pytest.raises(FrameReadError, match="deep") as caught:
            read(path)
        assert "flatten" in caught.value.remedy


# --- parts ---


def comp_parts(size: tuple[int, int] = (24, 32), seed: int = 0) -> list[Part]:
    def noise(*shape: int) -> Any:
        return np.random.default_rng([seed, *shape]).normal(0.3, 1, (*size, *shape)).astype(np.float16)

    return [
        Part("rgba", noise(4), ("R", "G", "B", "A")),
        Part("char_hero", noise(4), tuple(f"char_hero.{c}" for c in "RGBA")),
        Part("clean", noise(3), tuple(f"clean.{c}" for c in "RGB")),
        Part("matte_edit", noise(), ("matte_edit.A",)),
        Part("crypto", (noise().astype(np.float32), noise()), ("crypto.id", "crypto.cov")),
    ]


def test_parts_come_back_in_order_with_names_types_and_bits(tmp_path: Path) -> None:
    parts = comp_parts()
    window = Box(-3, 2, 29, 26)
    write_parts(tmp_path / "a.exr", parts, data_window=window, display_window=Box(0, 0, 40, 30), pixel_aspect=2.0)
    back, header = read_parts(tmp_path / "a.exr")
    assert list(back) == [part.name for part in parts]
    assert header.parts == tuple(back)
    assert (header.data_window, header.display_window, header.pixel_aspect) == (window, Box(0, 0, 40, 30), 2.0)
    for part in parts:
        assert set(back[part.name].channels) == set(part.channels)
        for channel, pixels in part.planes.items():
            assert same_bits(back[part.name].planes[channel], pixels)
    assert back["clean"].channels == ("clean.R", "clean.G", "clean.B")
    assert isinstance(back["clean"].pixels, np.ndarray)
    assert same_bits(back["clean"].pixels, parts[2].pixels)


def test_named_parts_are_read_alone(tmp_path: Path) -> None:
    write_parts(tmp_path / "a.exr", comp_parts(), data_window=Box(0, 0, 32, 24), display_window=Box(0, 0, 32, 24))
    back, _ = read_parts(tmp_path / "a.exr", {"matte_edit", "rgba"})
    assert list(back) == ["rgba", "matte_edit"]
    with pytest.raises(FrameReadError, match="has no part shadow; it has rgba, char_hero"):
        read_parts(tmp_path / "a.exr", ["shadow"])


def test_the_same_parts_make_the_same_bytes(tmp_path: Path) -> None:
    window = Box(0, 0, 32, 24)
    for name in "ab":
        write_parts(tmp_path / name, comp_parts(), data_window=window, display_window=window, attributes={"x": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_one_part_makes_a_plain_file(tmp_path: Path) -> None:
    window = Box(0, 0, 32, 24)
    write_parts(tmp_path / "a.exr", comp_parts()[:1], data_window=window, display_window=window)
    flags = int.from_bytes((tmp_path / "a.exr").read_bytes()[4:8], "little")
    assert flags == 2
    assert read_header(tmp_path / "a.exr").parts == ("",)
    assert list(read_parts(tmp_path / "a.exr")[0]) == ["rgba"]


@pytest.mark.parametrize("name", ["RGB", "RGBA"])
def test_a_layer_called_rgb_keeps_its_name(tmp_path: Path, name: str) -> None:
    pixels = np.full((4, 5, 3), 0.5, np.float16)
    window = Box(0, 0, 5, 4)
    part = Part(name, pixels, tuple(f"{name}.{c}" for c in "RGB"))
    write_parts(tmp_path / "a.exr", [part], data_window=window, display_window=window)
    assert read_header(tmp_path / "a.exr").rgb == part.channels


def test_parts_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    window = Box(0, 0, 5, 5)
    for pixels in (np.zeros((4, 5), np.float16), np.zeros((5, 5), np.float64)):
        with pytest.raises(WanfxError):
            write_parts(tmp_path / "a.exr", [Part("a", pixels, ("A",))], data_window=window, display_window=window)
    with pytest.raises(WanfxError, match="compression"):
        write_rgb(tmp_path / "a.exr", np.zeros((5, 5, 3), np.float16), attributes={"compression": 3})
    assert list(tmp_path.iterdir()) == []


# --- attributes ---


def attributes() -> dict[str, Any]:
    preview = np.zeros((2, 3), dtype=[("r", "u1"), ("g", "u1"), ("b", "u1"), ("a", "u1")])
    return {
        "owner": "Zoë 映画",
        "exr/nuke/node": "a" * 70_000,
        "iso": 800,
        "exposure": 1.25,
        "framesPerSecond": Fraction(24000, 1001),
        "views": ["left", "right"],
        "curve": [0.0, 0.5, 1.0],
        "center": (1.0, 2.0),
        "offset": (3, 4),
        "lift": (0.1, 0.2, 0.3),
        "worldToCamera": np.eye(4, dtype=np.float32) * 2,
        "m33": np.eye(3, dtype=np.float32),
        "double": np.array([0.1]),
        "timeCode": timecode_attribute(Timecode.parse("10:20:30:11", rate=24)),
        "keyCode": OpenEXR.KeyCode(1, 2, 3, 4, 5, 4, 64),
        "chromaticities": (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767),
        "colorInteropID": "lin_ap1_scene",
        "preview": OpenEXR.PreviewImage(preview),
        "studio": OpenEXR.OpaqueAttribute(b"\1\2\3", "studioType"),
        "originalDataWindow": ((0, 0), (7, 7)),
        "screenWindowWidth": 1.5,
    }


def dump(path: Path) -> list[str]:
    """The header as OpenImageIO, with an OpenEXR of its own, sees it."""
    tool = Path(sys.executable).with_name("oiiotool")
    if not tool.exists():
        pytest.skip("oiiotool is not installed")
    text = subprocess.run([tool, "--info", "-v", "-a", path], check=True, capture_output=True, text=True).stdout
    return [line for line in text.splitlines() if str(path) not in line and path.name not in line]


def test_attributes_come_back_and_are_written_again_unchanged(tmp_path: Path) -> None:
    rgb = np.ones((8, 8, 3), np.float16)
    where = {"data_window": Box(-1, 1, 7, 9), "display_window": Box(0, 0, 10, 10), "pixel_aspect": 1.5}
    write_rgb(tmp_path / "a.exr", rgb, attributes=attributes(), **where)
    header = read_header(tmp_path / "a.exr")
    assert header.uncarried == ()
    assert set(attributes()) <= set(header.attributes)
    assert header.attributes["studio"].typeName == "studioType"
    assert header.attributes["owner"] == "Zoë 映画"
    assert header.fps == Fraction(24000, 1001)
    assert str(header.timecode) == "10:20:30:11"
    assert header.color_interop_id == "lin_ap1_scene"
    assert header.chromaticities == pytest.approx(attributes()["chromaticities"])
    write_rgb(tmp_path / "b.exr", rgb, attributes=header.attributes, **where)
    assert (tmp_path / "b.exr").read_bytes() == (tmp_path / "a.exr").read_bytes()


def test_another_program_sees_the_same_header_after_a_round_trip(tmp_path: Path) -> None:
    rgb = np.ones((8, 8, 3), np.float16)
    where = {"data_window": Box(-1, 1, 7, 9), "display_window": Box(0, 0, 10, 10), "pixel_aspect": 1.5}
    write_rgb(tmp_path / "a.exr", rgb, attributes=attributes(), **where)
    header = read_header(tmp_path / "a.exr")
    write_parts(
        tmp_path / "b.exr",
        [Part("rgba", rgb, ("R", "G", "B")), Part("m", rgb[..., 0], ("m.A",))],
        data_window=header.data_window,
        display_window=header.display_window,
        pixel_aspect=header.pixel_aspect,
        compression="zips",
        attributes=header.attributes,
    )
    shown = "\n".join(dump(tmp_path / "b.exr"))
    for line in dump(tmp_path / "a.exr"):
        if "oiio:subimages" not in line:
            assert line in shown
    for words in ("10:20:30:11", "24000/1001", "PixelAspectRatio: 1.5", "full/display size: 10 x 10"):
        assert words in shown


def test_metadata_lies_in_the_first_part_only_but_what_openexr_shares_lies_in_all(tmp_path: Path) -> None:
    window = Box(0, 0, 32, 24)
    write_parts(tmp_path / "a.exr", comp_parts(), data_window=window, display_window=window, attributes=attributes())
    first, *others = OpenEXR.File(str(tmp_path / "a.exr"), header_only=True).parts
    assert "owner" in first.header
    for part in others:
        assert "owner" not in part.header
        assert part.header["timeCode"].seconds == 30
        assert part.header["chromaticities"] == first.header["chromaticities"]


def test_attributes_that_openexr_cannot_represent_do_not_make_a_file_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "a.exr"
    rgb = np.full((4, 4, 3), 2, np.float16)
    write_rgb(path, rgb, attributes={"note": "caf12", "rate": Fraction(24, 1), "list": ["ab"], "kept": 5})
    data = path.read_bytes().replace(b"caf12", b"caf\xe9!").replace(b"\2\0\0\0ab", b"\2\0\0\0\xff\xfe")
    rate = data.index(b"rate\0rational\0") + len(b"rate\0rational\0") + 4
    path.write_bytes(data[:rate] + bytes(8) + data[rate + 8 :])
    header = read_header(path)
    assert header.uncarried == ("list", "note", "rate")
    assert header.attributes["kept"] == 5
    assert not {"note", "rate", "list"} & set(header.attributes)
    assert same_bits(read_frame(path).rgb, rgb)


@pytest.mark.parametrize(
    ("text", "rate"), [("01:02:03:04", 24), ("23:59:59;29", 30), ("10:00:00:23", 24), ("00:00:01:59", 60)]
)
def test_timecode_comes_back_at_its_rate(tmp_path: Path, text: str, rate: int) -> None:
    timecode = Timecode.parse(text, rate=rate)
    rgb = np.ones((2, 2, 3), np.float16)
    write_rgb(tmp_path / "a.exr", rgb, attributes={"timeCode": timecode_attribute(timecode)})
    header = read_header(tmp_path / "a.exr")
    assert header.timecode_at(rate) == timecode
    assert header.timecode is None


def test_user_bits_and_flags_of_a_timecode_are_kept() -> None:
    plate = OpenEXR.TimeCode(1, 2, 3, 4, 0, 1, 1, 1, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8)
    made = timecode_attribute(Timecode.parse("02:00:00:00", rate=24), like=plate)
    assert made.userData == plate.userData
    assert (made.colorFrame, made.fieldPhase, made.bgf0, made.bgf1, made.bgf2) == (True, True, True, False, True)
    assert made.hours == 2


@pytest.mark.parametrize(("rate", "fps"), [(23.976, Fraction(24000, 1001)), (25.0, 25), (29.97, Fraction(30000, 1001))])
def test_a_rate_written_as_a_float_is_read_as_the_rate_it_means(tmp_path: Path, rate: float, fps: Fraction) -> None:
    write_rgb(tmp_path / "a.exr", np.ones((2, 2, 3), np.float16), attributes={"framesPerSecond": rate})
    assert read_header(tmp_path / "a.exr").fps == fps


# --- writing ---


def test_a_failed_write_leaves_the_old_file_intact(tmp_path: Path) -> None:
    path = tmp_path / "a.exr"
    write_rgb(path, np.ones((4, 4, 3), np.float16))
    before = path.read_bytes()
    with pytest.raises(WanfxError):
        write_rgb(path, np.ones((4, 4, 3), np.float16), attributes={"bad": object()})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_kill_in_the_middle_of_a_write_leaves_the_old_file_intact(tmp_path: Path) -> None:
    path = tmp_path / "a.exr"
    write_rgb(path, np.ones((4, 4, 3), np.float16))
    program = (
        "import sys, numpy as np; from wanfx.io.exr import write_rgb\n"
        "noise = np.random.default_rng(0).random((900, 900, 3)).astype(np.float16); print('ready', flush=True)\n"
        "while True: write_rgb(sys.argv[1], noise)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
    assert read_frame(path).rgb.shape in ((4, 4, 3), (900, 900, 3))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wanfx.io.atomic.secrets.token_hex", lambda _: "fixed")
    (tmp_path / ".wanfx-partial-fixed.exr").symlink_to("/dev/full")
    with pytest.raises(DiskFullError) as caught:
        write_rgb(tmp_path / "a.exr", np.ones((64, 64, 3), np.float16))
    assert caught.value.path == str(tmp_path / "a.exr")
    assert list(tmp_path.iterdir()) == []


def test_a_path_through_a_file_is_not_writable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotWritableError):
        write_rgb(tmp_path / "file" / "sub" / "a.exr", np.ones((4, 4, 3), np.float16))


# --- mattes ---

RAMP = np.linspace(0, 1, 48, dtype=np.float16).reshape(6, 8)
ONE, ZERO = np.ones((6, 8), np.float16), np.zeros((6, 8), np.float16)


def test_a_matte_is_the_same_in_all_four_channels_rounded_to_half(tmp_path: Path) -> None:
    matte = np.linspace(0, 1, 48, dtype=np.float32).reshape(6, 8)
    write_matte(tmp_path / "a.exr", matte, data_window=Box(2, 3, 10, 9))
    frame = read_frame(tmp_path / "a.exr")
    assert frame.alpha is not None
    for pixels in (*np.moveaxis(frame.rgb, 2, 0), frame.alpha):
        assert same_bits(pixels, matte.astype(np.float16))
    back = read_matte(tmp_path / "a.exr", canvas=Box(1, 3, 10, 9))
    assert back.dtype == np.float32
    assert np.array_equal(back[:, 1:], matte.astype(np.float16))
    assert not back[:, 0].any()


@pytest.mark.parametrize(
    "channels",
    [
        {"A": RAMP},
        {"Y": RAMP},
        {"mask.roto": RAMP},
        {"R": RAMP, "G": RAMP, "B": RAMP},
        {"R": RAMP, "G": RAMP, "B": RAMP, "A": ONE},
        {"R": RAMP, "G": RAMP, "B": RAMP, "A": ZERO},
        {"R": ZERO, "G": ZERO, "B": ZERO, "A": RAMP},
        {"R": ONE, "G": ZERO, "B": ZERO, "A": RAMP},
        {"Z": ONE, "matte.A": RAMP},
    ],
)
def test_a_painted_matte_is_found_where_the_artist_painted_it(tmp_path: Path, channels: Any) -> None:
    path = write_raw(tmp_path / "a.exr", ("", channels))
    assert np.array_equal(read_matte(path), RAMP.astype(np.float32))


@pytest.mark.parametrize(("value", "alpha", "matte"), [(ZERO, ONE, 0), (ZERO, ZERO, 0), (ONE, ONE, 1), (ONE, ZERO, 0)])
def test_a_flat_matte_is_full_only_where_colour_and_alpha_are(
    tmp_path: Path, value: Any, alpha: Any, matte: int
) -> None:
    path = write_raw(tmp_path / "a.exr", ("", {"R": value, "G": value, "B": value, "A": alpha}))
    assert (read_matte(path) == matte).all()


@pytest.mark.parametrize(
    "channels",
    [{"R": RAMP, "G": ZERO, "B": ZERO, "A": ONE}, {"Z": ONE, "V": ONE}, {"A": np.full((6, 8), np.nan, np.float16)}],
)
def test_what_cannot_be_a_matte_is_refused(tmp_path: Path, channels: Any) -> None:
    with pytest.raises(FrameReadError) as caught:
        read_matte(write_raw(tmp_path / "a.exr", ("", channels)), frame=3)
    assert caught.value.frame == 3
