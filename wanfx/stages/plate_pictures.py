"""The plate as pictures to be looked at by networks that see more in large ones: as large as the plate, square pixels.

sRGB, exposed for the shot. For looking at, never for the comp.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import FrameRange, Size
from wanfx.io import exr
from wanfx.ops.crop import model_size
from wanfx.pixels import to_finite
from wanfx.stages.ingest import Ingested
from wanfx_color.configs import ColorConfig
from wanfx_color.transforms import to_linear_rec709, to_srgb_display

Array = npt.NDArray[np.float32]


class PlatePictures:
    """The plate's frames as a `FrameSource`, at the plate's own size; wider where its pixels are."""

    def __init__(self, ingested: Ingested, *, color: ColorConfig) -> None:
        self._plate, self._exposure_stops = ingested.plate, ingested.exposure_stops
        self._to_rec709 = to_linear_rec709(color, ingested.plate.color_space)
        self._size = model_size(ingested.plate.canvas, pixel_aspect=ingested.plate.pixel_aspect)

    @property
    def frames(self) -> FrameRange:
        return self._plate.frames

    @property
    def size(self) -> Size:
        return self._size

    def read(self, frame: int) -> Array:
        """(H, W, 3) display-encoded sRGB in [0, 1]. Raises FrameReadError."""
        plate, size = self._plate, self._size
        rgb = to_finite(exr.read_frame(plate.path(frame), canvas=plate.canvas, frame=frame).rgb)
        linear = self._to_rec709(np.array(rgb, np.float32, order="C"))
        display = to_srgb_display(linear, exposure_stops=self._exposure_stops)
        if (display.shape[1], display.shape[0]) == (size.width, size.height):
            return display
        return np.asarray(cv2.resize(display, (size.width, size.height), interpolation=cv2.INTER_LINEAR), np.float32)
