"""wan-vace: Wan2.1-VACE, 14B or 1.3B, draws the world around a kept actor, window by window."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np

from wanfx.backends.protocols import Join, Task, WindowInputs
from wanfx.backends.steering import Array, Guide
from wanfx.backends.wan_encoders import NEGATIVE_PROMPT, read_texts
from wanfx.backends.wan_generator import WanGenerator
from wanfx.backends.wan_load import import_from_diffusers
from wanfx.backends.wan_vace_window import VaceNetworks, VaceText, VaceWindow
from wanfx.backends.weights import ModelSet
from wanfx.errors import MissingError
from wanfx.frames import FrameRange
from wanfx.ops.fold import fold_index


class WanVaceGenerator(WanGenerator):
    """The actor stays, the world around him is drawn. ``models`` are the set: which of the two it is, its name says."""

    name = "wan-vace"
    window_frames = 81
    carries = (5, 1, 9, 13, 17)
    joins: Join = "pin"
    is_driven = False
    is_prompted = True
    tasks: tuple[Task, ...] = ("background",)

    def __init__(self, models: ModelSet) -> None:
        super().__init__(models, network=models.name)
        self._text: tuple[tuple[str, str | None], VaceText] | None = None

    def load(self, *, cache: Path) -> None:
        """Look for all networks; text features will be kept in ``cache``. Raises MissingError."""
        self._check_weights()
        self._pipeline = import_from_diffusers("pipelines.wan.pipeline_wan_vace").WanVACEPipeline
        self._cache = cache
        self._text = None
        self.__dict__.pop("_networks", None)

    @cached_property
    def _networks(self) -> VaceNetworks:
        """Loaded once texts were read: their encoder and these need not be on the GPU together."""
        loaded = self._load_networks(transformer="WanVACETransformer3DModel", pipeline=self._pipeline)
        return VaceNetworks(**loaded)

    def frames_read(self, frames: FrameRange, *, shot: FrameRange) -> tuple[int, ...]:
        """As many as 4 n + 1 need: beyond its end the shot runs back and forth."""
        start, count = frames.first - shot.first, -(-(len(frames) - 1) // 4) * 4 + 1
        return tuple(shot.first + fold_index(start + step, count=len(shot)) for step in range(count))

    def _make(self, inputs: WindowInputs) -> Array:
        guide, steps = _guide(inputs), self._steps
        text, window = self._read_text(guide), show_window(inputs, guide)
        return self._networks.generate(
            window, self._networks.settle(text), noise=self._networks.draw_noise(window, seed=inputs.seed), steps=steps,
            guidance_scale=self._guidance_scale, on_step=lambda step: inputs.on_step(step, steps),
        )  # fmt: skip

    def _read_text(self, guide: Guide) -> VaceText:
        """The prompts' features, on the CPU; once for all windows of a shot."""
        key = guide.prompt, guide.negative_prompt
        if self._text is None or self._text[0] != key:
            away = NEGATIVE_PROMPT if guide.negative_prompt is None else guide.negative_prompt
            wanted = [guide.prompt, *([away] if self._guidance_scale > 1 else [])]
            texts = read_texts(
                self._folder,
                wanted,
                pipeline=self._pipeline,
                cache=self._cache,
                fetch_command=self._fetch_command,
                digest=self._models.digest,
            )
            self._text = key, VaceText(*(texts[text] for text in wanted))
        return self._text[1]


def show_window(inputs: WindowInputs, guide: Guide) -> VaceWindow:
    """A window as the model is shown it: carried and pinned frames are kept whole."""
    # Every frame is read once, though the shot's end comes back.
    seen = {frame: guide.show(frame, inputs.plate(frame)) for frame in dict.fromkeys(inputs.frames_read)}
    video = np.stack([seen[frame][0] for frame in inputs.frames_read])
    mask = np.stack([seen[frame][1] for frame in inputs.frames_read])
    for index, carried in enumerate(inputs.carried):
        video[index], mask[index] = carried, 0
    for index, pinned in enumerate(inputs.pinned, len(video) - len(inputs.pinned)):
        video[index], mask[index] = pinned, 0
    return VaceWindow(np.clip(video, -1, 1), mask, guide.references)


def _guide(inputs: WindowInputs) -> Guide:
    if inputs.guide is None:
        raise MissingError(
            "wan-vace needs a prompt and what is kept, which this task does not have", key="generate.backend",
            remedy="use it for task background",
        )  # fmt: skip
    return inputs.guide
