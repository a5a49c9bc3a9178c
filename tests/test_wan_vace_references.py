"""References of Wan2.1-VACE at toy size: a cut-out is on the canvas's own white, however it was given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import cv2
import torch
from vace_shot import BACKGROUND, TinyVace, add_tiny_vace, make_vace_shot, run_vace


@pytest.fixture(scope="module", autouse=True)
def tiny_vace(tmp_path_factory: pytest.TempPathFactory) -> None:
    torch.set_num_threads(1)
    add_tiny_vace(tmp_path_factory.mktemp("vace"))


def test_a_cut_out_with_alpha_and_one_on_white_are_shown_alike_on_white(tmp_path: Path) -> None:
    TinyVace.forget()
    names = ["alpha.png", "white.png"]
    make_vace_shot(tmp_path, frames=1, background=BACKGROUND | {"references": names})
    figure = np.zeros((60, 40, 4), np.uint8)
    figure[15:45, 10:30] = (40, 160, 20, 255)
    cv2.imwrite(str(tmp_path / "shot" / names[0]), figure)
    cv2.imwrite(str(tmp_path / "shot" / names[1]), np.where(figure[..., 3:] > 0, figure[..., :3], 255))
    assert run_vace(tmp_path) == 0
    alpha, white = TinyVace.shown[0].references[-2:]
    assert np.allclose(alpha, white, atol=1e-6)
    height, width = alpha.shape[:2]
    outside = np.ones((height, width), bool)
    outside[height // 4 - 1 : 3 * height // 4 + 1, width // 4 : 3 * width // 4] = False
    assert (alpha[outside] == 1).all() and (alpha[height // 2, width // 2] < 0.3).all()
