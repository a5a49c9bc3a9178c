"""ASC CDL files: a color correction (.cc) written, and read from .cc or .cdl, by OpenColorIO."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import PyOpenColorIO as ocio

from wanfx_color.exceptions import ColorError

Three = tuple[float, float, float]


@dataclass(frozen=True)
class ColorCorrection:
    """An ASC CDL's ten numbers, and what it is ``described`` as."""

    slope: Three
    offset: Three
    power: Three
    saturation: float
    described: str = ""


def format_cc(correction: ColorCorrection, *, name: str) -> str:
    """The text of a .cc file (ASC CDL 1.2) with the id ``name``."""
    cdl = ocio.CDLTransform(
        slope=list(correction.slope), offset=list(correction.offset), power=list(correction.power),
        sat=correction.saturation, id=name, description=correction.described,
    )  # fmt: skip
    return str(ocio.GroupTransform([cdl]).write("ColorCorrection", ocio.Config.CreateRaw()))


def read_cdl(path: Path) -> ColorCorrection:
    """The first color correction of a .cc, .ccc or .cdl file. Raises ColorError."""
    try:
        # What was read of a file is kept by its name; it may have been changed since.
        ocio.ClearAllCaches()
        cdl = ocio.CDLTransform.CreateFromFile(str(path), "")
    except ocio.Exception as error:
        raise ColorError("cannot be read as an ASC CDL", remedy="give a .cc or .cdl file") from error
    slope, offset, power = (_three(values) for values in (cdl.getSlope(), cdl.getOffset(), cdl.getPower()))
    return ColorCorrection(slope, offset, power, float(cdl.getSat()), str(cdl.getFirstSOPDescription()))


def _three(values: list[float]) -> Three:
    first, second, third = (float(value) for value in values)
    return first, second, third
