"""BlazePose: where a person is, 33 points on the body and the person's mask.

Source: Bazarevsky et al., BlazePose: On-device Real-time Body Pose tracking, 2020.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wanfx.backends.blaze import Detector, Points, Roi, put_back, take_crop
from wanfx.backends.protocols import Array
from wanfx.backends.tflite import Net, logistic
from wanfx.backends.weights import LITE, find_file

NOSE, LEFT_EYE, RIGHT_EYE, LEFT_EAR, RIGHT_EAR = 0, 2, 5, 7, 8
LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_WRIST, RIGHT_WRIST = 11, 12, 15, 16
LEFT_HIP, RIGHT_HIP = 23, 24
POINT_COUNT = 33
_MIDDLE, _REACH = 33, 34
_MARGIN = 1.25
_SEEN = 0.5


@dataclass(frozen=True, eq=False)
class Body:
    """A body in a region: ``points`` (33, 3), pixels of the picture and depth relative to the hips (smaller nearer).

    ``visible`` (33,) is how likely a point is seen, ``present`` how likely it is in the region; ``score`` how likely
    the region holds a person; ``mask`` (256, 256) the person in the region, in [0, 1]; ``next_roi`` the region that
    fits this body.
    """

    points: Points
    visible: Points
    present: Points
    score: float
    mask: Array
    roi: Roi
    next_roi: Roi

    def draw_mask(self, shape: tuple[int, int]) -> Array:
        """The person's mask in the picture, (H, W) in [0, 1]."""
        return put_back(self.mask, self.roi, shape=shape)


class BodyNets:
    """The detector and the landmark network."""

    def __init__(self) -> None:
        """Raises MissingError where the files are not there."""
        net = Net(find_file(LITE, "pose_detection.tflite"))
        self._detector = Detector(net, strides=((8, 2), (16, 2), (32, 6)), low=-1.0)
        self._landmarks = Net(find_file(LITE, "pose_landmark_full.tflite"))

    def detect(self, picture: Array, roi: Roi, *, least: float = _SEEN) -> list[tuple[Roi, float]]:
        """The regions of the people that a region shows, with scores, the surest first."""
        found = self._detector.detect(picture, roi, least=least)
        return [(_roi(one.points[0], one.points[1]), one.score) for one in found]

    def read(self, picture: Array, roi: Roi) -> Body:
        """The body in a region."""
        side = self._landmarks.side_px
        values, score, mask, _heat, _world = self._landmarks.run(take_crop(picture, roi, side_px=side))
        table = values.reshape(-1, 5).astype(np.float64)
        xy = roi.from_crop(table[:, :2], side)
        points = np.column_stack([xy, table[:, 2] * roi.size_px / side])
        seen = logistic(table[:POINT_COUNT, 3:])
        return Body(
            points[:POINT_COUNT], seen[:, 0], seen[:, 1], float(score.ravel()[0]),
            logistic(mask[..., 0]).astype(np.float32), roi, _roi(xy[_MIDDLE], xy[_REACH]),
        )  # fmt: skip


def _roi(middle: Points, reach: Points) -> Roi:
    """The region whose centre is the hips' middle and that holds a circle through ``reach``, upright for the body."""
    along = reach - middle
    turn = float(np.arctan2(along[1], along[0]) + np.pi / 2)
    return Roi(float(middle[0]), float(middle[1]), 2 * _MARGIN * float(np.hypot(*along)), turn)
