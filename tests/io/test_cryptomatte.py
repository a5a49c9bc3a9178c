"""Cryptomatte files: names, ids, manifests and channels as the specification has them; written and read back."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wanfx.errors import FrameReadError, InputError
from wanfx.frames import Box
from wanfx.io.cryptomatte import (
    BACKGROUND,
    id_text,
    is_cryptomatte,
    layer_key,
    murmur3_32,
    object_id,
    object_ids,
    read_cryptomatte,
    write_cryptomatte,
)
from wanfx.io.exr_layout import read_layout
from wanfx.ops.ranks import Ranks, rank_coverages

BOX = Box(0, 0, 24, 16)


def _soft_disc(x: float, y: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    rows, columns = np.mgrid[: BOX.height, : BOX.width]
    disc = np.clip((6 - np.hypot(columns - x, rows - y)) / 4 + 0.5, 0, 1)
    return disc.astype(np.float16).astype(np.float32)


def _write(path: Path, *objects: str, box: Box = BOX, **attributes: Any) -> tuple[Ranks, dict[str, float]]:
    """Discs that overlap, each holding out those before it, over the background."""
    names = object_ids([*objects, BACKGROUND])
    open_to_light = np.ones((box.height, box.width), np.float32)
    coverages = {}
    for index, name in enumerate(objects):
        coverages[names[name]] = _soft_disc(8 + 3 * index, 8) * open_to_light
        open_to_light = open_to_light - coverages[names[name]]
    ranks = rank_coverages(coverages, rest=names[BACKGROUND])
    write_cryptomatte(path, ranks, names=names, data_window=box, display_window=box, attributes=attributes)
    return ranks, names


@pytest.mark.parametrize(
    ("data", "seed", "expected"),
    [
        # Of Appleby's implementation, as its many ports are tested.
        (b"", 0, 0),
        (b"", 1, 0x514E28B7),
        (b"", 0xFFFFFFFF, 0x81F16F39),
        (b"\xff\xff\xff\xff", 0, 0x76293B50),
        (b"\x21\x43\x65\x87", 0, 0xF55B516B),
        (b"\x21\x43\x65\x87", 0x5082EDEE, 0x2362F9DE),
        (b"\x21\x43\x65", 0, 0x7E4A8634),
        (b"\x21\x43", 0, 0xA0F7B07A),
        (b"\x21", 0, 0x72661CF4),
        (b"\0\0\0\0", 0, 0x2362F9DE),
        (b"\0\0\0", 0, 0x85F0B427),
        (b"The quick brown fox jumps over the lazy dog", 0x9747B28C, 0x2FA826CD),
        # From the specification: "Some examples of the results".
        (b"torus", 0, 4053562365),
        ("равнина".encode(), 0, 2518896926),
    ],
)
def test_the_hash_is_murmur_hash_3_of_32_bits(data: bytes, seed: int, expected: int) -> None:
    assert murmur3_32(data, seed=seed) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # From the specification and the tests of Psyop's plugin for Nuke.
        ("torus", -1.54943624832e30), ("hello", 6.0705627102400005616e-17), ("cube", -4.08461912519e15),
        ("sphere", 2.79018604383e15), ("plane", 3.66557617593e-11), ("равнина", -1.3192631212399999468e-25),
        ("mädchen", 6.2361298211599995797e25),
    ],
)  # fmt: skip
def test_ids_are_those_of_the_reference_implementation(name: str, expected: float) -> None:
    assert object_id(name) == np.float32(expected)


@pytest.mark.parametrize(
    ("name", "text"), [("bunny", "13851a76"), ("default", "42c9679f"), ("bunny_porcelain_mat", "b24b26d4")]
)
def test_a_manifest_has_ids_as_the_specifications_example_has_them(name: str, text: str) -> None:
    assert id_text(object_id(name)) == text


@given(st.text(min_size=1, max_size=40).filter(lambda name: name.isprintable()))
def test_an_id_is_never_zero_subnormal_infinite_or_nan(name: str) -> None:
    bits = struct.unpack("<I", struct.pack("<f", object_id(name)))[0]
    assert 0 < (bits >> 23 & 0xFF) < 0xFF
    assert (bits ^ murmur3_32(name.encode())) in (0, 1 << 23)


def test_names_whose_hashes_are_no_number_have_an_id_too() -> None:
    numbered = [f"object{index}" for index in range(2000)]
    exponents = {name: murmur3_32(name.encode()) >> 23 & 0xFF for name in numbered}
    odd = [name for name in numbered if exponents[name] in (0, 0xFF)]
    assert {exponents[name] for name in odd} == {0, 0xFF}
    for name in odd:
        assert np.isfinite(object_id(name)) and abs(object_id(name)) >= np.finfo(np.float32).tiny
        assert id_text(object_id(name)) != f"{murmur3_32(name.encode()):08x}"


def test_names_that_would_have_one_id_are_refused() -> None:
    assert object_id("actor22565") == object_id("actor86507")
    with pytest.raises(InputError, match=r"actor22565.*actor86507"):
        object_ids(["actor22565", BACKGROUND, "actor86507"])
    with pytest.raises(InputError, match="without a name"):
        object_ids([""])
    with pytest.raises(InputError, match="both are"):
        object_ids(["hero", "hero"])


@pytest.mark.parametrize("objects", [("hero",), ("hero", "villain"), ("a", "b", "c", "d")], ids=len)
def test_what_is_written_is_read_back(tmp_path: Path, objects: tuple[str, ...]) -> None:
    box = Box(-3, 5, 21, 21)
    ranks, names = _write(tmp_path / "c.exr", *objects, box=box)
    read = read_cryptomatte(tmp_path / "c.exr")
    assert read.names == names
    assert (read.data_window, read.display_window) == (box, box)
    count = len(ranks.ids)
    assert read.ranks.ids[:count].tobytes() == ranks.ids.tobytes()
    assert read.ranks.coverages[:count].tobytes() == ranks.coverages.tobytes()
    assert not read.ranks.ids[count:].any() and not read.ranks.coverages[count:].any()
    for name in names:
        assert read.matte(name).tobytes() == ranks.coverage(names[name]).tobytes()
    assert not read.matte("nobody").any()


def test_no_object_of_a_crowd_is_lost(tmp_path: Path) -> None:
    crowd = [f"person {index}" for index in range(9)]
    names = object_ids([*crowd, BACKGROUND])
    tenth = np.full((4, 4), 0.1, np.float32)
    ranks = rank_coverages({names[name]: tenth for name in crowd}, rest=names[BACKGROUND])
    box = Box(0, 0, 4, 4)
    write_cryptomatte(tmp_path / "c.exr", ranks, names=names, data_window=box, display_window=box)
    read = read_cryptomatte(tmp_path / "c.exr")
    assert all((read.matte(name) == tenth).all() for name in crowd)
    np.testing.assert_allclose(sum(read.matte(name) for name in names), 1, rtol=0, atol=1e-6)


def test_channels_are_of_32_bits_and_named_as_the_specification_names_them(tmp_path: Path) -> None:
    _write(tmp_path / "c.exr", "hero", "villain")
    (part,) = read_layout(tmp_path / "c.exr").parts
    assert {channel.name for channel in part.channels} == {f"CryptoObject0{n}.{c}" for n in "01" for c in "RGBA"}
    assert {channel.pixel_type for channel in part.channels} == {"float"}


def test_the_header_says_what_the_specification_asks_for(tmp_path: Path) -> None:
    name = 'Ä "quoted\\" 女の子'
    ranks, names = _write(tmp_path / "c.exr", name, cameraLens="50mm")
    header = OpenEXR.File(str(tmp_path / "c.exr"), header_only=True).parts[0].header
    assert layer_key("CryptoObject") == "3ae39a5"
    metadata = {key: value for key, value in header.items() if key.startswith("cryptomatte/")}
    manifest = metadata.pop("cryptomatte/3ae39a5/manifest")
    assert metadata == {
        "cryptomatte/3ae39a5/name": "CryptoObject",
        "cryptomatte/3ae39a5/hash": "MurmurHash3_32",
        "cryptomatte/3ae39a5/conversion": "uint32_to_float32",
    }
    assert json.loads(manifest) == {known: id_text(identifier) for known, identifier in names.items()}
    assert "女の子" in manifest, "Blender's parser knows no escapes but those of quotes and backslashes"
    assert (header["colorInteropID"], header["cameraLens"]) == ("data", "50mm")
    assert read_cryptomatte(tmp_path / "c.exr").matte(name).tobytes() == ranks.coverage(names[name]).tobytes()


def test_equal_pixels_make_equal_bytes(tmp_path: Path) -> None:
    for file in ("a.exr", "b.exr"):
        _write(tmp_path / file, "hero")
    assert (tmp_path / "a.exr").read_bytes() == (tmp_path / "b.exr").read_bytes()


def test_another_reader_finds_the_same_bits(tmp_path: Path) -> None:
    ranks, _names = _write(tmp_path / "c.exr", "hero")
    tool = Path(sys.executable).with_name("oiiotool")
    command = [str(tool), "--info", "-v", "--stats", str(tmp_path / "c.exr")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "4 channel, float openexr" in done.stdout
    assert 'cryptomatte/3ae39a5/name: "CryptoObject"' in done.stdout
    pixels = OpenEXR.File(str(tmp_path / "c.exr"), separate_channels=True).parts[0].channels
    found = [pixels[f"CryptoObject00.{c}"].pixels for c in "RGBA"]
    assert [plane.tobytes() for plane in found] == [
        plane.tobytes() for plane in (ranks.ids[0], ranks.coverages[0], ranks.ids[1], ranks.coverages[1])
    ]


def _foreign(path: Path, *, metadata: dict[str, str] | None = None, kind: type = np.float32) -> None:
    """A file as renderers write it: a beauty, then a layer with lower-case channels in a part of its own."""
    entries = {"name": "CryptoAsset", "hash": "MurmurHash3_32", "conversion": "uint32_to_float32"} | (metadata or {})
    hero = np.full((4, 4), object_id("hero"), np.float32)
    planes = {"r": hero, "g": np.full((4, 4), 0.75, np.float32), "b": hero * 0, "a": hero * 0}
    channels = {f"ViewLayer.CryptoAsset00.{name}": plane.astype(kind) for name, plane in planes.items()}
    common = {"type": OpenEXR.scanlineimage, "compression": OpenEXR.ZIP_COMPRESSION}
    OpenEXR.File([
        OpenEXR.Part(common | {f"cryptomatte/123abcd/{key}": text for key, text in entries.items()},
                     {"RGBA": np.zeros((4, 4, 4), np.float16)}, "beauty"),
        OpenEXR.Part(common, channels, "crypto"),
    ]).write(str(path))  # fmt: skip


def test_a_renderers_file_is_read_with_or_without_its_manifest(tmp_path: Path) -> None:
    _foreign(tmp_path / "f.exr")
    read = read_cryptomatte(tmp_path / "f.exr", layer="CryptoAsset")
    assert (read.matte("hero") == 0.75).all()
    assert read.names == {}


def test_a_file_with_a_picture_in_it_is_no_mere_cryptomatte(tmp_path: Path) -> None:
    _foreign(tmp_path / "f.exr")
    _write(tmp_path / "c.exr", "hero")
    OpenEXR.File({}, {"depth.Z": np.zeros((4, 4), np.float16)}).write(str(tmp_path / "d.exr"))
    assert [is_cryptomatte(tmp_path / name) for name in ("f.exr", "c.exr", "d.exr")] == [False, True, False]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"metadata": {"name": "CryptoMaterial"}}, "has no Cryptomatte CryptoAsset; it has CryptoMaterial"),
        ({"metadata": {"hash": "MD5"}}, "hash 'MD5'"),
        ({"metadata": {"conversion": "none"}}, "conversion 'none'"),
        ({"metadata": {"manifest": "{"}}, "manifest"),
        ({"metadata": {"manifest": '{"hero": "not hexadecimal"}'}}, "manifest"),
        ({"metadata": {"manifest": '["hero"]'}}, "manifest"),
        ({"kind": np.float16}, "half: ids are lost"),
    ],
    ids=str,
)
def test_a_file_that_cannot_be_picked_from_is_refused(tmp_path: Path, change: dict[str, Any], word: str) -> None:
    with np.errstate(over="ignore"):
        _foreign(tmp_path / "f.exr", **change)
    with pytest.raises(FrameReadError) as caught:
        read_cryptomatte(tmp_path / "f.exr", layer="CryptoAsset", frame=7)
    assert word in caught.value.what
    assert (caught.value.path, caught.value.frame) == (str(tmp_path / "f.exr"), 7)


def test_a_picture_without_cryptomattes_is_refused(tmp_path: Path) -> None:
    OpenEXR.File({}, {"RGB": np.zeros((4, 4, 3), np.float16)}).write(str(tmp_path / "p.exr"))
    with pytest.raises(FrameReadError, match="has no Cryptomatte CryptoObject; it has none"):
        read_cryptomatte(tmp_path / "p.exr")
