"""How fast a comp frame is finished, against a pure OpenEXR write of the same parts plus the reads, and oiiotool.

All in one run, frame by frame in turn, so that what else the machine does falls on all of them alike.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
from _report import Figure, parse_arguments, report

from wanfx.ahead import WORKERS
from wanfx.backends.draft import DraftGenerator
from wanfx.backends.fake import FakeGenerator
from wanfx.delivery import ShotFolder
from wanfx.events import EventLog
from wanfx.frames import Box, FrameRange
from wanfx.images import FramePattern, Matte, Plate
from wanfx.io import exr
from wanfx.options import Options
from wanfx.shot import parse_shot
from wanfx.stages.clean import write_clean
from wanfx.stages.comp_frame import CompMaker, FinishInputs
from wanfx.stages.conditioning import Conditioning
from wanfx.stages.context import RunContext
from wanfx.stages.generate import Generated
from wanfx.stages.refine import write_canvas_matte
from wanfx_color.configs import load_config
from wanfx_color.model_space import ModelSpace

_Planes = dict[str, dict[str, np.ndarray[Any, Any]]]


def main() -> None:
    """Measure 1920x1080 and 3840x2160."""
    given = parse_arguments(__doc__ or "", more=[("frames", int, 8, "frames of each size")])
    figures: list[Figure] = []
    for width, height in ((1920, 1080), (3840, 2160)):
        with tempfile.TemporaryDirectory() as folder:
            figures += _measure(Path(folder), Box(0, 0, width, height), given.frames)
    report(figures, json_file=given.json)


def _measure(folder: Path, canvas: Box, count: int) -> list[Figure]:
    """Pairs of frames, each done in every way in turn; the medians of the pairs."""
    setup = _Setup(folder, canvas, count)
    maker = CompMaker(setup.context, setup.inputs)
    everything = CompMaker(setup.context, setup.with_everything())
    frames = list(setup.plate.frames)
    seconds: dict[str, list[float]] = {
        name: [] for name in ("finish", "everything", "one", "pure", "reads", "oiiotool")
    }
    with ThreadPoolExecutor(WORKERS) as pool:
        for pair in zip(frames[::2], frames[1::2], strict=True):
            comps = [folder / f"comp.{frame}.exr" for frame in pair]
            seconds["finish"].append(_time(lambda p=pair, c=comps: list(pool.map(maker.make, p, c))) / 2)
            seconds["everything"].append(_time(lambda p=pair, c=comps: list(pool.map(everything.make, p, c))) / 2)
            seconds["one"].append(_time(lambda p=pair, c=comps: maker.make(p[0], c[0])))
            read, header = exr.read_parts(comps[0])
            # OpenEXR's module reads past strides, so the planes are laid out before the clock starts.
            parts = {
                name: {channel: np.ascontiguousarray(plane) for channel, plane in part.planes.items()}
                for name, part in read.items()
            }
            # wanfx makes two frames side by side, each with one thread; OpenEXR alone gets both threads for one.
            with _openexr_threads(2):
                seconds["reads"].append(_time(lambda p=pair: setup.read_inputs(p[0])))
                seconds["pure"].append(
                    seconds["reads"][-1] + _time(lambda x=parts, h=header: _write_pure(folder / "pure.exr", x, h))
                )
            seconds["oiiotool"].append(_time(lambda p=pair: setup.oiiotool(p[0])))
    middle = {name: float(np.median(values)) for name, values in seconds.items()}
    ratios = [ours / pure for ours, pure in zip(seconds["finish"], seconds["pure"], strict=True)]
    alone = [ours / pure for ours, pure in zip(seconds["one"], seconds["pure"], strict=True)]
    name = f"{canvas.width}x{canvas.height}"
    return [
        Figure(f"{name} finish, as a run does it ({WORKERS} frames at a time)", middle["finish"], "s/frame"),
        Figure(f"{name} finish rate", 1 / middle["finish"], "frames/s"),
        Figure(f"{name} finish with everything on, as a run does it", middle["everything"], "s/frame"),
        Figure(f"{name} finish with everything on, rate", 1 / middle["everything"], "frames/s"),
        Figure(f"{name} share of pure OpenEXR in it", middle["pure"] / middle["everything"], "ratio"),
        Figure(f"{name} one frame alone", middle["one"], "s/frame"),
        Figure(f"{name} pure OpenEXR: same reads", middle["reads"], "s/frame"),
        Figure(f"{name} pure OpenEXR: same reads, write of the same parts", middle["pure"], "s/frame"),
        Figure(f"{name} finish / pure OpenEXR", float(np.median(ratios)), "ratio"),
        Figure(f"{name} one frame alone / pure OpenEXR", float(np.median(alone)), "ratio"),
        Figure(f"{name} oiiotool: same reads, over and write", middle["oiiotool"], "s/frame"),
        Figure(f"{name} oiiotool / finish", middle["oiiotool"] / middle["finish"], "ratio"),
    ]


def _time(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


@contextmanager
def _openexr_threads(count: int) -> Iterator[None]:
    before = OpenEXR.global_thread_count()
    OpenEXR.set_global_thread_count(count)
    yield
    OpenEXR.set_global_thread_count(before)


def _write_pure(path: Path, parts: _Planes, header: exr.ExrHeader) -> None:
    """OpenEXR alone, two threads, ZIP, durable as wanfx's files are."""
    common = {
        "type": OpenEXR.scanlineimage, "compression": OpenEXR.ZIP_COMPRESSION,
        "dataWindow": header.data_window.window, "displayWindow": header.display_window.window,
    }  # fmt: skip
    made = [OpenEXR.Part(dict(common), dict(planes), name) for name, planes in parts.items()]
    OpenEXR.File(made).write(str(path))
    with path.open("r+b") as file:
        os.fsync(file.fileno())


class _Painter(FakeGenerator):
    """A generator that does not give the background back as it was given."""

    keeps_background = False


class _Setup:
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

    def with_everything(self) -> FinishInputs:
        """The inputs of a generator that paints the background anew, and casts a shadow: all layers are found."""
        bridge, crop = self.inputs.bridge, self.crop
        pattern = FramePattern(str(self.folder / "painted.####.exr"))
        rows = np.linspace(0, 1, crop.height, dtype=np.float32)[:, None, None]
        shade = 1 - np.float32(0.6) * np.exp(-(((rows - 0.85) / 0.05) ** 2))
        box = Box(0, 0, crop.width, crop.height)
        for frame in self.plate.frames:
            rgb = exr.read_frame(self.plate.path(frame), frame=frame).rgb[crop.slices()].astype(np.float32)
            part = exr.Part("model_space", bridge.encode(rgb * shade), ("R", "G", "B"))
            exr.write_parts(pattern.path(frame), [part], data_window=box, display_window=box)
        generated = replace(self.inputs.generated, pattern=pattern, generator=_Painter())
        return replace(self.inputs, generated=generated, reveal=dict.fromkeys(self.plate.frames, 0.5))

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
    cancellation: Any = None
    options = Options().with_values({"finish.compression": "zip"}, source="flag")
    return RunContext(shot, options, shot_folder, shot_folder.in_progress(), load_config(), events, cancellation)


if __name__ == "__main__":
    main()
