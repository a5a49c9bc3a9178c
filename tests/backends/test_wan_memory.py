"""How much Wan's models take, held against diffusers' own classes at full size on torch's meta device."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKLWan, WanAnimateTransformer3DModel, WanVACETransformer3DModel
from transformers import UMT5Config, UMT5EncoderModel

from wanfx.backends.registry import find_generator
from wanfx.backends.wan_memory import OFFLOADS, estimate_window
from wanfx.backends.wan_network import (
    CONFIGURATIONS,
    TEXT_PARAMETERS,
    VAE_PARAMETERS,
    measure_network,
    read_network,
)
from wanfx.backends.wan_plan import Gpu, describe_quality, plan_qualities
from wanfx.errors import MissingError
from wanfx.frames import Size
from wanfx.options import Options
from wanfx.wan_options import WanOptions, resolve_quality

HD, SD = Size(1280, 720), Size(832, 480)
_KINDS = {"wan-animate": WanAnimateTransformer3DModel}


def _count(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_count_is_that_of_the_class(name: str) -> None:
    kind = _KINDS.get(name, WanVACETransformer3DModel)
    for changes in ({}, {"num_layers": 10, "ffn_dim": 1000, "num_attention_heads": 12}):
        config = {**CONFIGURATIONS[name], **changes}
        if "vace_layers" in config and changes:
            config["vace_layers"] = [0, 4]
        with torch.device("meta"):
            network = kind(**config)
        found = measure_network(config)
        assert found.parameters == _count(network)
        blocks = [*network.blocks, *getattr(network, "vace_blocks", [])]
        assert found.largest_block == pytest.approx(max(map(_count, blocks)), rel=0.07)


def test_the_other_networks_have_the_size_that_is_said() -> None:
    with torch.device("meta"):
        assert _count(AutoencoderKLWan()) == VAE_PARAMETERS
        text = UMT5EncoderModel(
            UMT5Config(
                vocab_size=256_384, d_model=4096, d_kv=64, d_ff=10240, num_layers=24, num_heads=64,
                feed_forward_proj="gated-gelu",
            )
        )  # fmt: skip
    assert _count(text) == TEXT_PARAMETERS


def test_a_configuration_that_lies_beside_the_weights_counts(tmp_path: Path) -> None:
    path = tmp_path / "transformer" / "config.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"_class_name": "WanAnimateTransformer3DModel", "num_layers": 20}))
    assert read_network("wan-animate", tmp_path).layers == 20
    path.write_text("no json")
    with pytest.raises(MissingError, match="configuration"):
        read_network("wan-animate", tmp_path)


@pytest.mark.parametrize("quality", ["final", "fast", "preview"])
def test_offloading_only_ever_takes_less_and_longer(quality: str) -> None:
    network = read_network("wan-animate")
    options = [resolve_quality(WanOptions(offload=offload), quality) for offload in OFFLOADS]
    found = [estimate_window(network, one, size=HD, frames=77, tflops=989) for one in options]
    peaks = [one.peak_bytes for one in found]
    assert peaks == sorted(peaks, reverse=True)
    assert found[0].window_s <= min(one.window_s for one in found[1:])


def test_every_way_to_save_memory_saves_some_and_a_larger_picture_takes_more() -> None:
    network = read_network("wan-animate")
    base = WanOptions(steps=20, cache="off", offload="none")

    def peak(options: WanOptions, size: Size = HD) -> float:
        return estimate_window(network, options, size=size, frames=77).peak_bytes

    assert peak(base, SD) < peak(base)
    for change in ({"fp8": True}, {"vae_tiling": "on"}):
        assert peak(WanOptions(**{**base.__dict__, **change})) < peak(base)
    assert peak(WanOptions(steps=20, cache="attention")) > peak(base)


def test_without_a_known_gpu_no_time_is_told() -> None:
    found = estimate_window(read_network("wan-vace-1.3b"), WanOptions(), size=SD, frames=81)
    assert (found.step_s, found.window_s) == (0, 0)
    assert found.needed_bytes > found.peak_bytes


def test_plan_takes_the_least_offloading_that_fits_the_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANFX_MODELS", str(tmp_path))
    large, small = Gpu("NVIDIA H200", 140 * 10**9), Gpu("a small one", 24 * 10**9)
    for gpu, offload, fits in (
        (large, "none", True),
        (small, "group", True),
        (Gpu("tiny", 10**9), "sequential", False),
    ):
        final = plan_qualities("wan-animate", WanOptions(), gpu=gpu)[0]
        assert (final.offload, final.fits) == (offload, fits)
        assert ("does not fit" in describe_quality(final, gpu=gpu, windows=1)) is not fits
    assert plan_qualities("wan-animate", WanOptions(), gpu=large)[0].estimate.window_s > 0
    asked = plan_qualities("wan-vace-14b", WanOptions(offload="model"), gpu=None)
    assert {one.offload for one in asked} == {"model"}


def test_shorter_windows_are_planned_with_less_memory() -> None:
    whole, short = (plan_qualities("wan-animate", WanOptions(), gpu=None, window_frames=n)[0] for n in (77, 33))
    assert short.estimate.peak_bytes < whole.estimate.peak_bytes
    assert short.estimate.main_bytes < whole.estimate.main_bytes
    assert "of main memory" in describe_quality(short, gpu=None, windows=1)


@pytest.mark.parametrize(
    "same", [{"wan.vae_tiling": "off"}, {"wan.offload": "group"}, {"wan.lora_scale": 0.5}, {"wan.model": "14b"},
             {"wan.guidance_scale": 1.0}],
)  # fmt: skip
def test_options_that_change_nothing_make_no_window_again(same: dict[str, object]) -> None:
    asked = {"generate.backend": "wan-animate"}
    plain, changed = (find_generator(Options().with_values(v, source="flag")) for v in (asked, asked | same))
    assert plain.settings == changed.settings
    other = find_generator(Options().with_values(asked | {"wan.steps": 7}, source="flag"))
    assert other.settings != plain.settings
