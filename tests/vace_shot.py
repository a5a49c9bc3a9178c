"""Wan2.1-VACE at toy size, and shots for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from tiny import make_tiny_shot

from wanfx.backends.protocols import GeneratedFrame, WindowInputs
from wanfx.backends.registry import add_generator
from wanfx.backends.wan_vace import WanVaceGenerator, show_window
from wanfx.backends.wan_vace_window import VaceWindow
from wanfx.backends.weights import HubSource, ModelSet
from wanfx.cli.main import main

sys.path.append(str(Path(__file__).parent / "backends"))

NAME, WINDOW, STEPS = "test-wan-vace", 9, 2
_CAST = np.float32(0.01)
BACKGROUND = {"path": "reference.png", "prompt": "a figure walks along a beach"}


class TinyVace(WanVaceGenerator):
    """The generator with tiny networks, for tiny pictures; ``shown`` and ``given`` are what its windows were,
    ``plates`` their plates and actors, ``last`` the generators that made them.
    """

    name = NAME
    areas_px: ClassVar = {"480p": 48 * 64, "720p": 48 * 96}
    folder = Path()
    made: ClassVar[list[int]] = []
    shown: ClassVar[list[VaceWindow]] = []
    given: ClassVar[list[list[GeneratedFrame]]] = []
    plates: ClassVar[list[list[tuple[Any, Any]]]] = []
    last: ClassVar[list[TinyVace]] = []
    stops_after = 99
    knows_plate = False

    def __init__(self) -> None:
        source = HubSource("tiny/vace", "0")
        super().__init__(
            ModelSet("wan-vace-14b", "1", "Apache-2.0", "diffusers", "wan", source, contents=(), folder=self.folder)
        )

    def generate(self, inputs: WindowInputs) -> Iterator[GeneratedFrame]:
        """As ever, but broken off before the window after ``stops_after``."""
        if len(self.made) >= self.stops_after:
            raise KeyboardInterrupt
        self.made.append(inputs.frames[0])
        assert inputs.guide is not None
        self.shown.append(show_window(inputs, inputs.guide))
        frames = list(super().generate(inputs))
        self.given.append(frames)
        self.plates.append([(inputs.plate(frame), inputs.mask(frame)) for frame in inputs.frames])
        self.last.append(self)
        for frame, made in zip(inputs.frames, frames, strict=True):
            # Untrained networks know no plate: what is kept they get, a little off, as trained ones give it.
            known = inputs.plate(frame) * np.float32(1.02) + _CAST
            drawn = inputs.guide.show(frame, known)[1][..., None] > 0
            yield GeneratedFrame(np.where(drawn, made.rgb, known), None) if self.knows_plate else made

    @classmethod
    def forget(cls) -> None:
        """What was made before."""
        for told in (cls.made, cls.shown, cls.given, cls.plates, cls.last):
            told.clear()
        cls.stops_after, cls.knows_plate = 99, False


def add_tiny_vace(folder: Path) -> None:
    """Let this process know the generator, with weights in ``folder``; nothing of it was made."""
    import torch
    from tiny_wan import save_vace_folder

    torch.set_num_threads(1)
    TinyVace.folder = folder
    save_vace_folder(folder)
    add_generator(NAME, TinyVace)
    TinyVace.forget()


def make_vace_shot(folder: Path, *, frames: int, background: dict[str, Any] | None = None, **changes: Any) -> Path:
    """A tiny shot whose actor is kept, in ``folder``/shot."""
    options: dict[str, Any] = {
        "task": "background",
        "background": BACKGROUND | (background or {}),
        "reference": None,
        "generate": {"backend": NAME, "window_frames": WINDOW},
        "wan": {"dtype": "float32", "steps": STEPS, "carried_frames": "1"},
    }
    return make_tiny_shot(folder / "shot", frames=frames, **(options | changes))


def run_vace(folder: Path, *flags: str) -> int:
    """Make the shot of `make_vace_shot`."""
    shot, out = folder / "shot" / "shot.json", folder / "out"
    return main(["run", str(shot), "--out", str(out), "--quiet", *flags])
