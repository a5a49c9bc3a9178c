"""What the Blaze networks share: turned square regions, and detectors that score anchors.

Sources: Bazarevsky et al., BlazeFace, 2019; Bazarevsky et al., BlazePose, 2020; Zhang et al., MediaPipe Hands, 2020.
Pictures are (H, W, 3) float32, display-encoded sRGB in [0, 1]; pixels have their centres at .5.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.backends.protocols import Array
from wanfx.backends.tflite import Net, logistic

Points = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]
_SAME = 0.3


@dataclass(frozen=True)
class Roi:
    """A square region: its centre, side and turn (radians, clockwise on the screen), in pixels of the picture."""

    x: float
    y: float
    size_px: float
    turn: float = 0.0

    def to_crop(self, side_px: int) -> Matrix:
        """Picture pixels to pixels of the region's crop, (2, 3).

        >>> Roi(5, 5, 10).to_crop(20) @ (10, 0, 1)
        array([20.,  0.])
        """
        scale = side_px / max(self.size_px, 1e-6)
        cos, sin = np.cos(self.turn) * scale, np.sin(self.turn) * scale
        half = side_px / 2
        return np.array(
            [[cos, sin, half - cos * self.x - sin * self.y], [-sin, cos, half + sin * self.x - cos * self.y]]
        )

    def from_crop(self, points: Points, side_px: int) -> Points:
        """Points (N, 2) of the region's crop in pixels of the picture."""
        matrix = np.asarray(cv2.invertAffineTransform(self.to_crop(side_px)), np.float64)
        return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])

    def moved(self, along: float, *, scale: float = 1.0) -> Roi:
        """The region moved by ``along`` of its side towards its own bottom, its side scaled."""
        shift = along * self.size_px
        x, y = self.x - shift * np.sin(self.turn), self.y + shift * np.cos(self.turn)
        return replace(self, x=float(x), y=float(y), size_px=self.size_px * scale)

    @classmethod
    def around(cls, points: Points, *, turn: float = 0.0) -> Roi:
        """The smallest square of that turn around points (N, 2)."""
        cos, sin = np.cos(turn), np.sin(turn)
        axes = np.array([[cos, -sin], [sin, cos]])
        own = points @ axes
        low, high = own.min(axis=0), own.max(axis=0)
        x, y = axes @ ((low + high) / 2)
        return cls(float(x), float(y), float((high - low).max()), turn)


def whole_picture(picture: npt.NDArray[np.floating]) -> Roi:
    """The smallest square that holds the whole picture."""
    height, width = picture.shape[:2]
    return Roi(width / 2, height / 2, float(max(width, height)))


def take_crop(picture: Array, roi: Roi, *, side_px: int) -> Array:
    """The region, upright, (side_px, side_px, 3); black beyond the picture."""
    matrix = _in_index_pixels(roi.to_crop(side_px))
    shrink = int(roi.size_px / side_px)
    if shrink > 1:
        size = (max(1, picture.shape[1] // shrink), max(1, picture.shape[0] // shrink))
        across, down = picture.shape[1] / size[0], picture.shape[0] / size[1]
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)
        matrix = _in_index_pixels(roi.to_crop(side_px) @ np.diag([across, down, 1.0]))
    return np.asarray(cv2.warpAffine(picture, matrix, (side_px, side_px), flags=cv2.INTER_LINEAR), np.float32)


def put_back(crop: Array, roi: Roi, *, shape: tuple[int, int]) -> Array:
    """A crop's values (side, side) in a picture of ``shape``; 0 beyond the region."""
    matrix = _in_index_pixels(roi.to_crop(crop.shape[0]))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(crop, matrix, (shape[1], shape[0]), flags=flags), np.float32)


def _in_index_pixels(matrix: Matrix) -> Matrix:
    """An affine of pixels with centres at .5, for OpenCV, whose centres are at 0."""
    shift = matrix[:, :2] @ np.array([0.5, 0.5]) + matrix[:, 2] - 0.5
    return np.column_stack([matrix[:, :2], shift])


@dataclass(frozen=True, eq=False)
class Detection:
    """What a detector found: its score in [0, 1], box corners (2, 2) and key points (K, 2), pixels of the picture."""

    score: float
    box: Points
    points: Points


class Detector:
    """An anchor-based detector: ``strides`` are those of its feature maps with the anchors a cell has."""

    def __init__(self, net: Net, *, strides: tuple[tuple[int, int], ...], low: float) -> None:
        self._net, self._low = net, low
        self._anchors = _anchors(net.side_px, strides)

    def detect(self, picture: Array, roi: Roi, *, least: float) -> list[Detection]:
        """What lies in a region, the surest first."""
        side = self._net.side_px
        crop = take_crop(picture, roi, side_px=side)
        values, scores = self._net.run(crop * np.float32(1 - self._low) + np.float32(self._low))
        likely = logistic(scores[:, 0])
        found = np.flatnonzero(likely >= least)
        values, likely = values[found].astype(np.float64), likely[found]
        places = values.reshape(len(found), values.shape[1] // 2, 2) / side
        places[:, 0] += self._anchors[found]
        places[:, 2:] += self._anchors[found][:, None]
        merged = _merge(places, likely)
        return [_placed(place, score, roi, side) for place, score in merged]


def _anchors(side_px: int, strides: tuple[tuple[int, int], ...]) -> Points:
    """The anchors' centres (N, 2), in sides."""
    found = []
    for stride, count in strides:
        cells = -(-side_px // stride)
        y, x = np.mgrid[0:cells, 0:cells] + 0.5
        centers = np.stack([x, y], axis=-1).reshape(-1, 2) / cells
        found.append(np.repeat(centers, count, axis=0))
    return np.concatenate(found)


def _placed(place: Points, score: float, roi: Roi, side: int) -> Detection:
    middle, extent = place[0], place[1]
    corners = np.stack([middle - extent / 2, middle + extent / 2])
    points = roi.from_crop(np.concatenate([corners, place[2:]]) * side, side)
    return Detection(score, points[:2], points[2:])


def _merge(places: Points, scores: Points) -> list[tuple[Points, float]]:
    """Overlapping boxes averaged by score, the surest first (weighted non-maximum suppression)."""
    left = list(np.argsort(-scores, kind="stable"))
    merged: list[tuple[Points, float]] = []
    while left:
        best = left[0]
        same = [index for index in left if _overlap(places[best], places[index]) > _SAME] or [best]
        weights = scores[same] / scores[same].sum()
        merged.append((np.einsum("n,nkc->kc", weights, places[same]), float(scores[best])))
        left = [index for index in left if index not in same]
    return merged


def _overlap(a: Points, b: Points) -> float:
    """Intersection over union of two boxes given as centre and extent."""
    low = np.maximum(a[0] - a[1] / 2, b[0] - b[1] / 2)
    high = np.minimum(a[0] + a[1] / 2, b[0] + b[1] / 2)
    both = float(np.prod(np.maximum(high - low, 0)))
    either = float(np.prod(a[1]) + np.prod(b[1])) - both
    return both / either if either > 0 else 0.0
