"""The face: 468 points, looked for where the body's head is.

Source: Kartynnik et al., Real-time Facial Surface Geometry from Monocular Video on Mobile GPUs, 2019.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wanfx.backends.blaze import Detector, Points, Roi, take_crop
from wanfx.backends.protocols import Array
from wanfx.backends.tflite import Net, logistic
from wanfx.backends.weights import LITE, find_file

POINT_COUNT = 468
_RIGHT_EYE, _LEFT_EYE = 33, 263


@dataclass(frozen=True, eq=False)
class Face:
    """A face: ``points`` (468, 3), pixels and depth relative to its middle (smaller nearer); ``score`` in [0, 1]."""

    points: Points
    score: float

    @property
    def next_roi(self) -> Roi:
        """The region to look for this face in, in the next frame."""
        along = self.points[_LEFT_EYE, :2] - self.points[_RIGHT_EYE, :2]
        turn = float(np.arctan2(along[1], along[0]))
        return Roi.around(self.points[:, :2], turn=turn).moved(0.0, scale=1.5)


class FaceNets:
    """The detector and the landmark network."""

    def __init__(self) -> None:
        """Raises MissingError where the files are not there."""
        net = Net(find_file(LITE, "face_detection_short_range.tflite"))
        self._detector = Detector(net, strides=((8, 2), (16, 6)), low=-1.0)
        self._landmarks = Net(find_file(LITE, "face_landmark.tflite"))

    def detect(self, picture: Array, roi: Roi, *, least: float = 0.5) -> list[tuple[Roi, float]]:
        """The regions of the faces that a region shows, with scores, the surest first."""
        return [(_face_roi(one.box, one.points), one.score) for one in self._detector.detect(picture, roi, least=least)]

    def read(self, picture: Array, roi: Roi) -> Face:
        """The face in a region."""
        side = self._landmarks.side_px
        values, score = self._landmarks.run(take_crop(picture, roi, side_px=side))
        table = values.reshape(POINT_COUNT, 3).astype(np.float64)
        depth = table[:, 2] * roi.size_px / side
        return Face(np.column_stack([roi.from_crop(table[:, :2], side), depth]), float(logistic(score.ravel())[0]))


def _face_roi(box: Points, points: Points) -> Roi:
    along = points[1] - points[0]
    turn = float(np.arctan2(along[1], along[0]))
    middle = box.mean(axis=0)
    return Roi(float(middle[0]), float(middle[1]), 1.5 * float(np.abs(box[1] - box[0]).max()), turn)
