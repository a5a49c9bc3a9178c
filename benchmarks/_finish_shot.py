"""A made-up shot for the finish benchmark: every file that a comp frame is made of, at any size."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR

from wanfx.backends.draft import DraftGenerator
from wanfx.backends.fake import FakeGenerator
from wanfx.cancel import Cancellation
from wanfx.delivery import ShotFolder
from wanfx.events import EventLog
from wanfx.frames import Box, FrameRange
from wanfx.images import FramePattern, Matte, Plate
from wanfx.io import exr
from wanfx.ops.camera import CameraPath
from wanfx.options import Options
from wanfx.shot import parse_shot
from wanfx.stages.clean import write_clean
from wanfx.stages.comp_frame import FinishInputs
from wanfx.stages.conditioning import Conditioning
from wanfx.stages.context import RunContext
from wanfx.stages.generate import Generated
from wanfx.stages.grain import run_grain
from wanfx.stages.ingest import Ingested
from wanfx.stages.match import run_match
from wanfx.stages.refine import Refined, write_canvas_matte
from wanfx_color.configs import load_config
from wanfx_color.model_space import ModelSpace


class _Painter(FakeGenerator):
    """A generator that does not give the background back as it was given."""

    keeps_background = False


class FinishShot:
    """A shot of grainy plates with a subject of a fifth of the picture's width and nine tenths of its height."""

    def __init__(self, folder: Path, canvas: Box, count: int) -> None:
        self.folder = folder
        self.plate = Plate(
            pattern=FramePattern(str(folder / "plate.####.exr")), frames=FrameRange(1001, 1000 + count), canvas=canvas,
            display_window=canvas, pixel_aspect=1.0, color_space="ACEScg", pixel_type="half", fps=Fraction(24),
            timecode=None, source="plate.####.exr", source_color_space="ACEScg", color_space_from="the shot",
        )  # fmt: skip
        self.crop = _subject(canvas, room=0.25)
        self.patterns = {
            name: FramePattern(str(folder / f"{name}.####.exr")) for name in ("clean", "old", "new", "gen")
        }
        self._paint(canvas)
        self.context = _context(folder)
        self.inputs = self._inputs()

    def _paint(self, canvas: Box) -> None:
        random = np.random.default_rng(1)
        shape = (canvas.height, canvas.width, 3)
        ramp = np.linspace(0.02, 1.5, canvas.width, dtype=np.float32)[None, :, None]
        old, new = (_ellipse(canvas, _subject(canvas, room=room)) for room in (0.0, 0.05))
        for frame in self.plate.frames:
            grain = random.normal(1.0, 0.03, shape).astype(np.float32)
            rgb = (ramp * grain).astype(np.float16)
            exr.write_rgb(self.plate.path(frame), rgb, data_window=canvas, compression="zip")
            write_clean(self.patterns["clean"].path(frame), rgb, np.ones(shape[:2], np.float32), plate=self.plate)
            write_canvas_matte(self.patterns["old"].path(frame), old, plate=self.plate)
            write_canvas_matte(self.patterns["new"].path(frame), new, plate=self.plate)
            model = random.uniform(-0.5, 0.5, (self.crop.height, self.crop.width, 3)).astype(np.float16)
            alpha = new[self.crop.slices()].astype(np.float16)[..., None]
            box = Box(0, 0, self.crop.width, self.crop.height)
            part = exr.Part("model_space", np.concatenate([model, alpha], axis=2), ("R", "G", "B", "A"))
            exr.write_parts(self.patterns["gen"].path(frame), [part], data_window=box, display_window=box)

    def _inputs(self) -> FinishInputs:
        frames = self.plate.frames
        hashes = dict.fromkeys(frames, "")
        conditioning = Conditioning(
            plate=self.plate, size=self.crop.size, crops=dict.fromkeys(frames, self.crop), space=ModelSpace(0.0),
            background=self.patterns["clean"], background_hashes=hashes, character=None, key="",
        )  # fmt: skip
        measures: dict[int, dict[str, Any]] = {frame: {"plate_error": 0.0, "at_ceiling": 0.0} for frame in frames}
        return FinishInputs(
            conditioning=conditioning,
            generated=Generated(self.patterns["gen"], hashes, measures, DraftGenerator()),
            bridge=conditioning.bridge(self.context.color),
            old=Matte("old", self.patterns["old"], frames), old_hashes=hashes,
            new=Matte("new", self.patterns["new"], frames), new_hashes=hashes,
            confidence=dict.fromkeys(frames, 1.0), plate_hashes=hashes, layer="subject", provenance={},
        )  # fmt: skip

    def with_everything(self) -> tuple[FinishInputs, dict[str, float]]:
        """The inputs of a generator that paints the background anew, with a cast, and casts a shadow: all layers are
        found, with plate lock, grain and sharpness; and the seconds a frame that measuring these took.
        """
        generated = self._paint_anew()
        inputs, frames = replace(self.inputs, generated=generated), self.plate.frames
        refined = Refined(inputs.old, dict.fromkeys(frames, ""), {}, ())
        ingested: Any = Ingested(
            self.plate, None, self.patterns["clean"], self.plate.canvas.size, dict.fromkeys(frames, ""),
            {frame: {"max_linear": 1.6} for frame in frames}, 0.0,
        )  # fmt: skip
        start = time.perf_counter()
        match = run_match(
            self.context, inputs.conditioning, generated, refined, inputs.bridge, frames=frames,
            plate_hashes=inputs.plate_hashes,
        )  # fmt: skip
        matched = time.perf_counter()
        still = CameraPath(dict.fromkeys(frames, np.eye(3)), dict.fromkeys(frames, 1.0))
        grain = run_grain(
            self.context, ingested, refined, still, inputs.conditioning, generated, inputs.bridge, frames=frames,
            subject="subject",
        )  # fmt: skip
        seconds = {"match": (matched - start) / len(frames), "grain": (time.perf_counter() - matched) / len(frames)}
        shown = dict.fromkeys(frames, 0.5)
        return replace(inputs, generated=match.generated, match=match, grain=grain, reveal=shown), seconds

    def _paint_anew(self) -> Generated:
        """Frames with the plate's own background in another light, and a shadow across it."""
        bridge, crop = self.inputs.bridge, self.crop
        pattern = FramePattern(str(self.folder / "painted.####.exr"))
        rows = np.linspace(0, 1, crop.height, dtype=np.float32)[:, None, None]
        light = 1 - np.float32(0.6) * np.exp(-(((rows - 0.85) / 0.05) ** 2)) * np.array([1.1, 1.0, 0.9], np.float32)
        box = Box(0, 0, crop.width, crop.height)
        for frame in self.plate.frames:
            rgb = exr.read_frame(self.plate.path(frame), frame=frame).rgb[crop.slices()].astype(np.float32)
            part = exr.Part("model_space", bridge.encode(rgb * light), ("R", "G", "B"))
            exr.write_parts(pattern.path(frame), [part], data_window=box, display_window=box)
        return replace(self.inputs.generated, pattern=pattern, generator=_Painter())

    def read_inputs(self, frame: int) -> None:
        """Every file that a comp frame is made of, decoded by OpenEXR alone."""
        for path in (self.plate.path(frame), *(pattern.path(frame) for pattern in self.patterns.values())):
            with OpenEXR.File(str(path), separate_channels=True) as file:
                file.channels()

    def oiiotool(self, frame: int) -> None:
        """The same reads, an over, and a write of as many channels."""
        tool = shutil.which("oiiotool") or str(Path(sys.executable).with_name("oiiotool"))
        plate, clean, old, new = (
            str(path) for path in (
                self.plate.path(frame), self.patterns["clean"].path(frame), self.patterns["old"].path(frame),
                self.patterns["new"].path(frame),
            )
        )  # fmt: skip
        out = self.folder / "oiiotool.exr"
        command = [
            tool, "--threads", "2", new, "--ch", "R,G,B,A", plate, "--ch", "R,G,B,A=1", "--over",
            new, "--ch", "R,G,B,A", clean, "--ch", "R,G,B", old, "--ch", "R,G,B", old, "--ch", "A", new, "--ch", "A",
            old, "--ch", "A", new, "--ch", "A", old, "--ch", "A", old, "--ch", "A",
            "--siappendall", "-d", "half", "--compression", "zip", "-o", str(out),
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)
        out.unlink()


def _subject(canvas: Box, *, room: float) -> Box:
    width, height = round(canvas.width * 0.2 * (1 + room)), round(canvas.height * 0.8 * (1 + room))
    x0, y0 = (canvas.width - width) // 2, (canvas.height - height) // 2
    return Box(x0, y0, x0 + width, y0 + height)


def _ellipse(canvas: Box, box: Box) -> np.ndarray[Any, np.dtype[np.float32]]:
    y, x = np.mgrid[0 : canvas.height, 0 : canvas.width].astype(np.float32)
    cx, cy = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    radius = np.hypot((x - cx) / box.width * 2, (y - cy) / box.height * 2)
    return np.clip((1 - radius) * box.width / 8, 0, 1).astype(np.float32)


def _context(folder: Path) -> RunContext:
    shot = parse_shot({"name": "bench", "task": "replace", "plate": "plate.####.exr", "reference": "none.png"})
    shot_folder = ShotFolder.of(folder, shot="bench")
    events = EventLog(folder / "events.jsonl", run="bench")
    cancellation = Cancellation(folder / "cancel", beat=lambda: None, on_forced=lambda: None)
    values = {"finish.compression": "zip", "grain.match": "on", "grain.sharpness": "plate"}
    options = Options().with_values(values, source="flag")
    return RunContext(shot, options, shot_folder, shot_folder.in_progress(), load_config(), events, cancellation)
