"""Alpha by a matting Laplacian of large windows: the fast way, at half size, its colour lines taken to full size.

Levin, Lischinski, Weiss (A Closed-Form Solution to Natural Image Matting, PAMI 2008) ask that alpha be a linear
function of colour in every window. He, Sun, Tang (Fast Matting Using Large Kernel Matting Laplacian Matrices, CVPR
2010) found that a product with that Laplacian is what a guided filter leaves of a picture: box filters whatever the
window's size, and wide windows need few steps of conjugate gradients. The lines found at half size hold at full size
too (He, Sun: Fast Guided Filter, 2015), so that single hairs come from the full picture.
"""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.ops.matting_solve import conjugate_gradients

Array = npt.NDArray[np.float32]
_WINDOW_PX = 3
_EPSILON = 1e-5
_KNOWN = np.float32(10)
_DOUBT = np.float32(4)
_LEAST_SPREAD = np.float32(1e-3)
# From the matte on: more of them change little, and carry the texture of one side into the other.
_STEPS = 10
_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))


def guided_alpha(guide: Array, trimap: Array, prior: Array, *, trust: Array, scale: float) -> Array:
    """Alpha (H, W) in [0, 1] as ``guide`` (H, W, 3, values of about 0 to 1) has it between what ``trimap`` knows.

    ``trimap`` is 0, 1, or 0.5 where alpha is to be found; there ``prior`` (H, W) pulls by ``trust`` (H, W), which
    is little: it decides where colours cannot. It is solved at ``scale`` of the guide's size.
    """
    size = tuple(max(1, round(length * scale)) for length in guide.shape[1::-1])
    small, known, matte, pull = (_resize(part, size, cv2.INTER_AREA) for part in (guide, trimap, prior, trust))
    is_known = (known <= 0) | (known >= 1)
    wanted, weight = np.where(is_known, known, matte), np.where(is_known, _KNOWN, pull)
    lines = _ColorLines(small)
    alpha = conjugate_gradients(
        partial(_product, lines, weight), weight * wanted, start=wanted, scale=1 / (1 + weight), steps=_STEPS
    )
    fitted = [_resize(part, guide.shape[1::-1], cv2.INTER_LINEAR) for part in lines.fit(alpha)]
    return np.asarray(np.clip(_along(fitted, [guide[..., c] for c in range(3)]), 0, 1), np.float32)


def _product(lines: _ColorLines, weight: Array, values: Array) -> Array:
    return lines.missed(values) + weight * values


def _resize(values: Array, size: tuple[int, ...], interpolation: int) -> Array:
    return np.asarray(cv2.resize(values, size, interpolation=interpolation), np.float32)


def _box(values: Array) -> Array:
    window = (2 * _WINDOW_PX + 1, 2 * _WINDOW_PX + 1)
    return np.asarray(cv2.blur(values, window, borderType=cv2.BORDER_REFLECT), np.float32)


def _along(line: list[Array], channels: list[Array]) -> Array:
    return np.asarray(line[0] * channels[0] + line[1] * channels[1] + line[2] * channels[2] + line[3], np.float32)


class _ColorLines:
    """In every window of a picture, the linear function of colour that is nearest to some values."""

    def __init__(self, guide: Array) -> None:
        self._channels = [np.ascontiguousarray(guide[..., c] - guide[..., c].mean(dtype=np.float64)) for c in range(3)]
        self._means = [_box(channel) for channel in self._channels]
        c, m = self._channels, self._means
        # OpenCV sums in double precision, so that these small differences of larger numbers are good to 1e-7. Their
        # determinants would not be.
        spread = [(_box(c[i] * c[j]) - m[i] * m[j]).astype(np.float64) for i, j in _PAIRS]
        for (i, j), part in zip(_PAIRS, spread, strict=True):
            part += _EPSILON if i == j else 0.0
        self._inverse = [part.astype(np.float32) for part in _invert(spread)]
        self._offset = [float(guide[..., c].mean(dtype=np.float64)) for c in range(3)]

    def _fit(self, values: Array) -> list[Array]:
        mean, slopes, _covariances = self._slopes(values)
        return self._spread_out(mean, slopes)

    def _slopes(self, values: Array) -> tuple[Array, list[Array], list[Array]]:
        mean = _box(values)
        i0, i1, i2 = self._channels
        m0, m1, m2 = self._means
        v0, v1, v2 = _box(i0 * values) - m0 * mean, _box(i1 * values) - m1 * mean, _box(i2 * values) - m2 * mean
        n00, n01, n02, n11, n12, n22 = self._inverse
        a0, a1, a2 = n00 * v0 + n01 * v1 + n02 * v2, n01 * v0 + n11 * v1 + n12 * v2, n02 * v0 + n12 * v1 + n22 * v2
        return mean, [a0, a1, a2], [v0, v1, v2]

    def _spread_out(self, mean: Array, slopes: list[Array]) -> list[Array]:
        rest = mean - sum(slope * middle for slope, middle in zip(slopes, self._means, strict=True))
        return [_box(part) for part in (*slopes, rest)]

    def fit(self, values: Array) -> list[Array]:
        """The three slopes and the constant, the mean of all windows a pixel lies in.

        Slopes are less steep where colour explains little of ``values``: there one side's texture looks like the
        other side, and would be drawn into the edge.
        """
        mean, slopes, covariances = self._slopes(values)
        spread = np.maximum(_box(values * values) - mean * mean, 0)
        explained = sum(slope * covariance for slope, covariance in zip(slopes, covariances, strict=True))
        share = np.clip(explained / (spread + _LEAST_SPREAD), 0, 1) ** _DOUBT
        *slopes, rest = self._spread_out(mean, [np.asarray(slope * share, np.float32) for slope in slopes])
        constant = rest - sum(slope * np.float32(offset) for slope, offset in zip(slopes, self._offset, strict=True))
        return [*slopes, np.asarray(constant, np.float32)]

    def missed(self, values: Array) -> Array:
        """What no such function explains of ``values``: their product with the matting Laplacian, over its diagonal."""
        return values - _along(self._fit(values), self._channels)


def _invert(m: list[npt.NDArray[np.float64]]) -> list[npt.NDArray[np.float64]]:
    """The inverse of symmetric 3x3 matrices, given and returned as their upper triangles."""
    a, b, c, d, e, f = m
    cofactors = [d * f - e * e, c * e - b * f, b * e - c * d, a * f - c * c, b * c - a * e, a * d - b * b]
    whole = a * cofactors[0] + b * cofactors[1] + c * cofactors[2]
    return [cofactor / whole for cofactor in cofactors]
