"""reveal: generated frames, clean plate -> how far each frame shows the generated background where the old subject was.

A window is decided as a whole, from what it and the windows before it show, so it never flickers and a range has what
a whole run has. A range that joins approved frames has what these have.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import numpy.typing as npt

from wanfx.frames import Box, FrameRange
from wanfx.io import exr
from wanfx.ops.crop import cut, from_model
from wanfx.ops.edges import bounding_box, grow_matte
from wanfx.ops.seam import SeamErrors, fade_sources, is_generated_better, seam_error
from wanfx.pixels import to_finite, to_float
from wanfx.stages.clean import read_clean
from wanfx.stages.conditioning import Conditioning, SpaceBridge
from wanfx.stages.context import Made, RunContext, stage_key
from wanfx.stages.generated import Generated, read_generated
from wanfx.stages.refine import Refined
from wanfx.stages.windows import Window
from wanfx.units import Unit

STAGE = "reveal"
VERSION = 1
Array = npt.NDArray[np.float32]
_SAMPLES = 5
_FLOOR = 0.005


def run_reveal(
    run: RunContext, conditioning: Conditioning, generated: Generated, refined: Refined, bridge: SpaceBridge, *,
    frames: FrameRange,
) -> dict[int, float]:  # fmt: skip
    """In [0, 1] for every one of ``frames``: 0 shows the clean plate, 1 the generated background."""
    asked = run.options.finish.reveal
    if conditioning.is_whole:
        return dict.fromkeys(frames, 0.0)
    if conditioning.is_empty and asked == "auto":
        # Whoever asks a model to remove somebody wants to see what it drew.
        return dict.fromkeys(frames, 0.0 if generated.generator.keeps_background else 1.0)
    if asked != "auto" or generated.generator.keeps_background or conditioning.is_world:
        return dict.fromkeys(frames, float(asked == "generated" and not conditioning.is_world))
    known = None if generated.retake is None else generated.retake.reveal()
    if known is not None:
        return {frame: known[frame] for frame in frames}
    look = _Looker(run, conditioning, generated, refined, bridge)
    windows = generated.windows(run, conditioning.plate.frames, frames=frames)
    if not generated.generator.carried_frames:
        # Windows of which the one before may not be there are decided alone.
        chosen = [fade_sources([choice]) for choice in _choose(run, look, windows, remembers=False)]
        weights = {frame: weight for one in chosen for frame, weight in one.items()}
    else:
        weights = fade_sources(list(_choose(run, look, windows, remembers=True)))
    return {frame: weights[frame] for frame in frames}


def _choose(
    run: RunContext, look: _Looker, windows: list[Window], *, remembers: bool
) -> Iterator[tuple[list[int], bool]]:
    """Each window's new frames, and whether they show the generated background."""
    was_generated = False
    with run.stage(STAGE, units=len(windows)) as progress:
        for window in windows:
            unit = Unit(STAGE, f"window.{look.label(window)}", look.key(window))
            record = progress.make(unit, partial(look.measure, window))
            errors = [SeamErrors(**one) for one in record.facts["errors"]]
            was_generated = is_generated_better(errors, was_generated=was_generated and remembers)
            yield list(window.new_frames), was_generated


class _Looker:
    """Measures a few frames of a window."""

    def __init__(
        self, run: RunContext, conditioning: Conditioning, generated: Generated, refined: Refined, bridge: SpaceBridge
    ) -> None:
        self._conditioning, self._generated, self._refined, self._bridge = conditioning, generated, refined, bridge
        self._grow_px = run.options.clean.grow_px

    def label(self, window: Window) -> str:
        """The window's name."""
        return self._generated.label(window)

    def _sampled(self, window: Window) -> list[int]:
        frames = list(window.new_frames)
        places = np.linspace(0, len(frames) - 1, min(_SAMPLES, len(frames)))
        return [frames[round(float(place))] for place in places]

    def key(self, window: Window) -> str:
        """What the window's figures depend on."""
        conditioning = self._conditioning
        content = [
            (
                self._generated.hashes[frame], conditioning.background_hashes[frame], self._refined.hashes[frame],
                conditioning.crops[frame].as_list(),
            )
            for frame in self._sampled(window)
        ]  # fmt: skip
        return stage_key(STAGE, VERSION, content, conditioning.key, self._grow_px)

    def measure(self, window: Window) -> Made:
        """The errors of those frames that have something to be measured by."""
        errors = [one for frame in self._sampled(window) if (one := self._errors(frame))]
        return Made((), {"errors": errors})

    def _errors(self, frame: int) -> dict[str, float]:
        """What `SeamErrors` is made of; empty where the ring is too small."""
        conditioning = self._conditioning
        plate, crop = conditioning.plate, conditioning.crops[frame]
        old = np.ascontiguousarray(cut(exr.read_matte(self._refined.matte.path(frame), canvas=plate.canvas), crop))
        hidden = grow_matte(old, radius_px=self._grow_px)
        box = bounding_box(hidden)
        whole = Box(0, 0, crop.width, crop.height)
        there = box.grow(max(16, box.height // 4)).clip(whole).slices()
        clean, seen = read_clean(conditioning.background.path(frame), plate=plate, frame=frame)
        rgb = exr.read_frame(plate.path(frame), canvas=plate.canvas, frame=frame).rgb
        model, _alpha = read_generated(self._generated.pattern.path(frame), frame=frame)
        made = self._bridge.decode(from_model(model, crop=crop, shift=self._generated.shift(frame)))
        if box.is_empty:
            return {}
        ring, level = (hidden > 0) & (old == 0), hidden == 0
        floor = _FLOOR * 2.0**-conditioning.space.exposure_stops
        truth, fill = (to_finite(cut(picture, crop))[there] for picture in (rgb, clean))
        of_clean = seam_error(fill, truth, ring[there], floor=floor)
        of_made = seam_error(made[there], truth, ring[there], floor=floor, level=level[there])
        if of_clean is None or of_made is None:
            return {}
        unseen = float((1 - to_float(cut(seen, crop)))[old > 0].mean()) if (old > 0).any() else 0.0
        found = {"clean": of_clean, "generated": of_made, "unseen": unseen}
        return {name: round(value, 5) for name, value in found.items()}
