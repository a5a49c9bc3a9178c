"""What a face does, told from its points: how far it is turned and nods, its mouth and its eyes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wanfx.ops import pose as points
from wanfx.ops.pose import Points
from wanfx.ops.puppet_joints import KNOWN

# Places in the 68 points of iBUG.
_JAW_ENDS, _NOSE_TIP = (0, 16), 30
_INNER_MOUTH, _MOUTH_CORNERS = (62, 66), (60, 64)
# Outer corner, upper lid (two), inner corner, lower lid (two): the person's right eye, then the left.
EYES = {"right": (36, 37, 38, 39, 40, 41), "left": (42, 43, 44, 45, 46, 47)}


@dataclass(frozen=True, eq=False)
class Features:
    """Faces' measures over n frames, all (n,) and in parts of the face's width, or of the mouth's or eye's.

    ``turn`` and ``nod`` are how far the nose is off the middle of the jaw's ends, along the face's own axes; ``mouth``
    and the eyes how far they are open. ``is_known`` says where these are known; where only ears, eyes and nose are,
    ``has_turn`` alone.
    """

    turn: Points
    nod: Points
    mouth: Points
    eyes: dict[str, Points]
    is_known: npt.NDArray[np.bool_]
    has_turn: npt.NDArray[np.bool_]


def read_features(xy: Points, confidence: Points, *, with_face: bool) -> Features:
    """The features of points (n, 133, 2) with their confidence (n, 133).

    Turn and nod are by the face's points, or by ears and nose where not ``with_face``.
    """
    face = xy[:, points.FACE]
    is_known = np.median(confidence[:, points.FACE], axis=1) >= KNOWN
    if with_face:
        ends, nose, has_turn = face[:, _JAW_ENDS], face[:, _NOSE_TIP], is_known
    else:
        ears = [points.RIGHT_EAR, points.LEFT_EAR]
        ends, nose = xy[:, ears], xy[:, points.NOSE]
        has_turn = confidence[:, [*ears, points.NOSE]].min(axis=1) >= KNOWN
    across = ends[:, 1] - ends[:, 0]
    width = np.maximum(np.linalg.norm(across, axis=1), 1e-6)
    side = across / width[:, None]
    off = nose - ends.mean(axis=1)
    return Features(
        turn=(off * side).sum(axis=1) / width,
        nod=(off * np.stack([-side[:, 1], side[:, 0]], axis=1)).sum(axis=1) / width,
        mouth=_gap(face, _INNER_MOUTH, _MOUTH_CORNERS),
        eyes={name: _lid_gap(face, eye) for name, eye in EYES.items()},
        is_known=is_known,
        has_turn=has_turn,
    )


def _gap(face: Points, opening: tuple[int, int], corners: tuple[int, int]) -> Points:
    height = np.linalg.norm(face[:, opening[1]] - face[:, opening[0]], axis=1)
    width = np.linalg.norm(face[:, corners[1]] - face[:, corners[0]], axis=1)
    return np.asarray(height / np.maximum(width, 1e-6), np.float64)


def _lid_gap(face: Points, eye: tuple[int, ...]) -> Points:
    corners = (eye[0], eye[3])
    return 0.5 * (_gap(face, (eye[1], eye[5]), corners) + _gap(face, (eye[2], eye[4]), corners))
