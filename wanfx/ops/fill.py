"""What was never seen, filled smoothly from what surrounds it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


def fill_smooth(rgb: Array, known: Array) -> Array:
    """``rgb`` (H, W, 3, linear, unclamped), its unknown pixels filled; ``known`` (H, W) in [0, 1] weighs the others.

    Known pixels (1) keep their bits; unknown ones (0) may hold anything, NaN too. Push-pull: means of ever larger
    neighbourhoods of known pixels are laid under the finer ones (Gortler et al., The Lumigraph, SIGGRAPH 1996, 3.4.2).
    Where nothing is known, 0.
    """
    weight = known.astype(np.float32)
    seen = np.where((weight > 0)[..., None], rgb, np.float32(0))
    if min(weight.shape) <= 1 or weight.min() >= 1:
        return seen
    size = ((weight.shape[1] + 1) // 2, (weight.shape[0] + 1) // 2)
    total = np.asarray(cv2.resize(weight, size, interpolation=cv2.INTER_AREA), np.float32)
    summed = cv2.resize(seen * weight[..., None], size, interpolation=cv2.INTER_AREA)
    mean = np.asarray(summed / np.maximum(total, np.float32(1e-6))[..., None], np.float32)
    coarse = fill_smooth(mean, np.minimum(total * np.float32(4), np.float32(1)))
    under = np.asarray(cv2.resize(coarse, weight.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
    return np.where((weight >= 1)[..., None], seen, under + weight[..., None] * (seen - under))
