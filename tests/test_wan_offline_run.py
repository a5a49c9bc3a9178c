"""A bundle of weights, a network that is off, and a whole run of two people with Wan2.2-Animate at toy size."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch
from tiny import FIRST, HEIGHT, WIDTH, make_tiny_shot, plate_pixels

from wanfx.backends.hub_fetch import fetch_hub_set
from wanfx.backends.protocols import GeneratedFrame, WindowInputs
from wanfx.backends.registry import add_generator
from wanfx.backends.wan_animate import WanAnimateGenerator
from wanfx.backends.weights import MODELS_FOLDER
from wanfx.cli.main import main
from wanfx.frames import Box
from wanfx.io import exr
from wanfx.manifest import read_manifest

sys.path.append(str(Path(__file__).parent / "backends"))
from tiny_wan import save_animate_folder

SET, NAME, FRAMES = "wan-animate", "test-wan-offline", 6
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _Small(WanAnimateGenerator):
    """The generator with the set that is installed, for tiny pictures; untrained, so it is told the background."""

    name = NAME
    areas_px = {"480p": 48 * 64, "720p": 48 * 96}  # noqa: RUF012

    def generate(self, inputs: WindowInputs) -> Iterator[GeneratedFrame]:
        for frame, made in zip(inputs.frames, super().generate(inputs), strict=True):
            inside = inputs.mask(frame)[..., None] > 0
            yield GeneratedFrame(np.where(inside, made.rgb, inputs.plate(frame)), None)


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Models from a bundle in an empty models folder, and no network; the folder."""

    def refuse(*_arguments: object, **_more: object) -> NoReturn:
        raise AssertionError("the network was used")

    torch.set_num_threads(1)
    monkeypatch.setenv(MODELS_FOLDER, str(tmp_path / "studio"))
    save_animate_folder(tmp_path / "given")
    fetch_hub_set(SET, given=tmp_path / "given", revision=COMMIT)
    assert main(["models", "bundle", SET, "--to", str(tmp_path / "bundle")]) == 0
    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setenv(MODELS_FOLDER, str(tmp_path / "air-gapped"))
    assert main(["models", "fetch", SET, "--from", str(tmp_path / "bundle")]) == 0
    add_generator(NAME, _Small)
    return tmp_path


def _shot(folder: Path) -> Path:
    for index in range(FRAMES):
        for name, box in (("walker", plate_pixels(index)[1]), ("back", Box(110, 34, 142, 96))):
            matte = np.zeros((HEIGHT, WIDTH), np.float32)
            matte[box.slices()] = 1
            exr.write_matte(folder / name / f"{name}.{FIRST + index}.exr", matte, data_window=Box(0, 0, WIDTH, HEIGHT))
    subjects = [{"name": name, "matte": f"{name}/{name}.####.exr"} for name in ("back", "walker")]
    return make_tiny_shot(
        folder, frames=FRAMES, subjects=subjects, generate={"backend": NAME, "window_frames": 5},
        wan={"dtype": "float32", "steps": 1}, pose={"backend": "none"},
    )  # fmt: skip


def test_with_the_network_off_a_bundle_makes_a_shot_of_two_people(offline: Path) -> None:
    shot, out = _shot(offline / "shot"), offline / "out"
    assert main(["run", str(shot), "--out", str(out), "--quiet"]) == 0
    version = out / "tiny" / "v001"
    assert main(["verify", str(version)]) == 0
    manifest = read_manifest(version / "manifest.json")
    assert manifest["quality"] == "final"
    assert [subject["name"] for subject in manifest["subjects"]] == ["back", "walker"]
    assert {promise["state"] for promise in manifest["promises"]} == {"held"}


def test_a_weight_file_that_was_damaged_stops_the_run_and_verify_names_it(
    offline: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = next((offline / "air-gapped").rglob("transformer/*.safetensors"))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))
    assert main(["models", "verify", SET]) == 3
    assert f"transformer/{path.name}: damaged" in capsys.readouterr().out
    assert main(["run", str(_shot(offline / "shot")), "--out", str(offline / "out"), "--quiet"]) == 3
    assert path.name in capsys.readouterr().err
