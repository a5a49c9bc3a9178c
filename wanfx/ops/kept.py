"""What is kept of a plate, and its hash."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.ops.edges import bounding_box

Pixels = npt.NDArray[Any]


def kept_digest(rgb: Pixels, edited: npt.NDArray[np.bool_]) -> str:
    """SHA-256 of what is kept: the RGB bits (H, W, 3), 0 where ``edited`` (H, W), then the packed mask of the rest."""
    kept = rgb.copy()
    box = bounding_box(edited)
    kept[box.slices()][edited[box.slices()]] = 0
    digest = hashlib.sha256(kept.data)
    digest.update(np.packbits(~edited).data)
    return digest.hexdigest()
