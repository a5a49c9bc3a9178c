"""Pictures from one colour space to another, and to a display."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import PyOpenColorIO as ocio

from wanfx_color.configs import ColorConfig
from wanfx_color.exceptions import OCIO_ERRORS, ColorError

Pixels = npt.NDArray[np.float32]

LINEAR_REC709 = "Linear Rec.709 (sRGB)"
"""The name that OCIO's built-in configs (and so its interchange functions) give linear Rec.709, D65."""

_LUT_SIZE = 65
_CHUNK = 16384
_SOFT_CLIP_START = 0.8


@dataclass(frozen=True)
class Converter:
    """Converts float32 pixels from ``src`` to ``dst``, in place, unclamped by us. Safe to share between threads."""

    src: str
    dst: str
    _cpu: Any = field(repr=False, compare=False)

    @property
    def is_identity(self) -> bool:
        """Whether pixels are returned with their bits untouched."""
        return self._cpu is None

    def __call__(self, pixels: Pixels) -> Pixels:
        """``pixels``, (H, W, 3) or (H, W, 4) contiguous float32, converted in place and returned; alpha is kept.

        Premultiplied pixels are right for linear spaces only. Raises ColorError for another shape or type.
        """
        if pixels.dtype != np.float32 or not pixels.flags.c_contiguous or pixels.shape[-1:] not in ((3,), (4,)):
            raise ColorError(
                f"pixels of type {pixels.dtype} and shape {pixels.shape} cannot be converted in place",
                remedy="give contiguous float32 (height, width, 3 or 4)",
            )
        if self._cpu is not None and pixels.size:
            (_apply_rgb if pixels.shape[-1] == 3 else _apply_rgba)(self._cpu, pixels)
        return pixels


def _apply_rgba(cpu: Any, pixels: Pixels) -> None:
    cpu.applyRGBA(pixels)


def _apply_rgb(cpu: Any, pixels: Pixels) -> None:
    # OCIO takes far longer to unpack RGB than RGBA; the bits are the same either way.
    flat = pixels.reshape(-1, 3)
    room = np.ones((min(len(flat), _CHUNK), 4), np.float32)
    for start in range(0, len(flat), _CHUNK):
        part = flat[start : start + _CHUNK]
        rgba = room[: len(part)]
        for channel in range(3):
            rgba[:, channel] = part[:, channel]
        cpu.applyRGBA(rgba)
        for channel in range(3):
            part[:, channel] = rgba[:, channel]


def converter(config: ColorConfig, src: str, dst: str) -> Converter:
    """The converter from ``src`` to ``dst`` (names, aliases or roles); the same object for the same question.

    Display-referred spaces meet scene-referred ones through the config's default view transform, which in the ACES
    configs is the un-tone-mapped one. Raises UnknownColorSpace, or ColorError where OCIO has no way between them.
    """
    return _converter(config, config.resolve(src), config.resolve(dst))


@functools.lru_cache(maxsize=64)
def _converter(config: ColorConfig, src: str, dst: str) -> Converter:
    if src == dst:
        return Converter(src, dst, None)
    try:
        processor = config.ocio.getProcessor(src, dst)
        return Converter(src, dst, _cpu_of(processor))
    except OCIO_ERRORS as error:
        raise ColorError(
            f"{src!r} cannot be converted to {dst!r} in the OCIO config {config.name}: {error}",
            remedy="check the config with `ociocheck`",
        ) from error


def _cpu_of(processor: Any) -> Any:
    # Lossless: the fast log, exp and pow of OCIO's default are off by up to 2.6e-5 relative.
    return None if processor.isNoOp() else processor.getOptimizedCPUProcessor(ocio.OPTIMIZATION_LOSSLESS)


@functools.lru_cache(maxsize=16)
def to_linear_rec709(config: ColorConfig, src: str | None = None) -> Converter:
    """From ``src`` (scene_linear when not given) to linear Rec.709, D65, which a config need not have by name.

    OCIO finds the way through the config's interchange role. Raises ColorError where there is none.
    """
    name = config.resolve(src or config.scene_linear)
    try:
        processor = ocio.Config.GetProcessorToBuiltinColorSpace(config.ocio, name, LINEAR_REC709)
    except OCIO_ERRORS as error:
        raise _no_interchange(config, name, error) from error
    return Converter(name, LINEAR_REC709, _cpu_of(processor))


@functools.lru_cache(maxsize=16)
def from_linear_rec709(config: ColorConfig, dst: str | None = None) -> Converter:
    """From linear Rec.709, D65 to ``dst`` (scene_linear when not given); the inverse of `to_linear_rec709`."""
    name = config.resolve(dst or config.scene_linear)
    try:
        processor = ocio.Config.GetProcessorFromBuiltinColorSpace(LINEAR_REC709, config.ocio, name)
    except OCIO_ERRORS as error:
        raise _no_interchange(config, name, error) from error
    return Converter(LINEAR_REC709, name, _cpu_of(processor))


def _no_interchange(config: ColorConfig, name: str, error: Exception) -> ColorError:
    return ColorError(
        f"there is no way between {name!r} of the OCIO config {config.name} and linear Rec.709: {error}",
        remedy="add the interchange roles (aces_interchange, cie_xyz_d65_interchange) to the config, or use another",
    )


@dataclass(frozen=True)
class DisplayConverter:
    """A view baked for review pictures: from ``src`` to [0, 1] encoded for ``display`` through ``view``.

    An ACEScct-shaped 65-point cube, so what lies above 222 or below -0.006 scene-linear is clipped: never for
    pictures that go into a comp. On colours inside Rec.709 from 0.001 to 8 the mean error is 0.0003, 99 % are within
    0.003 and all within 0.013 of the view itself (a code value of 8 bits is 0.004); greys are within 0.0006.
    """

    src: str
    display: str
    view: str
    _cpu: Any = field(repr=False, compare=False)

    def __call__(self, pixels: Pixels) -> Pixels:
        """``pixels``, (H, W, 3 or 4) contiguous float32 in ``src``, made display-encoded in place and returned."""
        picture = Converter(self.src, self.view, self._cpu)(pixels)
        colors = picture[..., :3]
        np.clip(colors, 0.0, 1.0, out=colors)
        return picture


def display_converter(
    config: ColorConfig, src: str, *, display: str | None = None, view: str | None = None
) -> DisplayConverter:
    """The baked view (the config's default where not given) of pictures in ``src``.

    Raises UnknownColorSpace, or ColorError naming the displays or views that there are.
    """
    display = display or config.display
    displays = list(config.ocio.getDisplays())
    if display not in displays:
        raise ColorError(f"the OCIO config {config.name} has no display {display!r}", remedy=_one_of(displays))
    view = view or config.ocio.getDefaultView(display)
    views = list(config.ocio.getViews(display))
    if view not in views:
        raise ColorError(f"the display {display!r} has no view {view!r}", remedy=_one_of(views))
    return _display_converter(config, config.resolve(src), display, view)


def _one_of(names: list[str]) -> str:
    return "use one of " + ", ".join(repr(name) for name in names)


@functools.lru_cache(maxsize=4)
def _display_converter(config: ColorConfig, src: str, display: str, view: str) -> DisplayConverter:
    cube = _acescct_grid(_LUT_SIZE)
    try:
        looked = ocio.DisplayViewTransform(src=config.scene_linear, display=display, view=view)
        config.ocio.getProcessor(looked).getDefaultCPUProcessor().applyRGB(cube)
        steps = ocio.GroupTransform()
        steps.appendTransform(ocio.ColorSpaceTransform(src=src, dst=config.scene_linear))
        steps.appendTransform(_acescct())
        steps.appendTransform(_lut_of(cube))
        cpu = config.ocio.getProcessor(steps).getDefaultCPUProcessor()
    except OCIO_ERRORS as error:
        raise ColorError(
            f"the view {view!r} of {display!r} cannot be made: {error}", remedy="choose another"
        ) from error
    return DisplayConverter(src, display, view, cpu)


def _acescct(direction: Any = ocio.TRANSFORM_DIR_FORWARD) -> Any:
    """The curve of ACEScct (Academy S-2016-001), as a shaper on whatever primaries scene_linear has."""
    transform = ocio.LogCameraTransform([0.0078125] * 3)
    transform.setBase(2.0)
    transform.setLogSideSlopeValue([1 / 17.52] * 3)
    transform.setLogSideOffsetValue([9.72 / 17.52] * 3)
    transform.setDirection(direction)
    return transform


def _acescct_grid(size: int) -> Pixels:
    """The scene-linear colours at the points of a cube with ACEScct-shaped axes, red slowest: (size^3, 1, 3)."""
    axis = np.linspace(0.0, 1.0, size, dtype=np.float32)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 1, 3).copy()
    raw = ocio.Config.CreateRaw()
    raw.getProcessor(_acescct(ocio.TRANSFORM_DIR_INVERSE)).getDefaultCPUProcessor().applyRGB(grid)
    return np.asarray(grid)


def _lut_of(cube: Pixels) -> Any:
    lut = ocio.Lut3DTransform(_LUT_SIZE)
    lut.setInterpolation(ocio.INTERP_TETRAHEDRAL)
    lut.setData(cube.reshape(_LUT_SIZE, _LUT_SIZE, _LUT_SIZE, 3))
    return lut


def to_srgb_display(linear_rec709: Pixels, *, exposure_stops: float = 0.0) -> Pixels:
    """A new, simple picture for analysis (flow, colour models, cut-outs), sRGB-encoded in [0, 1]; not a view.

    ``linear_rec709`` (..., 3) times 2^exposure; 0 below black; straight up to 0.8, then
    1 - 0.2 exp(-(x - 0.8) / 0.2), so highlights keep order; then IEC 61966-2-1. Not for pictures that reach a comp.
    """
    room = 1.0 - _SOFT_CLIP_START
    light = np.maximum(np.nan_to_num(linear_rec709) * np.float32(2.0**exposure_stops), np.float32(0.0))
    soft = 1.0 - room * np.exp((_SOFT_CLIP_START - np.maximum(light, _SOFT_CLIP_START)) / room)
    light = np.where(light > _SOFT_CLIP_START, soft, light)
    return encode_srgb(light)


def encode_srgb(linear_rec709: Pixels) -> Pixels:
    """A new picture by IEC 61966-2-1, clipped to [0, 1]: what an sRGB file of that light holds. Not for a comp."""
    light = np.maximum(np.nan_to_num(linear_rec709), np.float32(0.0))
    encoded = np.where(light <= 0.0031308, light * 12.92, 1.055 * np.power(light, 1 / 2.4) - 0.055)
    return np.asarray(np.clip(encoded, 0.0, 1.0), np.float32)


def decode_srgb(display: Pixels) -> Pixels:
    """The light, linear Rec.709, of a picture by IEC 61966-2-1 in [0, 1]: undoes `encode_srgb` where that did not clip.

    >>> [round(float(value), 4) for value in decode_srgb(encode_srgb(np.float32([0.0, 0.002, 0.18, 1.0])))]
    [0.0, 0.002, 0.18, 1.0]
    """
    code = np.clip(display, np.float32(0.0), np.float32(1.0))
    light = np.where(code <= 0.04045, code / 12.92, np.power((code + 0.055) / 1.055, 2.4))
    return np.asarray(light, np.float32)
