"""LoRAs for Wan-Animate: all of one is used, by whatever names, or it is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("diffusers")
pytest.importorskip("peft")

import torch
from safetensors.torch import save_file
from tiny_wan import make_animate_parts

from wanfx.backends.hub_sets import HUB_SETS
from wanfx.backends.wan_load import import_from_diffusers, only_with
from wanfx.backends.wan_lora import load_lora
from wanfx.errors import InputError

_WIDE, _FFN, _BLOCKS = 24, 32, 2
_LAYERS = [f"{part}.{name}" for part in ("self_attn", "cross_attn") for name in "qkvo"]
_LAYERS += ["cross_attn.k_img", "cross_attn.v_img", "ffn.0", "ffn.2"]


def _weights(prefix: str = "", *, layers: list[str] = _LAYERS, middle: str = "") -> dict[str, Any]:
    """A LoRA of rank 2 in Wan's own names, as the relighting LoRA has them."""
    torch.manual_seed(5)
    found = {}
    for block in range(_BLOCKS):
        for layer in layers:
            into, out = {"ffn.0": (_WIDE, _FFN), "ffn.2": (_FFN, _WIDE)}.get(layer, (_WIDE, _WIDE))
            name = f"{prefix}blocks.{block}.{layer}"
            found[f"{name}.lora_A{middle}.weight"] = torch.randn(2, into)
            found[f"{name}.lora_B{middle}.weight"] = torch.randn(out, 2)
    return found


def _load(path: Path) -> Any:
    transformer = make_animate_parts()["transformer"]
    pipeline = import_from_diffusers("pipelines.wan.pipeline_wan_animate").WanAnimatePipeline
    load_lora(only_with(pipeline, transformer=transformer), path, name="relight", torch=torch)
    return transformer


@pytest.mark.parametrize("prefix", ["", "diffusion_model.", "base_model.model."])
@pytest.mark.parametrize("middle", ["", ".default"])
def test_every_layer_of_a_lora_is_used_by_whatever_names(tmp_path: Path, prefix: str, middle: str) -> None:
    save_file(_weights(prefix, middle=middle), tmp_path / "lora.safetensors")
    transformer = _load(tmp_path / "lora.safetensors")
    changed = [module for module in transformer.modules() if "relight" in getattr(module, "lora_A", {})]
    assert len(changed) == _BLOCKS * len(_LAYERS)
    assert all(module.scaling["relight"] == 1.0 for module in changed)
    want = _weights()["blocks.1.ffn.2.lora_B.weight"]
    assert torch.equal(transformer.blocks[1].ffn.net[2].lora_B["relight"].weight, want)


def test_a_checkpoint_with_its_weights_one_level_down_is_read_without_running_code(tmp_path: Path) -> None:
    torch.save({"state_dict": _weights()}, tmp_path / "relighting_lora.ckpt")
    transformer = _load(tmp_path / "relighting_lora.ckpt")
    assert sum("relight" in getattr(module, "lora_A", {}) for module in transformer.modules()) == 24


@pytest.mark.parametrize("layers", [["of.another.model"], ["self_attn.q", "no_such_layer"]])
def test_a_lora_of_which_nothing_or_only_a_part_fits_is_refused(tmp_path: Path, layers: list[str]) -> None:
    save_file(_weights(layers=layers), tmp_path / "lora.safetensors")
    with pytest.raises(InputError, match=r"fits|no LoRA") as caught:
        _load(tmp_path / "lora.safetensors")
    assert "made for this model" in caught.value.remedy


def test_a_lora_for_more_blocks_than_the_model_has_is_refused_though_the_rest_would_load(tmp_path: Path) -> None:
    deeper = {key.replace("blocks.1", f"blocks.{_BLOCKS}"): value for key, value in _weights().items()}
    save_file(deeper, tmp_path / "lora.safetensors")
    with pytest.raises(InputError, match="fits 12 of the 24 layers"):
        _load(tmp_path / "lora.safetensors")


def test_a_file_that_is_no_table_of_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lora.safetensors").write_bytes(b"\0" * 40)
    with pytest.raises(InputError, match="cannot be read"):
        _load(tmp_path / "lora.safetensors")


class _Code:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("run",)


def _flat(layers: list[str], *, has_alpha: bool) -> dict[str, Any]:
    """A LoRA in kohya's names."""
    found = {}
    for key, value in _weights(layers=layers).items():
        name, _, part = key.partition(".lora_")
        name = "lora_unet_" + name.replace(".", "_")
        found[f"{name}.lora_{'down' if part == 'A.weight' else 'up'}.weight"] = value
        if has_alpha:
            found[f"{name}.alpha"] = torch.tensor(2.0)
    return found


def _halve(weights: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in weights.items() if "lora_A" in key}


@pytest.mark.parametrize(
    ("made", "told"),
    [(_Code(), "code"), (torch.zeros(3), "no table"), ([1], "no table"), (_halve(_weights()), "half a LoRA"),
     ({"weight": torch.zeros(3)}, "no layer"), (_flat(["self_attn.q"], has_alpha=False), "no alpha"),
     (_flat(["self_attn.q"], has_alpha=True), "2 layers, and not all")],
)  # fmt: skip
def test_what_is_no_lora_is_told_as_what_it_is(made: Any, told: str, tmp_path: Path) -> None:
    torch.save(made, tmp_path / "lora.pt")
    with pytest.raises(InputError, match=told) as caught:
        _load(tmp_path / "lora.pt")
    assert caught.value.path == str(tmp_path / "lora.pt") and caught.value.remedy and caught.value.exit_code == 2


@pytest.mark.parametrize("text", [b"a LoRA of mine\n", b"hello", b"", b"version https://git-lfs.github.com/spec/v1\n"])
def test_a_text_in_a_checkpoints_place_is_refused(text: bytes, tmp_path: Path) -> None:
    (tmp_path / "lora.pt").write_bytes(text)
    with pytest.raises(InputError) as caught:
        _load(tmp_path / "lora.pt")
    assert caught.value.path == str(tmp_path / "lora.pt") and caught.value.remedy


def test_the_relighting_lora_is_a_set_that_can_be_fetched() -> None:
    spec = HUB_SETS["wan-animate-relight"]
    assert spec.licence == "Apache-2.0" and spec.networks == ("relighting_lora",)
