"""What a model drew as the actor's shadow on a world that was given is a layer of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import cv2
import torch
from tiny import FIRST, plate_pixels
from vace_shot import TinyVace, add_tiny_vace, make_vace_shot, run_vace

from wanfx.backends.protocols import GeneratedFrame, WindowInputs
from wanfx.backends.registry import add_generator
from wanfx.cli.main import main
from wanfx.io import exr
from wanfx.pixels import to_float
from wanfx.stages.conditioning import PlateWindow

NAME, FRAMES, DEPTH = "test-shadow-vace", 2, 0.45


class ShadowVace(TinyVace):
    """Draws the given world with a soft shadow at the actor's feet, a little off in color; ``depth`` is 1 for none."""

    name = NAME
    areas_px = {"480p": 192 * 112, "720p": 192 * 112}  # noqa: RUF012
    depth = DEPTH

    def generate(self, inputs: WindowInputs) -> Iterator[GeneratedFrame]:
        """Every frame of the window."""
        assert isinstance(inputs, PlateWindow)
        for index, frame in enumerate(inputs.frames):
            if index < len(inputs.carried):
                yield GeneratedFrame(inputs.carried[index], None)
                continue
            world = inputs.bridge.decode(inputs.background(frame))
            model = inputs.bridge.encode(world * shadow_of(frame, world.shape, depth=self.depth) * np.float32(1.02))
            kept = inputs.mask(frame)[..., None] > 0.5
            yield GeneratedFrame(np.where(kept, inputs.plate(frame), model), None)


def shadow_of(frame: int, shape: tuple[int, ...], *, depth: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A soft dark patch below the figure."""
    box = plate_pixels(frame - FIRST)[1]
    patch = np.zeros(shape[:2], np.float32)
    cv2.ellipse(patch, ((box.x0 + box.x1) // 2, box.y1), (26, 7), 0, 0, 360, 1.0, -1)
    soft = cv2.GaussianBlur(patch, (0, 0), 3.0)
    return np.asarray(1 - (1 - np.float32(depth)) * soft, np.float32)[..., None]


@pytest.fixture(scope="module", autouse=True)
def tiny_vace(tmp_path_factory: pytest.TempPathFactory) -> None:
    torch.set_num_threads(1)
    add_tiny_vace(tmp_path_factory.mktemp("vace"))
    ShadowVace.folder = TinyVace.folder
    add_generator(NAME, ShadowVace)


def _make(folder: Path, mode: str) -> dict[str, np.ndarray[Any, Any]]:
    shot = make_vace_shot(
        folder, frames=FRAMES, background={"mode": mode, "path": "world.png"}, generate={"backend": NAME},
        grain={"match": "off"},
    )  # fmt: skip
    ramp = np.tile(np.linspace(90, 200, 384, dtype=np.uint8), (216, 1))
    cv2.imwrite(str(shot.parent / "world.png"), cv2.cvtColor(ramp, cv2.COLOR_GRAY2BGR))
    assert run_vace(folder) == 0
    assert main(["verify", str(folder / "out" / "tiny" / "v001")]) == 0
    path = next((folder / "out" / "tiny" / "v001" / "comp").glob(f"*{FIRST + 1}.exr"))
    parts = exr.read_parts(path)[0]
    return {name: to_float(np.stack(list(part.planes.values()), axis=2)) for name, part in parts.items()}


def test_in_mode_anchor_it_is_told_from_the_given_world(tmp_path: Path) -> None:
    parts = _make(tmp_path, "anchor")
    below = np.s_[94:98, 44:86]
    truth = shadow_of(FIRST + 1, parts["rgba"].shape, depth=DEPTH)
    left, there = (np.abs(np.log2(one)).mean() for one in (parts["shadow"][below] / truth[below], truth[below]))
    assert left < 0.4 * there
    assert (parts["shadow"][:40] == 1).all() and (parts["shadow"][:, 150:] == 1).all()
    dark, lit = (parts[name][below][..., :3].mean() for name in ("rgba", "clean"))
    assert dark < 0.75 * lit


def test_where_only_words_tell_of_the_world_it_stays_in_it(tmp_path: Path) -> None:
    parts = _make(tmp_path, "paint")
    assert (parts["shadow"] == 1).all()


def test_a_world_without_a_shadow_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ShadowVace, "depth", 1.0)
    parts = _make(tmp_path, "anchor")
    assert (parts["shadow"] == 1).mean() > 0.98
