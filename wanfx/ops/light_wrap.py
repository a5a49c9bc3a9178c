"""Light wrap: the new world's light, as a lens and the air spread it, over a kept actor's edge."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.edges import bounding_box
from wanfx.pixels import to_finite

Array = npt.NDArray[np.float32]
_DEVIATIONS = 3.0
# A glare's own form, steep at the edge with a long tail: Gaussians of these parts of the widest, all of one weight.
_WIDTHS = (1.0, 0.5, 0.25)


def wrap_light(world_linear: Array, alpha: Array, *, strength: float, radius_px: float) -> tuple[Array, Array]:
    """The light to be added to the premultiplied actor, (H, W, 3), and how far each pixel is reached, (H, W) in [0, 1].

    ``world_linear`` (H, W, 3) is scene-linear, unclamped, ``alpha`` (H, W) the actor's. What of the world shows,
    (1 - alpha) * world, is spread by a sum of Gaussians that ends at ``radius_px`` and lies on the actor by his alpha:
    ``strength * alpha * spread``. Light adds up, so nothing is screened or clamped, and deeper than the radius both are
    exactly 0. NaN and infinite world pixels give no light.

    >>> import numpy as np
    >>> alpha = np.zeros((9, 9), np.float32)
    >>> alpha[:, 4:] = 1
    >>> light, reach = wrap_light(np.ones((9, 9, 3), np.float32), alpha, strength=1.0, radius_px=2.0)
    >>> bool(reach[4, 4] > reach[4, 5] > 0), float(light[4, 7].max())
    (True, 0.0)
    """
    light, reach = np.zeros((*alpha.shape, 3), np.float32), np.zeros_like(alpha)
    box = bounding_box(alpha)
    if strength <= 0 or radius_px <= 0 or box.is_empty:
        return light, reach
    edge_px = math.ceil(radius_px)
    around = box.grow(edge_px).clip(Box(0, 0, alpha.shape[1], alpha.shape[0]))
    here = around.slices()
    shows = np.float32(1) - alpha[here]
    spread = to_finite(world_linear[here]) * shows[..., None]
    by = np.float32(strength) * alpha[here]
    light[here] = by[..., None] * _blur(spread, edge_px, radius_px)
    reach[here] = np.minimum(by * _blur(shows, edge_px, radius_px), np.float32(1))
    return light, reach


def _blur(values: Array, edge_px: int, radius_px: float) -> Array:
    side = 2 * edge_px + 1
    # A reflected border: what is beyond the frame is as what is just within it.
    blurred = [
        cv2.GaussianBlur(values, (side, side), width * radius_px / _DEVIATIONS, borderType=cv2.BORDER_REFLECT_101)
        for width in _WIDTHS
    ]
    return np.asarray(sum(blurred[1:], blurred[0]) / np.float32(len(_WIDTHS)), np.float32)
