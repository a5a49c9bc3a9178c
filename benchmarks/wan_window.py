"""A window of a Wan model of published size beside diffusers' own pipeline: seconds, GPU memory, and the plan's sums.

The weights are random: speed, memory and shapes are those of the real ones, the pictures are noise. Without a GPU, try
it with few blocks and small pictures: --blocks 5 --frames 5 --size 96x64 --dtype float32.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import diffusers.pipelines.wan.pipeline_wan_animate as stock_animate
import numpy as np
import torch
from _report import Figure, report
from diffusers import (
    AutoencoderKLWan,
    UniPCMultistepScheduler,
    WanAnimateTransformer3DModel,
    WanVACEPipeline,
    WanVACETransformer3DModel,
)
from PIL import Image
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModel

from wanfx.backends.wan_animate_window import AnimateNetworks, AnimateWindow, Character
from wanfx.backends.wan_memory import estimate_window, find_tflops
from wanfx.backends.wan_network import CONFIGURATIONS, measure_network
from wanfx.backends.wan_places import Places
from wanfx.backends.wan_vace_window import VaceNetworks, VaceText, VaceWindow
from wanfx.frames import Size
from wanfx.wan_options import WanOptions, resolve_quality

_TOKENS, _TEXT, _FACE_PX = 512, 4096, 512


@dataclass(frozen=True)
class _Asked:
    model: str
    size: Size
    frames: int
    steps: int
    guidance: float
    offload: str
    dtype: torch.dtype
    config: dict[str, Any]


def main() -> None:
    """Ours, then diffusers' with the same networks, noise and pictures."""
    asked, json_file = _parse()
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    is_animate = asked.model == "wan-animate"
    parts = _make_parts(asked, device)
    shot = _draw_shot(asked)
    ours, theirs = (_animate if is_animate else _vace)(parts, shot, asked, device)
    figures, made = [], []
    for name, run in (("wanfx", ours), ("diffusers", theirs)):
        frames, seconds, peak_bytes = _measure(run)
        made.append(frames)
        figures.append(Figure(f"{name}, a window of {asked.frames} frames", seconds, "s"))
        if device.type == "cuda":
            figures.append(Figure(f"{name}, most memory of tensors", peak_bytes / 1e9, "GB"))
    figures.append(Figure("wanfx / diffusers, time", figures[0].value / figures[len(figures) // 2].value, "times"))
    figures.append(Figure("the frames' standard deviation", float(made[1].std()), "of 2"))
    figures.append(Figure("greatest difference of the frames", float(np.abs(made[0] - made[1]).max()), "of 2"))
    report([*figures, *_plan(asked, device)], json_file=json_file)


def _parse() -> tuple[_Asked, str | None]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=list(CONFIGURATIONS), default="wan-vace-1.3b")
    parser.add_argument("--size", default="832x480", help="of the pictures (default: %(default)s)")
    parser.add_argument("--frames", type=int, default=0, help="of a window (default: the model's own, 77 or 81)")
    parser.add_argument("--steps", type=int, default=4, help="(default: %(default)s)")
    parser.add_argument("--guidance", type=float, default=0.0, help="(default: the model's own, 1 or 5)")
    parser.add_argument("--offload", choices=("none", "model", "group", "sequential"), default="none")
    parser.add_argument("--dtype", choices=("bfloat16", "float32"), default="bfloat16")
    parser.add_argument("--blocks", type=int, default=0, help="so many of the transformer's blocks (default: all)")
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON")
    given = parser.parse_args()
    is_animate = given.model == "wan-animate"
    config = dict(CONFIGURATIONS[given.model])
    if given.blocks:
        config["num_layers"] = given.blocks
        if not is_animate:
            config["vace_layers"] = [layer for layer in config["vace_layers"] if layer < given.blocks]
    width, height = map(int, given.size.split("x"))
    frames = given.frames or (77 if is_animate else 81)
    guidance = given.guidance or (1.0 if is_animate else 5.0)
    dtype = getattr(torch, given.dtype)
    asked = _Asked(given.model, Size(width, height), frames, given.steps, guidance, given.offload, dtype, config)
    return asked, given.json


def _make_parts(asked: _Asked, device: torch.device) -> dict[str, Any]:
    """Networks with random weights, where `Places` finds them: made on the GPU, for that is quicker."""
    kind = WanAnimateTransformer3DModel if asked.model == "wan-animate" else WanVACETransformer3DModel
    settled = torch.device("cpu") if asked.offload != "none" else device
    with torch.device(device):
        vae = _still(AutoencoderKLWan())
        torch.set_default_dtype(asked.dtype)
        transformer = _still(kind(**asked.config))
        torch.set_default_dtype(torch.float32)
    scheduler = UniPCMultistepScheduler(
        prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=5.0
    )
    return {"transformer": transformer.to(settled), "vae": vae.to(settled), "scheduler": scheduler}


def _still(network: Any) -> Any:
    return network.eval().requires_grad_(requires_grad=False)


def _draw_shot(asked: _Asked) -> dict[str, Any]:
    """8-bit pictures of noise; the mask is the middle third."""
    random = np.random.default_rng(1)
    frames, width, height = asked.frames, asked.size.width, asked.size.height
    mask = np.zeros((frames, height, width), np.uint8)
    mask[:, :, width // 3 : 2 * width // 3] = 255
    shot = {name: random.integers(0, 256, (frames, height, width, 3), np.uint8) for name in ("pose", "background")}
    face = random.integers(0, 256, (frames, _FACE_PX, _FACE_PX, 3), np.uint8)
    return {**shot, "face": face, "mask": mask, "reference": shot["background"][0]}


def _vace(parts: dict[str, Any], shot: dict[str, Any], asked: _Asked, device: torch.device) -> Any:
    texts = _draw_texts(asked)
    mask = (shot["mask"] > 0).astype(np.float32)
    window = VaceWindow(np.where(mask[..., None] > 0, np.float32(0), _to_model(shot["background"])), mask)
    networks = VaceNetworks(**_settled(parts, asked))
    noise = networks.draw_noise(window, seed=0)

    def ours() -> Any:
        text = networks.settle(VaceText(*texts))
        return networks.generate(window, text, noise=noise, steps=asked.steps, guidance_scale=asked.guidance)

    def theirs() -> Any:
        pipeline = _placed(WanVACEPipeline(tokenizer=None, text_encoder=None, **parts), asked, device)
        video = torch.from_numpy((window.video.transpose(0, 3, 1, 2)[None] + 1) / 2)
        return pipeline(
            video=video, mask=torch.from_numpy(np.repeat(mask[None, :, None], 3, axis=2)), latents=noise.to(device),
            **_how(texts, asked, device), num_frames=asked.frames, output_type="pt",
        ).frames[0]  # fmt: skip

    return ours, lambda: _to_frames(theirs())


def _animate(parts: dict[str, Any], shot: dict[str, Any], asked: _Asked, device: torch.device) -> Any:
    texts = _draw_texts(asked)
    with torch.device(device):
        config = CLIPVisionConfig(
            hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=16, patch_size=14
        )
        encoder = _still(CLIPVisionModel(config)).to(asked.dtype)
    processor = CLIPImageProcessor()
    picture = processor(images=Image.fromarray(shot["reference"]), return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        features = encoder(picture.to(device, asked.dtype), output_hidden_states=True).hidden_states[-2]
    networks = AnimateNetworks(**_settled(parts, asked))
    mask = (shot["mask"] > 0).astype(np.float32)
    window = AnimateWindow(*(_to_model(shot[name]) for name in ("pose", "face", "background")), mask)
    noise = networks.draw_noise(window, seed=0)

    def ours() -> Any:
        latents = networks.encode_reference(_to_model(shot["reference"]))
        character = Character(latents, *(networks.settle(one) for one in (features, *texts)))
        return networks.generate(window, character, noise=noise, steps=asked.steps, guidance_scale=asked.guidance)

    def theirs() -> Any:
        stock_animate.randn_tensor = lambda *_args, **_how: noise.to(device)
        pipeline = stock_animate.WanAnimatePipeline(
            tokenizer=None, text_encoder=None, image_encoder=encoder, image_processor=processor, **parts
        )
        pictures = {
            name: [Image.fromarray(one) for one in shot[name]] for name in ("pose", "face", "background", "mask")
        }
        return _placed(pipeline, asked, device)(
            image=Image.fromarray(shot["reference"]), pose_video=pictures["pose"], face_video=pictures["face"],
            background_video=pictures["background"], mask_video=pictures["mask"], mode="replace",
            segment_frame_length=asked.frames, prev_segment_conditioning_frames=1, output_type="pt",
            **_how(texts, asked, device),
        ).frames[0]  # fmt: skip

    return ours, lambda: _to_frames(theirs())


def _settled(parts: dict[str, Any], asked: _Asked) -> dict[str, Any]:
    places = Places(asked.offload, torch=torch)
    places.settle(parts["transformer"], parts["vae"])
    return {**parts, "torch": torch, "places": places}


def _placed(pipeline: Any, asked: _Asked, device: torch.device) -> Any:
    """The stock pipeline, with its own way to keep what waits off the GPU where any is asked for."""
    pipeline.set_progress_bar_config(disable=True)
    if asked.offload == "model":
        pipeline.enable_model_cpu_offload()
    elif asked.offload == "none":
        pipeline.to(device)
    return pipeline


def _how(texts: tuple[Any, Any], asked: _Asked, device: torch.device) -> dict[str, Any]:
    there = [text.to(device, asked.dtype) for text in texts]
    return {
        "prompt_embeds": there[0], "negative_prompt_embeds": there[1], "height": asked.size.height,
        "width": asked.size.width, "num_inference_steps": asked.steps, "guidance_scale": asked.guidance,
    }  # fmt: skip


def _draw_texts(asked: _Asked) -> tuple[Any, Any]:
    found, away = (torch.randn(1, _TOKENS, _TEXT, generator=torch.Generator().manual_seed(seed)) for seed in (5, 6))
    return found.to(asked.dtype), away.to(asked.dtype)


def _to_model(pictures: Any) -> Any:
    return (pictures / np.float32(127.5) - 1).astype(np.float32)


def _to_frames(video: Any) -> Any:
    return np.asarray(video.permute(0, 2, 3, 1).float().cpu().numpy() * 2 - 1)


def _measure(run: Callable[[], Any]) -> tuple[Any, float, int]:
    """What it makes, seconds, and the most bytes of tensors on the GPU at once."""
    is_cuda = torch.cuda.is_available()
    if is_cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        torch.cuda.synchronize()
    start = time.perf_counter()
    frames = run()
    seconds = time.perf_counter() - start
    return frames, seconds, torch.cuda.max_memory_allocated() if is_cuda else 0


def _plan(asked: _Asked, device: torch.device) -> list[Figure]:
    """What `wanfx plan` would say of it."""
    how = WanOptions(steps=asked.steps, offload=asked.offload, guidance_scale=asked.guidance, cache="off")
    options = resolve_quality(how, "final", network=asked.model)
    found = estimate_window(
        measure_network(asked.config), options, size=asked.size, frames=asked.frames,
        extra_latents=int(asked.model == "wan-animate"),
        tflops=find_tflops(torch.cuda.get_device_name()) if device.type == "cuda" else 0.0,
    )  # fmt: skip
    # The text's encoder is no part of a window.
    peak = max(value for stage, value in found.stage_bytes.items() if stage != "text")
    time_s = [Figure("plan, a window", found.window_s, "s")] if found.window_s else []
    return [Figure("plan, most memory of tensors", peak / 1e9, "GB"), *time_s]


if __name__ == "__main__":
    main()
