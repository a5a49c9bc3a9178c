"""wan-animate: Wan2.2-Animate-14B, window by window, from weights on the studio's own disks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from wanfx.backends.protocols import Task, WindowInputs
from wanfx.backends.steering import Array, Drive
from wanfx.backends.wan_animate_window import AnimateNetworks, AnimateWindow, Character
from wanfx.backends.wan_encoders import ANIMATE_PROMPT, NEGATIVE_PROMPT, read_texts, see_reference
from wanfx.backends.wan_generator import WanGenerator
from wanfx.backends.wan_load import import_from_diffusers
from wanfx.backends.weights import ModelSet, find_set
from wanfx.errors import MissingError
from wanfx.frames import FrameRange
from wanfx.ops.fold import fold_index
from wanfx.ops.mask_grid import cut_hole

SET = "wan-animate"
_BYTE = np.float32(127.5)


class WanAnimateGenerator(WanGenerator):
    """The character does what the actor does, in the plate where the actor was or in its own picture.

    ``models`` are the set, found by its lock where it is not given.
    """

    name = SET
    window_frames = 77
    carries = (1, 5)
    is_driven = True
    is_prompted = False
    tasks: tuple[Task, ...] = ("replace", "animate")

    def __init__(self, models: ModelSet | None = None) -> None:
        super().__init__(models or find_set(SET), network=SET)
        self._character: tuple[bytes, Character] | None = None

    def load(self, *, cache: Path) -> None:
        """Load all networks; text features are kept in ``cache``. Raises MissingError."""
        self._check_weights()
        pipeline = import_from_diffusers("pipelines.wan.pipeline_wan_animate").WanAnimatePipeline
        prompts = [ANIMATE_PROMPT, *([NEGATIVE_PROMPT] if self._guidance_scale > 1 else [])]
        self._texts = read_texts(
            self._folder,
            prompts,
            pipeline=pipeline,
            cache=cache,
            fetch_command=self._fetch_command,
            digest=self._models.digest,
        )
        self._networks = AnimateNetworks(
            **self._load_networks(transformer="WanAnimateTransformer3DModel", pipeline=pipeline)
        )
        self._character = None

    def _make(self, inputs: WindowInputs) -> Array:
        """The full window's frames."""
        window, steps = self._read(inputs), self._steps
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
            seen = see_reference(self._folder, drive.reference_display, fetch_command=self._fetch_command)
            found = Character(
                networks.encode_reference(model),
                networks.settle(seen),
                networks.settle(texts[ANIMATE_PROMPT]),
                networks.settle(texts[NEGATIVE_PROMPT]) if self._guidance_scale > 1 else None,
            )
            self._character = key, found
        return self._character[1]


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
