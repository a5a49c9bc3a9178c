"""On a GPU: networks that wait in main memory make the same window as those that stay there, of both models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch
from tiny_wan import make_animate_parts, make_conditioning, make_vace_parts

from wanfx.backends.wan_animate_window import AnimateNetworks, AnimateWindow, Character
from wanfx.backends.wan_places import Places
from wanfx.backends.wan_vace_window import VaceNetworks, VaceText, VaceWindow

FRAMES, STEPS = 9, 2
Array = np.ndarray[Any, Any]

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU"),
]


def _to_model(pictures: Array) -> Array:
    return (pictures / np.float32(127.5) - 1).astype(np.float32)


def _texts() -> list[Any]:
    return [torch.randn(1, 512, 32, generator=torch.Generator().manual_seed(seed)) for seed in (5, 6)]


def _placed(parts: dict[str, Any], offload: str) -> dict[str, Any]:
    places = Places(offload, torch=torch)
    places.settle(parts["transformer"], parts["vae"])
    return {name: parts[name] for name in ("transformer", "vae", "scheduler")} | {"torch": torch, "places": places}


def _animate(offload: str, guidance: float) -> list[Array]:
    parts, shot = make_animate_parts(), make_conditioning(FRAMES)
    networks = AnimateNetworks(**_placed(parts, offload))
    window = AnimateWindow(
        _to_model(shot["pose"]), _to_model(shot["face"]), _to_model(shot["background"]),
        (shot["mask"] / np.float32(255)).astype(np.float32),
    )  # fmt: skip
    image = torch.randn(1, 5, 4, generator=torch.Generator().manual_seed(7))
    with torch.inference_mode():
        latents = networks.encode_reference(_to_model(shot["reference"]))
    character = Character(latents, *(networks.settle(one) for one in (image, *_texts())))
    return [_run(networks, window, character, guidance) for _ in range(2)]


def _vace(offload: str, guidance: float) -> list[Array]:
    shot = make_conditioning(FRAMES)
    networks = VaceNetworks(**_placed(make_vace_parts(), offload))
    window = VaceWindow(
        _to_model(shot["background"]), (shot["mask"] > 0).astype(np.float32), (_to_model(shot["reference"]),)
    )
    text = networks.settle(VaceText(*_texts()))
    return [_run(networks, window, text, guidance) for _ in range(2)]


def _run(networks: Any, window: Any, asked: Any, guidance: float) -> Array:
    noise = networks.draw_noise(window, seed=1)
    made = networks.generate(window, asked, noise=noise, steps=STEPS, guidance_scale=guidance)
    return np.asarray(made)


@pytest.mark.parametrize("guidance", [1.0, 5.0])
@pytest.mark.parametrize("offload", ["model", "group", "sequential"])
@pytest.mark.parametrize("make", [_animate, _vace])
def test_a_window_is_the_same_wherever_networks_wait(make: Any, offload: str, guidance: float) -> None:
    """A second window finds them where the first did."""
    kept = make("none", guidance)
    waiting = make(offload, guidance)
    for one, other in zip(kept, waiting, strict=True):
        assert np.isfinite(other).all() and one.std() > 0.05
        assert np.abs(one - other).max() < 1e-3
