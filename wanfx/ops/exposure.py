"""How many stops lie between two pictures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
_LEAST_PIXELS = 64
_LEAST_LIGHT = np.float32(1e-4)


def median_stops(linear: Array, where: npt.NDArray[np.bool_]) -> float | None:
    """The median of log2 of the channels' mean (scene-linear, (H, W, 3)) where ``where`` (H, W); None for too little.

    The median cares neither for a lamp nor for a black corner. Light below 1/10000 counts as that.

    >>> import numpy as np
    >>> median_stops(np.full((9, 9, 3), 0.25, np.float32), np.ones((9, 9), bool))
    -2.0
    """
    if np.count_nonzero(where) < _LEAST_PIXELS:
        return None
    light = linear[where].mean(axis=1)
    return float(np.median(np.log2(np.maximum(light, _LEAST_LIGHT))))


def match_stops(pairs: list[tuple[float, float]], *, most: float) -> float:
    """The stops, at most ``most`` either way, that bring the second of each (wanted, there) pair to the first.

    >>> match_stops([(-2.0, -3.0), (-2.0, -3.5), (-2.0, 4.0)], most=2.0)
    1.0
    """
    if not pairs:
        return 0.0
    return round(float(np.clip(np.median([wanted - there for wanted, there in pairs]), -most, most)), 4)
