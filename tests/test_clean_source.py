"""The clean plate of task replace by Wan2.1-VACE at toy size: what mode remove makes of the same plate and matte."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

from several import make_shot_of_two
from tiny import FIRST, make_tiny_shot, plate_attributes, plate_pixels
from vace_shot import NAME, STEPS, WINDOW, TinyVace, add_tiny_vace, make_vace_shot, run_vace

from wanfx.cli.main import main
from wanfx.io import exr
from wanfx.io.atomic import sha256_file
from wanfx.manifest import read_manifest

FRAMES = 12
Array = npt.NDArray[Any]
VACE = {"clean": {"source": "vace"}}
WAN = {"dtype": "float32", "steps": STEPS, "carried_frames": "1"}


@pytest.fixture(scope="module", autouse=True)
def tiny_vace(tmp_path_factory: pytest.TempPathFactory) -> None:
    add_tiny_vace(tmp_path_factory.mktemp("vace"))


@pytest.fixture(autouse=True)
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wanfx.clean_pass.BACKEND", NAME)
    TinyVace.forget()
    TinyVace.knows_plate = True


def _make(folder: Path, *, frames: int = FRAMES, **changes: Any) -> None:
    options: dict[str, Any] = {
        "generate": {"backend": "draft", "window_frames": WINDOW},
        "wan": WAN,
        **VACE,
    }
    make_tiny_shot(folder / "shot", frames=frames, **(options | changes))


def _parts(version: Path, frame: int) -> dict[str, Array]:
    (path,) = (version / "comp").glob(f"*.{frame}.exr")
    parts, _header = exr.read_parts(path)
    return {name: np.stack(list(part.planes.values()), axis=2) for name, part in parts.items()}


def _version(folder: Path, number: int = 1) -> Path:
    return folder / "out" / "tiny" / f"v{number:03d}"


def _comps(folder: Path, number: int = 1) -> dict[str, str]:
    return {path.name: sha256_file(path) for path in sorted((_version(folder, number) / "comp").glob("*.exr"))}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("wanfx.clean_pass.BACKEND", NAME)
        TinyVace.forget()
        TinyVace.knows_plate = True
        _make(folder)
        assert run_vace(folder) == 0
    return folder


def test_the_delivery_is_verified_and_names_both_makers(whole: Path) -> None:
    assert main(["verify", str(_version(whole))]) == 0
    manifest = read_manifest(_version(whole) / "manifest.json")
    assert manifest["backend"] == "draft" and "tiny/vace" in [model["name"] for model in manifest["models"]]
    assert manifest["options"]["clean.source"] == {"value": "vace", "from": "shot"}


def test_the_clean_part_is_what_removing_the_actor_delivers(whole: Path, tmp_path: Path) -> None:
    matte = whole / "out" / "tiny" / "work" / "matte" / "walker"
    shutil.copytree(matte, tmp_path / "shot" / "roto")
    subject = {"name": "walker", "matte": "roto/walker.####.exr"}
    make_vace_shot(
        tmp_path, frames=FRAMES, background={"mode": "remove", "path": None, "prompt": ""}, subjects=[subject],
        grain={"match": "off"},
    )  # fmt: skip
    assert run_vace(tmp_path) == 0
    for index in (0, 6, FRAMES - 1):
        ours, removed = (_parts(_version(one), FIRST + index) for one in (whole, tmp_path))
        plate, _box = plate_pixels(index)
        assert ours["clean"].tobytes() == removed["clean"].tobytes()
        shown = removed["matte_reveal"][..., 0] == 1
        assert shown.sum() > 1000
        assert ours["clean"][shown].tobytes() == removed["rgba"][shown][:, :3].tobytes()
        bare = shown & (ours["matte_character"][..., 0] == 0)
        assert bare.any() and ours["rgba"][bare].tobytes() == removed["rgba"][bare].tobytes()
        beside = removed["matte_edit"][..., 0] == 0
        assert ours["clean"][beside].tobytes() == plate[beside].tobytes()


def test_a_run_broken_off_after_a_window_is_taken_up_to_the_bit(whole: Path, tmp_path: Path) -> None:
    _make(tmp_path)
    TinyVace.stops_after = 1
    assert run_vace(tmp_path) == 130
    TinyVace.stops_after = 99
    assert run_vace(tmp_path) == 0
    assert TinyVace.made == [FIRST, FIRST + 8], "a window that was there was made again"
    assert _comps(tmp_path) == _comps(whole)
    assert run_vace(tmp_path) == 0
    assert TinyVace.made == [FIRST, FIRST + 8] and not _version(tmp_path, 2).exists()


def test_another_source_makes_the_clean_plate_anew_and_the_first_comes_back_without_a_window(
    whole: Path, tmp_path: Path
) -> None:
    root = tmp_path / "whole"
    shutil.copytree(whole, root)
    clean = root / "out" / "tiny" / "work" / "clean" / f"clean.{FIRST}.exr"
    of_vace = sha256_file(clean)
    assert run_vace(root, "--set", "clean.source=temporal") == 0
    assert sha256_file(clean) != of_vace
    models = read_manifest(_version(root, 2) / "manifest.json")["models"]
    assert "tiny/vace" not in [model["name"] for model in models]
    assert run_vace(root, "--set", "clean.source=vace") == 0
    assert sha256_file(clean) == of_vace and not TinyVace.made


def test_a_painted_clean_frame_stays(whole: Path, tmp_path: Path) -> None:
    root = tmp_path / "whole"
    shutil.copytree(whole, root)
    clean = root / "out" / "tiny" / "work" / "clean" / f"clean.{FIRST + 2}.exr"
    read = exr.read_frame(clean)
    exr.write_rgb(clean, read.rgb * np.float16(0.5), data_window=read.header.data_window)
    painted = sha256_file(clean)
    assert run_vace(root, "--set", "generate.seed=1") == 0
    assert sha256_file(clean) == painted
    assert np.array_equal(_parts(_version(root, 2), FIRST + 2)["clean"], read.rgb * np.float16(0.5))


def test_a_range_limits_the_pass_as_well(tmp_path: Path) -> None:
    _make(tmp_path)
    assert run_vace(tmp_path, "--frames", f"{FIRST}-{FIRST + 4}") == 0
    assert TinyVace.made == [FIRST]
    assert run_vace(tmp_path) == 0
    assert main(["verify", str(_version(tmp_path, 2))]) == 0


def test_another_take_of_a_range_stands_on_the_same_clean_plates(whole: Path, tmp_path: Path) -> None:
    root = tmp_path / "whole"
    shutil.copytree(whole, root)
    again = ("--frames", f"{FIRST + 5}-{FIRST + 6}", "--set", "generate.seed=7", "--set", "generate.backend=fake")
    assert run_vace(root, *again) == 0
    assert not TinyVace.made
    for index in (4, 5, 6, 7):
        before, after = (_parts(_version(root, number), FIRST + index) for number in (1, 2))
        assert before["clean"].tobytes() == after["clean"].tobytes()
    assert (after["rgba"] == before["rgba"]).all()
    assert run_vace(root, *again, "--set", "generate.range=whole") == 0
    assert TinyVace.made == [FIRST]


def test_each_of_several_people_is_removed_in_a_pass_of_its_own(tmp_path: Path) -> None:
    first = plate_pixels(0)[1].as_list()
    subjects = [{"name": name, "box": first, "frame": FIRST} for name in ("anna", "ben")]
    _make(tmp_path, frames=5, subjects=subjects)
    assert run_vace(tmp_path) == 0
    assert TinyVace.made == [FIRST, FIRST]
    manifest = read_manifest(_version(tmp_path) / "manifest.json")
    assert main(["verify", str(_version(tmp_path))]) == 0
    assert "tiny/vace" in [model["name"] for model in manifest["models"]]


def test_a_range_of_several_people_from_the_first_frame_on_is_made_again(tmp_path: Path) -> None:
    """The second's plate is what the first's pass made: its first frame is new, all others are as they were."""
    make_shot_of_two(tmp_path / "shot", generate={"backend": "fake", "window_frames": 5}, wan=WAN, **VACE)
    assert run_vace(tmp_path) == 0
    again = ("--set", "generate.seed=1", "--set", "generate.tail_frames=1")
    assert run_vace(tmp_path, "--frames", str(FIRST), *again) == 0
    assert main(["verify", str(_version(tmp_path, 2))]) == 0
    before, after = list(_comps(tmp_path).values()), list(_comps(tmp_path, 2).values())
    assert before[0] != after[0] and len(before) == len(after)


def test_a_plate_that_changed_while_the_clean_plate_came_from_elsewhere_is_made_again(
    whole: Path, tmp_path: Path
) -> None:
    root, last = tmp_path / "whole", FIRST + FRAMES - 1
    shutil.copytree(whole, root)
    rgb, _box = plate_pixels(FRAMES - 1)
    exr.write_rgb(
        root / "shot" / "plate" / f"tiny.{last}.exr", rgb + np.float16(0.01), attributes=plate_attributes(FRAMES - 1)
    )
    assert run_vace(root, "--set", "clean.source=temporal") == 0
    assert run_vace(root, "--frames", f"{FIRST + 2}-{FIRST + 3}") == 0
    assert main(["verify", str(_version(root, 3))]) == 0


def test_missing_weights_and_a_task_without_a_clean_plate_are_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("wanfx.clean_pass.BACKEND", "wan-vace")
    monkeypatch.setenv("WANFX_MODELS", str(tmp_path / "models"))
    _make(tmp_path)
    assert run_vace(tmp_path) == 3
    assert "wanfx models fetch wan-vace-" in capsys.readouterr().err
    assert not list((tmp_path / "out").rglob("*.exr"))
    shutil.rmtree(tmp_path / "shot")
    make_vace_shot(tmp_path, frames=5, **VACE)
    assert run_vace(tmp_path) != 0
    assert "clean.source" in capsys.readouterr().err


def test_the_plan_tells_of_the_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _make(tmp_path)
    assert main(["plan", str(tmp_path / "shot" / "shot.json"), "--out", str(tmp_path / "out")]) == 0
    assert NAME in capsys.readouterr().out
