"""The fill: one picture a shot of the background that no frame saw, made once, so that every frame shows the same.

It lies in the pixels of a reference frame, beyond whose edges it may go on. An artist may paint on it
(``work/fill/fill.<reference frame>.exr``; its data window says where it lies): a painted fill is used where it was made
for, whatever another run would choose.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.errors import ShotError
from wanfx.frames import Box
from wanfx.images import Plate
from wanfx.io import exr
from wanfx.ops.camera import CameraPath
from wanfx.ops.clean import Sample, gather_clean, reach_px
from wanfx.ops.edges import bounding_box
from wanfx.ops.glance import Glance, Matrix, take_glance, warp_into
from wanfx.ops.inpaint import fill_by_example
from wanfx.ops.mirror import mirror_beyond
from wanfx.pixels import to_finite, to_float
from wanfx.stages.context import Made, RunContext, paintable, stage_key
from wanfx.stages.sample_reader import SampleReader
from wanfx.units import Record, Unit

STAGE = "clean"
VERSION = 2
Array = npt.NDArray[np.float32]
_BEYOND = 1.0
_SEEN = np.float32(0.95)
_SPECK_PX = 4
_RIM_PX = 7


class FillMaker:
    """The shot's fill: its unit, and what frames take from it. ``samples`` gives those of a frame, or all (None)."""

    def __init__(
        self, run: RunContext, plate: Plate, camera: CameraPath, reader: SampleReader, *,
        samples: Callable[[int | None], tuple[int, ...]], content: Any,
    ) -> None:  # fmt: skip
        self._plate, self._camera, self._reader, self._samples = plate, camera, reader, samples
        self._content = content
        self._folder = paintable(run, "fill")
        self._path: Path | None = None
        self._plan: FillPlan | None = None
        self._hash = ""
        self._lock = threading.Lock()
        self._read: tuple[Glance, npt.NDArray[Any]] | None = None

    def unit(self) -> Unit:
        """The unit's key holds the samples and how they lie to each other."""
        first, *others = self._samples(None) or (self._plate.frames.first,)
        homographies = [np.round(self._camera.between(other, first), 9).tolist() for other in others]
        return Unit(STAGE, "fill", stage_key(STAGE, VERSION, "fill", self._content, homographies))

    def make(self) -> Made:
        """Draw the fill, unless an artist painted it; nothing where all was seen."""
        painted = self._painted()
        if painted is not None:
            return _made(painted, _plan_of(painted))
        samples, reader = self._samples(None), self._reader
        canvas = self._plate.canvas
        plan = plan_fill(samples, self._camera, glance=reader.glance, size=(canvas.width, canvas.height))
        if plan is None:
            return Made((), {"plan": None})
        path = self._folder.folder / f"fill.{plan.reference}.exr"
        self._folder.write(path, lambda target: self._write(target, plan))
        return _made(path, plan)

    def _painted(self) -> Path | None:
        """The fill that an artist painted; of several the first."""
        there = sorted(self._folder.folder.glob("fill.*.exr")) if self._folder.folder.is_dir() else []
        return next((path for path in there if self._folder.is_painted(path)), None)

    def _write(self, target: Path, plan: FillPlan) -> None:
        frame, reader = plan.reference, self._reader
        linear = to_float(reader.read(frame))
        samples = reader.samples(self._samples(frame), self._camera, frame)
        rgb, seen = draw_fill(
            plan, linear, reader.hidden(frame), samples, floor=reader.floor, step=reader.step,
            is_extended=self._plate.is_extended,
        )  # fmt: skip
        write_fill(target, rgb, seen, box=plan.box)

    def use(self, record: Record) -> None:
        """Take the fill from its record."""
        plan = record.facts["plan"]
        self._plan = None if plan is None else FillPlan(plan["reference"], Box(*plan["box"]))
        self._hash = next(iter(record.files.values()), "")
        self._path = None if plan is None else self._folder.folder / record.facts["file"]

    def key(self, frame: int) -> Any:
        """What of the fill a frame depends on."""
        if self._plan is None:
            return None
        return self._hash, np.round(self._plan.matrix(self._camera, frame), 9).tolist()

    def sample(self, frame: int) -> Sample | None:
        """The fill as a sample for ``frame``; None where all was seen."""
        if self._plan is None or self._path is None:
            return None
        with self._lock:
            if self._read is None:
                rgb = read_fill(self._path)
                none = np.zeros(rgb.shape[:2], np.float32)
                self._read = take_glance(rgb, none, floor=self._reader.floor, step=self._reader.step), rgb
        glance, rgb = self._read
        return Sample(glance, lambda: rgb, self._plan.matrix(self._camera, frame))


@dataclass(frozen=True)
class FillPlan:
    """Where the fill lies: ``box`` in the pixels of frame ``reference`` (it may leave the canvas)."""

    reference: int
    box: Box

    def matrix(self, camera: CameraPath, frame: int) -> Matrix:
        """The fill's pixels to those of ``frame``."""
        shift = np.array([[1.0, 0.0, self.box.x0], [0.0, 1.0, self.box.y0], [0.0, 0.0, 1.0]])
        return np.asarray(camera.between(self.reference, frame) @ shift)


def plan_fill(
    samples: tuple[int, ...], camera: CameraPath, *, glance: Callable[[int], Glance], size: tuple[int, int]
) -> FillPlan | None:
    """Where a fill is needed: what is hidden in some sample and seen in none; None where all is seen.

    ``size`` is the canvas's (width, height). What lies farther than a frame beside the reference is left out.
    """
    if not samples:
        return None
    reference = samples[len(samples) // 2]
    first = glance(reference)
    height, width = first.visible.shape
    room = Box(-width, -height, 2 * width, 2 * height)
    seen, hidden = np.zeros((3 * height, 3 * width), np.float32), np.zeros((3 * height, 3 * width), np.float32)
    for other in samples:
        look = glance(other)
        matrix = first.to_small @ camera.between(other, reference) @ np.linalg.inv(look.to_small)
        np.maximum(seen, warp_into(look.visible, matrix, room, border=0.0), out=seen)
        np.maximum(hidden, warp_into(1 - look.visible, matrix, room, border=0.0), out=hidden)
    unseen = bounding_box((hidden > 1 - _SEEN) & (seen < _SEEN))
    if unseen.is_empty or unseen.width * unseen.height < _SPECK_PX:
        return None
    step = first.step
    around = int(max(24, _BEYOND * max(unseen.width, unseen.height)))
    box = unseen.grow(around).clip(_in_view(samples, camera, reference, first, size, room))
    x0, y0 = round((box.x0 + room.x0) * step), round((box.y0 + room.y0) * step)
    return FillPlan(reference, Box(x0, y0, x0 + round(box.width * step), y0 + round(box.height * step)))


def _in_view(
    samples: tuple[int, ...], camera: CameraPath, reference: int, first: Glance, size: tuple[int, int], room: Box
) -> Box:
    """What the samples see, as a box of the room."""
    points = []
    for other in samples:
        corners = np.array([[x, y, 1.0] for x in (0, size[0]) for y in (0, size[1])])
        placed = corners @ (first.to_small @ camera.between(other, reference)).T
        points.append(placed[:, :2] / placed[:, 2:] - (room.x0, room.y0))
    low, high = np.concatenate(points).min(axis=0), np.concatenate(points).max(axis=0)
    return Box(int(low[0]), int(low[1]), int(np.ceil(high[0])), int(np.ceil(high[1]))).clip(
        Box(0, 0, room.width, room.height)
    )


def draw_fill(
    plan: FillPlan, plate_linear: Array, hidden: Array, samples: list[Sample], *, floor: float, step: int,
    is_extended: bool = False,
) -> tuple[Array, Array]:  # fmt: skip
    """The fill (H, W, 3, linear, unclamped) and what of it was seen (H, W).

    ``plate_linear`` and ``hidden`` are the reference frame's; ``samples`` lead to it. Around a plate that is extended
    nothing can be gone on into from two sides: there the picture is mirrored.
    """
    box, canvas = plan.box, Box(0, 0, hidden.shape[1], hidden.shape[0])
    rgb = np.zeros((box.height, box.width, 3), np.float32)
    unknown = np.ones((box.height, box.width), np.float32)
    common = box.clip(canvas)
    rgb[common.slices(box)], unknown[common.slices(box)] = plate_linear[common.slices()], hidden[common.slices()]
    shift = np.array([[1.0, 0.0, -box.x0], [0.0, 1.0, -box.y0], [0.0, 0.0, 1.0]])
    here = [Sample(one.glance, one.read, shift @ one.matrix) for one in samples]
    whole = Box(0, 0, box.width, box.height)
    glance = take_glance(rgb, unknown, floor=floor, step=step)
    near_px = reach_px(bounding_box(hidden))
    clean, seen = gather_clean(rgb, unknown, glance, here, box=whole, near_px=near_px)
    # What lies right beside the subject shows some of it: it is neither known nor an example.
    hole = cv2.dilate((seen < _SEEN).astype(np.uint8), np.ones((_RIM_PX, _RIM_PX), np.uint8)) > 0
    if not hole.any() or hole.all():
        return clean, seen
    if is_extended:
        clean, hole = mirror_beyond(clean, np.asarray(hole))
    return fill_by_example(clean, np.asarray(hole), floor=floor), np.asarray(seen, np.float32)


def _made(path: Path, plan: FillPlan) -> Made:
    return Made((path,), {"plan": {"reference": plan.reference, "box": plan.box.as_list()}, "file": path.name})


def _plan_of(path: Path) -> FillPlan:
    """Where a painted fill lies. Raises ShotError where its name has lost the frame."""
    frame = path.name.split(".")[1]
    if not frame.lstrip("-").isdigit():
        remedy = "name it fill.<reference frame>.exr, as it was"
        raise ShotError("does not say which frame it is made for", key="fill", path=path, remedy=remedy)
    return FillPlan(int(frame), exr.read_header(path).data_window)


def write_fill(path: Path, rgb: Array, seen: Array, *, box: Box) -> None:
    """Write the fill as a float EXR with ``seen.A``; ``box`` is where it lies in its reference frame."""
    planes = (*np.moveaxis(rgb, 2, 0), seen.astype(np.float32))
    part = exr.Part("fill", planes, ("R", "G", "B", "seen.A"))
    exr.write_parts(path, [part], data_window=box, display_window=box, durable=False)


def read_fill(path: Path) -> npt.NDArray[Any]:
    """The fill's RGB."""
    return to_finite(exr.read_frame(path).rgb)
