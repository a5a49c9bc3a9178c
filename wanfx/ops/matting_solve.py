"""Conjugate gradients for matting: the alpha that some of its pixels, and what is said of all colours, ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]


def conjugate_gradients(
    product: Callable[[Values], Values], wanted: Values, *, start: Values, scale: Values, steps: int
) -> Values:
    """x with ``product``(x) = ``wanted``, nearly: so many steps from ``start``, with ``scale`` as preconditioner.

    ``product`` is symmetric and positive. The same bits for any number of threads where its own are.
    """
    values = start
    missing = wanted - product(start)
    step = scale * missing
    along, rate = step, _dot(missing, step)
    enough = 1e-12 * values.size
    for _ in range(steps):
        if rate <= enough:
            break
        change = product(along)
        length = values.dtype.type(rate / max(_dot(along, change), 1e-30))
        values = values + length * along
        missing = missing - length * change
        step = scale * missing
        before, rate = rate, _dot(missing, step)
        along = step + values.dtype.type(rate / before) * along
    return values


def _dot(one: Values, other: Values) -> float:
    # Not BLAS, whose sums depend on the number of threads.
    return float(np.sum(one * other, dtype=np.float64))
