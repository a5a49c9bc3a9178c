"""How far apart two colors look: CIEDE2000 between display-encoded sRGB pictures.

CIE 142-2001 / ISO/CIE 11664-6:2014, in the form of Sharma, Wu, Dalal, "The CIEDE2000 Color-Difference Formula:
Implementation Notes, Supplementary Test Data, and Mathematical Observations", Color Res. Appl. 30 (2005), whose test
data it meets. Here because no library of the base installation has it; scikit-image's is held against it in the tests.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
# IEC 61966-2-1, linear sRGB to CIE XYZ; rows over the white D65 that the same matrix gives to 1, 1, 1.
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = _TO_XYZ.sum(axis=1)
_EPSILON, _KAPPA = 216 / 24389, 24389 / 27
_FULL = np.pi * 2


def lab_from_srgb(display: npt.ArrayLike) -> Array:
    """CIE L*a*b* (..., 3), D65, of display-encoded sRGB (..., 3) in [0, 1].

    >>> lab_from_srgb([1.0, 1.0, 1.0]).round(6).tolist()
    [100.0, 0.0, 0.0]
    """
    encoded = np.asarray(display, np.float64)
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((np.maximum(encoded, 0.04045) + 0.055) / 1.055) ** 2.4)
    ratio = linear @ _TO_XYZ.T / _WHITE
    f = np.where(ratio > _EPSILON, np.cbrt(ratio), (_KAPPA * ratio + 16) / 116)
    x, y, z = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def ciede2000(one_lab: npt.ArrayLike, other_lab: npt.ArrayLike) -> Array:
    """The difference (...) of L*a*b* colors (..., 3); 1 is about what an eye can just tell.

    >>> float(ciede2000([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485]).round(4))
    2.0425
    """
    one, other = np.asarray(one_lab, np.float64), np.asarray(other_lab, np.float64)
    mean_chroma = (np.hypot(one[..., 1], one[..., 2]) + np.hypot(other[..., 1], other[..., 2])) / 2
    stretch = 1 + 0.5 * (1 - np.sqrt(mean_chroma**7 / (mean_chroma**7 + 25.0**7)))
    chroma_1, hue_1 = _polar(one, stretch)
    chroma_2, hue_2 = _polar(other, stretch)
    turn = (hue_2 - hue_1 + np.pi) % _FULL - np.pi
    # Where the hues lie opposite, the formula's own rounding rule: a difference of exactly pi stays positive.
    turn = np.where(np.isclose(np.abs(hue_2 - hue_1), np.pi, rtol=0, atol=1e-12), hue_2 - hue_1, turn)
    is_gray = chroma_1 * chroma_2 == 0
    lightness, chroma = other[..., 0] - one[..., 0], chroma_2 - chroma_1
    hue = np.where(is_gray, 0.0, 2 * np.sqrt(chroma_1 * chroma_2) * np.sin(turn / 2))
    middle = np.where(is_gray, hue_1 + hue_2, _mean_hue(hue_1, hue_2))
    return _weigh(
        lightness, chroma, hue, (one[..., 0] + other[..., 0]) / 2, (chroma_1 + chroma_2) / 2, middle
    )  # fmt: skip


def _polar(lab: Array, stretch: Array) -> tuple[Array, Array]:
    """Chroma and hue (radians, from 0) with a* stretched."""
    a = lab[..., 1] * stretch
    return np.hypot(a, lab[..., 2]), np.arctan2(lab[..., 2], a) % _FULL


def _mean_hue(one: Array, other: Array) -> Array:
    """The hue halfway along the shorter way."""
    total = one + other
    is_near = np.abs(one - other) <= np.pi + 1e-12
    return np.where(is_near, total / 2, np.where(total < _FULL, total / 2 + np.pi, total / 2 - np.pi))


def _weigh(lightness: Array, chroma: Array, hue: Array, mean_l: Array, mean_c: Array, mean_h: Array) -> Array:
    """The differences over their weights at the mean color (equations 15 to 22 of Sharma et al.)."""
    t = (
        1 - 0.17 * np.cos(mean_h - np.radians(30)) + 0.24 * np.cos(2 * mean_h)
        + 0.32 * np.cos(3 * mean_h + np.radians(6)) - 0.20 * np.cos(4 * mean_h - np.radians(63))
    )  # fmt: skip
    off = (mean_l - 50) ** 2
    of_l = 1 + 0.015 * off / np.sqrt(20 + off)
    of_c, of_h = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * t
    blue = np.radians(30) * np.exp(-(((np.degrees(mean_h) - 275) / 25) ** 2))
    turned = -2 * np.sqrt(mean_c**7 / (mean_c**7 + 25.0**7)) * np.sin(2 * blue)
    l, c, h = lightness / of_l, chroma / of_c, hue / of_h  # noqa: E741 - as the standard calls them
    return np.asarray(np.sqrt(np.maximum(l**2 + c**2 + h**2 + turned * c * h, 0)), np.float64)
