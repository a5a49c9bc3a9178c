"""A grade: an ASC CDL in scene-linear light, its inverse, and the one that brings an actor towards a new world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Three = tuple[float, float, float]
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_LEAST_PIXELS = 256
_LEAST_LIGHT = 1e-4
_NORM = 4.0
_LAMPS_PERCENT, _BLACKS_PERCENT = 99.0, 1.0
_EXPOSURE_SHARE, _EXPOSURE_STOPS = 0.25, 0.5
_TINT_SHARE, _TINT_STOPS = 0.5, 0.3
_BLACKS_SHARE, _MOST_BLACK, _IS_BLACK = 0.5, 0.02, 0.15


@dataclass(frozen=True)
class Grade:
    """``out = (in * slope + offset) ^ power``, then saturation (ASC CDL 1.2), a channel; unclamped.

    What is 0 or less before the power stays as it is, as OCIO's `CDL_NO_CLAMP` has it, so that it can be undone.
    """

    slope: Three = (1.0, 1.0, 1.0)
    offset: Three = (0.0, 0.0, 0.0)
    power: Three = (1.0, 1.0, 1.0)
    saturation: float = 1.0

    @property
    def is_none(self) -> bool:
        """Whether it changes nothing."""
        return self == Grade()

    @property
    def is_invertible(self) -> bool:
        """Whether it can be undone."""
        return min(*self.slope, *self.power, self.saturation) > 0

    def as_dict(self) -> dict[str, Any]:
        """JSON types; `from_dict` reads them back."""
        return {
            "slope": list(self.slope), "offset": list(self.offset), "power": list(self.power),
            "saturation": self.saturation,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Grade:
        """The grade that `as_dict` wrote."""
        slope, offset, power = (_three(data[name]) for name in ("slope", "offset", "power"))
        return cls(slope, offset, power, float(data["saturation"]))


def apply_grade(linear: Array, grade: Grade) -> Array:
    """Straight (not premultiplied) scene-linear colors (..., 3), graded; ``linear`` itself where nothing is changed."""
    if grade.is_none:
        return linear
    graded = linear * _row(grade.slope) + _row(grade.offset)
    return _saturate(_power(graded, _row(grade.power)), grade.saturation)


def undo_grade(linear: Array, grade: Grade) -> Array:
    """What `apply_grade` made ``linear`` (..., 3) of, within float32's rounding; for an invertible grade."""
    if grade.is_none:
        return linear
    plain = _power(_saturate(linear, 1 / grade.saturation), np.float32(1) / _row(grade.power))
    return np.asarray((plain - _row(grade.offset)) / _row(grade.slope), np.float32)


def _row(values: Three) -> Array:
    return np.array(values, np.float32)


def _power(linear: Array, power: Array) -> Array:
    if (power == 1).all():
        return linear
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(linear > 0, np.maximum(linear, 0) ** power, linear), np.float32)


def _saturate(linear: Array, saturation: float) -> Array:
    if saturation == 1:
        return linear
    luma = (linear @ _LUMA)[..., None]
    return np.asarray(luma + np.float32(saturation) * (linear - luma), np.float32)


@dataclass(frozen=True)
class LightLook:
    """The light of a picture, scene-linear: by channel its ``level`` and ``blacks``, and its median in ``stops``."""

    level: Three
    blacks: Three
    stops: float


def look_at_light(linear: Array, where: Mask) -> LightLook | None:
    """The light where ``where`` (H, W) of a picture (H, W, 3), scene-linear; None where that is too little to tell.

    The level is the Minkowski norm of order 4 (shades of gray: Finlayson and Trezzi, Shades of Gray and Colour
    Constancy, CIC 2004): bright surfaces tell the light's color, without letting lamps, which are left out, decide.
    """
    colors = linear[where]
    colors = colors[np.isfinite(colors).all(axis=1)].astype(np.float64)
    if len(colors) < _LEAST_PIXELS:
        return None
    brightness = colors.max(axis=1)
    plain = np.maximum(colors[brightness <= np.percentile(brightness, _LAMPS_PERCENT)], 0.0)
    level = np.maximum(np.mean(plain**_NORM, axis=0) ** (1 / _NORM), _LEAST_LIGHT)
    stops = np.median(np.log2(np.maximum(colors.mean(axis=1), _LEAST_LIGHT)))
    return LightLook(_three(level), _three(np.percentile(colors, _BLACKS_PERCENT, axis=0)), float(stops))


def suggest_grade(looks: list[tuple[LightLook, LightLook, LightLook]], *, gain: float) -> Grade:
    """A moderate grade that brings an actor from the old background's light towards the new world's.

    ``looks`` are of old background, new world and actor in the same frames; medians count. ``gain`` is what light is
    multiplied by to have a picture's usual exposure. Of the difference in exposure a quarter is made good, half a stop
    at most, of that in color half, 0.3 stops at most a channel. Where both backgrounds have blacks, half of what the
    new ones are lighter is added; never is so much taken away that the actor's own lose more than half. No power is
    used.
    """
    if not looks:
        return Grade()
    old, new = (np.median([look[index].level for look in looks], axis=0) for index in (0, 1))
    blacks = [np.median([look[index].blacks for look in looks], axis=0) for index in range(3)]
    brighter = float(np.median([look[1].stops - look[0].stops for look in looks]))
    exposure = np.clip(_EXPOSURE_SHARE * brighter, -_EXPOSURE_STOPS, _EXPOSURE_STOPS)
    stops = np.log2(new / old)
    tint = _TINT_SHARE * (stops - stops.mean())
    # All channels by one factor: the hue stays.
    tint *= min(1.0, _TINT_STOPS / max(float(np.abs(tint).max()), 1e-9))
    slope = 2.0 ** (exposure + tint)
    offset = np.zeros(3)
    if all(black.mean() < _IS_BLACK * level.mean() for black, level in zip(blacks, (old, new), strict=False)):
        least = -0.5 * np.maximum(blacks[2], 0.0) * slope
        offset = np.clip(_BLACKS_SHARE * (blacks[1] - slope * blacks[0]), least, _MOST_BLACK / gain)
    return Grade(_three(np.round(slope, 4)), _three(np.round(offset, 5) + 0.0))


def _three(values: Any) -> Three:
    first, second, third = (float(value) for value in values)
    return first, second, third
