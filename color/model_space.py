"""The only place where scene-linear light meets a video model's range [-1, 1].

One fixed curve, ``wanfx.model_space/1``, from linear Rec.709 (D65) to code values in [0, 1], which the model sees as
``2 code - 1``. Up to mid grey it has the contrast of ordinary video, because the models were trained on that; from mid
grey up it bends into a log-like shoulder that ends at 64 scene-linear. docs/decisions/model-space.md has the reasons
and figures. In order of x, linear light after exposure::

    x <= FLOOR            the tangent at the floor
    FLOOR < x <= 0        LIFT + S x / (1 - K x)                     negatives, squeezed
    0 < x <= X0           LIFT + S x                                 straight, as in IEC 61966-2-1
    X0 < x <= GREY        LIFT + GAIN (1.055 x^(1/2.4) - 0.055)      the curve of sRGB
    GREY < x <= CEILING   Y + A u / (1 + B u),  u = ln(x / GREY)     the shoulder
    CEILING < x           the tangent at the ceiling

The pieces meet with equal value and slope. Out-of-gamut colour is negative in Rec.709 and passes through the toe.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from wanfx_color.exceptions import ColorError

Pixels = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_CHUNK = 1 << 16
"""Values converted at a time, so that the temporaries stay in the processor's cache."""

_MID_GREY = 0.18
_CEILING = 64.0
_FLOOR = -1.0 / 64.0
_LIFT = 1.0 / 32.0
_GAIN = 0.9
_GAMMA = 2.4
_OFFSET = 0.055

# sRGB's straight part with the exact constants of a smooth join (the standard rounds them to 0.0031308 and 12.92).
_Y0 = _OFFSET / (_GAMMA - 1.0)
_X0 = ((_Y0 + _OFFSET) / (1.0 + _OFFSET)) ** _GAMMA
_S = _GAIN * _Y0 / _X0

# The toe reaches code 0 at the floor; its slope there is that of the tangent below.
_K = (_S * -_FLOOR / _LIFT - 1.0) / -_FLOOR
_FLOOR_SLOPE = _S / (1.0 - _K * _FLOOR) ** 2

# The shoulder starts with the slope of the sRGB part and reaches code 1 at the ceiling.
_Y = _LIFT + _GAIN * ((1.0 + _OFFSET) * _MID_GREY ** (1.0 / _GAMMA) - _OFFSET)
_A = _GAIN * (1.0 + _OFFSET) / _GAMMA * _MID_GREY ** (1.0 / _GAMMA)
_U = math.log(_CEILING / _MID_GREY)
_B = (_A * _U / (1.0 - _Y) - 1.0) / _U
_CEILING_SLOPE = _A / (1.0 + _B * _U) ** 2 / _CEILING

_LARGEST_HALF = 65504.0
_LUMINANCE = (0.2126, 0.7152, 0.0722)
_BLACK = 2.0**-10
_KEY_STOPS = 1.5


@dataclass(frozen=True)
class ModelSpace:
    """The curve at one exposure, the same for a whole shot.

    >>> space = ModelSpace(exposure_stops=0.0)
    >>> [round(float(value), 4) for value in space.encode(np.float32([0.0, 0.18, 64.0]))]
    [-0.9375, -0.1071, 1.0]
    """

    exposure_stops: float

    NAME: ClassVar[str] = "wanfx.model_space/1"
    CEILING: ClassVar[float] = _CEILING
    """The scene-linear value that is +1 at exposure 0."""
    FLOOR: ClassVar[float] = _FLOOR
    """The scene-linear value that is -1 at exposure 0."""

    def __post_init__(self) -> None:
        if not -16.0 <= self.exposure_stops <= 16.0:
            raise ColorError(f"an exposure of {self.exposure_stops} stops is out of range", remedy="use -16 to 16")

    @property
    def ceiling(self) -> float:
        """The scene-linear value that is +1 at this exposure."""
        return float(_CEILING / self._scale)

    @property
    def floor(self) -> float:
        """The scene-linear value that is -1 at this exposure."""
        return float(_FLOOR / self._scale)

    @property
    def _scale(self) -> float:
        return float(2.0**self.exposure_stops)

    def encode(self, linear_rec709: Pixels) -> Pixels:
        """Linear Rec.709 light (any shape) in model space, float32; a new array.

        Strictly monotone (to float32: light closer than 3e-9 / 2^exposure to its neighbour may meet it) and finite
        for whatever a half can hold: beyond the ceiling and the floor the curve goes on
        straight, outside [-1, 1]; a model that wants its range clips, and `over_ceiling` and `under_floor` say
        where. NaN is encoded as black and infinities as the largest half; plates with either are refused or
        reported at ingest.
        """
        scale = np.float32(self._scale)
        return _in_chunks(linear_rec709, lambda values: _encode(_finite(values) * scale))

    def decode(self, model: Pixels) -> Pixels:
        """Model-space values (any shape, in or out of [-1, 1]) as linear Rec.709 light, float32; a new array.

        The exact inverse of `encode`: within 1e-4 of max(|x|, 1e-4 / 2^exposure) from floor to ceiling. Finite for
        finite values up to a thousand times the range.
        """
        scale = np.float32(1.0 / self._scale)
        return _in_chunks(model, lambda values: _decode(values) * scale)

    def over_ceiling(self, linear_rec709: Pixels) -> Mask:
        """Where (H, W) any channel of (H, W, 3) light is above +1 in model space, or not finite."""
        return _any_channel(~(linear_rec709 <= np.float32(self.ceiling)))

    def under_floor(self, linear_rec709: Pixels) -> Mask:
        """Where (H, W) any channel of (H, W, 3) light is below -1 in model space, or not finite."""
        return _any_channel(~(linear_rec709 >= np.float32(self.floor)))

    def at_ceiling(self, model: Pixels) -> Mask:
        """Where (H, W) any channel of generated (H, W, 3) values met +1 (to a half's precision there)."""
        return _any_channel(model >= np.float32(1.0 - 2.0**-11))


def _any_channel(mask: Mask) -> Mask:
    # Several times faster than any(axis=-1) over three channels.
    return np.asarray(mask[..., 0] | mask[..., 1] | mask[..., 2])


def _finite(values: Pixels) -> Pixels:
    if np.isfinite(values).all():
        return values
    return np.asarray(np.nan_to_num(values, nan=0.0, posinf=_LARGEST_HALF, neginf=-_LARGEST_HALF))


def _in_chunks(values: npt.NDArray[np.floating], convert: Callable[[Pixels], Pixels]) -> Pixels:
    source = np.asarray(values)
    flat = source.reshape(-1)
    result = np.empty(flat.shape, np.float32)
    for start in range(0, flat.size, _CHUNK):
        part = slice(start, start + _CHUNK)
        result[part] = convert(flat[part].astype(np.float32, copy=False))
    return result.reshape(source.shape)


def _encode(x: Pixels) -> Pixels:
    """Light after exposure to [-1, 1]: the sRGB part for all, then the other pieces where they apply."""
    f = np.float32
    log_x = np.log(np.clip(x, f(_X0), f(_CEILING)))
    code = np.exp(log_x * f(1 / _GAMMA)) * f(_GAIN * (1 + _OFFSET)) + f(_LIFT - _GAIN * _OFFSET)
    u = log_x - f(math.log(_MID_GREY))
    np.copyto(code, u * f(_A) / (f(1) + u * f(_B)) + f(_Y), where=u > 0)
    if (low := x <= f(_X0)).any():
        np.copyto(code, x * f(_S) / (f(1) - np.clip(x, f(_FLOOR), f(0)) * f(_K)) + f(_LIFT), where=low)
        np.copyto(code, (x - f(_FLOOR)) * f(_FLOOR_SLOPE), where=x < f(_FLOOR))
    np.copyto(code, (x - f(_CEILING)) * f(_CEILING_SLOPE) + f(1), where=x > f(_CEILING))
    return code * f(2) - f(1)


def _decode(model: Pixels) -> Pixels:
    """The inverse of `_encode`, piece by piece."""
    f = np.float32
    code = (model + f(1)) * f(0.5)
    inside = np.clip(code, f(_LIFT + _S * _X0), f(1))
    power = (inside - f(_LIFT - _GAIN * _OFFSET)) * f(1 / (_GAIN * (1 + _OFFSET)))
    above = np.maximum(inside - f(_Y), f(0))
    exponent = np.where(above > 0, above / (f(_A) - above * f(_B)) + f(math.log(_MID_GREY)), np.log(power) * f(_GAMMA))
    x = np.exp(exponent)
    if (low := code <= f(_LIFT + _S * _X0)).any():
        over = code - f(_LIFT)
        np.copyto(x, over / (f(_S) + np.clip(over, f(-_LIFT), f(0)) * f(_K)), where=low)
        np.copyto(x, code * f(1 / _FLOOR_SLOPE) + f(_FLOOR), where=code < 0)
    np.copyto(x, (code - f(1)) * f(1 / _CEILING_SLOPE) + f(_CEILING), where=code > 1)
    return np.asarray(x)


def log_average_stops(linear_rec709: Pixels) -> float | None:
    """The mean log2 luminance (ITU-R BT.709-6, 3.2) of an (H, W, 3) picture; None where all of it is black.

    Pixels at or below 2^-10 (letterbox, crushed black) or not finite are left out.
    """
    luminance = _finite(linear_rec709) @ np.array(_LUMINANCE, np.float32)
    lit = luminance[(luminance > _BLACK) & (luminance < _LARGEST_HALF)]
    return float(np.log2(lit).mean(dtype=np.float64)) if lit.size else None


def suggest_exposure(log_averages_stops: Iterable[float | None]) -> float:
    """The exposure in stops for a shot with these `log_average_stops` (one a frame, or of some frames).

    A shot whose geometric mean is within 1.5 stops of 0.18 keeps exposure 0, so that ordinary plates look to the
    model as they do to us and low key stays low key; others are brought to the nearer edge of that band. Rounded to
    1/8 stop, within -12 to 12; 0 for black.
    """
    known = [stops for stops in log_averages_stops if stops is not None]
    if not known:
        return 0.0
    wanted = math.log2(_MID_GREY) - math.fsum(known) / len(known)
    beyond = math.copysign(max(0.0, abs(wanted) - _KEY_STOPS), wanted)
    return max(-12.0, min(12.0, round(beyond * 8.0) / 8.0)) + 0.0
