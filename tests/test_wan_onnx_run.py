"""wan-animate from plate to delivery with ONNX detectors whose outputs are crafted: the picture is noise, every promise
is held.

``WANFX_FOOTAGE`` may name a folder with market_boy.mp4 and ref_elf.jpg: then the same is made of them too.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch
from tiny import FIRST, HEIGHT, WIDTH, make_reference, plate_pixels, wall
from wan_onnx_shot import NAME, TinyGenerator, boy_points, save_crafted, write_shot

from wanfx.backends.registry import add_generator
from wanfx.backends.weights import LITE, MODELS_FOLDER, is_installed, set_folder
from wanfx.cli.main import main
from wanfx.demo import demo_truth
from wanfx.demo.shot import make_demo_shot
from wanfx.frames import Box, Size
from wanfx.io import exr
from wanfx.io.pose_file import read_poses
from wanfx.io.stills import read_still
from wanfx.manifest import read_manifest
from wanfx.ops.edges import bounding_box
from wanfx.ops.person_box import Person
from wanfx.ops.pose import BODY

from fake_onnx import fetch_fakes  # isort: skip
from tiny_wan import save_animate_folder  # isort: skip

FOOTAGE = os.environ.get("WANFX_FOOTAGE", "")
LITE_FOLDER = set_folder(LITE).parent
DEMO = Size(640, 360)


@pytest.fixture(scope="module", autouse=True)
def lite_models() -> None:
    """They must be there: these tests never pass by being left out."""
    if not is_installed(LITE.name):
        pytest.fail(f"the lite models are not in {set_folder(LITE)}: run `wanfx models fetch lite`", pytrace=False)


@pytest.fixture(scope="module", autouse=True)
def tiny_wan(tmp_path_factory: pytest.TempPathFactory) -> None:
    torch.set_num_threads(1)
    TinyGenerator.folder = tmp_path_factory.mktemp("wan")
    save_animate_folder(TinyGenerator.folder)
    add_generator(NAME, TinyGenerator)


def _run(folder: Path, *flags: str) -> Path:
    out = folder / "out"
    assert main(["run", str(folder / "shot.json"), "--out", str(out), "--quiet", *flags]) == 0
    return out / "fake"


def _use_models(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """A models folder with the real lite models and the fakes."""
    (folder / "models").mkdir()
    (folder / "models" / LITE.name).symlink_to(LITE_FOLDER)
    patch.setenv(MODELS_FOLDER, str(folder / "models"))
    fetch_fakes(folder / "repository")


def _check_delivery(version: Path) -> None:
    assert main(["verify", str(version)]) == 0
    manifest = read_manifest(version / "manifest.json")
    assert manifest["backend"] == NAME
    assert {promise["state"] for promise in manifest["promises"]} <= {"held", "not applicable"}
    licences = {model["name"].rpartition(" ")[2]: model["licence"] for model in manifest["models"]}
    assert licences["vitpose-wholebody"] == "Apache-2.0" and licences["yolov10m"] == "AGPL-3.0"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's plate; a larger person is detected beside the actor all the while."""
    folder = tmp_path_factory.mktemp("demo")
    truth = demo_truth()
    make_demo_shot(folder)
    box = bounding_box(exr.read_matte(truth.mattes[1001]), above=0.5)
    write_shot(
        folder, plate="plate/demo.####.exr", reference=folder / "reference.png", frames="1001-1010",
        subject={"box": box.as_list()}, matte={"backend": "lite"},
    )  # fmt: skip
    poses, _size = read_poses(truth.actor_poses)
    points = np.column_stack([poses[1001].xy, np.full(133, 0.9)])
    person = Person(box.x0, box.y0, box.x1, box.y1, 0.6)
    save_crafted(
        folder / "repository", points, person=person, others=[Person(0, 20, 200, 355, 0.95)], size=DEMO
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        _use_models(folder, patch)
        _run(folder)
    return folder / "out" / "fake"


def test_a_shot_is_delivered_and_every_promise_is_held(demo: Path) -> None:
    _check_delivery(demo / "v001")


def test_the_pose_is_the_crafted_one_on_the_actor_and_not_on_the_larger_person(demo: Path) -> None:
    found, size = read_poses(demo / "work" / "pose" / "actor.json")
    true, _size = read_poses(demo_truth().actor_poses)
    assert size == DEMO
    away = np.hypot(*(found[1001].xy - true[1001].xy).T)
    assert away.max() < 3 and found[1001].confidence.min() > 0.7
    for frame in range(1001, 1011):
        assert np.hypot(*(found[frame].xy[BODY] - true[frame].xy[BODY]).mean(axis=0)) < 25


def test_the_model_is_shown_skeleton_face_and_mask(demo: Path) -> None:
    drive = demo / "work" / "drive"
    for name in ("pose", "face", "mask"):
        pictures = [read_still(path).pixels for path in sorted((drive / name).glob("*.png"))]
        assert len(pictures) == 10 and all(picture.max() > 0.2 for picture in pictures), name
    for frame in (1001, 1010):
        pose, mask = (read_still(drive / name / f"{name}.{frame}.png").pixels.max(axis=2) for name in ("pose", "mask"))
        assert (mask[pose > 0] > 0).mean() > 0.9


def test_poses_are_found_once_and_anew_for_another_order_of_channels(
    demo: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = demo.parents[1]
    monkeypatch.setenv(MODELS_FOLDER, str(folder / "models"))
    monkeypatch.chdir(folder)
    network = next((folder / "models" / "vitpose-wholebody").rglob("end2end.onnx"))
    network.write_bytes(network.read_bytes() + b"damaged")
    run = ["run", "shot.json", "--out", "out", "--quiet"]
    assert main(run) == 0, "poses that are there need no network"
    assert main([*run, "--set", "pose.channels=bgr"]) == 3
    assert "wanfx models fetch vitpose-wholebody" in capsys.readouterr().err


def _write_plate(folder: Path, *, pixel_aspect: int) -> None:
    """A wall, and mattes on it; with a pixel aspect of 2 the same picture on half the columns."""
    for index in range(2):
        rgb = wall()[:, :WIDTH]
        squeezed = rgb.reshape(HEIGHT, WIDTH // pixel_aspect, pixel_aspect, 3).mean(axis=2)
        exr.write_rgb(
            folder / f"plate.{FIRST + index}.exr", squeezed.astype(np.float16), pixel_aspect=float(pixel_aspect),
            attributes={"colorInteropID": "lin_rec709_scene"},
        )  # fmt: skip
        matte = np.zeros((HEIGHT, WIDTH // pixel_aspect), np.float32)
        box = plate_pixels(index)[1]
        matte[box.y0 : box.y1, box.x0 // pixel_aspect : box.x1 // pixel_aspect] = 1
        whole = Box(0, 0, WIDTH // pixel_aspect, HEIGHT)
        exr.write_matte(folder / f"matte.{FIRST + index}.exr", matte, data_window=whole)


def test_a_plate_of_wide_pixels_gives_the_poses_and_faces_of_the_same_picture_in_square_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = plate_pixels(0)[1]
    person = Person(box.x0, box.y0, box.x1, box.y1, 0.9)
    points = np.column_stack(
        [np.random.default_rng(4).uniform((box.x0, box.y0), (box.x1, box.y1), (133, 2)), np.full(133, 0.9)]
    )
    points[23:91, :2] = np.random.default_rng(5).uniform((54, 26), (74, 50), (68, 2))
    save_crafted(tmp_path / "repository", points, person=person, others=[], size=Size(WIDTH, HEIGHT))
    _use_models(tmp_path, monkeypatch)
    drives, poses = [], []
    for aspect in (1, 2):
        folder = tmp_path / str(aspect)
        folder.mkdir()
        _write_plate(folder, pixel_aspect=aspect)
        make_reference(folder / "reference.png")
        write_shot(
            folder, plate="plate.####.exr", reference=folder / "reference.png", condition={"crop": "frame"},
            wan={"dtype": "float32", "steps": 1}, subject={"matte": str(folder / "matte.####.exr")},
        )  # fmt: skip
        work = _run(folder) / "work"
        drives.append(work / "drive")
        poses.append(read_poses(work / "pose" / "actor.json")[0][FIRST].xy)
    np.testing.assert_allclose(poses[1] * (2, 1), poses[0], atol=1)
    for name, most in (("face", 0.01), ("pose", 0.0)):
        square, wide = (read_still(drive / name / f"{name}.{FIRST}.png").pixels for drive in drives)
        assert square.shape == wide.shape and square.max() > 0.2
        assert np.abs(square - wide).mean() <= most, name


@pytest.mark.skipif(not FOOTAGE, reason="WANFX_FOOTAGE names no folder with market_boy.mp4 and ref_elf.jpg")
def test_real_footage_is_delivered_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boy = Person(566, 140, 858, 720, 0.7)
    others = [Person(0, 90, 330, 720, 0.95), Person(150, 220, 280, 400, 0.8)]
    save_crafted(tmp_path / "repository", boy_points(), person=boy, others=others, size=Size(1280, 720))
    _use_models(tmp_path, monkeypatch)
    write_shot(
        tmp_path, plate=str(Path(FOOTAGE) / "market_boy.mp4"), reference=Path(FOOTAGE) / "ref_elf.jpg",
        frames="1001-1013", subject={"box": [566, 140, 858, 720]}, matte={"backend": "lite"},
    )  # fmt: skip
    folder = _run(tmp_path)
    _check_delivery(folder / "v001")
    found, _size = read_poses(folder / "work" / "pose" / "actor.json")
    assert all(500 < pose.xy[0, 0] < 900 for pose in found.values()), "the pose left the boy"
