"""What moves other than the camera does: a background of the whole shot, and what of a frame is not it.

Pictures are (H, W, 3) float32, display-encoded in [0, 1], of analysis size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.backends.protocols import Array, FrameSource
from wanfx.ops.camera import CameraPath, Matrix
from wanfx.ops.flow import own_motion

_HALF = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])
_SAMPLES = 25
_LARGEST_SIDE = 1280
_ROWS = 32
_NOISE = np.float32(1.5 / 255), np.float32(7.0 / 255)
_OFFSETS = (4, 8)


@dataclass(frozen=True, eq=False)
class Background:
    """The shot's background as one picture: the median of frames brought together by the camera's motion.

    ``place`` maps the first frame's pixels to the picture's. ``layers`` is (H, W, 5): the picture, how much a pixel of
    it differs from frame to frame where it is background, and how far it is known (0 to 1).
    """

    layers: Array
    place: Matrix

    def seen_from(self, camera: CameraPath, frame: int, *, shape: tuple[int, int]) -> Array:
        """The layers as ``frame`` sees them, (H, W, 5); nothing is known beyond the picture."""
        matrix = np.linalg.inv(camera.to_first[frame]) @ np.linalg.inv(self.place)
        warped = _warp(self.layers[..., :4], matrix, shape)
        return np.dstack([warped, _warp(self.layers[..., 4], matrix, shape, beyond=cv2.BORDER_CONSTANT)])


def sample_frames(frames: Sequence[int], *, count: int = _SAMPLES) -> list[int]:
    """Up to ``count`` frames spread evenly."""
    places = np.unique(np.round(np.linspace(0, len(frames) - 1, min(count, len(frames)))).astype(int))
    return [frames[place] for place in places]


def find_background(source: FrameSource, camera: CameraPath, *, hidden: Callable[[int], Array | None]) -> Background:
    """The median background of the shot, from a bounded number of frames; ``hidden`` is the matte of what is not it."""
    height, width = source.size.height, source.size.width
    frames = sample_frames(list(source.frames))
    place, (across, down) = _extent(camera, frames, width, height)
    stack = np.zeros((len(frames), down, across, 3), np.uint8)
    seen = np.zeros((len(frames), down, across), bool)
    for index, frame in enumerate(frames):
        matrix = place @ camera.to_first[frame]
        stack[index] = np.rint(np.clip(_warp(source.read(frame), matrix, (down, across)), 0, 1) * 255)
        matte = hidden(frame)
        shown = np.ones((height, width), np.float32) if matte is None else (matte < 0.1).astype(np.float32)
        seen[index] = _warp(shown, matrix, (down, across), beyond=cv2.BORDER_CONSTANT) > 0.99
    layers = np.zeros((down, across, 5), np.float32)
    for row in range(0, down, _ROWS):
        rows = slice(row, row + _ROWS)
        layers[rows] = _median(stack[:, rows], seen[:, rows])
    layers[..., 3] = cv2.blur(layers[..., 3], (3, 3))
    return Background(layers, place)


def _median(stack: npt.NDArray[np.uint8], seen: npt.NDArray[np.bool_]) -> Array:
    """Median, spread and knowledge (h, w, 5) of what was seen in (N, h, w, 3)."""
    count = seen.sum(axis=0)
    middle = np.maximum(count - 1, 0) // 2
    # What is not seen sorts behind everything else.
    values = np.where(seen[..., None], stack.astype(np.int16), np.int16(999))
    pick = np.broadcast_to(middle[None, ..., None], (1, *values.shape[1:]))
    median = np.take_along_axis(np.sort(values, axis=0), pick, axis=0)[0]
    away = np.where(seen, np.abs(values - median).max(axis=-1), np.int16(999))
    spread = np.take_along_axis(np.sort(away, axis=0), middle[None], axis=0)[0]
    known = np.minimum(count / max(2.0, 0.12 * len(stack)), 1.0)
    fixed = np.where((count > 0)[..., None], median, 0) / 255
    noise = np.where(count > 1, spread, 0) / 255 * 1.4826
    return np.dstack([fixed, noise, np.where(known >= 1, 1.0, 0.0)]).astype(np.float32)


def _extent(camera: CameraPath, frames: Sequence[int], width: int, height: int) -> tuple[Matrix, tuple[int, int]]:
    """First frame to background picture, and the picture's width and height: all frames' views, in bounds."""
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], np.float64)
    placed = np.concatenate([corners @ camera.to_first[frame].T for frame in frames])
    points = placed[:, :2] / placed[:, 2:]
    low, high = points.min(axis=0), points.max(axis=0)
    scale = min(1.0, _LARGEST_SIDE / max(high - low))
    place = np.array([[scale, 0.0, -low[0] * scale], [0.0, scale, -low[1] * scale], [0.0, 0.0, 1.0]])
    size = np.maximum(np.ceil((high - low) * scale), 1).astype(int)
    return place, (int(size[0]), int(size[1]))


def _warp(values: Array, matrix: Matrix, shape: tuple[int, int], *, beyond: int = cv2.BORDER_REPLICATE) -> Array:
    corner = np.linalg.inv(_HALF) @ matrix @ _HALF
    size = (shape[1], shape[0])
    return np.asarray(cv2.warpPerspective(values, corner, size, flags=cv2.INTER_LINEAR, borderMode=beyond), np.float32)


def difference(picture: Array, background: Array) -> Array:
    """How unlike the background (H, W, 5) each pixel is, (H, W), in noise: about 1 where it is background.

    The least difference to the background's 3x3 neighbourhood, so that a pixel's misregistration does not count.
    """
    blurred = cv2.GaussianBlur(picture, (0, 0), 0.8)
    behind = np.ascontiguousarray(background[..., :3])
    low, high = cv2.erode(behind, np.ones((3, 3), np.uint8)), cv2.dilate(behind, np.ones((3, 3), np.uint8))
    beyond = np.maximum(np.maximum(low - blurred, blurred - high), 0)
    away = np.maximum(np.maximum(beyond[..., 0], beyond[..., 1]), beyond[..., 2])
    return np.asarray(away / (2 * np.clip(background[..., 3], *_NOISE)), np.float32)


@dataclass(frozen=True, eq=False)
class Motion:
    """What moves by itself in a frame: ``moved`` (H, W), pixels, at most 4; ``same`` (H, W) how unlike the likest
    nearby frame each pixel is there where the camera's motion puts it, as a difference of display values.
    """

    moved: Array
    same: Array


def find_motion(source: FrameSource, camera: CameraPath, frame: int) -> Motion:
    """What moves by itself in a frame, seen from nearby frames.

    What is background and about to be hidden, or was just hidden, seems to move in one direction of time only: the
    lesser of the two counts.
    """
    picture = source.read(frame)
    shape = picture.shape[:2]
    moved, same = np.full(shape, np.inf, np.float32), np.full(shape, np.inf, np.float32)
    for direction in (-1, 1):
        others = [frame + direction * offset for offset in _OFFSETS if frame + direction * offset in source.frames]
        others = others or [other for other in (frame + direction,) if other in source.frames]
        steps: list[Array] = []
        for other in others:
            seen = source.read(other)
            matrix = camera.between(frame, other)
            steps.append(_moved(picture, seen, matrix))
            same = np.minimum(same, _unlike(picture, _warp(seen, np.asarray(np.linalg.inv(matrix), np.float64), shape)))
        if steps:
            moved = np.minimum(moved, np.mean(steps, axis=0))
    nothing = np.float32(0)
    return Motion(np.where(np.isfinite(moved), moved, nothing), np.where(np.isfinite(same), same, nothing))


def _moved(picture: Array, other: Array, matrix: Matrix) -> Array:
    moved = own_motion(picture, other, matrix)
    # What leans with the camera's error moves everywhere: the picture's median is not motion.
    return np.asarray(np.minimum(np.maximum(moved - np.median(moved), 0), 4), np.float32)


def _unlike(picture: Array, other: Array) -> Array:
    return np.asarray(cv2.blur(np.abs(picture - other).max(axis=2), (3, 3)), np.float32)
