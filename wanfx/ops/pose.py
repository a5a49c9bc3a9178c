"""A pose: the 133 points of COCO-WholeBody on a person, each with a confidence and a rough depth.

Point order (Jin et al., Whole-Body Human Pose Estimation in the Wild, ECCV 2020): 17 of the body, 6 of the feet, 68 of
the face (iBUG order), 21 of the left hand, 21 of the right. Left and right are the person's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]

POINT_COUNT = 133
NOSE, LEFT_EYE, RIGHT_EYE, LEFT_EAR, RIGHT_EAR = range(5)
LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_ELBOW, RIGHT_ELBOW, LEFT_WRIST, RIGHT_WRIST = range(5, 11)
LEFT_HIP, RIGHT_HIP, LEFT_KNEE, RIGHT_KNEE, LEFT_ANKLE, RIGHT_ANKLE = range(11, 17)
LEFT_BIG_TOE, LEFT_SMALL_TOE, LEFT_HEEL, RIGHT_BIG_TOE, RIGHT_SMALL_TOE, RIGHT_HEEL = range(17, 23)
BODY, FEET, FACE = slice(0, 17), slice(17, 23), slice(23, 91)
LEFT_HAND, RIGHT_HAND = slice(91, 112), slice(112, 133)
BODY_NAMES = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Pose:
    """One person in one picture.

    ``xy`` is (133, 2) pixels, origin top-left, centres at .5; ``confidence`` (133,) in [0, 1], 0 where a point is not
    known; ``depth`` (133,) in pixels of the picture, smaller nearer to the camera, 0 at the hips or where not known.
    """

    xy: Points
    confidence: Points
    depth: Points

    def scaled(self, across: float, down: float) -> Pose:
        """The pose in a picture scaled by so much.

        >>> bool(empty_pose().scaled(2, 2).confidence.any())
        False
        """
        return Pose(self.xy * (across, down), self.confidence, self.depth * np.sqrt(across * down))

    def moved(self, x: float, y: float) -> Pose:
        """The pose moved by so many pixels."""
        return Pose(self.xy + np.array([x, y]), self.confidence, self.depth)

    def as_rows(self) -> list[list[float]]:
        """Rows of x, y, confidence, depth, rounded to a thousandth: for JSON."""
        table = np.column_stack([self.xy, self.confidence, self.depth])
        rows: list[list[float]] = np.round(table, 3).tolist()
        return rows

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence[float]]) -> Pose:
        """The pose of `as_rows`. Raises ValueError for another shape."""
        table = np.asarray(rows, np.float64)
        if table.shape != (POINT_COUNT, 4) or not np.isfinite(table).all():
            raise ValueError(f"a pose is {POINT_COUNT} rows of x, y, confidence, depth")
        return cls(table[:, :2], np.clip(table[:, 2], 0, 1), table[:, 3])


def empty_pose() -> Pose:
    """A pose of which nothing is known."""
    return Pose(np.zeros((POINT_COUNT, 2)), np.zeros(POINT_COUNT), np.zeros(POINT_COUNT))
