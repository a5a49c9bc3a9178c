"""Whole runs with Wan2.1-VACE at toy size: the world is noise, the actor is the plate's, and every promise is held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

from tiny import FIRST, plate_pixels
from vace_shot import NAME, TinyVace, add_tiny_vace, make_vace_shot, run_vace

from wanfx.cli.main import main
from wanfx.io import exr
from wanfx.io.atomic import sha256_file
from wanfx.io.stills import read_still
from wanfx.manifest import read_manifest

FRAMES = 12
Pixels = npt.NDArray[Any]


@pytest.fixture(scope="module", autouse=True)
def tiny_vace(tmp_path_factory: pytest.TempPathFactory) -> None:
    add_tiny_vace(tmp_path_factory.mktemp("vace"))


@pytest.fixture(autouse=True)
def nothing_made() -> None:
    TinyVace.forget()


def _files(folder: Path, part: str) -> dict[str, str]:
    root = folder / "out" / "tiny" / part
    return {path.relative_to(root).as_posix(): sha256_file(path) for path in sorted(root.rglob("*.exr"))}


def _comp(folder: Path, frame: int) -> dict[str, Pixels]:
    (path,) = (folder / "out" / "tiny" / "v001" / "comp").glob(f"*.{frame}.exr")
    parts, _header = exr.read_parts(path)
    return {name: np.stack(list(part.planes.values()), axis=2) for name, part in parts.items()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    make_vace_shot(folder, frames=FRAMES)
    assert run_vace(folder) == 0
    return folder


def test_a_painted_world_is_delivered_and_every_promise_is_held(whole: Path) -> None:
    version = whole / "out" / "tiny" / "v001"
    assert main(["verify", str(version)]) == 0
    manifest = read_manifest(version / "manifest.json")
    assert manifest["backend"] == NAME and manifest["quality"] == "final"
    assert not [promise for promise in manifest["promises"] if promise["state"] == "broken"]
    assert {"steps=2", "window_frames=9", "flow_shift=16.0", "guidance_scale=5.0"} <= set(manifest["settings"])
    assert manifest["guide"]["prompt"] == "a figure walks along a beach"


def test_solid_pixels_of_the_actor_are_the_plates_bits_and_the_world_fills_the_frame(whole: Path) -> None:
    for index in (0, 5, FRAMES - 1):
        parts, plate = _comp(whole, FIRST + index), plate_pixels(index)[0]
        solid, gone = parts["matte_character"][..., 0] >= 1, parts["matte_character"][..., 0] <= 0
        assert np.count_nonzero(solid) > 500
        assert parts["rgba"][solid][:, :3].tobytes() == plate[solid].tobytes()
        assert (parts["rgba"][gone][:, :3] != plate[gone]).any(axis=1).mean() > 0.95


def test_a_run_broken_off_after_any_window_is_taken_up_to_the_bit(whole: Path, tmp_path: Path) -> None:
    make_vace_shot(tmp_path, frames=FRAMES)
    TinyVace.stops_after = 1
    assert run_vace(tmp_path) == 130
    TinyVace.stops_after = 99
    assert run_vace(tmp_path) == 0
    assert TinyVace.made == [FIRST, FIRST + 8], "a window that was there was made again"
    for part in ("work/generate", "v001/comp"):
        assert _files(tmp_path, part) == _files(whole, part)


def test_the_model_is_shown_the_actor_on_exact_grey_and_the_windows_before(tmp_path: Path) -> None:
    make_vace_shot(tmp_path, frames=FRAMES)
    assert run_vace(tmp_path) == 0
    first, second = TinyVace.shown
    assert [len(window.video) for window in (first, second)] == [9, 5]
    assert [len(window.references) for window in (first, second)] == [1, 1]
    assert (first.video[first.mask > 0] == 0).all() and 0 < (first.mask == 0).mean() < 0.5
    assert set(np.unique(first.mask)) == {0.0, 1.0}
    carry = exr.read_frame(tmp_path / "out" / "tiny" / "work" / "generate" / NAME / f"carry.{FIRST + 8:04d}.exr").rgb
    assert np.array_equal(second.video[0], np.clip(carry, -1, 1)) and (second.mask[0] == 0).all()


def test_the_mask_is_painted_by_whoever_likes_and_leaves_the_actors_edge_out(whole: Path) -> None:
    mask = read_still(whole / "out" / "tiny" / "work" / "guide" / "mask" / f"mask.{FIRST + 3}.png").pixels[..., 0]
    matte = exr.read_matte(next((whole / "out" / "tiny" / "work" / "matte").rglob(f"*{FIRST + 3}.exr")))
    assert 0 < (mask == 0).mean() < (matte > 0.5).mean()
