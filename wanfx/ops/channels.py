"""Display-encoded pictures as a network wants them: the order of channels, the range of values."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

ChannelOrder = Literal["rgb", "bgr"]


def in_order(picture: npt.NDArray[Any], order: ChannelOrder) -> npt.NDArray[Any]:
    """An rgb ``picture`` (H, W, 3), of any type and range, with its channels in ``order``.

    >>> in_order(np.array([[[1, 2, 3]]]), "bgr").tolist()
    [[[3, 2, 1]]]
    """
    return picture if order == "rgb" else np.ascontiguousarray(picture[..., ::-1])


def in_bytes(picture: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """A ``picture``, uint8 or float in [0, 1], as float32 in [0, 255]; nothing is rounded or clipped.

    >>> in_bytes(np.array([255], np.uint8)).tolist(), in_bytes(np.array([0.5])).tolist()
    ([255.0], [127.5])
    """
    return picture.astype(np.float32) * np.float32(1 if picture.dtype == np.uint8 else 255)
