"""A person's crop for a whole-body pose network, and its heat maps as points of the picture again.

As Wan2.2's own preprocessing (commit 42bf4cfa) feeds ViTPose-H: 192 by 256, no flip test, no half-pixel shift. Peaks
are refined as in Zhang et al., Distribution-Aware Coordinate Representation for Human Pose Estimation (CVPR 2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.errors import InputError
from wanfx.frames import Box, Size
from wanfx.ops.channels import ChannelOrder, in_bytes, in_order
from wanfx.ops.person_box import Person
from wanfx.ops.pose import Points

Array = npt.NDArray[np.float32]
INPUT = Size(192, 256)
_ROOM, _LEAST_PX = 1.25, 10
_MEAN, _SPREAD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
_BLUR_PX = 11
_DARKEST = 1e-10


@dataclass(frozen=True)
class PoseCrop:
    """A crop of a picture: center and size in pixels, and the ``window`` of whole pixels that the network sees."""

    center: tuple[float, float]
    width: float
    height: float
    window: Box


def pose_crop(person: Person, *, size: Size) -> PoseCrop:
    """The crop around ``person`` in a picture of ``size``, 1.25 times the box, in the network's shape.

    Around the whole picture where the score is not above 0 or a side is under 10 pixels. It may leave the picture.
    """
    if person.score <= 0 or person.width < _LEAST_PX or person.height < _LEAST_PX:
        person = Person(0.0, 0.0, float(size.width), float(size.height), 1.0)
    aspect = INPUT.height / INPUT.width
    x, y = (person.x0 + person.x1) / 2, (person.y0 + person.y1) / 2
    # By 200 and back, the unit of the reference's scale: its rounding settles where a side at .5 goes.
    height = 200 * (max(person.width * aspect, person.height) / 200 * _ROOM)
    width = height / aspect
    to_input = np.array(
        [
            [INPUT.width / width, 0, INPUT.width * (-x / width + 0.5)],
            [0, INPUT.height / height, INPUT.height * (-y / height + 0.5)],
            [0, 0, 1],
        ]
    )
    # The inverse rather than center plus and minus half, for the same reason.
    back = np.linalg.inv(to_input)
    (x0, y0), (x1, y1) = ((back @ (*corner, 1))[:2] for corner in ((0, 0), (INPUT.width, INPUT.height)))
    return PoseCrop((x, y), width, height, Box(round(x0), round(y0), round(x1), round(y1)))


def pose_input(picture: npt.NDArray[Any], *, crop: PoseCrop, order: ChannelOrder = "rgb") -> Array:
    """The crop of ``picture`` (H, W, 3) rgb, display-encoded, uint8 or float32 in [0, 1], as (1, 3, 256, 192) float32.

    Black outside the picture; normalised by ImageNet's mean and spread. ``order`` is that of the channels the network
    is given; ImageNet's figures stay in rgb's. The reference gives "bgr", by a slip: ViTPose was made for "rgb".
    """
    window = crop.window
    cut = np.zeros((window.height, window.width, 3), np.float32)
    inside = window.clip(Box(0, 0, picture.shape[1], picture.shape[0]))
    if not inside.is_empty:
        cut[inside.slices(window)] = in_bytes(in_order(picture[inside.slices()], order))
    small = cv2.resize(cut, (INPUT.width, INPUT.height), interpolation=cv2.INTER_LINEAR)
    scaled = (small / np.float32(255) - _MEAN) / _SPREAD
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None], np.float32)


def decode_heatmaps(heatmaps: npt.NDArray[Any], *, crop: PoseCrop) -> Array:
    """Keypoints (K, 3): x, y in pixels of the picture, confidence; from ``heatmaps`` (K, h, w), or a batch of one.

    Confidence is a map's maximum and can be above 1. A map without anything above 0 gives a point outside the crop's
    top-left corner. Raises InputError for another shape, or for maps that are not finite.
    """
    maps = np.asarray(heatmaps, np.float32)
    maps = maps[0] if maps.ndim == 4 and len(maps) == 1 else maps
    if maps.ndim != 3 or not np.isfinite(maps).all():
        raise InputError(f"heat maps of shape {maps.shape} are no person's", remedy="check the pose model")
    count, rows, columns = maps.shape
    peaks = maps.reshape(count, -1).argmax(axis=1)
    confidence = maps.reshape(count, -1).max(axis=1)
    places = np.stack([peaks % columns, peaks // columns], axis=1).astype(np.float32)
    places[confidence <= 0] = -1
    for index in np.flatnonzero(confidence > 0):
        places[index] += _refinement(maps[index], places[index].astype(int), confidence[index])
    table = np.empty((count, 3), np.float32)
    table[:, 0] = places[:, 0] * (crop.width / columns) + crop.center[0] - crop.width * 0.5
    table[:, 1] = places[:, 1] * (crop.height / rows) + crop.center[1] - crop.height * 0.5
    table[:, 2] = confidence
    return table


def _refinement(heatmap: Array, peak: npt.NDArray[Any], confidence: np.float32) -> Points:
    """How far from the pixel ``peak`` the maximum of the blurred map's logarithm lies, by its slope and curvature."""
    x, y = int(peak[0]), int(peak[1])
    nothing = np.zeros(2)
    if not (1 < x < heatmap.shape[1] - 2 and 1 < y < heatmap.shape[0] - 2):
        return nothing
    border = (_BLUR_PX - 1) // 2
    blurred = cv2.GaussianBlur(np.pad(heatmap, border), (_BLUR_PX, _BLUR_PX), 0)[border:-border, border:-border]
    if blurred.max() <= 0:
        return nothing
    log = np.log(np.maximum(blurred * (confidence / blurred.max()), np.float32(_DARKEST)))
    slope = 0.5 * np.array([[log[y, x + 1] - log[y, x - 1]], [log[y + 1, x] - log[y - 1, x]]], np.float64)
    both = 0.25 * float(log[y + 1, x + 1] - log[y - 1, x + 1] - log[y + 1, x - 1] + log[y - 1, x - 1])
    wide = log[y - 2 : y + 3, x - 2 : x + 3].astype(np.float64)
    across = 0.25 * (wide[2, 4] - 2 * wide[2, 2] + wide[2, 0])
    down = 0.25 * (wide[4, 2] - 2 * wide[2, 2] + wide[0, 2])
    curvature = np.array([[across, both], [both, down]])
    if across * down - both**2 == 0 or np.linalg.matrix_rank(curvature) < 2:
        return nothing
    return np.asarray(-np.linalg.inv(curvature) @ slope)[:, 0]
