"""Hands: 21 points on each, looked for where the body's wrist and knuckles are.

Source: Zhang et al., MediaPipe Hands: On-device Real-time Hand Tracking, 2020; Grishchenko and Bazarevsky, MediaPipe
Holistic, 2020 (a hand's region from the body's points, corrected by a small network).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from wanfx.backends.blaze import Detector, Points, Roi, take_crop
from wanfx.backends.protocols import Array
from wanfx.backends.tflite import Net
from wanfx.backends.weights import LITE, find_file

Side = Literal["left", "right"]
SIDES: tuple[Side, Side] = ("left", "right")
POINT_COUNT = 21
WRIST, INDEX, MIDDLE, RING, PINKY = 0, 5, 9, 13, 17
_JOINTS = (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)
_KNUCKLES = (6, 10, 14)
_DEPTH_SCALE = 0.4


@dataclass(frozen=True, eq=False)
class Hand:
    """A hand: ``points`` (21, 3), pixels and depth relative to the wrist (smaller nearer); ``score`` how likely the
    region shows a hand, ``right`` how likely it is the person's right one, both in [0, 1].
    """

    points: Points
    score: float
    right: float

    @property
    def next_roi(self) -> Roi:
        """The region to look for this hand in, in the next frame."""
        along = self.points[list(_KNUCKLES), :2].mean(axis=0) - self.points[WRIST, :2]
        turn = float(np.arctan2(along[1], along[0]) + np.pi / 2)
        return Roi.around(self.points[list(_JOINTS), :2], turn=turn).moved(-0.1, scale=2.0)

    @property
    def size_px(self) -> float:
        """From the wrist to the middle knuckle."""
        return float(np.hypot(*(self.points[MIDDLE, :2] - self.points[WRIST, :2])))


class HandNets:
    """The palm detector, the network that corrects a region, and the landmark network."""

    def __init__(self) -> None:
        """Raises MissingError where the files are not there."""
        palms = Net(find_file(LITE, "palm_detection_full.tflite"))
        self._palms = Detector(palms, strides=((8, 2), (16, 6)), low=0.0)
        self._recrop = Net(find_file(LITE, "hand_recrop.tflite"))
        self._landmarks = Net(find_file(LITE, "hand_landmark_full.tflite"))

    def read(self, picture: Array, roi: Roi) -> Hand:
        """The hand in a region, whose fingers point up in it."""
        side = self._landmarks.side_px
        values, score, right, _world = self._landmarks.run(take_crop(picture, roi, side_px=side))
        table = values.reshape(POINT_COUNT, 3).astype(np.float64)
        xy = roi.from_crop(table[:, :2], side)
        depth = table[:, 2] * roi.size_px / (side * _DEPTH_SCALE)
        return Hand(np.column_stack([xy, depth]), float(score.ravel()[0]), float(right.ravel()[0]))

    def correct(self, picture: Array, roi: Roi) -> Roi:
        """A region that fits better than the one guessed from the body."""
        side = self._recrop.side_px
        values = self._recrop.run(take_crop(picture, roi, side_px=side))[0]
        center, edge = roi.from_crop(values.reshape(2, 2).astype(np.float64), side)
        along = edge - center
        turn = float(np.arctan2(along[1], along[0]) + np.pi / 2)
        return Roi(float(center[0]), float(center[1]), 2 * float(np.hypot(*along)), turn)

    def detect(self, picture: Array, roi: Roi, *, least: float = 0.5) -> list[tuple[Roi, float]]:
        """The regions of the hands that a region shows, with scores, the surest first."""
        return [(_palm_roi(one.box, one.points), one.score) for one in self._palms.detect(picture, roi, least=least)]


def _palm_roi(box: Points, points: Points) -> Roi:
    along = points[2] - points[0]
    turn = float(np.arctan2(along[1], along[0]) + np.pi / 2)
    middle = box.mean(axis=0)
    size = float(np.abs(box[1] - box[0]).max())
    return Roi(float(middle[0]), float(middle[1]), size, turn).moved(-0.5, scale=2.6)


def hand_roi(wrist: Points, index: Points, pinky: Points) -> Roi:
    """The region of a hand as the body's wrist and knuckles (2,) show it: generous, to be corrected."""
    knuckle = (2 * index + pinky) / 3
    along = knuckle - wrist
    turn = float(np.arctan2(along[1], along[0]) + np.pi / 2)
    return Roi(float(knuckle[0]), float(knuckle[1]), 2 * 2.7 * float(np.hypot(*along)), turn)
