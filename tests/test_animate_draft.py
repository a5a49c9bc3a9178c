"""Task `animate` without a video model: the reference's own picture, and its cut-out performing before it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from animate_shot import make_animate_shot
from tiny import FIRST, HEIGHT, WIDTH

from wanfx.cli.main import main
from wanfx.frames import Size
from wanfx.io import exr
from wanfx.io.atomic import sha256_file
from wanfx.io.stills import read_still
from wanfx.manifest import read_manifest
from wanfx.ops.sizes import inner_box
from wanfx.pixels import to_float

FRAMES = 6


def _shot(folder: Path, **changes: Any) -> Path:
    draft: dict[str, Any] = {"generate": {"backend": "draft"}, "wan": {}, "condition": {"character": "puppet"}}
    return make_animate_shot(folder, frames=FRAMES, **(draft | changes))


def _run(folder: Path, *flags: str) -> int:
    return main(["run", str(folder / "shot" / "shot.json"), "--out", str(folder / "out"), "--quiet", *flags])


def _version(folder: Path, number: int = 1) -> Path:
    return folder / "out" / "tiny" / f"v{number:03d}"


def _part(folder: Path, name: str, index: int, *, number: int = 1) -> np.ndarray[Any, Any]:
    path = next((_version(folder, number) / "comp").glob(f"*{FIRST + index}.exr"))
    return to_float(np.stack(list(exr.read_parts(path, [name])[0][name].planes.values()), axis=2))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("draft")
    _shot(folder)
    assert _run(folder) == 0
    return folder


def test_a_draft_is_delivered_and_what_is_about_the_plate_is_not_applicable(made: Path) -> None:
    assert main(["verify", str(_version(made))]) == 0
    manifest = read_manifest(_version(made) / "manifest.json")
    states = [promise["state"] for promise in manifest["promises"]]
    assert len(states) == 8 and states.count("not-applicable") == 3 and "broken" not in states
    assert manifest["quality"] == "draft" and manifest["reference"]["retarget"] == "auto"


def test_behind_the_character_is_the_references_own_picture_without_him(made: Path) -> None:
    clean, comp, alpha = _part(made, "clean", 2), _part(made, "rgba", 2)[..., :3], _part(made, "matte_character", 2)
    assert np.array_equal(comp[alpha[..., 0] == 0], clean[alpha[..., 0] == 0])
    box = inner_box(Size(90, 120), canvas=Size(WIDTH, HEIGHT))
    bars = np.ones(clean.shape[:2], bool)
    bars[box.slices()] = False
    assert not clean[bars].any()
    # The tiny reference is a figure on white.
    assert (clean[box.slices()] > 0.9).all()
    assert np.array_equal(clean, _part(made, "clean", 5))


def test_the_character_performs_with_its_own_size_in_its_own_place(made: Path) -> None:
    rows, columns = np.nonzero(_part(made, "matte_character", 0)[..., 0] > 0.5)
    box = inner_box(Size(90, 120), canvas=Size(WIDTH, HEIGHT))
    scale = box.height / 120
    # The figure is 102 high from row 10, around column 45. The actor walks far to the left of it.
    assert abs(rows.max() - rows.min() + 1 - 102 * scale) < 8
    assert abs((columns.min() + columns.max()) / 2 - (box.x0 + 45 * scale)) < 5
    assert not np.array_equal(_part(made, "matte_character", 0), _part(made, "matte_character", 5))


def test_without_poses_the_picture_stands_still_as_it_is(tmp_path: Path) -> None:
    _shot(tmp_path)
    assert _run(tmp_path, "--set", "condition.character=card") == 0
    box = inner_box(Size(90, 120), canvas=Size(WIDTH, HEIGHT))
    alpha = _part(tmp_path, "matte_character", 0)[..., 0]
    assert np.array_equal(alpha, _part(tmp_path, "matte_character", 5)[..., 0])
    shown = read_still(tmp_path / "shot" / "reference.png").pixels
    is_figure = (shown.min(axis=2) < 0.8).mean() * box.width * box.height
    assert abs((alpha > 0.5).sum() - is_figure) < 0.05 * is_figure


def test_a_painted_scene_is_shown_and_the_same_run_again_makes_nothing(made: Path, tmp_path: Path) -> None:
    _shot(tmp_path)
    assert _run(tmp_path) == 0
    version = _version(tmp_path)
    files = {path.name: sha256_file(path) for path in (version / "comp").iterdir()}
    assert files == {path.name: sha256_file(path) for path in (_version(made) / "comp").iterdir()}
    assert _run(tmp_path) == 0 and not _version(tmp_path, 2).exists()
    scene = tmp_path / "out" / "tiny" / "work" / "scene" / "scene.exr"
    read = exr.read_frame(scene)
    exr.write_rgb(scene, np.full_like(read.rgb, 0.25), data_window=read.header.data_window)
    assert _run(tmp_path) == 0
    assert (_part(tmp_path, "clean", 3, number=2) == 0.25).all()
    assert main(["verify", str(_version(tmp_path, 2))]) == 0


def test_on_the_plate_the_plates_empty_background_is_behind_him(tmp_path: Path) -> None:
    _shot(tmp_path, condition={"reference": "onto-plate", "character": "puppet"})
    assert _run(tmp_path) == 0
    manifest = json.loads((_version(tmp_path) / "manifest.json").read_text())
    assert manifest["reference"]["mode"] == "onto-plate"
    frame = manifest["reference"]["frame"]
    plate = exr.read_frame(tmp_path / "shot" / "plate" / f"tiny.{frame}.exr")
    for index in (0, 5):
        assert np.array_equal(_part(tmp_path, "clean", index)[:, :24], to_float(plate.rgb)[:, :24])


@pytest.mark.parametrize("mode", ["reframe", "edit"])
def test_what_only_a_video_model_needs_is_refused(
    tmp_path: Path, mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _shot(tmp_path)
    assert _run(tmp_path, "--set", f"condition.reference={mode}") == 2
    assert "condition.reference" in capsys.readouterr().err


def test_the_fake_generator_makes_the_task_too(tmp_path: Path) -> None:
    _shot(tmp_path, generate={"backend": "fake"})
    assert _run(tmp_path) == 0
    assert main(["verify", str(_version(tmp_path))]) == 0
