"""Generated frames: where they lie, how they are read, and where they may differ from their plate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.backends.protocols import GeneratedFrame, Generator
from wanfx.frames import Box, FrameRange, Size
from wanfx.images import FramePattern, PixelType
from wanfx.io import exr
from wanfx.io.atomic import atomic_path
from wanfx.ops.lock import FrameFit
from wanfx.ops.lock_pack import pack, unpack
from wanfx.ops.lock_shift import NO_SHIFT, Shift
from wanfx.pixels import to_float, to_type
from wanfx.stages.conditioning import Conditioning
from wanfx.stages.context import WORK_COMPRESSION, RunContext
from wanfx.stages.retake import Retake
from wanfx.stages.windows import Window, needed_windows

GENERATED = "generated"
"""The key of a frame's facts that has the hash of its generated picture."""
Array = npt.NDArray[np.float32]
_LATENT_PX = 8.0


@dataclass(frozen=True)
class Generated:
    """The generated frames in model space, their hashes and measures, and who made them.

    ``shifts`` is how they lie beside their plate, as `stages.match` finds it; frames without one lie where it does.
    Of a ``retake`` they are those that it makes; ``fits`` tell of its dissolved frames what they were like before.
    """

    pattern: FramePattern
    hashes: Mapping[int, str]
    measures: Mapping[int, Mapping[str, Any]]
    generator: Generator
    shifts: Mapping[int, Shift] = field(default_factory=dict)
    retake: Retake | None = None
    fits: Mapping[int, FrameFit] = field(default_factory=dict)

    def shift(self, frame: int) -> Shift:
        """How the frame lies beside its plate."""
        return self.shifts.get(frame, NO_SHIFT)

    def picture_path(self, frame: int) -> Path:
        """The picture that the new character is looked for in: a dissolved frame shows two."""
        is_dissolved = self.retake is not None and frame in self.retake.dissolved
        return take_path(self.pattern.folder, frame) if is_dissolved else self.pattern.path(frame)

    def windows(self, run: RunContext, whole: FrameRange, *, frames: FrameRange) -> list[Window]:
        """The windows that ``frames`` of the ``whole`` shot come from."""
        return needed_windows(run, whole, frames=frames) if self.retake is None else list(self.retake.windows)

    def label(self, window: Window) -> str:
        """A window's name among all of its generator's."""
        return window_label(window, self.retake)


def take_path(folder: Path, frame: int) -> Path:
    """Where a dissolved frame lies as it was before."""
    return folder / f"take.{frame:04d}.exr"


def window_label(window: Window, retake: Retake | None) -> str:
    """A window's name; those of a retake have its own."""
    return f"{window.index:04d}" if retake is None else f"{retake.name}.{window.index:04d}"


def edit_of(conditioning: Conditioning, mask: Array, alpha: Array | None) -> Array:
    """(H, W): where a generated picture may differ from the plate, of the old subject's ``mask`` and the new alpha."""
    if conditioning.is_world:
        return np.asarray(1 - mask)
    return mask if alpha is None else np.maximum(mask, alpha)


def guard_px(run: RunContext, conditioning: Conditioning, frame: int) -> float:
    """How far beyond the edit the generator was given something else than the plate, in its own pixels."""
    if conditioning.drive is not None or conditioning.guide is not None:
        return _LATENT_PX + (0.0 if conditioning.guide is None else conditioning.guide.reach_px)
    # The background that was given is the clean plate as far as the subject was grown for it.
    scale = conditioning.size.height / conditioning.crops[frame].height
    return 0.0 if conditioning.is_world else run.options.clean.grow_px * scale + 1


def read_generated(path: Path, *, frame: int) -> tuple[Array, Array | None]:
    """A generated frame: rgb (H, W, 3) in model space, and alpha (H, W) or None."""
    read = exr.read_frame(path, frame=frame)
    return to_float(read.rgb), None if read.alpha is None else to_float(read.alpha)


class WindowFiles:
    """Generated frames and those that are carried on, (H, W) = ``size``, in a folder."""

    def __init__(self, folder: Path, *, size: Size, pixel_type: PixelType) -> None:
        self.pattern = FramePattern(str(folder / "gen.####.exr"))
        self._folder, self._size = folder, size
        self._kind = np.float16 if pixel_type == "half" else np.float32

    def write(self, frame: int, made: GeneratedFrame) -> Path:
        """Write a generated frame; its file."""
        pixels = [to_type(made.rgb, self._kind)]
        if made.alpha is not None:
            pixels.append(to_type(made.alpha, self._kind)[..., None])
        path = self.pattern.path(frame)
        self._write(path, np.concatenate(pixels, axis=2))
        return path

    def write_carry(self, frame: int, rgb: Array) -> Path:
        """Write a frame that is carried on, always in float; its file."""
        path = self._carry_path(frame)
        self._write(path, rgb)
        return path

    def read_carry(self, frame: int) -> Array:
        """A frame that was carried on, (H, W, 3) in model space."""
        return np.asarray(exr.read_frame(self._carry_path(frame), frame=frame).rgb, np.float32)

    def write_take(self, frame: int, rgb: Array) -> Path:
        """Write what a dissolved frame was before, its error undone; its file."""
        path = take_path(self._folder, frame)
        self._write(path, rgb)
        return path

    def write_fit(self, frame: int, fit: FrameFit) -> Path:
        """Write what a frame that is not kept told of the generator's error; its file."""
        path = self._fit_path(frame)
        path.parent.mkdir(parents=True, exist_ok=True)
        shift = np.array([*fit.shift.as_list(), fit.shift.error_px], np.float32)
        with atomic_path(path, durable=False) as temporary, temporary.open("wb") as file:
            np.save(file, np.concatenate([shift, pack(fit.evidence)]), allow_pickle=False)
        return path

    def read_fit(self, frame: int) -> FrameFit:
        """What `write_fit` wrote."""
        row = np.load(self._fit_path(frame), allow_pickle=False)
        return FrameFit(Shift(*(float(value) for value in row[:4])), unpack(row[4:]))

    def _fit_path(self, frame: int) -> Path:
        return self._folder / f"fit.{frame:04d}.npy"

    def _carry_path(self, frame: int) -> Path:
        return self._folder / f"carry.{frame:04d}.exr"

    def _write(self, path: Path, pixels: npt.NDArray[Any]) -> None:
        box = Box(0, 0, self._size.width, self._size.height)
        part = exr.Part("model_space", pixels, tuple("RGBA"[: pixels.shape[2]]))
        exr.write_parts(path, [part], data_window=box, display_window=box, compression=WORK_COMPRESSION, durable=False)
