"""The skeleton that Wan2.2-Animate is steered by: 20 points of the body and 21 of each hand, out of the 133.

Each body point is the mean of two of COCO-WholeBody's, confidence included: most of one with itself, the neck of the
shoulders, a toe of the big and the small one. Which limbs the model sees drawn hangs on these means.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from wanfx.errors import InputError
from wanfx.frames import Size
from wanfx.ops.pose import FACE, LEFT_HAND, POINT_COUNT, RIGHT_HAND, Points

NOSE, NECK, RIGHT_SHOULDER, RIGHT_ELBOW, RIGHT_WRIST, LEFT_SHOULDER, LEFT_ELBOW, LEFT_WRIST = range(8)
RIGHT_HIP, RIGHT_KNEE, RIGHT_ANKLE, LEFT_HIP, LEFT_KNEE, LEFT_ANKLE = range(8, 14)
RIGHT_EYE, LEFT_EYE, RIGHT_EAR, LEFT_EAR, LEFT_TOE, RIGHT_TOE = range(14, 20)
BODY_POINTS, HAND_POINTS = 20, 21
# From parent to child; every limb's parent is the neck or the child of a limb before it.
LIMBS = (
    (NECK, RIGHT_SHOULDER), (NECK, LEFT_SHOULDER), (RIGHT_SHOULDER, RIGHT_ELBOW), (RIGHT_ELBOW, RIGHT_WRIST),
    (LEFT_SHOULDER, LEFT_ELBOW), (LEFT_ELBOW, LEFT_WRIST), (NECK, RIGHT_HIP), (RIGHT_HIP, RIGHT_KNEE),
    (RIGHT_KNEE, RIGHT_ANKLE), (NECK, LEFT_HIP), (LEFT_HIP, LEFT_KNEE), (LEFT_KNEE, LEFT_ANKLE), (NECK, NOSE),
    (NOSE, RIGHT_EYE), (RIGHT_EYE, RIGHT_EAR), (NOSE, LEFT_EYE), (LEFT_EYE, LEFT_EAR), (LEFT_ANKLE, LEFT_TOE),
    (RIGHT_ANKLE, RIGHT_TOE),
)  # fmt: skip
_FIRST = (0, 6, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3, 17, 20)
_SECOND = (0, 5, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3, 18, 21)


@dataclass(frozen=True, eq=False)
class Skeleton:
    """One person on a canvas of ``size``: rows of x, y (pixels of it) and confidence, float64.

    ``body`` is (20, 3), ``left_hand`` and ``right_hand`` (21, 3), wrist first; left is the person's own. Confidence may
    be above 1, as the network says it; a point with confidence 0 may be NaN.
    """

    size: Size
    body: Points
    left_hand: Points
    right_hand: Points

    @property
    def is_lost(self) -> bool:
        """Whether every point of the body is left of or above the canvas: how the network says that there is nobody."""
        return bool((self.body[:, :2].min(axis=1) < 0).all())


def make_skeleton(keypoints: npt.ArrayLike, *, size: Size) -> Skeleton:
    """The skeleton of COCO-WholeBody ``keypoints`` (133, 3): x, y in pixels of a picture of ``size``, confidence.

    Points pass through float32 parts of the picture, as the reference's do: a whole number may come back as 99.99999,
    and drawing cuts it to 99. Raises InputError for another shape.
    """
    parts = _parts(keypoints, size)
    body = (parts[list(_FIRST)] + parts[list(_SECOND)]) / np.float32(2)
    return Skeleton(size, _pixels(body, size), _pixels(parts[LEFT_HAND], size), _pixels(parts[RIGHT_HAND], size))


def face_points(keypoints: npt.ArrayLike, *, size: Size) -> Points:
    """The face's 68 points (68, 3) of ``keypoints`` (133, 3), as `make_skeleton` takes and gives them."""
    return _pixels(_parts(keypoints, size)[FACE], size)


def hold_lost(skeletons: Iterable[Skeleton]) -> Iterator[Skeleton]:
    """The skeletons of a shot, in order; one that is lost gets the body of the frame before, but its own hands.

    Before anybody was found, the body has confidence 0.
    """
    body: Points | None = None
    for skeleton in skeletons:
        if skeleton.is_lost:
            body = skeleton.body * (1.0, 1.0, 0.0) if body is None else body
            yield replace(skeleton, body=body)
        else:
            body = skeleton.body
            yield skeleton


def _parts(keypoints: npt.ArrayLike, size: Size) -> npt.NDArray[np.float32]:
    """x and y as parts of the picture, float32."""
    table = np.array(keypoints, np.float32)
    if table.shape != (POINT_COUNT, 3):
        raise InputError(
            f"keypoints of shape {table.shape} are no person", remedy=f"give {POINT_COUNT} rows of x, y, confidence"
        )
    table[:, 0] /= size.width
    table[:, 1] /= size.height
    return table


def _pixels(parts: npt.NDArray[np.float32], size: Size) -> Points:
    return np.asarray(parts.astype(np.float64) * (size.width, size.height, 1.0))
