"""The family of corrections that the plate lock looks in: for each channel, what is added to a generated colour.

In model space, where a generator errs: an offset, the other channels (with the channel's own, a 3x3), a curve of the
channel's own, three terms of hue (as a grade's hue against hue and saturation), and a gain that varies slowly over the
picture. Of low order, and near to nothing where the evidence for a term is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Box, Size

Array = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]
_POWERS = [(i, j) for total in range(1, 5) for i in range(total + 1) for j in [total - i]]
"""Legendre polynomials across and down of each gain over the picture."""
TERMS = 10 + len(_POWERS)
OFFSET, MATRIX, CURVE, HUE, PLACE = (slice(0, 1), slice(1, 4), slice(4, 7), slice(7, 10), slice(10, TERMS))
_OFFSET_SIZE, _GAIN_SIZE, _CROSS_SIZE, _CURVE_SIZE, _HUE_SIZE, _PLACE_SIZE = 0.06, 0.06, 0.01, 0.015, 0.007, 0.06


def _expected() -> Values:
    row = [_OFFSET_SIZE, *[_CROSS_SIZE] * 3, *[_CURVE_SIZE] * 3, *[_HUE_SIZE] * 3]
    sizes = np.array([row + [_PLACE_SIZE / (i + j) for i, j in _POWERS]] * 3)
    sizes[range(3), range(MATRIX.start, MATRIX.stop)] = _GAIN_SIZE
    return sizes


EXPECTED = _expected()
"""(3, TERMS): how large a generator's terms are wont to be (standard deviations), in model space."""
ROUNDING = 2.0**-11
"""The step of a half near 1: a correction that nowhere reaches it is none."""
_ROWS = 128
_GREY = 0.02
_CHROMA = np.array([[2, -1, -1], [0, np.sqrt(3), -np.sqrt(3)]], np.float64) / np.sqrt(6)


@dataclass(frozen=True, eq=False)
class Correction:
    """What is added to a generated picture: a row of `TERMS` for each channel, all 0 where nothing is."""

    terms: Values

    @property
    def is_none(self) -> bool:
        """Whether pictures keep their bits."""
        return not self.terms.any()

    def times(self, share: float) -> Correction:
        """This share of it."""
        return rounded(self.terms * share)


NO_CORRECTION = Correction(np.zeros((3, TERMS)))


def rounded(terms: Values) -> Correction:
    """The correction, or none where it can nowhere reach `ROUNDING`."""
    return NO_CORRECTION if np.abs(terms).sum(axis=1).max() < ROUNDING else Correction(terms)


def color_terms(model: npt.NDArray[Any], across: npt.NDArray[Any], down: npt.NDArray[Any]) -> Values:
    """(3, N, TERMS): what each term adds for N colours (N, 3) in model space at places from -1 to 1."""
    rgb = np.clip(model, -1, 1).astype(np.float64)
    first, second = rgb @ _CHROMA[0], rgb @ _CHROMA[1]
    strength = np.sqrt(first**2 + second**2 + _GREY**2)
    hue = [(first * first - second * second) / strength, 2 * first * second / strength, strength - _GREY]
    columns, rows = _legendre(across), _legendre(down)
    places = [columns[i] * rows[j] for i, j in _POWERS]
    out = np.empty((3, len(rgb), TERMS))
    for channel in range(3):
        own = rgb[:, channel]
        curve = [own**2 - 1 / 3, own**3, own**5]
        gain = [(own + 1) / 2 * place for place in places]
        out[channel] = np.stack([np.ones(len(rgb)), *rgb.T, *curve, *hue, *gain], axis=1)
    return out


def apply_terms(model: Values, places: Values, correction: Correction) -> Values:
    """(N, 3): what ``correction`` adds to colours (N, 3) at ``places`` (2, N) from -1 to 1."""
    return np.asarray(np.einsum("cnt,ct->nc", color_terms(model, places[0], places[1]), correction.terms))


def correct(model: Array, correction: Correction, *, box: Box, size: Size) -> Array:
    """``model`` (h, w, 3), the part in ``box`` of a generated picture of ``size``, corrected; itself where none is.

    Strips of rows at a time, so that the temporaries stay in the processor's cache.
    """
    if correction.is_none or not model.size:
        return model
    across = ((np.arange(box.x0, box.x1) + 0.5) / size.width * 2 - 1).astype(np.float32)
    down = ((np.arange(box.y0, box.y1) + 0.5) / size.height * 2 - 1).astype(np.float32)
    out = np.empty_like(model)
    for start in range(0, box.height, _ROWS):
        rows = slice(start, start + _ROWS)
        np.add(
            model[rows], _added(np.ascontiguousarray(model[rows]), correction.terms, across, down[rows]), out=out[rows]
        )
    return out


def _added(model: Array, terms: Values, across: Array, down: Array) -> Array:
    """What `color_terms` says, for a strip (h, w, 3)."""
    f = np.float32
    t = terms.astype(f)
    rgb = np.minimum(np.maximum(model, f(-1)), f(1))
    constant = t[:, 0] - t[:, CURVE.start] / f(3)
    added = np.asarray(cv2.transform(rgb, np.concatenate([t[:, MATRIX], constant[:, None]], axis=1)), f)
    square = rgb * rgb
    curve = square * t[:, 6]
    curve += t[:, 5]
    curve *= rgb
    curve += t[:, 4]
    curve *= square
    added += curve
    if terms[:, HUE].any():
        chroma = np.asarray(cv2.transform(rgb, _CHROMA.astype(f)), f)
        first, second = chroma[..., 0], chroma[..., 1]
        strength = np.sqrt(first * first + second * second + f(_GREY**2))
        hue = cv2.merge([(first - second) * (first + second) / strength, 2 * first * second / strength, strength])
        added += np.asarray(cv2.transform(hue, np.concatenate([t[:, HUE], -f(_GREY) * t[:, 9:10]], axis=1)), f)
    if terms[:, PLACE].any():
        columns, rows = _legendre(across), np.stack(_legendre(down), axis=1)
        along = np.zeros((rows.shape[1], len(across), 3), f)
        for index, (i, j) in enumerate(_POWERS):
            along[j] += t[:, PLACE.start + index] * columns[i][:, None]
        # Five terms a sum: too short to be shared out among threads.
        gain = (rows @ along.reshape(len(along), -1)).reshape(rgb.shape)
        gain *= (rgb + f(1)) * f(0.5)
        added += gain
    return added


def _legendre(x: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Legendre's polynomials up to the fourth, of ``x`` from -1 to 1."""
    return [np.ones_like(x), x, 1.5 * x * x - 0.5, 2.5 * x**3 - 1.5 * x, 4.375 * x**4 - 3.75 * x * x + 0.375]
