"""Options that say how networks are loaded are heard: each changes what is in memory, and its default does not."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("peft")

import torch
from safetensors.torch import load_file, save_file
from tiny_animate import TinyAnimate
from tiny_wan import save_animate_folder

from wanfx.backends.wan_load import import_from_diffusers, load_transformer
from wanfx.errors import MissingError
from wanfx.options import Options
from wanfx.wan_options import WanOptions


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    there = tmp_path_factory.mktemp("wan")
    save_animate_folder(there)
    return there


def _load(folder: Path, **options: Any) -> Any:
    return load_transformer(
        import_from_diffusers("models").WanAnimateTransformer3DModel, folder,
        options=WanOptions(**({"dtype": "float32"} | options)),
        pipeline=import_from_diffusers("pipelines.wan.pipeline_wan_animate").WanAnimatePipeline, fetch_command="-",
    )  # fmt: skip


def _lora(path: Path) -> str:
    into, out = torch.ones(2, 24), torch.ones(24, 2)
    name = "diffusion_model.blocks.0.self_attn.q"
    save_file({f"{name}.lora_A.weight": into, f"{name}.lora_B.weight": out}, path)
    return str(path)


def test_the_number_type_is_that_of_all_weights(folder: Path) -> None:
    for name in ("float32", "bfloat16"):
        assert _load(folder, dtype=name).blocks[0].ffn.net[2].weight.dtype == getattr(torch, name)


def test_weights_of_8_bits_are_held_in_8_bits(folder: Path) -> None:
    assert _load(folder, fp8=True).blocks[0].ffn.net[2].weight.dtype == torch.float8_e4m3fn


def test_blocks_are_compiled_where_that_is_asked_for(folder: Path) -> None:
    assert [_load(folder, compile=on).blocks[0]._compiled_call_impl is None for on in (False, True)] == [True, False]


@pytest.mark.skipif(find_spec("xformers") is not None, reason="xformers is installed")
def test_an_attention_that_is_not_installed_is_told(folder: Path) -> None:
    with pytest.raises(MissingError, match="xformers") as caught:
        _load(folder, attention="xformers")
    assert caught.value.key == "wan.attention"


def test_a_lora_has_the_strength_that_is_asked_for_and_the_relighting_one_its_own(folder: Path, tmp_path: Path) -> None:
    style, relight = (_lora(tmp_path / f"{name}.safetensors") for name in ("style", "relight"))
    layer = _load(folder, lora=style, lora_scale=0.25, relight_lora=relight).blocks[0].attn1.to_q
    assert layer.scaling == {"style": 0.25, "relight": 1.0}
    assert sorted(layer.active_adapters) == ["relight", "style"]


@pytest.mark.parametrize("is_on", [False, True])
def test_tiles_and_the_cache_of_attention_are_there_where_they_are_asked_for(
    folder: Path, tmp_path: Path, is_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TinyAnimate, "folder", folder)
    asked = {"wan.vae_tiling": "on", "wan.cache": "attention"} if is_on else {"wan.cache": "off"}
    generator = TinyAnimate()
    generator.configure(Options().with_values({"wan.dtype": "float32", **asked}, source="flag"))
    generator.load(cache=tmp_path)
    networks = generator._networks
    assert networks.vae._vae.use_tiling is is_on
    assert hasattr(networks.transformer.blocks[0].attn1, "_diffusers_hook") is is_on


@pytest.mark.parametrize("part", ["transformer", "vae"])
def test_weights_that_are_no_safetensors_are_not_opened(
    folder: Path, tmp_path: Path, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pickled = shutil.copytree(folder, tmp_path / "pickled")
    (weights,) = (pickled / part).glob("*.safetensors")
    torch.save(load_file(weights), weights.with_suffix(".bin"))
    weights.unlink()
    monkeypatch.setattr(TinyAnimate, "folder", pickled)
    generator = TinyAnimate()
    generator.configure(Options().with_values({"wan.dtype": "float32"}, source="flag"))
    with pytest.raises(MissingError) as caught:
        generator.load(cache=tmp_path)
    assert caught.value.path == str(pickled / part)
