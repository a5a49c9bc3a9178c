"""wan-animate: Wan2.2-Animate-14B, window by window, from weights on the studio's own disks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np

from wanfx.backends.protocols import Array, Drive, GeneratedFrame, ModelCard, Quality, Task, WindowInputs
from wanfx.backends.torch_env import import_torch
from wanfx.backends.wan_animate_window import AnimateNetworks, AnimateWindow, Character
from wanfx.backends.wan_encoders import ANIMATE_PROMPT, NEGATIVE_PROMPT, read_texts, see_reference
from wanfx.backends.wan_load import EXTRA, import_from_diffusers, load_part, load_transformer
from wanfx.backends.wan_places import Clock, Places
from wanfx.backends.wan_plan import find_gpu, plan_qualities
from wanfx.backends.weights import ModelSet, fetch_command, find_set, set_folder
from wanfx.errors import MissingError, OptionError, OutOfMemoryError
from wanfx.frames import FrameRange
from wanfx.io.atomic import sha256_file
from wanfx.ops.fold import fold_index
from wanfx.ops.mask_grid import cut_hole
from wanfx.options import Options
from wanfx.wan_options import WanOptions, resolve_quality

SET = "wan-animate"
AREAS_PX = {"480p": 832 * 480, "720p": 1280 * 720}
_BYTE = np.float32(127.5)
# These change where the work is done, and not what comes out.
_NO_MATTER = ("offload",)


class WanAnimateGenerator:
    """The character does what the actor does, in the plate where the actor was or in its own picture.

    ``models`` are the set, found by its lock where it is not given; ``areas_px`` about how many pixels each size has.
    """

    name = "wan-animate"
    window_frames = 77
    pixel_type: Literal["half", "float"] = "float"
    keeps_background = False
    is_driven = True
    tasks: tuple[Task, ...] = ("replace", "animate")
    areas_px: Mapping[str, int] = AREAS_PX

    def __init__(self, models: ModelSet | None = None) -> None:
        self._models = models or find_set(SET)
        self._folder = set_folder(self._models)
        self.models: tuple[ModelCard, ...] = (model_card(self._models),)
        self.carried_frames = 1
        self.quality: Quality = "final"
        self.area_px: int | None = self.areas_px["720p"]
        self._options = resolve_quality(WanOptions(), "final")
        self._character: tuple[bytes, Character] | None = None

    def configure(self, options: Options) -> None:
        """Take over what the options say of windows and quality. Raises OptionError, and MissingError for a LoRA."""
        asked = options.generate.quality
        self.quality = asked if asked in ("preview", "fast") else "final"
        self._options = resolve_quality(options.wan, self.quality)
        self.carried_frames = int(self._options.carried_frames)
        self.area_px = self.areas_px[self._options.size]
        self.window_frames = options.generate.window_frames or self.window_frames
        if self.window_frames % 4 != 1:
            raise OptionError(
                f"{self.window_frames} is not 4 n + 1, as wan-animate's windows are", key="generate.window_frames",
                remedy=f"set it to {self.window_frames // 4 * 4 + 1}, or leave it out",
            )  # fmt: skip
        for key in ("lora", "relight_lora"):
            _check_there(getattr(self._options, key), key=f"wan.{key}")

    @cached_property
    def settings(self) -> tuple[str, ...]:
        """The options as the quality has them, LoRAs by their hashes, and the length of windows."""
        values = {name: value for name, value in asdict(self._options).items() if name not in _NO_MATTER}
        for key in ("lora", "relight_lora"):
            values[key] = None if values[key] is None else sha256_file(Path(values[key]))
        return (f"window_frames={self.window_frames}", *(f"{name}={value}" for name, value in values.items()))

    def _choose_offload(self) -> str:
        """As asked; for ``auto`` the least that fits the GPU by estimate."""
        gpu = find_gpu()
        if self._options.offload != "auto" or gpu is None:
            return self._options.offload
        plans = plan_qualities(SET, self._options, gpu=gpu)
        return next(plan.offload for plan in plans if plan.quality == self.quality)

    @property
    def _guidance_scale(self) -> float:
        return self._options.guidance_scale or 1.0

    def load(self, *, cache: Path) -> None:
        """Load all networks; text features are kept in ``cache``. Raises MissingError."""
        torch, diffusers = import_torch(extra=EXTRA), import_from_diffusers("pipelines.wan.pipeline_wan_animate")
        options, command = self._options, fetch_command(self._models)
        pipeline = diffusers.WanAnimatePipeline
        prompts = [ANIMATE_PROMPT, *([NEGATIVE_PROMPT] if self._guidance_scale > 1 else [])]
        self._texts = read_texts(self._folder, prompts, pipeline=pipeline, cache=cache, fetch_command=command)
        vae = load_part(
            diffusers.AutoencoderKLWan, self._folder, part="vae", fetch_command=command, torch_dtype=torch.float32,
            use_safetensors=True,
        ).eval()  # fmt: skip
        if options.vae_tiling == "on":
            vae.enable_tiling()
        clock = Clock()
        transformer = load_transformer(
            diffusers.WanAnimateTransformer3DModel, self._folder, options=options, pipeline=pipeline,
            fetch_command=command, clock=clock,
        )  # fmt: skip
        how = {} if options.flow_shift is None else {"flow_shift": options.flow_shift}
        scheduler = load_part(
            diffusers.UniPCMultistepScheduler, self._folder, part="scheduler", fetch_command=command, **how
        )
        places = Places(self._choose_offload(), torch=torch)
        places.settle(transformer, vae)
        self._networks = AnimateNetworks(
            transformer=transformer, vae=vae, scheduler=scheduler, torch=torch, places=places, clock=clock
        )
        self._character = None

    def generate(self, inputs: WindowInputs) -> Iterator[GeneratedFrame]:
        """Every frame of the window; carried ones come first and are given back as they are.

        Raises OutOfMemoryError where the GPU's memory does not do.
        """
        try:
            made = self._make(inputs)
        except self._networks.torch.cuda.OutOfMemoryError as error:
            raise OutOfMemoryError(
                "the GPU has too little free memory for a window", key="wan.offload",
                remedy="run `wanfx plan`; set wan.offload=group, wan.vae_tiling=on or generate.quality=preview",
            ) from error  # fmt: skip
        for index in range(len(inputs.frames)):
            is_carried = index < len(inputs.carried)
            yield GeneratedFrame(inputs.carried[index] if is_carried else made[index], None)

    def _make(self, inputs: WindowInputs) -> Array:
        """The full window's frames."""
        window, steps = self._read(inputs), self._options.steps or 20
        return self._networks.generate(
            window, self._find_character(_drive(inputs)), noise=self._networks.draw_noise(window, seed=inputs.seed),
            steps=steps, guidance_scale=self._guidance_scale, on_step=lambda step: inputs.on_step(step, steps),
        )  # fmt: skip

    def frames_read(self, frames: FrameRange, *, shot: FrameRange) -> tuple[int, ...]:
        """A full window always: beyond its end the shot runs back and forth."""
        start = frames.first - shot.first
        folded = (fold_index(start + step, count=len(shot)) for step in range(self.window_frames))
        return tuple(shot.first + index for index in folded)

    def _read(self, inputs: WindowInputs) -> AnimateWindow:
        drive, frames = _drive(inputs), inputs.frames_read
        carried = np.stack(inputs.carried) if inputs.carried else None
        # Every frame is read once, though the shot's end comes back.
        if drive.is_whole:
            shown = {frame: self._steer(drive, frame) for frame in dict.fromkeys(frames)}
            pose, face = (np.stack(parts) for parts in zip(*(shown[f] for f in frames), strict=True))
            return AnimateWindow(pose, face, carried=carried)
        seen = {frame: self._see(inputs, drive, frame) for frame in dict.fromkeys(frames)}
        pose, face, background, mask = (np.stack(parts) for parts in zip(*(seen[f] for f in frames), strict=True))
        return AnimateWindow(pose, face, background, mask, carried)

    def _see(self, inputs: WindowInputs, drive: Drive, frame: int) -> tuple[Array, Array, Array, Array]:
        """A frame's pose, face, background and mask."""
        (pose, face), mask = self._steer(drive, frame), drive.mask(frame)
        # The hole is black: the model takes grey for what it does not know.
        background = np.clip(cut_hole(inputs.plate(frame), mask=mask, black=-1.0), -1, 1)
        return pose, face, background, mask.astype(np.float32)

    def _steer(self, drive: Drive, frame: int) -> tuple[Array, Array]:
        """A frame's pose and face."""
        side, face = self._networks.face_px, drive.face(frame)
        if face.shape[:2] != (side, side):
            face = np.asarray(cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
        return _from_bytes(drive.pose(frame)), _from_bytes(face)

    def _find_character(self, drive: Drive) -> Character:
        """The reference, encoded; once for all windows of a shot."""
        model, networks, texts = drive.reference_model, self._networks, self._texts
        key = model.tobytes()
        if self._character is None or self._character[0] != key:
            seen = see_reference(self._folder, drive.reference_display, fetch_command=fetch_command(self._models))
            found = Character(
                networks.encode_reference(model),
                networks.settle(seen),
                networks.settle(texts[ANIMATE_PROMPT]),
                networks.settle(texts[NEGATIVE_PROMPT]) if self._guidance_scale > 1 else None,
            )
            self._character = key, found
        return self._character[1]


def model_card(models: ModelSet) -> ModelCard:
    """The set as the manifest names it: its hash is that of its lock, which has every file's."""
    return ModelCard(models.source.project, models.revision, models.licence, models.digest)


def _check_there(path: str | None, *, key: str) -> None:
    if path is not None and not Path(path).is_file():
        raise MissingError("there is no such file", path=path, key=key, remedy="check the path")


def _drive(inputs: WindowInputs) -> Drive:
    if inputs.drive is None:
        raise MissingError(
            "wan-animate needs the actor's poses and faces, which this task does not find",
            key="generate.backend",
            remedy="use it for task replace or animate",
        )
    return inputs.drive


def _from_bytes(picture: Any) -> Array:
    """8-bit pictures as the model was shown them, in [-1, 1]."""
    return np.asarray(picture.astype(np.float32) / _BYTE - np.float32(1), np.float32)
