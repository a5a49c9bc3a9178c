"""How much grain the edit has beside the plate, as a compositor judges it: at the same light, in the quietest places.

Grain is what differs along both diagonals of neighbouring pixels (the second difference of Immerkaer, Computer Vision
and Image Understanding 64, 1996, which slopes and straight edges do not touch), in stops. Texture is more than grain,
so of every octave of light the quietest fifth of small blocks is looked at.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.pixels import to_float

Pixels = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float64]
_SIDE, _BLOCKS = 8, 1200
_QUIET = 0.2
_LEAST = 12
_FAINT = 1e-4


def grain_ratio(comp: Pixels, plate: Pixels, *, edited: Mask, kept: Mask, floor: float) -> float | None:
    """The grain of ``comp`` where it is ``edited`` over that of ``plate`` where it is ``kept`` ((H, W) both).

    Pictures are linear RGB (H, W, 3). None where too little of the same light is seen in both, or the plate is without
    grain; blocks with light below ``floor`` are not looked at.
    """
    ours, theirs = _noise(comp, edited, floor), _noise(plate, kept, floor)
    found, counts = [], []
    for octave in np.intersect1d(np.floor(ours[0]), np.floor(theirs[0])):
        here, there = (noise[np.floor(level) == octave] for level, noise in (ours, theirs))
        if min(len(here), len(there)) < _LEAST:
            continue
        own, wanted = (float(np.quantile(noise, _QUIET)) for noise in (here, there))
        if wanted > _FAINT:
            found.append(own / wanted)
            counts.append(len(here))
    return float(np.average(found, weights=counts)) if found else None


def _noise(picture: Pixels, where: Mask, floor: float) -> tuple[Values, Values]:
    """The light (log2) and the grain (stops) of blocks that lie wholly ``where``."""
    corners = _corners(where)
    inside = np.arange(_SIDE)
    rows, columns = corners[0][:, None, None] + inside[:, None], corners[1][:, None, None] + inside
    light = to_float(picture[rows, columns]).mean(axis=-1)
    good = np.isfinite(light).all(axis=(1, 2)) & (light > floor).all(axis=(1, 2))
    stops = np.log2(light[good].astype(np.float64))
    twist = stops[:, :-1, :-1] - stops[:, 1:, :-1] - stops[:, :-1, 1:] + stops[:, 1:, 1:]
    return stops.mean(axis=(1, 2)), np.sqrt(np.square(twist).mean(axis=(1, 2))) / 2


def _corners(where: Mask) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Rows and columns of at most some blocks' first pixels, evenly chosen."""
    height, width = (side // _SIDE * _SIDE for side in where.shape)
    blocks = where[:height, :width].reshape(height // _SIDE, _SIDE, width // _SIDE, _SIDE)
    at = np.flatnonzero(blocks.all(axis=(1, 3)))
    at = at[:: -(-len(at) // _BLOCKS)] if len(at) else at
    across = max(1, width // _SIDE)
    return at // across * _SIDE, at % across * _SIDE
