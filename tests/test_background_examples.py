"""The example shots of task background run as they are: with tiny networks, and as drafts without any."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from tiny import FIRST, HEIGHT, WIDTH, make_reference, make_tiny_shot

from wanfx.cli.main import main
from wanfx.frames import Box
from wanfx.io import exr
from wanfx.io.stills import write_picture
from wanfx.manifest import read_manifest

EXAMPLES = sorted((Path(__file__).parent.parent / "docs" / "examples").glob("background-*.toml"))
FRAMES = 5
FLOW = ("--set", "matte.backend=flow")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the examples name."""
    folder = tmp_path_factory.mktemp("examples")
    make_tiny_shot(folder, frames=FRAMES)
    for path in (folder / "plate").glob("*.exr"):
        path.rename(path.with_name(path.name.replace("tiny", "sh010")))
    ramp = np.linspace(0, 255, 320 * 200, dtype=np.float32).reshape(200, 320)
    write_picture(folder / "world.png", cv2.applyColorMap(ramp.astype(np.uint8), cv2.COLORMAP_OCEAN))
    make_reference(folder / "boat.png")
    (folder / "guide").mkdir()
    depth: npt.NDArray[Any] = np.repeat(ramp[:HEIGHT, :WIDTH, None].astype(np.uint8), 3, axis=2)
    for index in range(FRAMES):
        write_picture(folder / "guide" / f"depth.{FIRST + index}.png", np.roll(depth, index, axis=1))
    s, t = np.meshgrid((np.arange(WIDTH) + 0.5) / WIDTH, 1 - (np.arange(HEIGHT) + 0.5) / HEIGHT)
    for name in ("redistort.exr", "undistort.exr"):
        st_map = np.dstack([s, t, np.zeros_like(s)]).astype(np.float32)
        exr.write_rgb(folder / name, st_map, data_window=Box(0, 0, WIDTH, HEIGHT))
    for example in EXAMPLES:
        shutil.copy(example, folder)
    return folder


@pytest.fixture(scope="module")
def tiny_vace(tmp_path_factory: pytest.TempPathFactory) -> str:
    pytest.importorskip("torch")
    pytest.importorskip("diffusers")
    from vace_shot import NAME, TinyVace, add_tiny_vace

    add_tiny_vace(tmp_path_factory.mktemp("vace"))
    TinyVace.knows_plate = True
    return NAME


def _run(pictures: Path, example: Path, out: Path, *flags: str) -> dict[str, Any]:
    assert main(["run", str(pictures / example.name), "--out", str(out), "--quiet", *FLOW, *flags]) == 0
    version = out / example.stem.partition("-")[2] / "v001"
    assert main(["verify", str(version)]) == 0
    return read_manifest(version / "manifest.json")


def test_there_is_an_example_of_every_mode() -> None:
    assert [path.stem for path in EXAMPLES] == [
        f"background-{mode}" for mode in ("anchor", "extend", "guide", "paint", "remove")
    ]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_as_a_draft(pictures: Path, tmp_path: Path, example: Path) -> None:
    assert _run(pictures, example, tmp_path, "--set", "generate.backend=draft")["quality"] == "draft"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_with_a_video_model(pictures: Path, tmp_path: Path, example: Path, tiny_vace: str) -> None:
    manifest = _run(
        pictures, example, tmp_path, "--set", f"generate.backend={tiny_vace}", "--set", "wan.dtype=float32",
        "--set", "wan.steps=1", "--set", "generate.window_frames=9",
    )  # fmt: skip
    assert manifest["guide"]["mode"] == example.stem.partition("-")[2]
