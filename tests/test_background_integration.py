"""Task background from plate to delivery: light wrap, grade and defocus, each told as it is and able to be undone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from tiny import FIRST, HEIGHT, WIDTH, make_tiny_shot, wall

from wanfx.backends.fake import FakeGenerator
from wanfx.backends.protocols import GeneratedFrame, WindowInputs
from wanfx.backends.registry import add_generator
from wanfx.cli.main import main
from wanfx.frames import Box
from wanfx.io import exr
from wanfx.manifest import read_manifest
from wanfx.ops.comp import Mattes, composite
from wanfx.ops.grade import Grade
from wanfx.ops.grain_frames import Grain
from wanfx.pixels import to_float
from wanfx.qc.frame_check import check_frame
from wanfx.stages.comp_actor import dress_actor
from wanfx_color.cdl import read_cdl

FRAMES = 4
SHADE = 0.4
FRAME = FIRST + 1
Pixels = npt.NDArray[Any]
BASE = ("--set", "grain.match=off")
WRAP = ("--set", "finish.light_wrap=1", "--set", "finish.light_wrap_px=8")
APPLY = ("--set", "finish.grade=apply")


class _Shader(FakeGenerator):
    """Shows the actor as he is and the world with his shadow on it, on his left, and a little soft."""

    name = "test-shader"
    keeps_background = False

    def generate(self, inputs: WindowInputs) -> Iterator[GeneratedFrame]:
        """Every frame of the window."""
        for frame in inputs.frames:
            rows, columns = np.nonzero(inputs.mask(frame) > 0.5)
            y, x = np.mgrid[0 : inputs.size.height, 0 : inputs.size.width].astype(np.float32)
            away = np.hypot((x - columns.min() + 10) / 9, (y - rows.mean()) / 14)
            shade = 1 - SHADE * np.clip(1.5 - away, 0, 1)[..., None]
            world = cv2.GaussianBlur((inputs.background(frame) + 1) * shade - 1, (0, 0), 0.5)
            picture = np.where(inputs.mask(frame)[..., None] > 0, inputs.plate(frame), world)
            yield GeneratedFrame(np.asarray(picture, np.float32), None)


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    return make_tiny_shot(folder, frames=FRAMES, task="background", background="reference.png", reference=None)


@pytest.fixture(scope="module")
def made(shot: Path) -> Iterator[dict[str, Path]]:
    """The folders of four versions: as it is, wrapped, with a suggested grade, and with all that there is."""
    out = shot.parent / "out"
    asked = {
        "plain": (), "wrapped": WRAP, "suggested": ("--set", "finish.grade=suggest"),
        "all": (*WRAP, *APPLY, "--set", "finish.world_defocus=on", "--set", "finish.world_defocus_px=3"),
    }  # fmt: skip
    versions = {}
    for number, (name, options) in enumerate(asked.items(), start=1):
        assert main(["run", str(shot), "--out", str(out), "--quiet", *BASE, *options]) == 0
        versions[name] = out / "tiny" / f"v{number:03d}"
    yield versions


def _read(version: Path, frame: int = FRAME) -> dict[str, Pixels]:
    (path,) = (version / "comp").glob(f"*.{frame}.exr")
    parts, _header = exr.read_parts(path)
    return {
        name: np.stack(list(part.planes.values()), axis=2)
        if len(part.channels) > 1
        else next(iter(part.planes.values()))
        for name, part in parts.items()
    }


def _plate(shot: Path, frame: int = FRAME) -> Pixels:
    return exr.read_frame(shot.parent / "plate" / f"tiny.{frame}.exr").rgb


def _promise(version: Path) -> dict[str, str]:
    promises = read_manifest(version / "manifest.json")["promises"]
    return next(promise for promise in promises if promise["name"] == "plate-integrity")


@pytest.mark.parametrize("name", ["plain", "wrapped", "suggested", "all"])
def test_every_delivery_verifies_and_its_layers_make_rgba_again(made: dict[str, Path], shot: Path, name: str) -> None:
    assert main(["verify", str(made[name])]) == 0
    parts = _read(made[name])
    mattes = Mattes(parts["matte_character"], parts["matte_reveal"], parts["matte_edit"])
    again = composite(_plate(shot), char=parts["char_walker"], clean=parts["clean"], mattes=mattes)
    assert again.tobytes() == np.ascontiguousarray(parts["rgba"][..., :3]).tobytes()


def test_without_any_of_it_solid_pixels_of_the_actor_are_the_plates_bits(made: dict[str, Path], shot: Path) -> None:
    for name in ("plain", "suggested"):
        parts = _read(made[name])
        solid = parts["matte_character"] >= 1
        assert np.count_nonzero(solid) > 1000
        assert parts["rgba"][solid][:, :3].tobytes() == _plate(shot)[solid].tobytes()
        assert "wrap" not in parts and "char_walker_ungraded" not in parts
        assert _promise(made[name])["state"] == "held"


def test_a_worlds_exposure_comes_near_the_plates_unless_it_is_kept(
    made: dict[str, Path], shot: Path, tmp_path: Path
) -> None:
    keep = ("--set", "condition.world_exposure=keep")
    assert main(["run", str(shot), "--out", str(tmp_path), "--quiet", *BASE, *keep]) == 0
    kept, matched = tmp_path / "tiny" / "v001", made["plain"]
    stops = [read_manifest(one / "manifest.json")["world"]["exposure_stops"] for one in (kept, matched)]
    assert stops[0] == 0 and stops[1] != 0
    worlds = [to_float(_read(one)["clean"]) for one in (kept, matched)]
    assert np.allclose(worlds[1], worlds[0] * np.float32(2.0 ** stops[1]), rtol=2e-3, atol=2e-3)


def test_light_wrap_changes_the_rim_and_leaves_the_plates_bits_within(made: dict[str, Path], shot: Path) -> None:
    parts = _read(made["wrapped"])
    kept = parts["matte_edit"] == 0
    solid = parts["matte_character"] >= 1
    assert np.count_nonzero(kept) > 200 and np.count_nonzero(solid & ~kept) > 200
    assert parts["rgba"][kept][:, :3].tobytes() == _plate(shot)[kept].tobytes()
    changed = (parts["char_walker"] != parts["char_walker_ungraded"]).any(axis=2)
    assert (parts["matte_edit"] > 0)[changed].all() and (parts["wrap"].max(axis=2) > 0)[changed].all()
    away_px = cv2.distanceTransform((parts["matte_character"] >= 1).astype(np.uint8), cv2.DIST_L2, 5)
    assert 5 < away_px[changed].max() < 9, "finish.light_wrap_px is 8"
    promise = _promise(made["wrapped"])
    assert promise["state"] == "held" and "light wrap" in promise["evidence"]


@pytest.mark.parametrize("name", ["wrapped", "all"])
def test_the_ungraded_part_is_the_plate_and_makes_the_actor(made: dict[str, Path], shot: Path, name: str) -> None:
    parts = _read(made[name])
    own, solid = parts["char_walker_ungraded"], parts["matte_character"] >= 1
    assert own[solid][:, :3].tobytes() == _plate(shot)[solid].tobytes()
    told = read_manifest(made[name] / "manifest.json")["integration"]["grade"]
    grade = Grade() if told is None else Grade.from_dict(told)
    assert grade.is_none == (name == "wrapped")
    assert dress_actor(own, parts["wrap"], grade).tobytes() == parts["char_walker"].tobytes()


def test_a_grade_that_is_applied_is_never_baked_in_silence(made: dict[str, Path]) -> None:
    version = made["all"]
    assert _promise(version)["state"] == "not-applicable"
    assert "graded" in _promise(version)["evidence"]
    _parts, header = exr.read_parts(next((version / "comp").glob("*.exr")), ["rgba"])
    assert "ASC CDL" in str(header.attributes["wanfx:grade"])
    assert "strength 1" in str(header.attributes["wanfx:light_wrap"])


def test_the_grade_lies_beside_the_comp_as_an_asc_cdl(made: dict[str, Path]) -> None:
    for name in ("suggested", "all"):
        manifest = read_manifest(made[name] / "manifest.json")
        told = manifest["integration"]
        correction = read_cdl(made[name] / told["grade_file"])
        assert list(correction.slope) == told["grade"]["slope"] and list(correction.offset) == told["grade"]["offset"]
        assert "char_walker" in correction.described
        assert told["grade_file"] in {entry["path"] for entry in manifest["files"]}


def test_the_worlds_blur_leaves_the_actor_alone(made: dict[str, Path]) -> None:
    plain, blurred = _read(made["plain"]), _read(made["all"])
    assert to_float(blurred["clean"]).std() < to_float(plain["clean"]).std()
    assert blurred["char_walker_ungraded"].tobytes() == plain["char_walker"].tobytes()


def test_what_the_generator_darkens_beside_the_actor_is_the_shadow_layer(tmp_path: Path) -> None:
    add_generator(_Shader.name, _Shader)
    wall_path = tmp_path / "wall.exr"
    size = Box(0, 0, WIDTH, HEIGHT)
    exr.write_rgb(wall_path, wall()[:, :WIDTH].astype(np.float16), data_window=size)
    world = {"path": str(wall_path), "follow": "none", "colorspace": "ACEScg"}
    shot = make_tiny_shot(
        tmp_path, frames=FRAMES, task="background", background=world, reference=None, generate={"backend": _Shader.name}
    )
    run = ["run", str(shot), "--out", str(tmp_path / "out"), "--quiet", *BASE, "--set", "match.lock=off"]
    assert main(run) == 0
    assert main([*run, "--set", "finish.shadow=off"]) == 0
    split, whole = (_read(tmp_path / "out" / "tiny" / name) for name in ("v001", "v002"))
    assert split["shadow"].min() < 0.85 and whole["shadow"].min() == 1
    assert (split["shadow"][split["matte_character"] >= 1] == 1).all()
    again, was = to_float(split["clean"]) * to_float(split["shadow"]), to_float(whole["clean"])
    seen = split["matte_character"] < 1
    assert np.allclose(again[seen], was[seen], rtol=3e-3, atol=1e-4)
    assert main(["verify", str(tmp_path / "out" / "tiny" / "v001")]) == 0


def test_an_artists_own_grade_is_applied_as_it_is(shot: Path, tmp_path: Path) -> None:
    slope = "1.25 1 0.75"
    text = (
        f"<ColorCorrection id='a'><SOPNode><Slope>{slope}</Slope><Offset>0 0 0</Offset><Power>1 1 1</Power></SOPNode>"
    )
    (tmp_path / "hero.cc").write_text(f"{text}</ColorCorrection>")
    asked = (*BASE, *APPLY, "--set", f"finish.grade_file={tmp_path / 'hero.cc'}")
    assert main(["run", str(shot), "--out", str(tmp_path / "out"), "--quiet", *asked]) == 0
    version = tmp_path / "out" / "tiny" / "v001"
    told = read_manifest(version / "manifest.json")["integration"]["grade"]
    assert told["from"] == "file" and told["slope"] == [1.25, 1.0, 0.75]
    parts = _read(version)
    solid = parts["matte_character"] >= 1
    ours, own = (to_float(parts[name])[solid][:, :3] for name in ("char_walker", "char_walker_ungraded"))
    assert np.allclose(ours, own * np.array([1.25, 1.0, 0.75], np.float32), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("text", [None, "no CDL", "<ColorCorrection id='a'><SOPNode><Slope>0 1 1</Slope></SOPNode>"
                                  "</ColorCorrection>"])  # fmt: skip
def test_a_grade_that_cannot_be_read_or_undone_is_refused(
    shot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    if text is not None:
        (tmp_path / "hero.cc").write_text(text)
    asked = (*APPLY, "--set", f"finish.grade_file={tmp_path / 'hero.cc'}")
    assert main(["run", str(shot), "--out", str(tmp_path / "out"), "--quiet", *asked]) == 2
    assert "finish.grade_file" in capsys.readouterr().err


def test_a_part_of_a_shot_is_not_mixed_with_frames_of_other_parts(shot: Path, tmp_path: Path) -> None:
    run = ["run", str(shot), "--out", str(tmp_path / "out"), "--quiet", *BASE]
    assert main(run) == 0
    assert main([*run, *WRAP, "--frames", f"{FIRST}-{FIRST + 1}"]) == 2
    assert main([*run, *WRAP]) == 0


def test_whoever_touches_the_actor_without_a_word_is_found_out(made: dict[str, Path]) -> None:
    version = made["all"]
    manifest = json.loads((version / "manifest.json").read_text())
    fact = manifest["frame_facts"][str(FRAME)]
    fact["integration"]["grade"]["slope"] = [1.0, 1.0, 1.0]
    (path,) = (version / "comp").glob(f"*.{FRAME}.exr")
    found = check_frame(path, FRAME, manifest=manifest, plate=None, crypto=None, grains=(Grain({}, {}),))
    assert any("char_walker_ungraded" in text for text in found.by_promise["two-mattes"])
