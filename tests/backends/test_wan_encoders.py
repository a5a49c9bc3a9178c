"""What CLIP is shown of a reference: all of it, squashed, as Wan2.2-Animate was trained; the stock pipeline crops."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch
from tiny_wan import make_animate_parts, save_animate_folder

from wanfx.backends.wan_encoders import read_texts, see_reference, squash
from wanfx.backends.wan_load import import_from_diffusers
from wanfx.errors import MissingError

Array = npt.NDArray[np.float32]
_MEAN, _DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def _picture(height: int, width: int) -> Array:
    return np.random.default_rng(4).uniform(0, 1, (height, width, 3)).astype(np.float32)


def _cubic(length: int, side: int) -> npt.NDArray[np.float64]:
    """Cubic convolution (Keys, 1981; a = -0.75) of a row with pixel centres at .5, its ends repeated, as a matrix."""
    matrix = np.zeros((side, length))
    for index in range(side):
        place = (index + 0.5) * length / side - 0.5
        for tap in range(int(np.floor(place)) - 1, int(np.floor(place)) + 3):
            d, a = abs(place - tap), -0.75
            near = (a + 2) * d**3 - (a + 3) * d**2 + 1
            weight = near if d <= 1 else a * (d**3 - 5 * d**2 + 8 * d - 4)
            matrix[index, min(max(tap, 0), length - 1)] += weight
    return matrix


@pytest.mark.parametrize("size", [(720, 1280), (96, 48), (224, 224)])
def test_the_whole_picture_is_squashed_to_a_square_bicubic_without_antialiasing_and_normalized(
    size: tuple[int, int],
) -> None:
    picture = _picture(*size)
    down, across = (_cubic(length, 224) for length in size)
    small = np.einsum("ih,hwc,jw->ijc", down, picture.astype(np.float64), across, optimize=True)
    seen = squash(picture, torch=torch)
    assert seen.shape == (1, 3, 224, 224)
    np.testing.assert_allclose(seen[0].permute(1, 2, 0), (small - _MEAN) / _DEVIATION, atol=1e-3)


def test_features_are_those_of_the_last_layer_but_one(tmp_path: Path) -> None:
    save_animate_folder(tmp_path)
    encoder: Any = make_animate_parts()["image_encoder"]
    picture = _picture(40, 24)
    with torch.inference_mode():
        layers = encoder(squash(picture, side_px=4, torch=torch), output_hidden_states=True).hidden_states
    found = see_reference(tmp_path, picture, fetch_command="-")
    assert torch.equal(found, layers[-2]) and not torch.allclose(found, layers[-1], atol=1e-3)


def test_every_text_has_features_of_its_own_and_needs_the_encoder_once(tmp_path: Path) -> None:
    save_animate_folder(tmp_path / "weights")
    pipeline = import_from_diffusers("pipelines.wan.pipeline_wan_animate").WanAnimatePipeline

    def read(*texts: str) -> dict[str, Any]:
        return read_texts(
            tmp_path / "weights", texts, pipeline=pipeline, cache=tmp_path / "texts", fetch_command="-", digest="1"
        )

    both = read("walks", "walks on and on")
    assert not torch.equal(both["walks"], both["walks on and on"])
    for path in (tmp_path / "weights" / "text_encoder").glob("*.safetensors"):
        path.unlink()
    again = read("walks on and on", "walks")
    assert all(torch.equal(again[text], features) for text, features in both.items())
    with pytest.raises(MissingError):
        read("runs")
