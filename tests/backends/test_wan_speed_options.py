"""What saves memory and time changes nothing else: gradients, group offload, and attention's cache under guidance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch
from tiny_wan import make_animate_parts, make_vace_parts

from wanfx.backends.wan_animate_window import AnimateNetworks, AnimateWindow, Character
from wanfx.backends.wan_cache import CACHE_TIMES, cache_attention
from wanfx.backends.wan_places import Clock, Places
from wanfx.backends.wan_vace_window import VaceNetworks, VaceText, VaceWindow

NETWORKS = ("transformer", "vae", "scheduler")


def _picture(*shape: int) -> Any:
    return np.random.default_rng(1).uniform(-1, 1, (*shape, 32, 48, 3)).astype(np.float32)


def test_what_is_kept_of_the_reference_holds_no_gradients_and_with_them_no_pictures() -> None:
    torch.set_num_threads(1)
    parts = make_animate_parts()
    networks = AnimateNetworks(**{n: parts[n] for n in NETWORKS}, torch=torch, places=Places("none", torch=torch))
    latents = networks.encode_reference(_picture(1)[0])
    assert latents.grad_fn is None and not latents.requires_grad
    assert not networks.vae.decode(latents[:, 4:]).requires_grad


def test_networks_of_the_face_come_to_where_a_group_offloaded_transformer_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another number type stands in for a GPU: what differs in it cannot meet either."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    places = Places("group", torch=torch)
    monkeypatch.setattr(places, "device", torch.float64)
    parts = make_animate_parts()
    networks = AnimateNetworks(**{n: parts[n] for n in NETWORKS}, torch=torch, places=places)
    transformer, pictures = parts["transformer"], torch.zeros((2, 3, 16, 16), dtype=torch.float64)
    kept = [one.data_ptr() for one in transformer.motion_encoder.parameters()]
    with networks.face_networks():
        assert {one.dtype for one in transformer.motion_encoder.parameters()} == {torch.float64}
        vectors = transformer.motion_encoder(pictures)
        assert transformer.face_encoder(vectors.reshape(1, 2, -1)).dtype == torch.float64
    assert [one.data_ptr() for one in transformer.motion_encoder.parameters()] == kept
    assert {one.dtype for one in transformer.face_encoder.parameters()} == {torch.float32}


def _guided(transformer: Any, parts: dict[str, Any], clock: Clock, *, steps: int) -> Any:
    networks = VaceNetworks(
        transformer=transformer, vae=parts["vae"], scheduler=parts["scheduler"], torch=torch,
        places=Places("none", torch=torch), clock=clock,
    )  # fmt: skip
    window = VaceWindow(_picture(5), np.ones((5, 32, 48), np.float32))
    draw = torch.Generator().manual_seed(3)
    text = VaceText(*(torch.randn(1, 8, 32, generator=draw) for _ in range(2)))
    noise = networks.draw_noise(window, seed=1)
    return networks.generate(window, text, noise=noise, steps=steps, guidance_scale=5.0)


def test_each_text_takes_its_own_attention_again_and_no_others() -> None:
    torch.set_num_threads(1)
    parts, clock, asked = make_vace_parts(), Clock(), []
    transformer, name = parts["transformer"], [""]
    attention, context = transformer.blocks[0].attn1, transformer.cache_context
    forward = attention.forward

    def count(*args: Any, **how: Any) -> Any:
        asked.append((clock.time, name[0]))
        return forward(*args, **how)

    def remember(text: str) -> Any:
        name[0] = text
        return context(text)

    attention.forward, transformer.cache_context = count, remember
    cache_attention(transformer, clock)
    first = _guided(transformer, parts, clock, steps=10)
    times = [float(time) for time in parts["scheduler"].timesteps]
    by_time = {time: [text for when, text in asked if when == time] for time in times}
    low, high = CACHE_TIMES
    for index, time in enumerate(times):
        is_taken = low < time < high and index % 2 == 1
        assert by_time[time] == ([] if is_taken else ["cond", "uncond"])
    assert any(not texts for texts in by_time.values())
    # Nothing of a window is left for the next.
    assert np.array_equal(first, _guided(transformer, parts, clock, steps=10))


def test_a_cache_that_is_never_used_changes_nothing() -> None:
    torch.set_num_threads(1)
    parts, clock = make_vace_parts(), Clock()
    plain = _guided(parts["transformer"], parts, clock, steps=1)
    cache_attention(parts["transformer"], clock)
    assert np.array_equal(plain, _guided(parts["transformer"], parts, clock, steps=1))


def test_the_window_itself_runs_by_the_face_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    parts = make_animate_parts()
    networks = AnimateNetworks(**{n: parts[n] for n in NETWORKS}, torch=torch, places=Places("none", torch=torch))
    at_work: list[bool] = []
    face = networks.face_networks

    def count() -> Any:
        at_work.append(True)
        return face()

    monkeypatch.setattr(networks, "face_networks", count)
    reference = networks.encode_reference(_picture(1)[0])
    side = networks.face_px
    window = AnimateWindow(_picture(5), np.zeros((5, side, side, 3), np.float32))
    clip = torch.zeros((1, 257, parts["transformer"].config.image_dim or 32))
    character = Character(reference, clip, torch.zeros((1, 8, 32)))
    made = networks.generate(window, character, noise=networks.draw_noise(window, seed=1), steps=1)
    assert at_work and made.shape == (5, 32, 48, 3)
