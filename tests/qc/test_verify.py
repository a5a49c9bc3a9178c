"""Verify: a delivery that is not what it promises is found out, by name."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
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
from wanfx.qc.promises import NAMES
from wanfx.qc.verify import verify_delivery

FRAMES = 6


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify")
    shot = make_tiny_shot(folder / "shot", frames=FRAMES)
    assert main(["run", str(shot), "--out", str(folder / "out"), "--quiet"]) == 0
    return folder


@pytest.fixture
def delivery(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "made")
    return tmp_path / "made" / "out" / "tiny" / "v001"


def _comp(delivery: Path, frame: int) -> Path:
    return delivery / "comp" / f"tiny_draft_v001.{frame}.exr"


def _rewrite(path: Path, change: Callable[[dict[str, np.ndarray[Any, Any]], dict[str, Any]], None]) -> None:
    """Write the frame again with its arrays and attributes changed."""
    parts, header = exr.read_parts(path)
    arrays = {name: np.stack(list(part.planes.values()), axis=2) for name, part in parts.items()}
    attributes = dict(header.attributes)
    change(arrays, attributes)
    exr.write_parts(
        path,
        [exr.Part(name, arrays[name], part.channels) for name, part in parts.items()],
        data_window=header.data_window, display_window=header.display_window, attributes=attributes,
    )  # fmt: skip


def _verify(delivery: Path, capsys: pytest.CaptureFixture[str], *, promise: str) -> str:
    assert main(["verify", str(delivery), "--json", str(delivery.parent / "promises.json")]) == 5
    assert promise in capsys.readouterr().err
    promises = {p["name"]: p for p in json.loads((delivery.parent / "promises.json").read_text())["promises"]}
    assert list(promises) == sorted(promises, key=NAMES.index)
    assert promises[promise]["state"] == "broken"
    return str(promises[promise]["evidence"])


def test_a_fresh_delivery_holds_every_promise(delivery: Path) -> None:
    assert main(["verify", str(delivery)]) == 0
    promises = read_manifest(delivery / "manifest.json")["promises"]
    assert [promise["name"] for promise in promises] == list(NAMES)
    assert {promise["state"] for promise in promises} == {"held"}


def test_it_still_holds_by_its_hashes_when_the_plate_is_gone(delivery: Path) -> None:
    shutil.rmtree(delivery.parents[2] / "shot")
    assert main(["verify", str(delivery)]) == 0


def test_a_changed_pixel_outside_the_edit_matte_is_found(delivery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def change(arrays: dict[str, Any], _attributes: dict[str, Any]) -> None:
        assert arrays["matte_edit"][100, 3] == 0
        arrays["rgba"][100, 3, 1] = np.nextafter(arrays["rgba"][100, 3, 1], np.float16(9))

    _rewrite(_comp(delivery, FIRST + 2), change)
    evidence = _verify(delivery, capsys, promise="plate-integrity")
    assert f"frame {FIRST + 2}" in evidence
    assert "(3, 100)" in evidence


def test_a_changed_pixel_is_found_without_the_plate_too(delivery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(delivery.parents[2] / "shot")

    def change(arrays: dict[str, Any], _attributes: dict[str, Any]) -> None:
        arrays["rgba"][100, 3, 1] += 1

    _rewrite(_comp(delivery, FIRST + 2), change)
    assert f"frame {FIRST + 2}" in _verify(delivery, capsys, promise="plate-integrity")


def test_a_removed_frame_is_found(delivery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _comp(delivery, FIRST + 3).unlink()
    assert f"frame {FIRST + 3}" in _verify(delivery, capsys, promise="frame-lock")


def test_a_shifted_timecode_is_found(delivery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def change(_arrays: dict[str, Any], attributes: dict[str, Any]) -> None:
        attributes["timeCode"] = exr.timecode_attribute(Timecode.parse("10:00:00:05", rate=24))

    _rewrite(_comp(delivery, FIRST + 4), change)
    evidence = _verify(delivery, capsys, promise="frame-lock")
    assert f"frame {FIRST + 4}: timecode is 10:00:00:05, the plate's is 10:00:00:04" in evidence


def test_a_changed_manifest_is_found(delivery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = json.loads((delivery / "manifest.json").read_text())
    manifest["models"][0]["licence"] = "MIT"
    (delivery / "manifest.json").write_text(json.dumps(manifest))
    assert "manifest.json was changed" in _verify(delivery, capsys, promise="provenance")


def test_a_manifest_that_was_changed_and_sealed_again_is_found_by_the_frames_headers(
    delivery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = json.loads((delivery / "manifest.json").read_text())
    for fact in manifest["frame_facts"].values():
        fact["provenance"]["backend"] = "by hand"
    manifest["digest"] = digest(manifest)
    (delivery / "manifest.json").write_text(json.dumps(manifest))
    assert "wanfx:backend" in _verify(delivery, capsys, promise="provenance")


def test_a_comp_that_its_layers_do_not_make_is_found(delivery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def change(arrays: dict[str, Any], _attributes: dict[str, Any]) -> None:
        edited = arrays["matte_edit"][..., 0] > 0
        arrays["rgba"][..., 0][edited] *= np.float16(1.1)

    _rewrite(_comp(delivery, FIRST), change)
    assert f"frame {FIRST}" in _verify(delivery, capsys, promise="two-mattes")


def test_a_moved_data_window_is_found(delivery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _comp(delivery, FIRST)
    parts, header = exr.read_parts(path)
    exr.write_parts(
        path, list(parts.values()), data_window=header.data_window.shift(1, 0),
        display_window=header.display_window, attributes=header.attributes,
    )  # fmt: skip
    assert f"frame {FIRST}: data window" in _verify(delivery, capsys, promise="native-size")


def test_a_changed_review_movie_is_found(delivery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    movie = next((delivery / "review").iterdir())
    movie.write_bytes(movie.read_bytes() + b"x")
    assert movie.name in _verify(delivery, capsys, promise="nothing-lost")


def test_a_painted_matte_breaks_nothing_and_is_used_by_the_next_run(delivery: Path) -> None:
    painted = delivery / "matte" / "char_walker" / f"char_walker.{FIRST + 1}.exr"
    matte = exr.read_matte(painted)
    exr.write_matte(painted, np.zeros_like(matte))
    assert main(["verify", str(delivery)]) == 0
    root = delivery.parents[2]
    assert main(["run", str(root / "shot" / "shot.json"), "--out", str(root / "out"), "--quiet"]) == 0
    parts, _header = exr.read_parts(delivery.parent / "v002" / "comp" / f"tiny_draft_v002.{FIRST + 1}.exr")
    assert not parts["matte_character"].pixels.any()
    untouched = f"comp/tiny_draft_v002.{FIRST + 2}.exr"
    assert (delivery.parent / "v002" / untouched).read_bytes() == _comp(delivery, FIRST + 2).read_bytes()


def test_values_of_40_and_below_0_outside_the_matte_are_in_the_comp(delivery: Path) -> None:
    for frame in range(FIRST, FIRST + FRAMES):
        comp = exr.read_frame(_comp(delivery, frame))
        assert comp.rgb[2, 3].tolist() == [40.0] * 3
        assert comp.rgb[5, 7].tolist() == [np.float16(-0.05)] * 3


def _oiio_header(path: Path) -> dict[str, str]:
    tool = Path(sys.executable).with_name("oiiotool")
    done = subprocess.run([str(tool), "--info", "-v", str(path)], capture_output=True, text=True, check=True)
    lines = (line.strip().split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    return {line[0]: line[1] for line in lines}


def test_oiiotool_shows_the_plates_header_attributes_in_the_comp(delivery: Path) -> None:
    theirs = _oiio_header(delivery.parents[2] / "shot" / "plate" / f"tiny.{FIRST + 1}.exr")
    ours = _oiio_header(_comp(delivery, FIRST + 1))
    kept = ("smpte:TimeCode", "FramesPerSecond", "cameraLens", "focalLength", "Exif:FocalLength", "colorInteropID")
    shown = [name for name in kept if name in theirs]
    assert len(shown) >= 4
    assert {name: ours.get(name) for name in shown} == {name: theirs[name] for name in shown}


@pytest.mark.parametrize("key", ["plate", "frame_facts", "files", "comp"])
def test_a_manifest_with_a_key_removed_is_found(delivery: Path, capsys: pytest.CaptureFixture[str], key: str) -> None:
    manifest = json.loads((delivery / "manifest.json").read_text())
    del manifest[key]
    (delivery / "manifest.json").write_text(json.dumps(manifest))
    assert key in _verify(delivery, capsys, promise="provenance")


def test_a_manifest_that_is_no_json_is_found(delivery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (delivery / "manifest.json").write_text("{")
    assert main(["verify", str(delivery)]) == 5
    assert "manifest.json" in capsys.readouterr().err


def test_a_frame_that_was_added_is_found(delivery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(_comp(delivery, FIRST), _comp(delivery, FIRST + 50))
    assert str(FIRST + 50) in _verify(delivery, capsys, promise="frame-lock")


def _seal_again(delivery: Path, change: Callable[[dict[str, Any]], None]) -> None:
    manifest = json.loads((delivery / "manifest.json").read_text())
    change(manifest)
    manifest["digest"] = digest(manifest)
    (delivery / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize(
    ("key", "value"),
    [("subjects", []), ("frames", "abc"), ("frames", f"{FIRST}-{FIRST + 1}"), ("plate", []), ("files", {})],
)
def test_a_manifest_that_does_not_fit_together_is_named_though_its_digest_is_right(
    delivery: Path, capsys: pytest.CaptureFixture[str], key: str, value: Any
) -> None:
    _seal_again(delivery, lambda manifest: manifest.update({key: value}))
    assert key in _verify(delivery, capsys, promise="provenance")
    for command in ("report", "inspect"):
        assert main([command, str(delivery)]) == 2
        assert "manifest.json" in capsys.readouterr().err


def test_a_manifest_of_nothing_but_its_schema_is_no_report(delivery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (delivery / "manifest.json").write_text('{"schema": "wanfx.manifest/1"}')
    assert main(["report", str(delivery)]) == 2
    assert "manifest.json has no shot" in capsys.readouterr().err


def _integrity(delivery: Path) -> Any:
    return verify_delivery(delivery, read_manifest(delivery / "manifest.json"))[0]


def _plate(delivery: Path, frame: int) -> Path:
    return delivery.parents[2] / "shot" / "plate" / f"tiny.{frame}.exr"


def test_a_truncated_plate_file_is_told_and_the_rest_is_verified(delivery: Path) -> None:
    plate = _plate(delivery, FIRST + 2)
    plate.write_bytes(plate.read_bytes()[:3000])
    promise = _integrity(delivery)
    assert promise.state == "held"
    assert f"{FRAMES - 1} frames were compared with the plate" in promise.evidence
    assert f"frame {FIRST + 2}: {plate.name} cannot be read" in promise.evidence


def test_a_plate_that_was_painted_later_is_not_blamed_on_the_comp(delivery: Path) -> None:
    def change(arrays: dict[str, Any], _attributes: dict[str, Any]) -> None:
        for pixels in arrays.values():
            pixels[100, 3] += 1

    _rewrite(_plate(delivery, FIRST + 1), change)
    promises = verify_delivery(delivery, read_manifest(delivery / "manifest.json"))
    broken = {promise.name: promise.evidence for promise in promises if promise.state == "broken"}
    assert list(broken) == ["plate-integrity"]
    assert "the plate's file is no longer the one delivered from" in broken["plate-integrity"]
    assert "(3, 100)" in broken["plate-integrity"]


def test_a_delivery_without_its_plate_says_where_it_should_be(delivery: Path) -> None:
    shutil.rmtree(delivery.parents[2] / "shot")
    promise = _integrity(delivery)
    assert promise.state == "held"
    assert "none was compared with the plate, which is not at" in promise.evidence


@pytest.mark.parametrize("command", ["verify", "report"])
def test_a_manifest_given_for_its_version_is_refused_with_what_to_give(
    made: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main([command, str(made / "out" / "tiny" / "v001" / "manifest.json")]) == 2
    told = capsys.readouterr().err
    assert "manifest.json" in told and "give a version's folder" in told
    assert "Traceback" not in told
