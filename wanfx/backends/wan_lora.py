"""LoRAs for Wan's transformers, by whatever names their keys have; one that changes nothing is an error."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

from wanfx.errors import InputError

_PREFIX = "diffusion_model."
_PEFT_PREFIX, _PEFT_NAME = "base_model.model.", ".default."
_FLAT_PREFIX = "lora_unet_"
_KNOWN_PREFIXES = (_PREFIX, "transformer.", _FLAT_PREFIX)
_REMEDY = "give a LoRA that was made for this model"


def load_lora(pipeline: Any, path: Path, *, name: str, torch: Any) -> None:
    """Put the LoRA of a safetensors file (or of a checkpoint, loaded without code) into a pipeline's transformer.

    ``pipeline`` is diffusers' own, of which no part but the transformer is needed. Raises InputError where the file
    cannot be read or does not fit.
    """
    weights = _name_keys(_read(path, torch))
    _check_pairs(weights, path)
    wanted = sum(1 for key in weights if _is_down(key))
    try:
        with warnings.catch_warnings():
            # Of a second LoRA, which was asked for.
            warnings.filterwarnings("ignore", message="Already found a `peft_config`")
            pipeline.load_lora_weights(dict(weights), adapter_name=name)
    except (ValueError, KeyError, IndexError, RuntimeError) as error:
        _check_flat_names(weights, path)
        raise InputError(f"is no LoRA for this model ({error})", path=path, remedy=_REMEDY) from error
    layers = [module for module in pipeline.transformer.modules() if name in getattr(module, "lora_A", {})]
    if not layers or len(layers) < wanted:
        raise InputError(f"fits {len(layers)} of the {wanted} layers it was made for", path=path, remedy=_REMEDY)


def _is_down(key: str) -> bool:
    return key.endswith(("lora_A.weight", "lora_down.weight"))


def _check_pairs(weights: dict[str, Any], path: Path) -> None:
    """Raise InputError where there is no LoRA in the table, or half of one."""
    ends = {"lora_A.weight": "lora_B.weight", "lora_down.weight": "lora_up.weight"}
    pairs = [(key, key.removesuffix(down) + up) for key in weights for down, up in ends.items() if key.endswith(down)]
    if not pairs and not any(".diff" in key for key in weights):
        raise InputError("holds no layer of a LoRA", path=path, remedy="give a LoRA's file")
    lone = [down for down, up in pairs if up not in weights]
    if lone:
        what = f"is half a LoRA: {len(lone)} layers lack their second part, as {lone[0]}"
        raise InputError(what, path=path, remedy="save or copy it again, whole")


def _check_flat_names(weights: dict[str, Any], path: Path) -> None:
    """Raise InputError for kohya's names, of which diffusers wants every layer, and each with its alpha."""
    downs = [key for key in weights if key.startswith(_FLAT_PREFIX) and key.endswith(".lora_down.weight")]
    if not downs:
        return
    bare = [key for key in downs if f"{key.removesuffix('.lora_down.weight')}.alpha" not in weights]
    lacks = f"{len(bare)} layers have no alpha" if bare else f"it has {len(downs)} layers, and not all of the model's"
    raise InputError(
        f"has kohya's names, with which it must be whole: {lacks}", path=path,
        remedy="convert its names to diffusion_model.blocks.0.self_attn.q.lora_A.weight and the like",
    )  # fmt: skip


def _read(path: Path, torch: Any) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise InputError("is not there", path=path, remedy="give the LoRA's file")
    try:
        found = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # Torch's own words say how to run it all the same.
        remedy = "give it as safetensors, or a checkpoint of weights alone"
        raise InputError("is no table of weights, or holds code, which is not run", path=path, remedy=remedy) from error
    except (SafetensorError, OSError, RuntimeError, ValueError, KeyError, IndexError, EOFError) as error:
        raise InputError(f"cannot be read as weights ({error})", path=path, remedy="copy it again") from error
    # Wan's own relighting LoRA is a checkpoint with its weights one level down.
    weights = found.get("state_dict", found) if isinstance(found, dict) else None
    if not isinstance(weights, dict) or not all(isinstance(value, torch.Tensor) for value in weights.values()):
        raise InputError("holds no table of weights", path=path, remedy="give a LoRA's file")
    return weights


def _name_keys(weights: dict[str, Any]) -> dict[str, Any]:
    """Keys in Wan's own naming under the prefix by which diffusers knows them: without it, it loads nothing."""
    plain = {key.removeprefix(_PEFT_PREFIX).replace(_PEFT_NAME, "."): value for key, value in weights.items()}
    if any(key.startswith(_KNOWN_PREFIXES) for key in plain):
        return plain
    return {_PREFIX + key: value for key, value in plain.items()}
