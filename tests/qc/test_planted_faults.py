"""Twelve faults, planted one by one in a delivery of the real pipeline: verify finds each and calls it by its name.

Frames are written again properly, so every EXR but the half-written one is valid.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import FIRST, make_tiny_shot

from wanfx.cli.main import main
from wanfx.frames import Timecode
from wanfx.io import exr
from wanfx.manifest import digest, read_manifest
from wanfx.qc.verify import verify_delivery

FRAMES = 4
Arrays = dict[str, np.ndarray[Any, Any]]
Change = Callable[[Arrays, dict[str, Any]], None]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted")
    shot = make_tiny_shot(folder / "shot", frames=FRAMES)
    assert main(["run", str(shot), "--out", str(folder / "out"), "--quiet"]) == 0
    shutil.rmtree(folder / "out" / "tiny" / "work")
    return folder


@pytest.fixture(params=["with the plate", "without the plate"])
def delivery(made: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    shutil.copytree(made, tmp_path / "made")
    if request.param == "without the plate":
        shutil.rmtree(tmp_path / "made" / "shot" / "plate")
    return tmp_path / "made" / "out" / "tiny" / "v001"


def _comp(delivery: Path, frame: int) -> Path:
    return delivery / "comp" / f"tiny_draft_v001.{frame}.exr"


def _has_plate(delivery: Path) -> bool:
    return (delivery.parents[2] / "shot" / "plate").is_dir()


def _write_again(path: Path, change: Change, *, names: dict[str, str] | None = None, drop: str = "") -> None:
    """Write the frame again with its arrays and attributes changed, parts renamed by ``names``, one dropped."""
    parts, header = exr.read_parts(path)
    arrays = {name: np.stack(list(part.planes.values()), axis=2) for name, part in parts.items()}
    attributes = dict(header.attributes)
    change(arrays, attributes)
    exr.write_parts(
        path,
        [
            exr.Part((names or {}).get(name, name), arrays[name], part.channels)
            for name, part in parts.items()
            if name != drop
        ],
        data_window=header.data_window, display_window=header.display_window, attributes=attributes,
    )  # fmt: skip


def _nothing(_arrays: Arrays, _attributes: dict[str, Any]) -> None:
    pass


def _broken(delivery: Path) -> dict[str, str]:
    """The evidence of every broken promise."""
    promises = verify_delivery(delivery, read_manifest(delivery / "manifest.json"))
    return {promise.name: promise.evidence for promise in promises if promise.state == "broken"}


def _kept(arrays: Arrays) -> Any:
    return arrays["matte_edit"][..., 0] == 0


def _to_8_bit(linear: Any) -> Any:
    """Linear to sRGB bytes and back, as a tool that works on 8-bit pictures does."""
    x = np.clip(linear.astype(np.float32), 0, 1)
    encoded = np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)
    y = np.rint(encoded * 255) / 255
    return np.where(y <= 0.04045, y / 12.92, ((y + 0.055) / 1.055) ** 2.4).astype(np.float16)


def test_a_delivery_that_nobody_touched_is_clean(delivery: Path) -> None:
    assert _broken(delivery) == {}


def test_frames_that_were_written_again_with_the_same_pixels_break_no_more_than_their_hash(delivery: Path) -> None:
    _write_again(_comp(delivery, FIRST), _nothing)
    assert list(_broken(delivery)) == ["nothing-lost"]


def test_one_kept_pixel(delivery: Path) -> None:
    def change(arrays: Arrays, _attributes: dict[str, Any]) -> None:
        assert _kept(arrays)[100, 3]
        arrays["rgba"][100, 3, 1] = np.nextafter(arrays["rgba"][100, 3, 1], np.float16(9))

    _write_again(_comp(delivery, FIRST + 2), change)
    evidence = _broken(delivery)["plate-integrity"]
    whose = "the plate's" if _has_plate(delivery) else "the clean plate's"
    assert evidence.startswith(f"frame {FIRST + 2}: one kept pixel is not {whose}: pixel (3, 100)")


def test_one_edited_pixel(delivery: Path) -> None:
    places: list[Any] = []

    def change(arrays: Arrays, _attributes: dict[str, Any]) -> None:
        y, x = places[0] = np.argwhere(arrays["matte_character"][..., 0] >= 1)[200]
        arrays["rgba"][y, x, 0] *= np.float16(1.05)

    places.append(None)
    _write_again(_comp(delivery, FIRST + 1), change)
    broken = _broken(delivery)
    y, x = places[0]
    assert f"one edited pixel of rgba is not what its layers make: pixel ({x}, {y})" in broken["two-mattes"]
    assert "plate-integrity" not in broken


def test_a_missing_frame(delivery: Path) -> None:
    _comp(delivery, FIRST + 3).unlink()
    assert f"frame {FIRST + 3}: tiny_draft_v001.{FIRST + 3}.exr is missing" in _broken(delivery)["frame-lock"]


def test_a_wrong_timecode_and_whose_it_is(delivery: Path) -> None:
    def change(_arrays: Arrays, attributes: dict[str, Any]) -> None:
        attributes["timeCode"] = exr.timecode_attribute(Timecode.parse("10:00:00:03", rate=24))

    _write_again(_comp(delivery, FIRST + 1), change)
    assert _broken(delivery)["frame-lock"] == (
        f"frame {FIRST + 1}: timecode is 10:00:00:03, the plate's is 10:00:00:01 (that of frame {FIRST + 3})"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [("matte_character", "matte_reveal"), ("matte_character", "check_ceiling"), ("clean", "shadow"),
     ("rgba", "char_walker"), ("matte_reveal", "matte_edit")],
)  # fmt: skip
def test_swapped_layers(delivery: Path, one: str, other: str) -> None:
    def change(arrays: Arrays, _attributes: dict[str, Any]) -> None:
        arrays[one], arrays[other] = arrays[other], arrays[one]

    _write_again(_comp(delivery, FIRST), change)
    broken = _broken(delivery)
    assert broken["two-mattes"] == f"frame {FIRST}: parts {one} and {other} are swapped"
    assert set(broken) == {"two-mattes", "nothing-lost"}


def test_parts_that_hold_each_others_channels(delivery: Path) -> None:
    names = {"matte_subject": "matte_reveal", "matte_reveal": "matte_subject"}
    _write_again(_comp(delivery, FIRST), _nothing, names=names)
    assert "parts matte_reveal and matte_subject are swapped" in _broken(delivery)["two-mattes"]


def test_a_renamed_part(delivery: Path) -> None:
    _write_again(_comp(delivery, FIRST), _nothing, names={"clean": "cleanplate"})
    assert "part clean was renamed: it is called cleanplate" in _broken(delivery)["nothing-lost"]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize(
    ("part", "is_edited", "promise", "what"),
    [("rgba", False, "scene-linear", "kept pixels are NaN or infinite"),
     ("rgba", True, "scene-linear", "edited pixels are NaN or infinite"),
     ("clean", True, "scene-linear", "clean is NaN or infinite"),
     ("matte_subject", True, "scene-linear", "matte_subject is NaN or infinite")],
)  # fmt: skip
def test_a_value_that_is_no_number(
    delivery: Path, part: str, is_edited: bool, promise: str, what: str, bad: float
) -> None:
    places = []

    def change(arrays: Arrays, _attributes: dict[str, Any]) -> None:
        y, x = np.argwhere(_kept(arrays) != is_edited)[300 if is_edited else -300]
        places.append((int(x), int(y)))
        arrays[part][y, x, 0] = bad

    _write_again(_comp(delivery, FIRST), change)
    evidence = _broken(delivery)[promise]
    assert what in evidence
    assert f"at pixel {places[0]}" in evidence


def test_swapped_frames(delivery: Path) -> None:
    one, other = _comp(delivery, FIRST), _comp(delivery, FIRST + 2)
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)
    assert _broken(delivery)["frame-lock"] == f"frames {FIRST} and {FIRST + 2} are swapped"


def test_swapped_pictures_under_headers_that_were_put_right(delivery: Path) -> None:
    frames = [_comp(delivery, FIRST + 1), _comp(delivery, FIRST + 3)]
    read = [exr.read_parts(path) for path in frames]
    for path, (parts, _theirs), (_mine, header) in zip(frames, reversed(read), read, strict=True):
        exr.write_parts(
            path, list(parts.values()), data_window=header.data_window, display_window=header.display_window,
            attributes=header.attributes,
        )  # fmt: skip
    broken = _broken(delivery)
    assert broken["plate-integrity"] == broken["frame-lock"] == f"frames {FIRST + 1} and {FIRST + 3} are swapped"


def test_a_frame_copied_over_another(delivery: Path) -> None:
    shutil.copy(_comp(delivery, FIRST), _comp(delivery, FIRST + 2))
    assert f"frame {FIRST + 2}: its file is a copy of frame {FIRST}'s" in _broken(delivery)["frame-lock"]


@pytest.mark.parametrize(
    ("name", "value", "is_seen_without_plate"),
    [("wanfx:shot", "sh999", True), ("wanfx:look", "left over", True), ("colorInteropID", "lin_rec709_scene", True),
     ("cameraLens", "85mm", False), ("reelName", "A001", False)],
)  # fmt: skip
def test_a_stale_header(delivery: Path, name: str, value: str, is_seen_without_plate: bool) -> None:
    def change(_arrays: Arrays, attributes: dict[str, Any]) -> None:
        attributes[name] = value

    _write_again(_comp(delivery, FIRST), change)
    broken = _broken(delivery)
    if _has_plate(delivery) or is_seen_without_plate:
        assert f"frame {FIRST}: header {name} is " in broken["provenance"]
    else:
        # Of a camera's attributes the manifest knows nothing; the file's hash tells that something was changed.
        assert f"tiny_draft_v001.{FIRST}.exr was changed" in broken["nothing-lost"]


def test_a_missing_part(delivery: Path) -> None:
    _write_again(_comp(delivery, FIRST), _nothing, drop="clean")
    assert f"frame {FIRST}: part clean is missing" in _broken(delivery)["nothing-lost"]


def test_clamped_highlights(delivery: Path) -> None:
    def change(arrays: Arrays, _attributes: dict[str, Any]) -> None:
        arrays["rgba"] = np.minimum(arrays["rgba"], np.float16(1))

    _write_again(_comp(delivery, FIRST), change)
    broken = _broken(delivery)
    assert "highlights of the kept plate are clamped at 1 (1 pixel, first pixel (3, 2)" in broken["plate-integrity"]
    assert "clamped at 1" in broken["scene-linear"]


def test_clamped_highlights_of_every_layer(delivery: Path) -> None:
    def change(arrays: Arrays, _attributes: dict[str, Any]) -> None:
        for name in ("rgba", "clean", "char_walker"):
            arrays[name] = np.clip(arrays[name], np.float16(0), np.float16(1))

    _write_again(_comp(delivery, FIRST), change)
    evidence = _broken(delivery)["scene-linear"]
    assert "clamped at 1" in evidence
    assert "values below 0" in evidence


def test_clamped_edited_pixels(delivery: Path) -> None:
    def change(arrays: Arrays, _attributes: dict[str, Any]) -> None:
        edited = ~_kept(arrays)
        ceiling = np.quantile(arrays["rgba"][edited][:, :3].astype(np.float32), 0.9)
        arrays["rgba"][edited] = np.minimum(arrays["rgba"][edited], np.float16(ceiling))
        arrays["rgba"][..., 3] = 1

    _write_again(_comp(delivery, FIRST), change)
    assert "highlights of the edit are clamped at " in _broken(delivery)["scene-linear"]


def test_a_plate_quantised_to_8_bits(delivery: Path) -> None:
    def change(arrays: Arrays, _attributes: dict[str, Any]) -> None:
        kept = _kept(arrays)
        arrays["rgba"][..., :3][kept] = _to_8_bit(arrays["rgba"][..., :3][kept])

    _write_again(_comp(delivery, FIRST + 1), change)
    evidence = _broken(delivery)["plate-integrity"]
    assert f"frame {FIRST + 1}: kept pixels have been quantised to 8 bits" in evidence
    assert "clamped at 1" in evidence


def test_an_edited_manifest(delivery: Path) -> None:
    path = delivery / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["models"][0]["licence"] = "MIT"
    path.write_text(json.dumps(manifest))
    assert "manifest.json was changed: its digest does not match" in _broken(delivery)["provenance"]


def test_a_manifest_that_was_edited_and_sealed_again_is_not_what_the_frames_say(delivery: Path) -> None:
    path = delivery / "manifest.json"
    manifest = json.loads(path.read_text())
    for fact in manifest["frame_facts"].values():
        fact["provenance"]["licences"] = "MIT"
    manifest["digest"] = digest(manifest)
    path.write_text(json.dumps(manifest))
    assert "header wanfx:licences is " in _broken(delivery)["provenance"]


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_a_half_written_file(delivery: Path, share: float) -> None:
    path = _comp(delivery, FIRST + 1)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    assert f"frame {FIRST + 1}: {path.name} is half-written or damaged" in _broken(delivery)["nothing-lost"]


def test_a_half_written_file_that_was_left_beside_the_frames(delivery: Path) -> None:
    from wanfx.io.atomic import atomic_path

    with pytest.raises(KeyboardInterrupt), atomic_path(_comp(delivery, FIRST + 9)) as temporary:
        temporary.write_bytes(b"v/1")
        kept = temporary.with_name(temporary.name)
        data = kept.read_bytes()
        raise KeyboardInterrupt
    kept.write_bytes(data)
    assert "was left half-written" in _broken(delivery)["frame-lock"]
