"""The light of a plate on a character that was photographed or painted elsewhere: one moderate grade."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wanfx.ops.grade import Grade, LightLook

_EXPOSURE_SHARE, _EXPOSURE_STOPS = 0.5, 1.0
_TINT_SHARE, _TINT_STOPS = 0.5, 0.25
_BLACKS_SHARE, _MOST_BLACK = 0.5, 0.02
Stops = npt.NDArray[np.float64]


def match_light(
    character: LightLook, *, own: LightLook | None, actor: LightLook | None, around: LightLook, gain: float
) -> Grade:
    """The grade, in linear light, that brings a character towards the light of the plate it stands in.

    ``own`` is the light of what surrounds the character in its picture, None where nothing does: then the picture is
    taken for one in neutral light. ``actor`` is that of the one who stood there, ``around`` that of the plate behind
    him. ``gain`` is what light is multiplied by to have a picture's usual exposure.

    Half of the difference in exposure to actor and surroundings is made good, one stop at most: a black suit is no
    dim light. Half of the difference in the light's color, a quarter of a stop at most a channel, is told by the two
    surroundings and never by the character: a green coat is no green light. Half of what the plate's blacks are
    lighter is added, never so much taken away that the character's lose more than half of theirs.
    """
    seen = [_stops(look) for look in (actor, around) if look is not None]
    wanted = float(np.mean([stops.mean() for stops in seen]))
    exposure = np.clip(_EXPOSURE_SHARE * (wanted - _stops(character).mean()), -_EXPOSURE_STOPS, _EXPOSURE_STOPS)
    tint = _TINT_SHARE * (_tint(around) - (_tint(own) if own is not None else 0.0))
    # All channels by one factor: the hue stays.
    tint *= min(1.0, _TINT_STOPS / max(float(np.abs(tint).max()), 1e-9))
    slope = 2.0 ** (exposure + tint)
    blacks = np.min([look.blacks for look in (actor, around) if look is not None], axis=0)
    there = slope * np.array(character.blacks)
    offset = np.clip(_BLACKS_SHARE * (blacks - there), -0.5 * np.maximum(there, 0.0), _MOST_BLACK / gain)
    return Grade(_three(np.round(slope, 4)), _three(np.round(offset, 5) + 0.0))


def _stops(look: LightLook) -> Stops:
    return np.log2(np.array(look.level, np.float64))


def _tint(look: LightLook) -> Stops:
    stops = _stops(look)
    return np.asarray(stops - stops.mean())


def _three(values: Stops) -> tuple[float, float, float]:
    first, second, third = (float(value) for value in values)
    return first, second, third
