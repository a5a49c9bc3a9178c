"""FLUX.2 klein 4B, an image editor under Apache-2.0, by diffusers' own pipeline. Pictures are for looking at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.backends.hub_sets import EDITOR
from wanfx.backends.protocols import ModelCard
from wanfx.backends.seen_files import find_folder
from wanfx.backends.torch_env import import_torch
from wanfx.backends.wan_load import EXTRA, import_from_diffusers
from wanfx.backends.weights import fetch_command, find_set
from wanfx.errors import InputError, MissingError, OutOfMemoryError

_STEPS = 4  # it is distilled to these
Array = npt.NDArray[np.float32]


def editor_card() -> ModelCard:
    """The editor as the manifest names it; its hash is that of its lock."""
    models = find_set(EDITOR)
    return ModelCard(models.source.project, models.revision, models.licence, models.digest)


def edit_picture(
    pictures: Sequence[Array], *, prompt: str, seed: int, key: str = "condition.reference", instead: str = "onto-plate"
) -> Array:
    """The first of ``pictures`` changed as ``prompt`` says; the others are what it speaks of.

    Pictures are (H, W, 3) display-encoded sRGB in [0, 1], and so is the result, of the first one's size, whose sides
    are multiples of 16. The model was trained on 8-bit pictures and is given them; what it makes is float. The same
    seed gives the same picture. Raises MissingError with the command that gets the weights, OutOfMemoryError, and
    InputError for pictures that are too small or too narrow; ``key`` is the option that asks for the edit, ``instead``
    what it can be set to where there can be none.
    """
    models = find_set(EDITOR)
    pipeline = _load(find_folder(models), fetch_command=fetch_command(models))
    torch = import_torch(extra=EXTRA)
    height, width = pictures[0].shape[:2]
    try:
        with torch.inference_mode():
            made = pipeline(
                image=[_to_pil(picture) for picture in pictures], prompt=prompt, height=height, width=width,
                num_inference_steps=_STEPS, generator=torch.Generator("cpu").manual_seed(seed), output_type="np",
                text_encoder_out_layers=_layers(pipeline.text_encoder.config.num_hidden_layers),
            )  # fmt: skip
    except ValueError as error:
        raise InputError(
            f"the image editor cannot take these pictures ({error})", key=key,
            remedy=f"give a larger picture, or set {key}={instead}",
        ) from error  # fmt: skip
    except torch.cuda.OutOfMemoryError as error:
        raise OutOfMemoryError(
            "the GPU has too little free memory for the image editor", key=key,
            remedy=f"close other programs, or set {key}={instead}",
        ) from error  # fmt: skip
    return np.asarray(made.images[0], np.float32)


def _load(folder: Path, *, fetch_command: str) -> Any:
    torch = import_torch(extra=EXTRA)
    klein = import_from_diffusers("pipelines.flux2.pipeline_flux2_klein").Flux2KleinPipeline
    has_gpu = torch.cuda.is_available()
    try:
        pipeline = klein.from_pretrained(
            folder, local_files_only=True, use_safetensors=True,
            dtype=torch.bfloat16 if has_gpu else torch.float32,
        )  # fmt: skip
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MissingError(f"cannot be loaded ({reason})", path=folder, remedy=f"run `{fetch_command}`") from error
    pipeline.set_progress_bar_config(disable=True)
    if has_gpu:
        pipeline.enable_model_cpu_offload()
    return pipeline


def _layers(count: int) -> tuple[int, ...]:
    """The layers of the text encoder that are read: of 36 the ninth, the eighteenth and the twenty-seventh."""
    return count // 4, count // 2, count * 3 // 4


def _to_pil(display: Array) -> Any:
    from PIL import Image

    return Image.fromarray(np.asarray(np.rint(np.clip(display, 0, 1) * 255), np.uint8))
