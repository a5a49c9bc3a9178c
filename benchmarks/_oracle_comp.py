"""A delivered comp frame, read back as a compositor would."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.io import exr
from wanfx.ops.comp import Mattes, composite

Array = npt.NDArray[np.float32]
_Planes = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Comp:
    """The comp's RGB (H, W, 3) float32, where it is edited (H, W), and its layers."""

    rgb: Array
    edited: npt.NDArray[np.bool_]
    char: npt.NDArray[np.float16]
    clean: npt.NDArray[Any]
    mattes: Mattes

    def without_shadow(self, plate: Array) -> Array:
        """The comp made again from its layers, the shadow left out."""
        made = composite(
            plate.astype(self.clean.dtype), char=self.char, clean=self.clean, mattes=self.mattes, shadow=None
        )
        return made.astype(np.float32)


def read_comp(path: Path) -> Comp:
    """Read a comp frame. Raises FrameReadError."""
    parts, _header = exr.read_parts(path)
    planes = {name: part.planes for name, part in parts.items()}
    char = next(value for name, value in planes.items() if name.startswith("char_"))
    mattes = Mattes(*(_only(planes[f"matte_{name}"]) for name in ("character", "reveal", "edit")))
    rgb = _stack(planes["rgba"], "RGB").astype(np.float32)
    return Comp(rgb, mattes.edit > 0, _stack(char, "RGBA"), _stack(planes["clean"], "RGB"), mattes)


def _stack(planes: _Planes, channels: str) -> npt.NDArray[Any]:
    by_channel = {name.rpartition(".")[2]: plane for name, plane in planes.items()}
    return np.stack([by_channel[channel] for channel in channels], axis=2)


def _only(planes: _Planes) -> npt.NDArray[Any]:
    (plane,) = planes.values()
    return np.ascontiguousarray(plane)
