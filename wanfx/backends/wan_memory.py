"""How much GPU memory and time a window of a Wan model takes. An estimate: nothing of it was measured on a GPU.

Memory is the most that tensors take at once; it is the largest of these, each with what stays beside it:

text       weights of the text encoder in 16 bits
encode     VAE in float32 (0.51 GB) and its tensors, per pixel of the picture
steps      weights of the transformer and `_LIVE` tensors of N x width in 16 bits
decode     VAE in float32 and its tensors

N = latent frames x H/16 x W/16. Beside each stays, with offload `none`, all that is not text encoder; with `model`
nothing; with `group` two blocks of the transformer and what is outside its blocks, in its own steps; with `sequential`
one layer. With `fp8` the blocks take a byte a weight. `cache` keeps every self-attention's answer, N x width a block.

Sources: the weights are counted (`wan_network`); how many tensors live at once was found by running diffusers' classes
(0.42) at full size on torch's meta device and adding up what was alive (benchmarks/wan_memory.py does it again). Not in
it: what kernels need beside their tensors (cuDNN's convolutions may take 1 to 4 GB at 720p), the CUDA context (0.5 GB)
and what the allocator cannot use; `needed_bytes` has a tenth and a gigabyte more for them.

Main memory has the text encoder, or the weights on their way to the GPU (or waiting there), and a window's pictures.

Time is floating-point operations over what the GPU's data sheet promises for dense bfloat16, of which attention-heavy
networks get about 0.4 (`_USE`) and convolutions in TF32 0.15, and what offloading carries over PCIe at 20 GB/s.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from wanfx.backends.wan_cache import CACHE_TIMES
from wanfx.backends.wan_network import TEXT_PARAMETERS, VAE_PARAMETERS, WanNetwork
from wanfx.frames import Size
from wanfx.wan_options import WanOptions

Offload = Literal["none", "model", "group", "sequential"]
OFFLOADS: tuple[Offload, ...] = ("none", "model", "group", "sequential")
DENSE_TFLOPS = MappingProxyType(
    {"H200": 989.0, "H100": 989.0, "A100": 312.0, "L40S": 362.0, "RTX 6000 Ada": 364.0, "RTX 4090": 165.0}
)
"""Dense bfloat16 with float32 sums, from NVIDIA's data sheets, by a part of the GPU's name."""
_ATTENTION_LIVE, _HIDDEN_LIVE, _FACE_LIVE = 12.15, 5.5, 1.05
_FIXED_BYTES = 0.1e9
# A pixel of a frame, of all that a window is made of and becomes: float32 pictures of three channels, and copies.
_MAIN_PIXEL_BYTES = 64.0
_VAE_BYTES = VAE_PARAMETERS * 4.0
_USE, _CONVOLUTION_USE = 0.4, 0.15
_PCIE_BYTES_S = 20e9
_DECODE_FLOPS, _ENCODE_FLOPS = 8565.0, 5114.0  # a pixel of a frame


@dataclass(frozen=True)
class Estimate:
    """Of one window: bytes by what goes on, bytes of main memory, and seconds where the GPU is known (else 0)."""

    stage_bytes: dict[str, float]
    main_bytes: float
    tokens: int
    step_flops: float
    step_s: float
    window_s: float

    @property
    def peak_bytes(self) -> float:
        """The most that tensors take at once."""
        return max(self.stage_bytes.values())

    @property
    def needed_bytes(self) -> float:
        """What should be free: with what kernels, context and allocator take, by rule of thumb."""
        return self.peak_bytes * 1.1 + 1e9


def estimate_window(
    network: WanNetwork, options: WanOptions, *, size: Size, frames: int, extra_latents: int = 1, tflops: float = 0.0
) -> Estimate:
    """Estimate a window of ``frames`` (4n + 1) pictures of ``size``.

    ``options`` are resolved; `auto` counts as no offload. ``extra_latents`` are those of references.
    ``tflops`` is the GPU's dense bfloat16 rate; without it seconds are 0.
    """
    pixels = size.width * size.height
    tokens = ((frames - 1) // 4 + 1 + extra_latents) * (size.width // 16) * (size.height // 16)
    bytes_a_number = 4.0 if options.dtype == "float32" else 2.0
    tensor = tokens * network.width * bytes_a_number
    weights = _weight_bytes(network, options, bytes_a_number)
    live = max(_ATTENTION_LIVE, _HIDDEN_LIVE + 2 * network.hidden / network.width) + network.side_layers
    live += _FACE_LIVE if network.face_layers else 0.0
    is_guided = (options.guidance_scale or 1.0) > 1
    cached = (network.layers + network.side_layers) * (2 if is_guided else 1) if options.cache == "attention" else 0
    is_resident = options.offload in ("auto", "none")
    beside = weights if is_resident else 0.0
    encode, decode = _vae_bytes(pixels, frames, is_tiled=options.vae_tiling == "on")
    steps = _resident_bytes(network, options, weights, bytes_a_number) + (live + cached) * tensor + _FIXED_BYTES
    stages = {
        "text": TEXT_PARAMETERS * 2.0,
        "encode": beside + _VAE_BYTES + encode,
        "steps": steps + (_VAE_BYTES if is_resident else 0.0),
        "decode": beside + _VAE_BYTES + decode,
    }
    main = max(stages["text"], weights + _VAE_BYTES + _MAIN_PIXEL_BYTES * pixels * frames)
    return _with_time(
        network, options, stages, main=main, tokens=tokens, pixels=pixels * frames, weights=weights, tflops=tflops
    )


def find_tflops(gpu: str) -> float:
    """The dense bfloat16 rate of a GPU by its name, 0 where it is not in the table.

    >>> find_tflops("NVIDIA H200"), find_tflops("a GPU of next year")
    (989.0, 0.0)
    """
    return next((rate for name, rate in DENSE_TFLOPS.items() if name in gpu), 0.0)


def _weight_bytes(network: WanNetwork, options: WanOptions, bytes_a_number: float) -> float:
    inside = network.parameters - network.outside_blocks
    return network.outside_blocks * bytes_a_number + inside * (1.0 if options.fp8 else bytes_a_number)


def _resident_bytes(network: WanNetwork, options: WanOptions, weights: float, bytes_a_number: float) -> float:
    """The weights that are on the GPU in a step; a layer held in 8 bits is there a second time, in 16."""
    layer = network.width * network.hidden * bytes_a_number
    twice = layer if options.fp8 else 0.0
    if options.offload == "group":
        block = network.largest_block * (1.0 if options.fp8 else bytes_a_number)
        return network.outside_blocks * bytes_a_number + 2 * block + twice
    return layer + twice if options.offload == "sequential" else weights + twice


def _vae_bytes(pixels: int, frames: int, *, is_tiled: bool) -> tuple[float, float]:
    """What encoding and decoding take beside the weights; tiles of 256 pixels every 192."""
    if is_tiled:
        video = pixels * frames
        # Of a row of tiles, or of all tiles side by side before they are blended.
        return 0.92e9 + 12.7 * video, max(1.27e9 + 16.5 * video, 0.09e9 + 55.0 * video)
    return (14083.0 + 12.5 * frames) * pixels, (19458.0 + 12.25 * frames) * pixels


def _with_time(
    network: WanNetwork, options: WanOptions, stages: dict[str, float], *, main: float, tokens: int, pixels: int,
    weights: float, tflops: float,
) -> Estimate:  # fmt: skip
    steps = options.steps or 20
    attention, rest = network.flops(tokens)
    attention *= 1 - _skipped_share(options, steps=steps)
    flops = (attention + rest) * (2 if (options.guidance_scale or 1.0) > 1 else 1)
    if not tflops:
        return Estimate(stages, main, tokens, flops, 0.0, 0.0)
    carried = weights / _PCIE_BYTES_S
    step_s = flops / (tflops * 1e12 * _USE)
    if options.offload == "group":
        step_s = max(step_s, carried)
    elif options.offload == "sequential":
        step_s += carried
    # Pose and background are encoded, the picture is decoded.
    vae_s = pixels * (2 * _ENCODE_FLOPS + _DECODE_FLOPS) / (tflops * 1e12 * _CONVOLUTION_USE)
    return Estimate(
        stages, main, tokens, flops, step_s, steps * step_s + vae_s + (carried if options.offload == "model" else 0.0)
    )


def _skipped_share(options: WanOptions, *, steps: int) -> float:
    """The share of steps that take the attention of the step before, by the scheduler's shifted times."""
    if options.cache != "attention":
        return 0.0
    shift = options.flow_shift or 5.0
    levels = [1.0 - step / steps for step in range(steps)]
    times = [1000 * shift * level / (1 + (shift - 1) * level) for level in levels]
    first, last = CACHE_TIMES
    return sum(first < time < last for time in times) // 2 / steps
