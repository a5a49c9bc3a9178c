"""A whole run with a generator that gives no alpha, casts a shadow and is off color: every promise holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny import FIRST, make_tiny_shot

from wanfx.backends.fake import FakeGenerator
from wanfx.backends.protocols import GeneratedFrame, WindowInputs
from wanfx.backends.registry import add_generator
from wanfx.cli.main import main
from wanfx.io import exr
from wanfx.manifest import read_manifest

FRAMES = 6


class _Painter(FakeGenerator):
    """Draws the fake's stripes without saying where, a shadow below them, and all of it a little soft."""

    name = "test-painter"
    keeps_background = False
    window_frames = 4

    def generate(self, inputs: WindowInputs) -> Iterator[GeneratedFrame]:
        """Every frame of the window."""
        for frame, made in zip(inputs.frames, super().generate(inputs), strict=True):
            height, width = made.rgb.shape[:2]
            y, x = np.mgrid[0:height, 0:width].astype(np.float32)
            shade = np.exp(-(((x - width / 2) / (width / 3)) ** 2) - ((y - 0.88 * height) / 6) ** 2)[..., None]
            background = inputs.background(frame)
            light = (background + 1) * (1 - 0.3 * shade) - 1
            rgb = np.where(inputs.mask(frame)[..., None] > 0, made.rgb, light)
            yield GeneratedFrame(np.asarray(cv2.GaussianBlur(rgb, (0, 0), 0.6), np.float32), None)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    add_generator(_Painter.name, _Painter)
    folder = tmp_path_factory.mktemp("painted")
    shot = make_tiny_shot(folder / "shot", frames=FRAMES, generate={"backend": _Painter.name})
    assert main(["run", str(shot), "--out", str(folder / "out"), "--quiet"]) == 0
    return folder


def _version(folder: Path) -> Path:
    return folder / "out" / "tiny" / "v001"


def test_the_delivery_verifies_and_has_a_shadow(made: Path) -> None:
    version = _version(made)
    assert main(["verify", str(version)]) == 0
    facts = read_manifest(version / "manifest.json")["frame_facts"]
    assert all(fact["shadow_pixels"] > 0 for fact in facts.values())
    assert all(0 <= fact["reveal_generated"] <= 1 for fact in facts.values())
    path = next((version / "comp").glob(f"*.{FIRST}.exr"))
    parts, _header = exr.read_parts(path, ["shadow"])
    shadow = np.stack(list(parts["shadow"].planes.values()), axis=2)
    assert shadow.min() < 0.9


def test_the_shadow_is_dropped_on_request(made: Path) -> None:
    shot = str(made / "shot" / "shot.json")
    assert main(["run", shot, "--out", str(made / "out"), "--quiet", "--set", "finish.shadow=off"]) == 0
    version = made / "out" / "tiny" / "v002"
    facts = read_manifest(version / "manifest.json")["frame_facts"]
    assert all(fact["shadow_pixels"] == 0 for fact in facts.values())
    assert main(["verify", str(version)]) == 0


def test_highlights_are_never_expanded_in_silence(made: Path) -> None:
    shot = str(made / "shot" / "shot.json")
    assert main(["run", shot, "--out", str(made / "other"), "--quiet", "--set", "finish.highlights=expand"]) == 0
    version = made / "other" / "tiny" / "v001"
    assert read_manifest(version / "manifest.json")["options"]["finish.highlights"]["value"] == "expand"
    path = next((version / "comp").glob("*.exr"))
    _parts, header = exr.read_parts(path, ["rgba"])
    assert header.attributes["wanfx:highlights"] == "expanded by a guess"
