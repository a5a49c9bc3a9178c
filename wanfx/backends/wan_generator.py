"""What the generators of Wan's models have in common: options, weights from the studio's own disks, and memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from wanfx.backends.protocols import Array, GeneratedFrame, Join, ModelCard, Quality, WindowInputs
from wanfx.backends.seen_files import find_folder
from wanfx.backends.torch_env import import_torch
from wanfx.backends.wan_cache import cache_attention
from wanfx.backends.wan_load import EXTRA, import_from_diffusers, load_part, load_transformer
from wanfx.backends.wan_places import Clock, Places
from wanfx.backends.wan_plan import find_gpu, plan_qualities
from wanfx.backends.weights import ModelSet, fetch_command, set_folder
from wanfx.errors import MissingError, OptionError, OutOfMemoryError
from wanfx.io.atomic import sha256_file
from wanfx.options import Options
from wanfx.wan_options import WanOptions, resolve_quality

AREAS_PX = {"480p": 832 * 480, "720p": 1280 * 720}
# These change where the work is done, and not what comes out; the model is told by its card.
_NO_MATTER = ("offload", "model")


class WanGenerator:
    """To be inherited; ``network`` is the network whose size memory is planned by, ``areas_px`` about how many pixels
    each size has.
    """

    name: str
    window_frames: int
    carries: tuple[int, ...]
    joins: Join = "dissolve"
    pixel_type: Literal["half", "float"] = "float"
    keeps_background = False
    areas_px: Mapping[str, int] = AREAS_PX

    def __init__(self, models: ModelSet, *, network: str) -> None:
        self._models, self.network = models, network
        self._folder = set_folder(models)
        self.models: tuple[ModelCard, ...] = (model_card(models),)
        self.carried_frames = self.carries[0]
        self.quality: Quality = "final"
        self._options = resolve_quality(WanOptions(), "final", network=network)
        self.area_px: int | None = self.areas_px[self._options.size]

    def configure(self, options: Options) -> None:
        """Take over what the options say of windows and quality. Raises OptionError, and MissingError for a LoRA."""
        asked = options.generate.quality
        self.quality = asked if asked in ("preview", "fast") else "final"
        self._options = resolve_quality(options.wan, self.quality, network=self.network)
        self.carried_frames = self._choose_carry()
        self.area_px = self.areas_px[self._options.size]
        self.window_frames = options.generate.window_frames or self.window_frames
        if self.window_frames % 4 != 1:
            raise OptionError(
                f"{self.window_frames} is not 4 n + 1, as {self.name}'s windows are", key="generate.window_frames",
                remedy=f"set it to {self.window_frames // 4 * 4 + 1}, or leave it out",
            )  # fmt: skip
        for key in ("lora", "relight_lora"):
            _check_there(getattr(self._options, key), key=f"wan.{key}")

    def _choose_carry(self) -> int:
        asked = self._options.carried_frames
        if asked == "auto":
            return self.carries[0]
        if int(asked) not in self.carries:
            known = " or ".join(str(count) for count in self.carries)
            raise OptionError(
                f"{self.name} takes over {known} frames, not {asked}", key="wan.carried_frames",
                remedy=f"set it to {self.carries[0]}, or leave it out",
            )  # fmt: skip
        return int(asked)

    @cached_property
    def settings(self) -> tuple[str, ...]:
        """The options as the quality has them, LoRAs by their hashes, and the length of windows; nothing that leaves
        what comes out as it is.
        """
        values = {name: value for name, value in asdict(self._options).items() if name not in _NO_MATTER}
        for key in ("lora", "relight_lora"):
            values[key] = None if values[key] is None else sha256_file(Path(values[key]))
        values["carried_frames"] = self.carried_frames
        values["guidance_scale"] = self._guidance_scale
        values["lora_scale"] = None if values["lora"] is None else values["lora_scale"]
        return (f"window_frames={self.window_frames}", *(f"{name}={value}" for name, value in values.items()))

    @property
    def _fetch_command(self) -> str:
        return fetch_command(self._models)

    @property
    def _guidance_scale(self) -> float:
        return self._options.guidance_scale or 1.0

    @property
    def _steps(self) -> int:
        assert self._options.steps is not None
        return self._options.steps

    def _choose_offload(self) -> str:
        """As asked; for ``auto`` the least that fits the GPU by estimate."""
        gpu = find_gpu()
        if self._options.offload != "auto" or gpu is None:
            return self._options.offload
        plans = plan_qualities(self.network, self._options, gpu=gpu, window_frames=self.window_frames)
        return next(plan.offload for plan in plans if plan.quality == self.quality)

    def _check_weights(self) -> None:
        """Raise MissingError where a file is not what was locked; a set without a lock has none to compare with."""
        if self._models.contents:
            find_folder(self._models)

    def _load_networks(self, *, transformer: str, pipeline: Any) -> dict[str, Any]:
        """Transformer, autoencoder and scheduler where they stay, and what goes with them. Raises MissingError."""
        torch = import_torch(extra=EXTRA)
        diffusers, command, options = import_from_diffusers("models"), self._fetch_command, self._options
        vae = load_part(
            diffusers.AutoencoderKLWan, self._folder, part="vae", fetch_command=command, torch_dtype=torch.float32,
            use_safetensors=True,
        ).eval().requires_grad_(requires_grad=False)  # fmt: skip
        if options.vae_tiling == "on":
            vae.enable_tiling()
        clock = Clock()
        loaded = load_transformer(
            getattr(diffusers, transformer), self._folder, options=options, pipeline=pipeline, fetch_command=command,
        )  # fmt: skip
        if options.cache == "attention":
            cache_attention(loaded, clock)
        how = {} if options.flow_shift is None else {"flow_shift": options.flow_shift}
        schedulers = import_from_diffusers("schedulers")
        scheduler = load_part(
            schedulers.UniPCMultistepScheduler, self._folder, part="scheduler", fetch_command=command, **how
        )
        places = Places(self._choose_offload(), torch=torch)
        places.settle(loaded, vae)
        return {"transformer": loaded, "vae": vae, "scheduler": scheduler, "torch": torch, "places": places,
                "clock": clock}  # fmt: skip

    def generate(self, inputs: WindowInputs) -> Iterator[GeneratedFrame]:
        """Every frame of the window; carried ones come first and are given back as they are.

        Raises OutOfMemoryError where the GPU's memory does not do.
        """
        try:
            made = self._make(inputs)
        except import_torch(extra=EXTRA).cuda.OutOfMemoryError as error:
            raise OutOfMemoryError(
                "the GPU has too little free memory for a window", key="wan.offload",
                remedy="run `wanfx plan`; set wan.offload=group, wan.vae_tiling=on or generate.quality=preview",
            ) from error  # fmt: skip
        for index in range(len(inputs.frames)):
            is_carried = index < len(inputs.carried)
            yield GeneratedFrame(inputs.carried[index] if is_carried else made[index], None)

    def _make(self, inputs: WindowInputs) -> Array:
        """All frames that the model makes of a window (frames, H, W, 3)."""
        raise NotImplementedError


def model_card(models: ModelSet) -> ModelCard:
    """The set as the manifest names it: its hash is that of its lock, which has every file's."""
    return ModelCard(models.source.project, models.revision, models.licence, models.digest)


def _check_there(path: str | None, *, key: str) -> None:
    if path is not None and not Path(path).is_file():
        raise MissingError("there is no such file", path=path, key=key, remedy="check the path")
