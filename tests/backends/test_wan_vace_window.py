"""A window of Wan2.1-VACE is what diffusers' own pipeline makes of the same floats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch
from stock_vace import in_bytes, run_stock
from tiny_wan import HEIGHT, WIDTH, make_vace_parts

from wanfx.backends.wan_places import Places
from wanfx.backends.wan_vace_window import VaceNetworks, VaceText, VaceWindow
from wanfx.ops.vace_mask import frames_of_latents, pack_vace_mask

FRAMES, STEPS = 9, 2
TOLERANCE = 1e-4
NETWORKS = ("transformer", "vae", "scheduler")
Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def parts() -> dict[str, Any]:
    torch.set_num_threads(1)
    return make_vace_parts()


@pytest.fixture(scope="module")
def text() -> VaceText:
    return VaceText(*(torch.randn(1, 512, 32, generator=torch.Generator().manual_seed(seed)) for seed in (5, 6)))


def make_window(recipe: str, *, references: int, seed: int = 3) -> VaceWindow:
    """Windows as tasks make them: keep an actor, keep the first frames, change all by a control, make all anew."""
    random = np.random.default_rng(seed)
    video = random.uniform(-1, 1, (FRAMES, HEIGHT, WIDTH, 3)).astype(np.float32)
    mask = np.ones((FRAMES, HEIGHT, WIDTH), np.float32)
    if recipe == "keep the actor":
        mask[:, 6:27, 11:30] = 0
        mask[:, 5, 11:30] = 0.25
        video[mask == 1] = 0
    if recipe == "keep the first frames":
        mask[:5] = 0
        video[5:] = 0
    if recipe == "make all":
        video[:] = 0
    pictures = random.uniform(-1, 1, (references, HEIGHT, WIDTH, 3)).astype(np.float32)
    return in_bytes(VaceWindow(video, mask, tuple(pictures)))


def ours(parts: dict[str, Any], text: VaceText, window: VaceWindow, *, guidance: float) -> tuple[Array, Any]:
    networks = VaceNetworks(
        transformer=parts["transformer"],
        vae=parts["vae"],
        scheduler=parts["scheduler"],
        torch=torch,
        places=Places("none", torch=torch),
    )
    noise = networks.draw_noise(window, seed=11)
    return networks.generate(window, text, noise=noise, steps=STEPS, guidance_scale=guidance), noise


def theirs(parts: dict[str, Any], text: VaceText, window: VaceWindow, *, noise: Any, guidance: float) -> Array:
    from diffusers import WanVACEPipeline

    return run_stock(
        WanVACEPipeline(tokenizer=None, text_encoder=None, **parts), window, prompt_embeds=text.features,
        negative_prompt_embeds=text.negative_features, num_inference_steps=STEPS, guidance_scale=guidance,
        latents=noise,
    )  # fmt: skip


@pytest.mark.parametrize("references", [0, 1, 2])
@pytest.mark.parametrize("recipe", ["keep the actor", "keep the first frames", "change all", "make all"])
def test_frames_are_those_of_the_stock_pipeline(parts: Any, text: VaceText, recipe: str, references: int) -> None:
    window = make_window(recipe, references=references)
    for guidance in (1.0, 5.0):
        mine, noise = ours(parts, text, window, guidance=guidance)
        stock = theirs(parts, text, window, noise=noise, guidance=guidance)
        assert mine.shape == stock.shape == (FRAMES, HEIGHT, WIDTH, 3)
        assert np.abs(mine - stock).max() < TOLERANCE


def _frame_unmasked(window: VaceWindow) -> VaceWindow:
    mask = window.mask.copy()
    mask[5] = 1
    return replace(window, mask=mask)


@pytest.mark.parametrize(
    "change",
    [
        lambda window: replace(window, references=window.references[::-1]),
        lambda window: replace(window, references=window.references[:1] * 2),
        lambda window: replace(window, video=np.zeros_like(window.video)),
        # Middle grey is nothing, and no 8-bit value is.
        lambda window: replace(window, video=np.where(window.mask[..., None] == 1, np.float32(1 / 255), window.video)),
        _frame_unmasked,
    ],
    ids=["order of references", "a reference", "video", "8-bit grey", "one frame's mask"],
)
def test_all_that_the_model_is_given_matters_more_than_the_comparison_lets_pass(
    parts: Any, text: VaceText, change: Callable[[VaceWindow], VaceWindow]
) -> None:
    window = make_window("keep the actor", references=2)
    made, other = (ours(parts, text, one, guidance=1.0)[0] for one in (window, change(window)))
    assert np.abs(made - other).max() > 2 * TOLERANCE


def test_a_latent_takes_the_mask_of_the_frame_nearest_to_its_middle() -> None:
    expected = [1, 5, 9, 13, 17, 21, 25, 28, 32, 36, 40, 44, 48, 52, 55, 59, 63, 67, 71, 75, 79]
    assert frames_of_latents(81) == expected
    assert frames_of_latents(1) == [0]
    for frames in (5, 9, 13, 17, 77):
        theirs_too = torch.nn.functional.interpolate(
            torch.arange(frames, dtype=torch.float32)[None, None], size=(frames + 3) // 4, mode="nearest-exact"
        )
        assert frames_of_latents(frames) == [int(frame) for frame in theirs_too[0, 0]]


def test_a_blocks_pixels_are_channels_row_by_row() -> None:
    mask = np.arange(5 * 16 * 24, dtype=np.float32).reshape(5, 16, 24)
    packed = pack_vace_mask(mask)
    assert packed.shape == (64, 2, 2, 3)
    assert packed[8 * 3 + 5, 0, 1, 2] == mask[frames_of_latents(5)[0], 8 + 3, 16 + 5]
