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


def test_the_background_comes_first_and_the_references_in_the_order_of_the_shot_file(tmp_path: Path) -> None:
    TinyVace.forget()
    colors = {"blue.png": (200, 30, 20), "green.png": (20, 200, 30), "red.png": (30, 20, 200)}
    path, *references = colors
    make_vace_shot(tmp_path, frames=1, background=BACKGROUND | {"path": path, "references": references})
    for name, color in colors.items():
        cv2.imwrite(str(tmp_path / "shot" / name), np.full((60, 40, 3), color, np.uint8))
    assert run_vace(tmp_path) == 0
    middles = [picture[picture.shape[0] // 2, picture.shape[1] // 2] for picture in TinyVace.shown[0].references]
    assert [int(np.argmax(middle)) for middle in middles] == [2, 1, 0]
    background, cut_out = TinyVace.shown[0].references[:2]
    assert (background < 1).all() and (cut_out == 1).any(), "the background fills the frame, the others lie on white"
