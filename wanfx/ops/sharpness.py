"""How soft a generated picture is beside the plate, where both show the same; and, on request, as sharp as it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.ops.grain import GrainModel
from wanfx.ops.grain_field import grain_spectrum
from wanfx.pixels import to_finite

Array = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float64]
_SIDE_PX = 32
_MOST = 96
_LEAST = 8
_BANDS = np.linspace(0.03, 0.5, 9)
_SIGNAL = 0.5
_RADII_PX = (0.6, 0.8, 1.0, 1.4, 2.0)
_MOST_GAIN = 1.5
_SHARP = 0.97
_DARK = 1e-3
_HOT = 4.0
# The power of a band that is no more than rounding.
_FAINT = 1e-6


@dataclass(frozen=True)
class Sharpness:
    """The generated picture's contrast relative to the plate's (``transfer``) at ``frequencies`` (cycles a pixel, those
    at which the plate shows more than grain).

    ``blur_px`` is the deviation of the Gaussian blur that would make the plate as soft; 0 where it is no softer, or
    nothing can be told. ``radius_px`` and ``gain`` are those of the unsharp mask that undoes it best.
    """

    frequencies: tuple[float, ...]
    transfer: tuple[float, ...]
    blur_px: float
    radius_px: float
    gain: float

    def as_dict(self) -> dict[str, Any]:
        """The measures as JSON types; `from_dict` reads them back."""
        return {
            "frequencies": list(self.frequencies), "transfer": list(self.transfer), "blur_px": self.blur_px,
            "radius_px": self.radius_px, "gain": self.gain,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Sharpness:
        """The measures that `as_dict` wrote."""
        return cls(
            tuple(data["frequencies"]), tuple(data["transfer"]), data["blur_px"], data["radius_px"], data["gain"]
        )


UNKNOWN = Sharpness((), (), 0.0, 1.0, 0.0)


def measure_sharpness(generated: Array, plate: Array, *, usable: Mask, grain: GrainModel) -> Sharpness:
    """Compare two pictures (H, W, 3), scene-linear and of one size, where both show the same (``usable``, (H, W)).

    The ratio of their power spectra in the most textured patches, each divided by its light, so that no lamp outweighs
    the rest. The plate's grain is taken off its power; `UNKNOWN` where too little is left.
    """
    ours, theirs = (np.ascontiguousarray(to_finite(picture)[..., 1]) for picture in (generated, plate))
    places = _textured_places(theirs, usable)
    if len(places) < _LEAST:
        return UNKNOWN
    window = np.outer(np.hanning(_SIDE_PX + 2)[1:-1], np.hanning(_SIDE_PX + 2)[1:-1])
    powers = np.zeros((2, _SIDE_PX, _SIDE_PX // 2 + 1))
    noise = 0.0
    for y, x in places:
        inside = slice(y, y + _SIDE_PX), slice(x, x + _SIDE_PX)
        level = max(float(theirs[inside].mean()), _DARK)
        noise += float(grain.curves[1].at(np.array(level)) / level) ** 2
        for index, picture in enumerate((ours, theirs)):
            part = picture[inside] / level
            powers[index] += np.abs(np.fft.rfft2((part - part.mean()) * window)) ** 2
    floor = noise * float(np.square(window).sum()) * grain_spectrum(grain.channel_correlation(1), side_px=_SIDE_PX)
    return _fit(powers[0], powers[1], floor)


def match_sharpness(linear: Array, sharpness: Sharpness) -> Array:
    """``linear`` (H, W, 3), scene-linear, with the contrast it lacks; itself where it lacks none.

    An unsharp mask held within each pixel's 3x3 neighborhood, so that nothing rings, not even around lamps.
    """
    if sharpness.gain <= 0:
        return linear
    good = np.isfinite(linear)
    light = to_finite(linear)
    blurred = cv2.GaussianBlur(light, (0, 0), sharpness.radius_px, borderType=cv2.BORDER_REPLICATE)
    sharper = light + np.float32(sharpness.gain) * (light - blurred)
    around = np.ones((3, 3), np.uint8)
    low = cv2.erode(light, around, borderType=cv2.BORDER_REPLICATE)
    high = cv2.dilate(light, around, borderType=cv2.BORDER_REPLICATE)
    held = np.minimum(np.maximum(sharper, low), high)
    return np.asarray(np.where(good, held, linear), np.float32)


def _textured_places(luma: Array, usable: Mask) -> list[tuple[int, int]]:
    """Corners of the usable patches with the strongest gradients relative to their light, none with a lamp in it."""
    rows, columns = luma.shape[0] // _SIDE_PX, luma.shape[1] // _SIDE_PX
    found = []
    for row in range(rows):
        for column in range(columns):
            y, x = row * _SIDE_PX, column * _SIDE_PX
            inside = slice(y, y + _SIDE_PX), slice(x, x + _SIDE_PX)
            part = luma[inside]
            level = float(part.mean())
            if not usable[inside].all() or level < _DARK or float(part.max()) > _HOT * level:
                continue
            strength = float(np.abs(np.diff(part, axis=0)).mean() + np.abs(np.diff(part, axis=1)).mean()) / level
            found.append((-strength, y, x))
    return [(y, x) for _strength, y, x in sorted(found)[:_MOST]]


def _fit(ours: Values, theirs: Values, floor: Values) -> Sharpness:
    down = np.fft.fftfreq(_SIDE_PX)[:, None]
    across = np.fft.rfftfreq(_SIDE_PX)[None]
    radius = np.hypot(down, across)
    frequencies, transfer = [], []
    for low, high in itertools.pairwise(_BANDS):
        band = (radius >= low) & (radius < high)
        signal, grain = float((theirs - floor)[band].sum()), float(floor[band].sum())
        if signal <= _SIGNAL * grain + _FAINT * int(band.sum()):
            continue
        frequencies.append(float(radius[band].mean()))
        transfer.append(float(np.sqrt(ours[band].sum() / signal)))
    if len(frequencies) < 3:
        return UNKNOWN
    f, h = np.array(frequencies), np.clip(transfer, 1e-3, 1e3)
    rounded = tuple(round(float(value), 4) for value in f), tuple(round(float(value), 4) for value in h)
    # A Gaussian's transfer is exp(-2 pi^2 s^2 f^2): a line through 0 in the logarithm over f^2.
    square = float(-(np.log(h) * f**2).sum() / (2 * np.pi**2 * (f**4).sum()))
    if square <= 0 or float(h.mean()) >= _SHARP:
        return Sharpness(*rounded, 0.0, 1.0, 0.0)
    radius_px, gain = _best_mask(f, h)
    return Sharpness(*rounded, round(square**0.5, 3), radius_px, gain)


def _best_mask(f: Values, h: Values) -> tuple[float, float]:
    """Radius and gain of the unsharp mask that brings the contrast ``h`` nearest to 1."""
    best = (float("inf"), 1.0, 0.0)
    for radius_px in _RADII_PX:
        lift = 1 - np.exp(-2 * (np.pi * radius_px * f) ** 2)
        # Least squares of h (1 + gain lift) = 1.
        gain = float(np.clip(((1 - h) * h * lift).sum() / np.square(h * lift).sum(), 0.0, _MOST_GAIN))
        error = float(np.square(h * (1 + gain * lift) - 1).sum())
        best = min(best, (error, radius_px, round(gain, 4)))
    return best[1], best[2]
