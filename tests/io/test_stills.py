import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio
import pytest

from wanfx.errors import EnvironmentFailedError, FrameReadError, WanfxError
from wanfx.frames import Box
from wanfx.io.stills import read_still, read_still_header, write_picture

TYPES = {"float16": "half", "float32": "float"}
EVERY_8_BIT = np.arange(256, dtype=np.uint8).reshape(16, 16)
EVERY_16_BIT = np.arange(65536, dtype=np.uint16).reshape(256, 256)


def write(path: Path, pixels: Any, **attributes: Any) -> Path:
    """Write with OpenImageIO; attribute names have `__` for `:`."""
    pixels = np.ascontiguousarray(pixels if pixels.ndim == 3 else pixels[..., None])
    spec = oiio.ImageSpec(
        pixels.shape[1], pixels.shape[0], pixels.shape[2], TYPES.get(pixels.dtype.name, pixels.dtype.name)
    )
    for name, value in attributes.items():
        spec.attribute(name.replace("__", ":"), *(value if isinstance(value, tuple) else (value,)))
    output = oiio.ImageOutput.create(str(path))
    assert output is not None
    assert output.open(str(path), spec), output.geterror()
    assert output.write_image(pixels), output.geterror()
    output.close()
    output.geterror()
    return path


def color(grey: Any) -> Any:
    return np.stack([grey, grey[::-1], grey.T], axis=2)


# --- values ---


@pytest.mark.parametrize(("values", "largest"), [(EVERY_8_BIT, 255), (EVERY_16_BIT, 65535)])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_integers_are_divided_by_their_largest_value_exactly(
    tmp_path: Path, values: Any, largest: int, suffix: str
) -> None:
    still = read_still(write(tmp_path / f"a{suffix}", color(values)))
    assert still.pixels.dtype == np.float32
    assert np.array_equal(still.pixels, (color(values) / np.float64(largest)).astype(np.float32))
    assert (2**still.bit_depth - 1, still.is_float, still.alpha) == (largest, False, None)
    assert still.alpha_association == "none"


def test_floats_are_kept_as_they_are(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(0, 20, (8, 9, 3)).astype(np.float32)
    still = read_still(write(tmp_path / "a.tif", values))
    assert np.array_equal(still.pixels, values)
    assert still.is_float
    half = read_still(write(tmp_path / "b.tif", values.astype(np.float16)))
    assert np.array_equal(half.pixels, values.astype(np.float16).astype(np.float32))


def test_ten_bits_of_a_dpx_are_exact(tmp_path: Path) -> None:
    code = np.arange(1024, dtype=np.uint16).reshape(16, 64)
    path = write(tmp_path / "a.dpx", color_of_code(code), oiio__BitsPerSample=10)
    still = read_still(path)
    assert still.bit_depth == 10
    assert np.array_equal(still.pixels[..., 0], code.astype(np.float32) / np.float32(1023))


def color_of_code(code: Any) -> Any:
    return np.repeat(((code << 6) | (code >> 4))[..., None], 3, axis=2)


def test_grey_is_repeated_and_grey_alpha_is_kept(tmp_path: Path) -> None:
    grey = read_still(write(tmp_path / "a.png", EVERY_8_BIT))
    assert np.array_equal(grey.pixels, np.repeat(EVERY_8_BIT[..., None], 3, axis=2) / np.float32(255))
    both = read_still(png(tmp_path / "b.png", 4, np.stack([EVERY_8_BIT, EVERY_8_BIT.T], axis=2)))
    assert np.array_equal(both.pixels, grey.pixels)
    assert both.alpha is not None
    assert np.array_equal(both.alpha, EVERY_8_BIT.T / np.float32(255))


def test_a_palette_is_looked_up(tmp_path: Path) -> None:
    palette = bytes([255, 0, 0, 0, 128, 255])
    still = read_still(png(tmp_path / "a.png", 3, np.array([[0, 1]], np.uint8), PLTE=palette))
    assert still.pixels.tolist() == [[[1, 0, 0], [0, np.float32(128) / np.float32(255), 1]]]
    clear = read_still(png(tmp_path / "b.png", 3, np.array([[0, 1]], np.uint8), PLTE=palette, tRNS=bytes([0, 255])))
    assert clear.alpha is not None
    assert clear.alpha.tolist() == [[0, 1]]
    assert np.array_equal(clear.pixels, still.pixels)


def png(path: Path, color_type: int, samples: Any, **chunks: bytes) -> Path:
    """A PNG of 8-bit samples made by hand (color type 3: palette, 4: grey and alpha, 6: RGBA)."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + row.tobytes() for row in samples)
    header = struct.pack(">2I5B", samples.shape[1], samples.shape[0], 8, color_type, 0, 0, 0)
    body = b"".join(chunk(name.encode(), data) for name, data in chunks.items())
    ends = chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body + ends)
    return path


# --- alpha ---


def test_straight_alpha_of_a_png_does_not_touch_the_colours(tmp_path: Path) -> None:
    rgba = np.stack([EVERY_8_BIT, EVERY_8_BIT[::-1], EVERY_8_BIT.T, EVERY_8_BIT], axis=2)
    still = read_still(png(tmp_path / "a.png", 6, rgba))
    assert np.array_equal(still.pixels, rgba[..., :3] / np.float32(255))
    assert still.alpha is not None
    assert np.array_equal(still.alpha, rgba[..., 3] / np.float32(255))
    assert still.alpha_association == "straight"


def test_the_alpha_association_of_a_tiff_is_told(tmp_path: Path) -> None:
    rgba = np.full((4, 4, 4), 0.5, np.float32)
    assert read_still(write(tmp_path / "a.tif", rgba)).alpha_association == "premultiplied"
    straight = read_still(write(tmp_path / "b.tif", rgba, oiio__UnassociatedAlpha=1))
    assert straight.alpha_association == "straight"
    assert straight.alpha is not None
    assert (straight.alpha == 0.5).all()


# --- orientation, aspect, tags ---


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_stand_upright(tmp_path: Path, orientation: int) -> None:
    values = np.random.default_rng(0).integers(0, 255, (4, 6, 3), dtype=np.uint8)
    path = write(tmp_path / "a.tif", values, Orientation=orientation)
    upright = oiio.ImageBufAlgo.reorient(oiio.ImageBuf(str(path))).get_pixels(oiio.UINT8)
    still = read_still(path)
    assert np.array_equal(still.pixels, upright / np.float32(255))
    height, width = still.pixels.shape[:2]
    assert still.data_window == still.display_window == Box(0, 0, width, height)


def test_a_jpeg_from_a_phone_stands_upright(tmp_path: Path) -> None:
    values = np.zeros((32, 64, 3), np.uint8)
    values[:, :32] = 255
    still = read_still(write(tmp_path / "a.jpg", values, Orientation=6))
    assert still.pixels.shape == (64, 32, 3)
    assert still.pixels[4, 16].min() > 0.9
    assert still.pixels[60, 16].max() < 0.1


def test_a_dpx_tells_aspect_transfer_and_timecode(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8, 3), np.uint16)
    packed = (oiio.TypeDesc("timecode"), (0x01020304, 0))
    path = write(tmp_path / "a.dpx", pixels, PixelAspectRatio=2.0, smpte__TimeCode=packed, oiio__ColorSpace="KodakLog")
    still = read_still(path)
    assert still.pixel_aspect == 2.0
    assert still.color_space_tag == "Logarithmic"
    assert str(still.timecode_at(24)) == "01:02:03:04"
    plain = read_still(write(tmp_path / "b.dpx", pixels))
    assert (plain.timecode_at(24), plain.color_space_tag) == (None, None)


# --- failures ---


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".dpx"])
@pytest.mark.parametrize("keep", [0.0, 0.05, 0.6, 0.97])
def test_a_truncated_still_is_named_with_its_frame(tmp_path: Path, suffix: str, keep: float, capfd: Any) -> None:
    path = write(tmp_path / f"a{suffix}", np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(FrameReadError) as caught:
        read_still(path, frame=12)
    assert (caught.value.path, caught.value.frame, caught.value.exit_code) == (str(path), 12, 2)
    assert caught.value.remedy
    capfd.readouterr()


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("once upon a time")
    (tmp_path / "folder.png").mkdir()
    for name in ("text.png", "folder.png", "missing.png"):
        with pytest.raises(FrameReadError) as caught:
            read_still(tmp_path / name)
        assert caught.value.path == str(tmp_path / name)
        assert "OpenImageIO" not in caught.value.what and caught.value.remedy


def test_a_gif_is_refused_under_any_name(tmp_path: Path) -> None:
    made = write(tmp_path / "a.gif", np.zeros((4, 4, 3), np.uint8))
    made.rename(tmp_path / "a.png")
    write(tmp_path / "a.gif", np.zeros((4, 4, 3), np.uint8))
    for name in ("a.gif", "a.png"):
        for read in (read_still, read_still_header):
            with pytest.raises(FrameReadError, match="GIF"):
                read(tmp_path / name)


def test_cmyk_is_refused(tmp_path: Path) -> None:
    tiff = write(tmp_path / "a.tif", np.zeros((4, 4, 4), np.uint8), tiff__ColorSpace="CMYK")
    jpeg = tmp_path / "a.jpg"
    jpeg.write_bytes(cmyk_jpeg())
    for path in (tiff, jpeg):
        with pytest.raises(FrameReadError, match="CMYK"):
            read_still(path)


def cmyk_jpeg() -> bytes:
    """Eight by eight pixels in four components, every coefficient 0."""
    components = (1, 2, 3, 4)
    segments = [
        (0xEE, b"Adobe" + struct.pack(">3HB", 100, 0, 0, 0)),
        (0xDB, b"\0" + bytes([1] * 64)),
        (0xC0, struct.pack(">B2HB", 8, 8, 8, 4) + b"".join(bytes([number, 0x11, 0]) for number in components)),
        (0xC4, b"\x00" + bytes([1] + [0] * 15) + b"\0" + b"\x10" + bytes([1] + [0] * 15) + b"\0"),
        (0xDA, bytes([4]) + b"".join(bytes([number, 0]) for number in components) + bytes([0, 63, 0])),
    ]
    body = b"".join(b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data for marker, data in segments)
    return b"\xff\xd8" + body + b"\0" + b"\xff\xd9"


# --- writing ---


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_png_is_read_as_it_was_written(tmp_path: Path, dtype: Any) -> None:
    largest = np.iinfo(dtype).max
    values = np.random.default_rng(0).integers(0, largest, (9, 7, 3), dtype=dtype)
    for name in ("a.png", "b.png"):
        write_picture(tmp_path / name, values[:, ::-1])
    still = read_still(tmp_path / "a.png")
    assert np.array_equal(still.pixels * largest, values[:, ::-1].astype(np.float32))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_what_is_no_display_picture_is_not_written(tmp_path: Path) -> None:
    for pixels in (np.zeros((4, 4, 3), np.float32), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8)):
        with pytest.raises(WanfxError):
            write_picture(tmp_path / "a.png", pixels)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("size", [4, 400])
def test_a_full_disk_leaves_the_old_png(tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "a.png"
    write_picture(target, np.zeros((4, 4, 3), np.uint8))
    before = target.read_bytes()
    monkeypatch.setattr("wanfx.io.atomic.secrets.token_hex", lambda _: "fixed")
    (tmp_path / ".wanfx-partial-fixed.png").symlink_to("/dev/full")
    with pytest.raises(EnvironmentFailedError) as caught:
        write_picture(target, np.random.default_rng(0).integers(0, 255, (size, size, 3), dtype=np.uint8))
    assert type(caught.value).__name__ == "DiskFullError"
    assert target.read_bytes() == before
