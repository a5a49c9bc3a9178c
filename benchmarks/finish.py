"""How fast a comp frame is finished, against a pure OpenEXR write of the same parts plus the reads, and oiiotool.

All in one run, frame by frame in turn, so that what else the machine does falls on all of them alike.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
from _finish_shot import FinishShot
from _report import Figure, parse_arguments, report

from wanfx.ahead import WORKERS
from wanfx.frames import Box
from wanfx.io import exr
from wanfx.stages.comp_frame import CompMaker

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
    setup = FinishShot(folder, canvas, count)
    maker = CompMaker(setup.context, setup.inputs)
    inputs, measuring = setup.with_everything()
    everything = CompMaker(setup.context, inputs)
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
    middle["everything"] += sum(measuring.values())
    ratios = [ours / pure for ours, pure in zip(seconds["finish"], seconds["pure"], strict=True)]
    alone = [ours / pure for ours, pure in zip(seconds["one"], seconds["pure"], strict=True)]
    name = f"{canvas.width}x{canvas.height}"
    return [
        Figure(f"{name} finish, as a run does it ({WORKERS} frames at a time)", middle["finish"], "s/frame"),
        Figure(f"{name} finish rate", 1 / middle["finish"], "frames/s"),
        Figure(f"{name} finish with everything on, as a run does it", middle["everything"], "s/frame"),
        Figure(f"{name} finish with everything on, rate", 1 / middle["everything"], "frames/s"),
        Figure(f"{name} of that, measuring the generator's errors", measuring["match"], "s/frame"),
        Figure(f"{name} of that, measuring grain and sharpness", measuring["grain"], "s/frame"),
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


if __name__ == "__main__":
    main()
