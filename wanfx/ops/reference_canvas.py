"""Reference pictures on the canvas that Wan2.1-VACE sees them on (WAN's own rules, in its order of operations)."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Size

Array = npt.NDArray[np.float32]
_WHITE = np.float32(1)
_AS_WHITE, _MOST = 0.98, 0.97


def cover_canvas(model: Array, *, size: Size) -> Array:
    """A picture (H, W, 3) in model space as large as covers the canvas, its middle: for what fills the frame."""
    height, width = model.shape[:2]
    scale = max(size.width / width, size.height / height)
    across, down = max(size.width, round(width * scale)), max(size.height, round(height * scale))
    resized = _resize(model, Size(across, down))
    x0, y0 = (across - size.width) // 2, (down - size.height) // 2
    return np.ascontiguousarray(resized[y0 : y0 + size.height, x0 : x0 + size.width])


def on_white(model: Array, alpha: Array) -> Array:
    """A cut-out, straight colors (H, W, 3) in model space and its alpha (H, W), on white (1.0)."""
    return np.asarray(_WHITE + alpha[..., None] * (model - _WHITE), np.float32)


def find_white(reference_display: Array) -> Array | None:
    """(H, W): 0 where a picture (H, W, 3, display-encoded) is white from its rim on, 1 elsewhere.

    None where its rim is not white: it was not cut out.
    """
    is_white = (reference_display.min(axis=2) >= _AS_WHITE).astype(np.uint8)
    rim = np.concatenate([is_white[0], is_white[-1], is_white[:, 0], is_white[:, -1]])
    if rim.mean() < _MOST:
        return None
    flooded = np.pad(is_white, 1, constant_values=1)
    mask = np.zeros((flooded.shape[0] + 2, flooded.shape[1] + 2), np.uint8)
    cv2.floodFill(flooded, mask, (0, 0), 2)
    return np.asarray(flooded[1:-1, 1:-1] != 2, np.float32)


def fit_on_white(model: Array, *, size: Size) -> Array:
    """A picture (H, W, 3) in model space whole, in the middle of a white (1.0) canvas: for what is cut out.

    >>> fit_on_white(np.zeros((2, 4, 3), np.float32), size=Size(4, 4))[:, 0, 0].tolist()
    [1.0, 0.0, 0.0, 1.0]
    """
    height, width = model.shape[:2]
    scale = min(size.height / height, size.width / width)
    inner = Size(max(1, int(width * scale)), max(1, int(height * scale)))
    out = np.full((size.height, size.width, 3), _WHITE)
    x0, y0 = (size.width - inner.width) // 2, (size.height - inner.height) // 2
    out[y0 : y0 + inner.height, x0 : x0 + inner.width] = _resize(model, inner)
    return out


def _resize(model: Array, size: Size) -> Array:
    if (model.shape[1], model.shape[0]) == (size.width, size.height):
        return model
    shrinks = size.width < model.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(model), (size.width, size.height), interpolation=how), np.float32)
