"""Whether a pixel has the colours of the subject's inside near by, or of the outside near by."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
_NOISE = np.float32(0.03) ** 2
_MOST = np.float32(3.0)
_ENOUGH = np.float32(0.02)
_SMALLER = 2


def local_log_odds(picture: Array, inside: Array, outside: Array, *, radius_px: float) -> Array:
    """Log-odds (H, W) of the subject from colours alone, at most 3 either way; 0 where either side is too far away.

    ``inside`` and ``outside`` (H, W) are 1 where the sides are sure. Each side's colours around a pixel are one normal
    distribution, of independent channels; ``radius_px`` is how far around. Picture (H, W, 3), display-encoded.
    """
    size = max(1, picture.shape[1] // _SMALLER), max(1, picture.shape[0] // _SMALLER)
    small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)
    scores = []
    shares = []
    for side in (inside, outside):
        weight = np.asarray(cv2.resize(side, size, interpolation=cv2.INTER_AREA), np.float32)
        mean, spread, share = _around(small, weight, radius_px / _SMALLER)
        mean, spread, share = (_enlarged(values, picture) for values in (mean, spread, share))
        away = (picture - mean) ** 2 / spread + np.log(spread)
        scores.append(away[..., 0] + away[..., 1] + away[..., 2])
        shares.append(share)
    known = (shares[0] > _ENOUGH) & (shares[1] > _ENOUGH)
    odds = np.clip(np.float32(0.25) * (scores[1] - scores[0]), -_MOST, _MOST)
    return np.where(known, odds, np.float32(0))


def _around(picture: Array, weight: Array, radius_px: float) -> tuple[Array, Array, Array]:
    """Mean and variance of the weighted colours around each pixel, and how much weight there is."""
    side = 2 * max(1, round(radius_px)) + 1
    share = np.asarray(cv2.blur(weight, (side, side)), np.float32)
    total = np.maximum(share, np.float32(1e-4))[..., None]
    weighted = picture * weight[..., None]
    mean = np.asarray(cv2.blur(weighted, (side, side)) / total, np.float32)
    square = np.asarray(cv2.blur(weighted * picture, (side, side)) / total, np.float32)
    return mean, np.maximum(square - mean * mean, 0) + _NOISE, share


def _enlarged(values: Array, like: Array) -> Array:
    size = like.shape[1], like.shape[0]
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_LINEAR), np.float32)
