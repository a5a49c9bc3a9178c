"""Where the new world lies in the plate."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.images import Plate
from wanfx.ops.camera import CameraPath
from wanfx.stages.source import Source

Array = npt.NDArray[np.float32]


class Placing:
    """Where the world's picture lies in the plate: filling it, and, where ``follow``, moving with the camera.

    An EXR's picture is its display window, as compositors see it: its data window may hold less, or overscan.
    """

    def __init__(self, plate: Plate, camera: CameraPath, source: Source, *, follow: bool) -> None:
        self._plate, self._camera, self._follow = plate, camera, follow
        given = source.canvas
        picture = given if given == source.display_window else plate.canvas_of(source.display_window)
        size = picture.size
        width = size.width * source.pixel_aspect
        x0, y0, x1, y1 = self._extent()
        aspect = plate.pixel_aspect
        scale = max((x1 - x0) * aspect / width, (y1 - y0) / size.height)
        across, down = scale * source.pixel_aspect / aspect, scale
        left, top = (x0 + x1 - size.width * across) / 2, (y0 + y1 - size.height * down) / 2
        self._fill = np.array(
            [
                [across, 0.0, left + (given.x0 - picture.x0) * across],
                [0.0, down, top + (given.y0 - picture.y0) * down],
                [0.0, 0.0, 1.0],
            ]
        )

    def matrix(self, frame: int) -> npt.NDArray[np.float64]:
        """World pixels to plate pixels (centres at .5)."""
        if not self._follow:
            return self._fill
        return np.asarray(self._camera.between(self._plate.frames.first, frame) @ self._fill)

    def place(self, linear: Array, frame: int) -> Array:
        """The world as the plate's camera sees it."""
        half = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
        matrix = np.linalg.inv(half) @ self.matrix(frame) @ half
        canvas = self._plate.canvas
        shrink = np.sqrt(abs(np.linalg.det(matrix[:2, :2])))
        if shrink < 1:
            # Warping samples single pixels; a larger picture is blurred to the plate's pitch first.
            blur = 0.5 * float(np.sqrt(1 / shrink**2 - 1)) + 1e-6
            linear = np.asarray(cv2.GaussianBlur(linear, (0, 0), blur), np.float32)
        warped = cv2.warpPerspective(
            linear, matrix, (canvas.width, canvas.height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(warped, np.float32)

    def _extent(self) -> tuple[float, float, float, float]:
        """What the camera sees in all frames, in the first frame's pixels."""
        canvas = self._plate.canvas
        corners = np.array(
            [[0, 0, 1], [canvas.width, 0, 1], [0, canvas.height, 1], [canvas.width, canvas.height, 1]], float
        )
        if not self._follow:
            return 0.0, 0.0, float(canvas.width), float(canvas.height)
        seen = []
        for frame in self._plate.frames:
            placed = corners @ self._camera.between(frame, self._plate.frames.first).T
            seen.append(placed[:, :2] / placed[:, 2:])
        points = np.concatenate(seen)
        low, high = points.min(axis=0), points.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])
