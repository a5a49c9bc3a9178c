"""A new take dissolved into what was approved after it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
_DIGITS = 6


def dissolve_weights(count: int) -> tuple[float, ...]:
    """How far each of ``count`` frames is still the new take: it leaves 1 and reaches 0 smoothly.

    Hermite's cubic, of the frame before the first (1) and the one after the last (0).

    >>> dissolve_weights(3)
    (0.84375, 0.5, 0.15625)
    """
    places = ((index + 1) / (count + 1) for index in range(count))
    return tuple(round(1 - place * place * (3 - 2 * place), _DIGITS) for place in places)


def dissolve(
    new: Array, approved: Array, *, weight: float, new_alpha: Array | None = None, approved_alpha: Array | None = None
) -> tuple[Array, Array | None]:
    """``weight`` of the ``new`` picture and the rest of the ``approved`` one, (H, W, 3) in model space.

    With alphas (H, W) both are straight foregrounds where alpha is not 0, and so is the result, beside its alpha: what
    is dissolved then are the premultiplied layers. Where the two are equal they keep their bits.
    """
    share = np.float32(weight)
    if new_alpha is None or approved_alpha is None:
        return np.asarray(approved + share * (new - approved), np.float32), None
    alpha = approved_alpha + share * (new_alpha - approved_alpha)
    part = np.full_like(alpha, share)
    np.divide(share * new_alpha, alpha, out=part, where=alpha > 0)
    return np.asarray(approved + part[..., None] * (new - approved), np.float32), np.asarray(alpha, np.float32)
