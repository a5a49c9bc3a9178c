"""Laws of the matte truth's second step, which makes plates of rendered subjects and rooms; Blender is not needed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import OpenEXR
import pytest

from wanfx.io import exr

_COMPOSE = Path(__file__).parents[1] / "scripts" / "render_matte_truth" / "compose.py"
_FRAMES = (14, 15)
_SIZE = (9, 16)

Array = npt.NDArray[np.float32]


def _rendered(folder: Path) -> dict[int, Array]:
    """A subject whose alpha is anything from 0 to 1, two frames, and a room with values far above 1."""
    random = np.random.default_rng(3)
    subjects = {}
    for frame in _FRAMES:
        alpha = np.clip(random.uniform(-0.5, 1.5, (*_SIZE, 1)), 0, 1)
        subjects[frame] = np.concatenate([random.uniform(0, 4, (*_SIZE, 3)) * alpha, alpha], 2).astype(np.float32)
        _write(folder / "hair" / "fg" / f"{frame:04d}.exr", subjects[frame])
    room = random.uniform(0, 30, (*_SIZE, 4)).astype(np.float32)
    _write(folder / "hair" / "bg" / f"{_FRAMES[0]:04d}.exr", room)
    return subjects


def _write(path: Path, rgba: Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {"RGBA": rgba}).write(str(path))


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[int, Array]]:
    """The set's folder, and the subjects it was made from."""
    folder = tmp_path_factory.mktemp("truth")
    subjects = _rendered(folder / "rendered")
    subprocess.run([sys.executable, str(_COMPOSE), folder / "rendered", folder / "out"], check=True, timeout=60)
    return folder / "out", subjects


def _read(folder: Path, name: str, frame: int) -> Array:
    return exr.read_frame(folder / "hair" / f"{name}.{frame:04d}.exr").rgb.astype(np.float32)


def test_the_plate_is_the_subject_over_the_room_to_the_bit(truth: tuple[Path, dict[int, Array]]) -> None:
    for frame in _FRAMES:
        plate, fg, bg = (_read(truth[0], name, frame) for name in ("plate", "fg", "bg"))
        alpha = exr.read_matte(truth[0] / "hair" / f"alpha.{frame:04d}.exr")
        assert np.array_equal(plate, fg + (1 - alpha[..., None]) * bg)


def test_alpha_and_the_premultiplied_colors_are_the_render_s_own(truth: tuple[Path, dict[int, Array]]) -> None:
    for frame, subject in truth[1].items():
        assert np.array_equal(exr.read_matte(truth[0] / "hair" / f"alpha.{frame:04d}.exr"), subject[..., 3])
        assert np.array_equal(_read(truth[0], "fg", frame), subject[..., :3])


def test_light_above_one_is_kept(truth: tuple[Path, dict[int, Array]]) -> None:
    assert _read(truth[0], "bg", _FRAMES[0]).max() > 20
    assert _read(truth[0], "plate", _FRAMES[0]).max() > 20


def test_the_list_names_every_scene_and_its_frames(truth: tuple[Path, dict[int, Array]]) -> None:
    (scene,) = json.loads((truth[0] / "truth.json").read_text(encoding="utf-8"))["scenes"]
    assert (scene["name"], scene["frames"]) == ("hair", list(_FRAMES))
    assert scene["what"]
