"""Wan's networks from a folder as diffusers lays it out, offline, with the memory and speed options on."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

from wanfx.backends.torch_env import hide_broken_torchvision, import_from_transformers, import_torch
from wanfx.backends.wan_lora import load_lora
from wanfx.errors import MissingError
from wanfx.wan_options import WanOptions

EXTRA = "wan"


def import_from_diffusers(module: str) -> Any:
    """A module of diffusers, offline. Raises MissingError where it is not installed or cannot be loaded."""
    import_from_transformers("utils.logging", extra=EXTRA).disable_progress_bar()
    hide_broken_torchvision()
    try:
        return importlib.import_module(f"diffusers.{module}")
    except (ImportError, OSError) as error:
        raise MissingError(
            f"diffusers cannot be imported ({error})", remedy=f'run `pip install "wanfx[{EXTRA}]"`'
        ) from error


def load_part(kind: Any, folder: Path, *, part: str, fetch_command: str, **how: Any) -> Any:
    """A network, scheduler or processor of ``folder``, from safetensors, never from a network.

    Raises MissingError where its files are not there or not whole.
    """
    try:
        return kind.from_pretrained(folder, subfolder=part, local_files_only=True, **how)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MissingError(
            f"cannot be loaded ({reason})", path=folder / part, remedy=f"run `{fetch_command}`"
        ) from error


def only_with(pipeline: Any, **parts: Any) -> Any:
    """A pipeline of diffusers with these parts alone, for what it knows how to do with them."""
    return pipeline(**{**dict.fromkeys(inspect.signature(pipeline).parameters), **parts})


def load_transformer(
    kind: Any,
    folder: Path,
    *,
    options: WanOptions,
    pipeline: Any,
    fetch_command: str,
) -> Any:
    """The transformer with LoRAs, number type, attention and compilation as asked, still on the CPU.

    ``kind`` is diffusers' class of it, ``pipeline`` that of the pipeline it is of, which knows how LoRAs are named.
    """
    torch = import_torch(extra=EXTRA)
    dtype = getattr(torch, options.dtype)
    transformer = load_part(
        kind, folder, part="transformer", fetch_command=fetch_command, torch_dtype=dtype, use_safetensors=True
    )
    transformer.eval().requires_grad_(requires_grad=False)
    loras = {"style": (options.lora, options.lora_scale), "relight": (options.relight_lora, 1.0)}
    given = {name: (Path(path), scale) for name, (path, scale) in loras.items() if path is not None}
    for name, (path, _scale) in given.items():
        load_lora(only_with(pipeline, transformer=transformer), path, name=name, torch=torch)
    if given:
        transformer.set_adapters(list(given), [scale for _path, scale in given.values()])
    if options.fp8:
        transformer.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=dtype)
    if options.attention != "native":
        _set_attention(transformer, options.attention)
    if options.compile:
        transformer.compile_repeated_blocks(fullgraph=True)
    return transformer


def _set_attention(transformer: Any, name: str) -> None:
    try:
        transformer.set_attention_backend(name)
    except (ImportError, RuntimeError, ValueError) as error:
        raise MissingError(
            f"attention backend {name} cannot be used here ({error})", key="wan.attention", remedy="use native"
        ) from error
