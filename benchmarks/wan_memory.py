"""What `wanfx plan` says of Wan2.2-Animate's memory and time, and whether its sums are those of diffusers' classes.

The classes run at full size on torch's meta device, where tensors have shapes and no numbers: what is alive at once is
added up. No GPU is needed and none is measured. With --table, the table of RESULTS.md is printed.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from typing import Any

import torch
from _live_bytes import measure_peak
from _report import Figure, report
from diffusers import AutoencoderKLWan, WanAnimateTransformer3DModel, WanVACETransformer3DModel

from wanfx.backends.wan_memory import OFFLOADS, estimate_window, find_tflops
from wanfx.backends.wan_network import CONFIGURATIONS, read_network
from wanfx.backends.wan_plan import SIZES
from wanfx.frames import Size
from wanfx.wan_options import QUALITIES, WanOptions, resolve_quality

_FRAMES, _LATENTS, _GPU = 77, 20, "NVIDIA H200"


def main() -> None:
    """Compare, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON")
    parser.add_argument("--table", action="store_true", help="the estimates alone, as the table of RESULTS.md")
    given = parser.parse_args()
    report(list(_tabulate() if given.table else _compare_all()), json_file=given.json)


def _compare_all() -> Iterator[Figure]:
    for name in CONFIGURATIONS:
        yield Figure(f"{name}: parameters", float(_count(name)), "")
    for label, size in SIZES.items():
        for name, estimated, counted in _compare(size):
            yield Figure(f"{name} {label}: estimated", estimated / 1e9, "GB")
            yield Figure(f"{name} {label}: added up", counted / 1e9, "GB")


def _count(name: str) -> int:
    """The parameters of diffusers' class."""
    kind = WanAnimateTransformer3DModel if name == "wan-animate" else WanVACETransformer3DModel
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in kind(**CONFIGURATIONS[name]).parameters())


def _compare(size: Size) -> list[tuple[str, float, int]]:
    with torch.device("meta"):
        vae = AutoencoderKLWan()
        transformer = WanAnimateTransformer3DModel(**CONFIGURATIONS["wan-animate"]).to(torch.bfloat16)
    found = []
    network = read_network("wan-animate")
    for tiles in ("off", "on"):
        options = WanOptions(steps=20, cache="off", offload="model", vae_tiling=tiles)
        stages = estimate_window(network, options, size=size, frames=_FRAMES).stage_bytes
        weights = sum(parameter.nbytes for parameter in vae.parameters())
        vae.use_tiling = False
        if tiles == "on":
            vae.enable_tiling()
        latents = _empty(1, 16, _LATENTS, size.height // 8, size.width // 8, dtype=torch.float32)
        video = _empty(1, 3, _FRAMES, size.height, size.width, dtype=torch.float32)
        name = "in tiles" if tiles == "on" else "whole"
        found.append((f"encode {name}", stages["encode"], weights + measure_peak(lambda: vae.encode(video))))  # noqa: B023
        found.append((f"decode {name}", stages["decode"], weights + measure_peak(lambda: vae.decode(latents))))  # noqa: B023
    weights = sum(parameter.nbytes for parameter in transformer.parameters())
    found.append(("steps", stages["steps"], weights + measure_peak(lambda: _step(transformer, size))))
    return found


def _step(transformer: Any, size: Size) -> None:
    height, width = size.height // 8, size.width // 8
    transformer(
        hidden_states=_empty(1, 36, _LATENTS + 1, height, width), timestep=_empty(1, dtype=torch.float32),
        encoder_hidden_states=_empty(1, 512, 4096), encoder_hidden_states_image=_empty(1, 257, 1280),
        pose_hidden_states=_empty(1, 16, _LATENTS, height, width), face_pixel_values=_empty(1, 3, _FRAMES, 512, 512),
        return_dict=False,
    )  # fmt: skip


def _empty(*shape: int, dtype: torch.dtype = torch.bfloat16) -> torch.Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")


def _tabulate() -> Iterator[Figure]:
    """Print the table; its figures."""
    network = read_network("wan-animate")
    print(f"| quality | picture | offload | text | encode | steps | decode | peak | s/step {_GPU} | s/window |")
    print("|---|---|---|---:|---:|---:|---:|---:|---:|---:|")
    for quality, (label, size), offload in itertools.product(QUALITIES, SIZES.items(), OFFLOADS[:3]):
        options = resolve_quality(WanOptions(offload=offload), quality)
        one = estimate_window(network, options, size=size, frames=_FRAMES, tflops=find_tflops(_GPU))
        stages = " | ".join(f"{found / 1e9:.1f}" for found in one.stage_bytes.values())
        print(
            f"| {quality} | {label} | {offload} | {stages} | {one.peak_bytes / 1e9:.1f} | {one.step_s:.1f} |"
            f" {one.window_s:.0f} |"
        )
        yield Figure(f"{quality} {label} {offload}: peak", one.peak_bytes / 1e9, "GB")
        yield Figure(f"{quality} {label} {offload}: window on {_GPU}", one.window_s, "s")


if __name__ == "__main__":
    main()
