"""BlazePose, MediaPipe hand and face points as the 133 points of COCO-WholeBody.

The face's 68 are iBUG's (Sagonas et al., 300 Faces in-the-Wild, ICCV-W 2013), each the mesh vertex that lies there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wanfx.ops.pose import (
    BODY,
    FACE,
    LEFT_BIG_TOE,
    LEFT_EAR,
    LEFT_EYE,
    LEFT_HAND,
    LEFT_HEEL,
    LEFT_SMALL_TOE,
    NOSE,
    POINT_COUNT,
    RIGHT_BIG_TOE,
    RIGHT_EAR,
    RIGHT_EYE,
    RIGHT_HAND,
    RIGHT_HEEL,
    RIGHT_SMALL_TOE,
    Points,
    Pose,
)

_BODY_FROM = (0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28)
_LEFT_TOE, _RIGHT_TOE, _LEFT_HEEL_FROM, _RIGHT_HEEL_FROM = 31, 32, 29, 30
# BlazePose has one point at a foot's tip: both toes are there, the small one with less confidence.
_FEET_FROM = {
    LEFT_BIG_TOE: (_LEFT_TOE, 1.0), LEFT_SMALL_TOE: (_LEFT_TOE, 0.5), LEFT_HEEL: (_LEFT_HEEL_FROM, 1.0),
    RIGHT_BIG_TOE: (_RIGHT_TOE, 1.0), RIGHT_SMALL_TOE: (_RIGHT_TOE, 0.5), RIGHT_HEEL: (_RIGHT_HEEL_FROM, 1.0),
}  # fmt: skip
FACE_FROM = (
    127, 234, 93, 132, 58, 172, 150, 176, 152, 400, 379, 397, 288, 361, 323, 454, 356,  # jaw, the person's right first
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,  # brows
    168, 197, 5, 4, 98, 97, 2, 326, 327,  # nose
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,  # eyes
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,  # the lips' outside
    78, 82, 13, 312, 308, 317, 14, 87,  # the lips' inside
)  # fmt: skip
_HEAD_FROM = {NOSE: (1,), LEFT_EYE: (263, 362), RIGHT_EYE: (33, 133)}
_HEAD, _EARS = [NOSE, LEFT_EYE, RIGHT_EYE], [LEFT_EAR, RIGHT_EAR]
_SURE = 0.5
_NOSE, _LEFT_WRIST, _RIGHT_WRIST = 0, 15, 16


@dataclass(frozen=True, eq=False)
class Found:
    """Points (N, 3) of one network, pixels and depth (smaller nearer), with a confidence (N,) in [0, 1] for each."""

    points: Points
    confidence: Points


def map_pose(body: Found, *, left_hand: Found | None, right_hand: Found | None, face: Found | None) -> Pose:
    """One person's pose: ``body`` 33 points, hands 21, face 468. What was not found has confidence 0.

    Hands' depths are relative to their wrist and the face's to its nose: they are moved to where the body has those.
    """
    table = np.zeros((POINT_COUNT, 4))
    _put(table, BODY, body.points[list(_BODY_FROM)], body.confidence[list(_BODY_FROM)])
    for point, (index, share) in _FEET_FROM.items():
        table[point, :3], table[point, 3] = body.points[index], share * body.confidence[index]
    for hand, where, wrist in ((left_hand, LEFT_HAND, _LEFT_WRIST), (right_hand, RIGHT_HAND, _RIGHT_WRIST)):
        if hand is not None:
            _put(table, where, _at_depth(hand.points, 0, body.points[wrist, 2]), hand.confidence)
    if face is not None:
        ours = list(FACE_FROM)
        points = _at_depth(face.points, 4, body.points[_NOSE, 2])
        _put(table, FACE, points[ours], face.confidence[ours])
        _put_head(table, face.points, face.confidence)
    return Pose(table[:, :2], np.clip(table[:, 3], 0, 1), table[:, 2])


def _put(table: Points, where: slice, points: Points, confidence: Points) -> None:
    table[where, :3], table[where, 3] = points, confidence


def _put_head(table: Points, points: Points, confidence: Points) -> None:
    """Nose and eyes as the face has them, which sees them larger than the body does; the ears move with them."""
    if confidence[list(_HEAD_FROM[NOSE])].min() < _SURE:
        return
    before = table[_HEAD, :2].mean(axis=0)
    for point, indices in _HEAD_FROM.items():
        x, y = points[list(indices), :2].mean(axis=0)
        table[point, :2] = x, y
        table[point, 3] = max(table[point, 3], float(confidence[list(indices)].min()))
    table[_EARS, :2] += table[_HEAD, :2].mean(axis=0) - before


def _at_depth(points: Points, anchor: int, depth: float) -> Points:
    return np.column_stack([points[:, :2], points[:, 2] - points[anchor, 2] + depth])
