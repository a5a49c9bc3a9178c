"""Which of Wan's qualities fits the GPU that is here, for `wanfx plan`. Estimated by `wan_memory`, not measured."""

from __future__ import annotations

import dataclasses
import importlib.util
from dataclasses import dataclass

from wanfx.backends.torch_env import import_torch
from wanfx.backends.wan_memory import OFFLOADS, Estimate, Offload, estimate_window, find_tflops
from wanfx.backends.wan_network import read_network
from wanfx.backends.weights import find_set, set_folder
from wanfx.frames import Size
from wanfx.wan_options import QUALITIES, WanOptions, resolve_quality

SIZES = {"480p": Size(832, 480), "720p": Size(1280, 720)}
_ANIMATE_FRAMES, _VACE_FRAMES = 77, 81


@dataclass(frozen=True)
class Gpu:
    """A GPU and what is free on it."""

    name: str
    free_bytes: int


@dataclass(frozen=True)
class QualityPlan:
    """A quality, with the least offloading that fits the GPU, else the most there is."""

    quality: str
    offload: Offload
    size: Size
    estimate: Estimate
    fits: bool


def find_gpu() -> Gpu | None:
    """The first GPU; None where there is none, or no torch to ask."""
    if importlib.util.find_spec("torch") is None:
        return None
    torch = import_torch(extra="wan")
    if not torch.cuda.is_available():
        return None
    return Gpu(str(torch.cuda.get_device_name()), int(torch.cuda.mem_get_info()[0]))


def plan_qualities(
    generator: str, options: WanOptions, *, gpu: Gpu | None, window_frames: int | None = None
) -> list[QualityPlan]:
    """Every quality with these options, the best first, in windows of the model's own length where none is given.

    Raises OptionError and MissingError.
    """
    frames = window_frames or (_ANIMATE_FRAMES if generator == "wan-animate" else _VACE_FRAMES)
    return [_plan_quality(generator, options, quality, gpu=gpu, frames=frames) for quality in QUALITIES]


def describe_quality(plan: QualityPlan, *, gpu: Gpu | None, windows: int) -> str:
    """In words: size, offload, memory, time a window and of all ``windows``, and whether it fits."""
    found = plan.estimate
    time = (
        f", {found.window_s:.0f} s a window, {windows * found.window_s / 60:.0f} min in all" if found.window_s else ""
    )
    fits = "" if gpu is None else "; fits" if plan.fits else "; does not fit"
    return (
        f"{plan.size}, offload {plan.offload}: {found.peak_bytes / 1e9:.0f} GB of tensors, "
        f"{found.needed_bytes / 1e9:.0f} GB to be sure, {found.main_bytes / 1e9:.0f} GB of main memory{time}{fits}"
    )


def _plan_quality(
    generator: str, options: WanOptions, quality: str, *, gpu: Gpu | None, frames: int
) -> QualityPlan:  # fmt: skip
    resolved = resolve_quality(options, quality, network=generator)
    size = SIZES["480p" if resolved.size == "480p" else "720p"]
    network = read_network(generator, set_folder(find_set(generator)))
    asked = [one for one in OFFLOADS if one == options.offload] or list(OFFLOADS)
    plans = []
    for offload in asked:
        estimate = estimate_window(
            network, dataclasses.replace(resolved, offload=offload), size=size,
            frames=frames, tflops=find_tflops(gpu.name) if gpu else 0.0,
        )  # fmt: skip
        fits = gpu is not None and estimate.needed_bytes <= gpu.free_bytes
        plans.append(QualityPlan(quality, offload, size, estimate, fits))
    first = plans[0] if gpu is None else plans[-1]
    return next((one for one in plans if one.fits), first)
