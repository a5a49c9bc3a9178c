"""Approved frames as the pictures that a generator is given: cropped and in model space, as the plate is.

They are delivered comps put together again from their layers, so without the grain that was added to them, with the
plate's own pixels where the model does not draw: what a window hands on to the next. In a new character's soft edge
they are what was generated there; the comp has the background in it once more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from wanfx.backends.protocols import Generator
from wanfx.errors import InputError
from wanfx.frames import Box, Size
from wanfx.images import FramePattern, Plate
from wanfx.io import exr
from wanfx.io.atomic import sha256_file
from wanfx.ops import lock
from wanfx.ops.comp import Mattes, composite
from wanfx.ops.crop import cut, to_model
from wanfx.pixels import to_finite, to_float, to_half
from wanfx.stages.conditioning import Conditioning, PlateWindow
from wanfx.stages.context import WORK_COMPRESSION, Made, RunContext, StageProgress, stage_key
from wanfx.stages.refine import write_canvas_matte
from wanfx.stages.retake import ApprovedFrame, Retake, find_file
from wanfx.units import Record, Unit

STAGE = "generate"
VERSION = 1
_LEAST_ALPHA = np.float32(0.05)
Array = npt.NDArray[np.float32]
Look = Callable[[int], PlateWindow]
Edit = Callable[[int, Array], Array]


class ApprovedPictures:
    """Makes and reads the pictures of a retake's approved frames: rgb in model space, and the character's matte."""

    def __init__(
        self, run: RunContext, retake: Retake, conditioning: Conditioning, generator: Generator, *, folder: Path
    ) -> None:
        self._run, self._retake, self._conditioning, self._generator = run, retake, conditioning, generator
        self._layer = retake.layer
        self._pattern = FramePattern(str(folder / "approved.####.exr"))

    def make(
        self, progress: StageProgress, *, look: Look, edit: Edit, inputs: Callable[[int], object]
    ) -> Mapping[int, str]:
        """The hash of every picture. ``look`` gives a frame's plate and mask, ``edit`` where of the mask a generated
        picture may differ from the plate, ``inputs`` what these depend on, JSON types.

        Raises InputError where a delivered frame is missing, or is not what its manifest says.
        """
        hashes = {}
        for frame in sorted(self._retake.approved):
            approved = self._choose(frame, inputs(frame))
            unit = self._unit(frame, approved, inputs(frame))
            record = progress.make(unit, partial(self._make, frame, approved, look, edit), count=False)
            hashes[frame] = _hash(record)
        return hashes

    def read(self, frame: int) -> tuple[Array, Array]:
        """A picture (H, W, 3) in model space, and the approved character's matte (H, W)."""
        read = exr.read_frame(self._pattern.path(frame), frame=frame)
        assert read.alpha is not None
        return to_float(read.rgb), to_float(read.alpha)

    def _unit(self, frame: int, approved: ApprovedFrame, inputs: object) -> Unit:
        conditioning, size = self._conditioning, self._conditioning.size
        key = stage_key(
            "approved", VERSION, lock.VERSION, approved.sha256, self._layer, conditioning.key, inputs,
            conditioning.crops[frame].as_list(), [size.width, size.height], self._generator.keeps_background,
        )  # fmt: skip
        return Unit(STAGE, f"{self._generator.name}.{self._retake.name}.approved.{frame}", key)

    def _choose(self, frame: int, inputs: object) -> ApprovedFrame:
        """The frame that was approved first, while its picture or itself is there; else the last version's."""
        first, last = self._retake.approved[frame], self._retake.instead[frame]
        if first.sha256 == last.sha256 or self._is_there(first):
            return first
        if self._run.store.find(self._unit(frame, first, inputs)) is not None:
            return first
        self._run.warn(
            STAGE, f"{first.path} of {first.version} is gone or was changed: {last.version} stands in", frame=frame
        )
        return last

    def _is_there(self, approved: ApprovedFrame) -> bool:
        path = find_file(self._run, approved)
        return path.is_file() and sha256_file(path) == approved.sha256

    def _make(self, frame: int, approved: ApprovedFrame, look: Look, edit: Edit) -> Made:
        path = find_file(self._run, approved)
        if not self._is_there(approved):
            raise InputError(
                "is missing or was changed since it was delivered, so nothing can be joined to it", path=path,
                frame=frame,
                remedy="copy the delivery again, or set generate.range=whole to make the range without it",
            )  # fmt: skip
        conditioning, window = self._conditioning, look(frame)
        is_new = not conditioning.is_world
        linear, matte = read_ungrained(path, plate=conditioning.plate, layer=self._layer, frame=frame, is_new=is_new)
        crop, size = conditioning.crops[frame], conditioning.size
        model = window.bridge.encode(to_model(np.ascontiguousarray(cut(to_finite(linear), crop)), size=size))
        alpha = np.clip(to_model(np.ascontiguousarray(cut(matte, crop)), size=size), 0, 1)
        if not self._generator.keeps_background:
            where = edit(frame, alpha)
            # The edge of a matte says how far a new character is shown, not what is in the picture.
            where = (where > 0).astype(np.float32) if is_new else where
            model = lock.lock_window(model, window.plate(frame), where)
        target = self._pattern.path(frame)
        _write(target, np.concatenate([model, alpha[..., None]], axis=2), size)
        native = approved_matte_path(target.parent, frame)
        write_canvas_matte(native, matte, plate=conditioning.plate)
        return Made((target, native))


def approved_matte_path(folder: Path, frame: int) -> Path:
    """Where the matte of an approved frame's character lies, at the plate's size."""
    return folder / f"matte.{frame:04d}.exr"


def read_ungrained(path: Path, *, plate: Plate, layer: str, frame: int, is_new: bool = True) -> tuple[Array, Array]:
    """A comp without its added grain, (H, W, 3) plate-linear, and the character's matte (H, W); canvas-sized.

    Where the character `is_new`, its edge has its own light alone.
    """
    parts, header = exr.read_parts(path, frame=frame)
    planes = {name: np.stack(list(part.planes.values()), axis=2) for name, part in parts.items()}
    source = exr.read_frame(plate.path(frame), canvas=plate.canvas, frame=frame).rgb
    here = header.data_window.slices(plate.canvas)
    mattes = Mattes(*(to_half(planes[f"matte_{name}"][..., 0]) for name in ("character", "reveal", "edit")))
    made = composite(
        to_float(source[here]), char=to_half(planes[f"char_{layer}"]), clean=planes["clean"], mattes=mattes,
        shadow=to_half(planes["shadow"]),
    )  # fmt: skip
    alpha, char = to_float(mattes.character), to_float(planes[f"char_{layer}"][..., :3])
    if is_new:
        inside = alpha >= _LEAST_ALPHA
        made[inside] = char[inside] / alpha[inside][:, None]
    rgb, matte = to_float(source).copy(), np.zeros(source.shape[:2], np.float32)
    rgb[here], matte[here] = made, alpha
    return rgb, matte


def _write(path: Path, pixels: Array, size: Size) -> None:
    box = Box(0, 0, size.width, size.height)
    part = exr.Part("model_space", pixels, ("R", "G", "B", "A"))
    exr.write_parts(path, [part], data_window=box, display_window=box, compression=WORK_COMPRESSION, durable=False)


def _hash(record: Record) -> str:
    return next(iter(record.files.values()))
