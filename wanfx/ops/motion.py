"""What moves other than the camera does: a background of the whole shot, and what of a frame is not it.

Pictures are (H, W, 3) float32, display-encoded in [0, 1], of analysis size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.backends.protocols import Array, FrameSource
from wanfx.ops.camera import CameraPath, Matrix

_HALF = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
_SAMPLES = 17
_LARGEST_SIDE = 1600
_ROWS = 32


@dataclass(frozen=True, eq=False)
class Background:
    """The shot's background as one picture: the median of frames brought together by the camera's motion.

    ``place`` maps the first frame's pixels to the picture's; ``noise`` is how much a pixel that is background differs.
    """

    picture: Array
    place: Matrix
    noise: float

    def seen_from(self, camera: CameraPath, frame: int, *, shape: tuple[int, int]) -> Array:
        """The background as ``frame`` sees it, (H, W, 3); what lies beyond the picture repeats its edge."""
        matrix = np.linalg.inv(camera.to_first[frame]) @ np.linalg.inv(self.place)
        return _warp(self.picture, matrix, shape)


def sample_frames(frames: Sequence[int], *, count: int = _SAMPLES) -> list[int]:
    """Up to ``count`` frames spread evenly."""
    places = np.unique(np.round(np.linspace(0, len(frames) - 1, min(count, len(frames)))).astype(int))
    return [frames[place] for place in places]


def find_background(source: FrameSource, camera: CameraPath) -> Background:
    """The median background of the shot, from a bounded number of frames."""
    height, width = source.size.height, source.size.width
    frames = sample_frames(list(source.frames))
    place, size = _extent(camera, frames, width, height)
    stack = np.zeros((len(frames), size[1], size[0], 3), np.uint8)
    seen = np.zeros((len(frames), size[1], size[0]), bool)
    for index, frame in enumerate(frames):
        matrix = place @ camera.to_first[frame]
        picture = source.read(frame)
        stack[index] = np.rint(np.clip(_warp(picture, matrix, (size[1], size[0])), 0, 1) * 255)
        seen[index] = _warp(np.ones((height, width), np.float32), matrix, (size[1], size[0]), outside=True) > 0.99
    picture = np.zeros((size[1], size[0], 3), np.float32)
    spread: list[Array] = []
    for row in range(0, size[1], _ROWS):
        rows = slice(row, row + _ROWS)
        values = np.where(seen[:, rows, :, None], stack[:, rows].astype(np.float32), np.float32(np.nan))
        # A pixel that no sample sees keeps the first sample's repeated edge.
        values[0][~seen[:, rows].any(axis=0)] = stack[0, rows][~seen[:, rows].any(axis=0)]
        median = np.nanmedian(values, axis=0)
        picture[rows] = median / 255
        spread.append(np.nanmedian(np.abs(values - median), axis=0).ravel()[::7])
    noise = float(np.median(np.concatenate(spread))) / 255 * 1.4826
    return Background(picture, place, max(noise, 1.5 / 255))


def _extent(camera: CameraPath, frames: Sequence[int], width: int, height: int) -> tuple[Matrix, tuple[int, int]]:
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], np.float64)
    placed = np.concatenate([corners @ camera.to_first[frame].T for frame in frames])
    points = placed[:, :2] / placed[:, 2:]
    low, high = points.min(axis=0), points.max(axis=0)
    scale = min(1.0, _LARGEST_SIDE / max(high - low))
    place = np.array([[scale, 0.0, -low[0] * scale], [0.0, scale, -low[1] * scale], [0.0, 0.0, 1.0]])
    size = np.maximum(np.ceil((high - low) * scale), 1).astype(int)
    return place, (int(size[0]), int(size[1]))


def _warp(picture: Array, matrix: Matrix, shape: tuple[int, int], *, outside: bool = False) -> Array:
    corner = np.linalg.inv(_HALF) @ matrix @ _HALF
    border = cv2.BORDER_CONSTANT if outside else cv2.BORDER_REPLICATE
    size = (shape[1], shape[0])
    return np.asarray(cv2.warpPerspective(picture, corner, size, flags=cv2.INTER_LINEAR, borderMode=border), np.float32)


def difference(picture: Array, background: Array, *, noise: float) -> Array:
    """How unlike the background each pixel is, (H, W), in noise: about 1 where it is background.

    The least difference to the background's 3x3 neighbourhood, so that a pixel's misregistration does not count.
    """
    blurred = cv2.GaussianBlur(picture, (0, 0), 0.8)
    low = cv2.erode(background, np.ones((3, 3), np.uint8))
    high = cv2.dilate(background, np.ones((3, 3), np.uint8))
    away = np.maximum(np.maximum(low - blurred, blurred - high), 0).max(axis=2)
    return np.asarray(away / np.float32(3.0 * noise), np.float32)


def dense_flow(before: Array, after: Array) -> Array:
    """Where each pixel of ``before`` went in ``after``: (H, W, 2), pixels (DIS: Kroeger et al., ECCV 2016)."""
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    return np.asarray(flow.calc(_gray(before), _gray(after), None), np.float32)


def own_motion(before: Array, after: Array, matrix: Matrix) -> Array:
    """How far each pixel of ``before`` moved beyond the camera's motion (``matrix``), (H, W), pixels."""
    flow = dense_flow(before, after)
    height, width = flow.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float64) + 0.5
    depth = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
    by_camera_x = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) / depth - x
    by_camera_y = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) / depth - y
    return np.hypot(flow[..., 0] - by_camera_x, flow[..., 1] - by_camera_y).astype(np.float32)


def carry_matte(matte: Array, before: Array, after: Array) -> Array:
    """A matte of ``before`` as it lies in ``after``."""
    flow = dense_flow(after, before)
    y, x = np.mgrid[0 : matte.shape[0], 0 : matte.shape[1]].astype(np.float32)
    return np.asarray(
        cv2.remap(matte, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.float32,
    )


def _gray(picture: Array) -> npt.NDArray[np.uint8]:
    return np.rint(picture @ np.array([0.299, 0.587, 0.114], np.float32) * 255).astype(np.uint8)
