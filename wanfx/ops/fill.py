"""What was never seen, filled smoothly from what surrounds it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


def fill_smooth(rgb: Array, known: Array) -> Array:
    """``rgb`` (H, W, 3, linear, unclamped), its unknown pixels filled; ``known`` (H, W) in [0, 1] weighs the others.

    Push-pull: means of ever larger neighbourhoods of known pixels are laid under the finer ones (Gortler et al., The
    Lumigraph, SIGGRAPH 1996, 3.4.2). Where nothing is known, 0.
    """
    weight = known.astype(np.float32)
    if min(weight.shape) <= 1 or weight.min() >= 1:
        return np.where(weight[..., None] > 0, rgb, np.float32(0))
    size = ((weight.shape[1] + 1) // 2, (weight.shape[0] + 1) // 2)
    total = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    summed = cv2.resize(rgb * weight[..., None], size, interpolation=cv2.INTER_AREA)
    mean = summed / np.maximum(total, np.float32(1e-6))[..., None]
    coarse = fill_smooth(mean, np.minimum(total * 4, np.float32(1)))
    under = cv2.resize(coarse, (weight.shape[1], weight.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(under + weight[..., None] * (rgb - under), np.float32)
