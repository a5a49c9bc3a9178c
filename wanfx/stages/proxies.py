"""The plate's analysis pictures: small, square pixels, sRGB. For looking at, never for the comp."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.errors import FrameReadError
from wanfx.frames import Box, FrameRange, Size
from wanfx.stages.ingest import Ingested


class ProxySource:
    """The plate's analysis pictures as a `FrameSource`."""

    def __init__(self, ingested: Ingested) -> None:
        self._pattern = ingested.proxies
        self._frames = ingested.plate.frames
        self._size = ingested.proxy_size

    @property
    def frames(self) -> FrameRange:
        return self._frames

    @property
    def size(self) -> Size:
        return self._size

    def read(self, frame: int) -> npt.NDArray[np.float32]:
        path: Path = self._pattern.path(frame)
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is None:
            raise FrameReadError("cannot be read", path=path, frame=frame, remedy="run again; it is made anew")
        return np.ascontiguousarray(picture[:, :, ::-1]).astype(np.float32) / np.float32(255.0)


def to_proxy_scale(canvas: Box, size: Size) -> tuple[float, float]:
    """Analysis pixels a plate pixel, across and down."""
    return size.width / canvas.width, size.height / canvas.height
