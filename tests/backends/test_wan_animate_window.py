"""A window of Wan2.2-Animate is what diffusers' own pipeline makes, and needs nothing but its own frames."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch
from tiny_wan import HEIGHT, WIDTH, make_animate_parts, make_conditioning

from wanfx.backends.wan_animate_window import AnimateNetworks, AnimateWindow, Character
from wanfx.backends.wan_places import Places
from wanfx.ops.fold import count_windows, fold_index

STEPS = 2
TOLERANCE = 1e-4
NETWORKS = ("transformer", "vae", "scheduler")
Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def parts() -> dict[str, Any]:
    torch.set_num_threads(1)
    return make_animate_parts()


@pytest.fixture(scope="module")
def texts() -> tuple[Any, Any]:
    return tuple(torch.randn(1, 512, 32, generator=torch.Generator().manual_seed(seed)) for seed in (5, 6))  # type: ignore[return-value]


def networks_of(parts: dict[str, Any]) -> AnimateNetworks:
    return AnimateNetworks(
        transformer=parts["transformer"],
        vae=parts["vae"],
        scheduler=parts["scheduler"],
        torch=torch,
        places=Places("none", torch=torch),
    )


def make_noise(index: int, *, frames: int) -> Any:
    shape = (1, 16, (frames - 1) // 4 + 2, HEIGHT // 8, WIDTH // 8)
    return torch.randn(shape, generator=torch.Generator().manual_seed(100 + index))


def to_model(pictures: Array) -> Array:
    return (pictures / 127.5 - 1).astype(np.float32)


def character_of(parts: dict[str, Any], networks: AnimateNetworks, reference: Array, texts: tuple[Any, Any]) -> Any:
    from PIL import Image

    with torch.inference_mode():
        picture = parts["image_processor"](images=Image.fromarray(reference), return_tensors="pt")["pixel_values"]
        features = parts["image_encoder"](picture, output_hidden_states=True).hidden_states[-2]
    return Character(networks.encode_reference(to_model(reference)), features, *texts)


def window_of(shot: dict[str, Array], places: list[int], *, mode: str, carried: Array | None = None) -> AnimateWindow:
    background = to_model(shot["background"][places]) if mode == "replace" else None
    mask = (shot["mask"][places] / np.float32(255)).astype(np.float32) if mode == "replace" else None
    return AnimateWindow(to_model(shot["pose"][places]), to_model(shot["face"][places]), background, mask, carried)


def ours(
    parts: dict[str, Any], texts: Any, shot: dict[str, Array], *, window: int, carry: int, mode: str, guidance: float
) -> Array:
    networks = networks_of(parts)
    character = character_of(parts, networks, shot["reference"], texts)
    count = len(shot["pose"])
    made: list[Array] = []
    for index in range(count_windows(count, window_frames=window, carried_frames=carry)):
        places = [fold_index(index * (window - carry) + step, count=count) for step in range(window)]
        given = window_of(shot, places, mode=mode, carried=made[-1][-carry:] if made else None)
        noise = make_noise(index, frames=window)
        frames = networks.generate(given, character, noise=noise, steps=STEPS, guidance_scale=guidance)
        made.append(frames[carry:] if made else frames)
    return np.concatenate(made)[:count]


def theirs(
    parts: dict[str, Any], texts: Any, shot: dict[str, Array], *, window: int, carry: int, mode: str, guidance: float,
    monkeypatch: pytest.MonkeyPatch,
) -> Array:  # fmt: skip
    import diffusers.pipelines.wan.pipeline_wan_animate as module
    from PIL import Image

    pipeline = module.WanAnimatePipeline(tokenizer=None, text_encoder=None, **parts)
    pipeline.set_progress_bar_config(disable=True)

    def noises() -> Iterator[Any]:
        index = 0
        while True:
            yield make_noise(index, frames=window)
            index += 1

    source = noises()
    monkeypatch.setattr(module, "randn_tensor", lambda *_args, **_kwargs: next(source))
    pictures = {name: [Image.fromarray(one) for one in shot[name]] for name in ("pose", "face", "background", "mask")}
    given = {"background_video": pictures["background"], "mask_video": pictures["mask"]} if mode == "replace" else {}
    video = pipeline(
        image=Image.fromarray(shot["reference"]), pose_video=pictures["pose"], face_video=pictures["face"],
        prompt_embeds=texts[0], negative_prompt_embeds=texts[1], height=HEIGHT, width=WIDTH, mode=mode,
        segment_frame_length=window, prev_segment_conditioning_frames=carry, num_inference_steps=STEPS,
        guidance_scale=guidance, output_type="pt", **given,
    ).frames[0]  # fmt: skip
    return np.asarray(video.permute(0, 2, 3, 1).numpy() * 2 - 1)


@pytest.mark.parametrize("mode", ["animate", "replace"])
@pytest.mark.parametrize(
    ("count", "window", "carry", "guidance"),
    [(5, 9, 1, 1.0), (10, 9, 1, 1.0), (26, 9, 1, 1.0), (7, 13, 5, 1.0), (22, 13, 5, 1.0), (12, 9, 1, 2.0)],
)  # fmt: skip
def test_frames_are_those_of_the_stock_pipeline(
    parts: Any, texts: Any, mode: str, count: int, window: int, carry: int, guidance: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    shot = make_conditioning(count)
    how = {"window": window, "carry": carry, "mode": mode, "guidance": guidance}
    mine = ours(parts, texts, shot, **how)
    stock = theirs(parts, texts, shot, **how, monkeypatch=monkeypatch)  # type: ignore[arg-type]
    assert mine.shape == stock.shape == (count, HEIGHT, WIDTH, 3)
    assert np.abs(mine - stock).max() < TOLERANCE


@pytest.mark.parametrize(("count", "carry"), [(1, 1), (1, 5), (4, 5), (5, 5)])
def test_a_shot_no_longer_than_the_carry_is_one_window(parts: Any, texts: Any, count: int, carry: int) -> None:
    made = ours(parts, texts, make_conditioning(count), window=9, carry=carry, mode="replace", guidance=1.0)
    assert made.shape == (count, HEIGHT, WIDTH, 3)
    assert np.isfinite(made).all()


@pytest.mark.parametrize("name", ["pose", "face", "background", "mask", "reference"])
@pytest.mark.parametrize("frames", [slice(None), slice(5, 6)])
def test_all_that_the_model_is_given_matters_more_than_the_comparison_lets_pass(
    parts: Any, texts: Any, name: str, frames: slice
) -> None:
    shot = make_conditioning(9)
    how: dict[str, Any] = {"window": 9, "carry": 1, "mode": "replace", "guidance": 1.0}
    changed = shot[name].copy()
    changed[frames] = 255 - changed[frames]
    made, other = (ours(parts, texts, one, **how) for one in (shot, {**shot, name: changed}))
    assert np.abs(made - other).max() > 2 * TOLERANCE


def test_a_window_leaves_the_networks_as_they_were(parts: Any, texts: Any) -> None:
    shot = make_conditioning(9)
    before = parts["transformer"].face_encoder, parts["transformer"].motion_encoder
    first = ours(parts, texts, shot, window=9, carry=1, mode="animate", guidance=1.0)
    assert (parts["transformer"].face_encoder, parts["transformer"].motion_encoder) == before
    assert np.array_equal(first, ours(parts, texts, shot, window=9, carry=1, mode="animate", guidance=1.0))


def test_the_face_is_looked_at_once_a_window(parts: Any, texts: Any) -> None:
    networks, shot = networks_of(parts), make_conditioning(9)
    character, looks = character_of(parts, networks, shot["reference"], texts), []
    hook = parts["transformer"].face_encoder.register_forward_hook(lambda *_args: looks.append(1))
    window = window_of(shot, list(range(9)), mode="animate")
    networks.generate(window, character, noise=make_noise(0, frames=9), steps=4)
    hook.remove()
    assert len(looks) == 1
