"""A comp frame's parts, as they are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.finish_options import FinishOptions
from wanfx.frames import Box, Size
from wanfx.images import Plate
from wanfx.io import exr
from wanfx.ops.comp import Mattes, is_lit
from wanfx.pixels import to_float, to_type
from wanfx.stages.context import RunContext
from wanfx.stages.header import comp_attributes

Pixels = npt.NDArray[Any]
Half = npt.NDArray[np.float16]
MATTES = ("matte_subject", "matte_character", "matte_reveal", "matte_edit")
CHECKS = ("check_ceiling", "check_confidence")
UNGRADED, WRAP = "_ungraded", "wrap"


@dataclass(frozen=True, eq=False)
class CompLayers:
    """A frame's layers inside ``box`` of the canvas; outside it nothing is edited.

    ``char`` is premultiplied RGBA, ``clean`` RGB in the plate's type; ``ceiling`` is 1 where the generator met its own;
    ``shadow`` is an RGB multiplier, None where it is 1 everywhere. All but ``clean`` have the box's size. A kept actor
    whose ``char`` is not his own has that in ``own``, and the light that was added to him in ``wrap`` (RGB).
    """

    box: Box
    char: Half
    clean: Pixels
    mattes: Mattes
    ceiling: Half
    shadow: Half | None = None
    own: Half | None = None
    wrap: Half | None = None


def part_names(layer: str, *, is_touched: bool = False) -> tuple[str, ...]:
    """The parts of a comp frame, in order; ``is_touched``: a kept actor whose own pixels are there, too."""
    more = (f"char_{layer}{UNGRADED}", WRAP) if is_touched else ()
    return ("rgba", f"char_{layer}", "clean", "shadow", *MATTES, *CHECKS, *more)


def lay_out(pixels: Pixels, box: Box, *, size: Size, fill: float = 0.0) -> Pixels:
    """Pixels of ``box`` in a canvas of ``size``, ``fill`` elsewhere."""
    if pixels.shape[:2] == (size.height, size.width):
        return pixels
    out = np.full((size.height, size.width, *pixels.shape[2:]), fill, pixels.dtype)
    out[box.slices()] = pixels
    return out


def compressions(options: FinishOptions, *, quality: str) -> tuple[exr.Compression, exr.Compression]:
    """Of all parts, and of those that are full of grain (see docs/decisions/comp-compression.md)."""
    if options.compression != "auto":
        return options.compression, options.compression
    return ("rle", "none") if quality == "draft" else ("zip", "zip")


class CompWriter:
    """Writes comp frames; safe from several threads."""

    def __init__(
        self, run: RunContext, plate: Plate, *, layer: str, quality: str, provenance: Mapping[str, str], is_opaque: bool
    ) -> None:
        self._run, self._plate, self._options = run, plate, run.options.finish
        self._layer, self._provenance, self._is_opaque = layer, provenance, is_opaque
        self._compression, self._of_pictures = compressions(run.options.finish, quality=quality)
        self._ones = np.ones((plate.canvas.height, plate.canvas.width), np.float16)

    def write(
        self, path: Path, source: exr.ExrFrame, rgb: Pixels, layers: CompLayers, clean: Pixels,
        mattes: tuple[Pixels, ...], frame: int,
    ) -> None:  # fmt: skip
        """Write a frame. ``source`` is the plate's, ``mattes`` are those of `MATTES` and `CHECKS`."""
        plate, header, size = self._plate, source.header, self._plate.canvas.size
        window = plate.comp_window(header.data_window)
        here = window.slices(plate.canvas)
        alpha = self._alpha(source, layers)
        planes = tuple(rgb[here][..., channel] for channel in range(3))
        char = lay_out(layers.char, layers.box, size=size)[here]
        parts = [
            exr.Part("rgba", (*planes, alpha[here]), ("R", "G", "B", "A"), self._of_pictures),
            exr.Part(f"char_{self._layer}", char, tuple(f"char_{self._layer}.{channel}" for channel in "RGBA")),
            exr.Part("clean", to_type(clean, rgb.dtype)[here], ("clean.R", "clean.G", "clean.B"), self._of_pictures),
            exr.Part("shadow", self._shadow(layers)[here], ("shadow.R", "shadow.G", "shadow.B")),
        ]
        for name, matte in zip((*MATTES, *CHECKS), mattes, strict=True):
            parts.append(exr.Part(name, lay_out(matte, layers.box, size=size)[here], (f"{name}.A",)))
        if layers.own is not None and layers.wrap is not None:
            parts += self._own_parts(layers.own[here], layers.wrap[here])
        if source.extras and self._options.plate_channels == "keep":
            names = _plate_names(source.extras)
            parts.append(exr.Part("plate", tuple(pixels[here] for pixels in source.extras.values()), names))
        exr.write_parts(
            path,
            parts,
            data_window=window,
            display_window=plate.display_window,
            pixel_aspect=plate.pixel_aspect,
            compression=self._compression,
            attributes=comp_attributes(header, plate, frame, color=self._run.color, provenance=self._provenance),
        )

    def _own_parts(self, own: Half, wrap: Half) -> list[exr.Part]:
        name = f"char_{self._layer}{UNGRADED}"
        return [
            exr.Part(name, own, tuple(f"{name}.{channel}" for channel in "RGBA")),
            exr.Part(WRAP, wrap, tuple(f"{WRAP}.{channel}" for channel in "RGB")),
        ]

    def _shadow(self, layers: CompLayers) -> Pixels:
        if layers.shadow is None:
            return self._ones
        return lay_out(layers.shadow, layers.box, size=self._plate.canvas.size, fill=1.0)

    def _alpha(self, source: exr.ExrFrame, layers: CompLayers) -> Pixels:
        """1; or, on request, the plate's own, with the character over it (and 1 where all is new)."""
        if self._options.plate_alpha == "one" or source.alpha is None:
            return self._ones.astype(source.rgb.dtype, copy=False)
        alpha, inside = source.alpha.copy(), layers.box.slices()
        front = np.float32(1) if self._is_opaque else to_float(layers.mattes.character)
        over = front + (1 - front) * to_float(alpha[inside])
        alpha[inside] = np.where(is_lit(layers.mattes.edit), over.astype(alpha.dtype), alpha[inside])
        return alpha


def _plate_names(extras: Mapping[str, Pixels]) -> tuple[str, ...]:
    """The plate's channels as channels of one part `plate`; names that would meet are told apart by underscores."""
    names: list[str] = []
    for name in extras:
        flat = f"plate.{name.replace('.', '_')}"
        while flat in names:
            flat += "_"
        names.append(flat)
    return tuple(names)
