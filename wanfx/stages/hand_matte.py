"""Mattes that an artist made: EXR or other stills, of the plate's size."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from wanfx.errors import InputError, SequenceError
from wanfx.frames import Box, FrameRange, Size
from wanfx.io import exr, sequence, stills
from wanfx.shot import Shot, SubjectInput

Array = npt.NDArray[np.float32]


def find_roto(shot: Shot, subject: SubjectInput, *, frames: FrameRange) -> dict[int, Path]:
    """The hand-made matte of each frame of the shot that has one. Raises SequenceError, also where none has."""
    if subject.matte is None:
        return {}
    found = sequence.find_sequence(shot.resolve(subject.matte))
    roto = {number: found.pattern.path(number) for number in found.numbers if number in frames}
    if not roto:
        raise SequenceError(
            f"the matte has no frame of the shot's {frames}, only {sequence.compact(found.numbers)}",
            path=found.pattern.text, remedy="number it as the plate is, or leave the subject's matte out",
        )  # fmt: skip
    return roto


def check_roto(roto: Mapping[int, Path], *, size: Size) -> None:
    """Raise InputError for the first matte that is not of the plate's size (its display window's)."""
    for frame, path in roto.items():
        if path.suffix.lower() == ".exr":
            found = exr.read_display_window(path, frame=frame).size
        else:
            found = stills.read_still_header(path, frame=frame).size
        if found != size:
            raise InputError(
                f"is {found}, the plate {size}", path=path, frame=frame, remedy="give mattes of the plate's own size"
            )


def read_hand_matte(path: Path, *, canvas: Box, display_window: Box, frame: int) -> Array:
    """The matte (H, W), canvas-sized; stills lie in the display window. Raises FrameReadError, InputError."""
    if path.suffix.lower() == ".exr":
        matte = exr.read_matte(path, canvas=canvas, frame=frame)
        check_range(matte, path=path, frame=frame)
        return matte
    out = np.zeros((canvas.height, canvas.width), np.float32)
    matte = still_matte(path, frame=frame)
    check_range(matte, path=path, frame=frame)
    common = canvas.clip(display_window)
    out[common.slices(canvas)] = matte[common.slices(display_window)]
    return out


def check_range(matte: Array, *, path: Path, frame: int | None = None) -> None:
    """Raise InputError for a matte with values outside [0, 1]: no comp by it would hold what it promises."""
    low, high = float(matte.min()), float(matte.max())
    if not (low >= 0 and high <= 1):
        raise InputError(
            f"has values from {low:g} to {high:g}, a matte's are 0 to 1", path=path, frame=frame,
            remedy="clamp the matte to 0 to 1 and write it again",
        )  # fmt: skip


def still_matte(path: Path, *, frame: int | None = None) -> Array:
    """A still's alpha, or, where that is the same everywhere, its first channel."""
    still = stills.read_still(path, frame=frame)
    if still.alpha is not None and still.alpha.min() < still.alpha.max():
        return still.alpha
    return np.ascontiguousarray(still.pixels[..., 0])
