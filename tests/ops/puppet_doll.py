"""A doll drawn of capsules, with its pose: a character to make puppets of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from wanfx.ops import pose as points
from wanfx.ops.pose import Points, Pose, empty_pose

Array = npt.NDArray[np.float32]
HEIGHT, WIDTH = 480, 320
JOINTS: dict[str, tuple[float, float]] = {
    "nose": (160, 98), "left_eye": (171, 90), "right_eye": (149, 90), "left_ear": (187, 92), "right_ear": (133, 92),
    "left_shoulder": (192, 150), "right_shoulder": (128, 150), "left_elbow": (222, 205), "right_elbow": (98, 205),
    "left_wrist": (247, 258), "right_wrist": (73, 258), "left_hip": (178, 250), "right_hip": (142, 250),
    "left_knee": (183, 340), "right_knee": (137, 340), "left_ankle": (186, 425), "right_ankle": (134, 425),
}  # fmt: skip
TOES: dict[int, tuple[float, float]] = {
    points.LEFT_BIG_TOE: (196, 446), points.LEFT_SMALL_TOE: (200, 446), points.LEFT_HEEL: (184, 436),
    points.RIGHT_BIG_TOE: (124, 446), points.RIGHT_SMALL_TOE: (120, 446), points.RIGHT_HEEL: (136, 436),
}  # fmt: skip
KNUCKLES: dict[int, tuple[float, float]] = {
    points.LEFT_HAND.start + 9: (254, 274),
    points.RIGHT_HAND.start + 9: (66, 274),
}
SHIRT, TROUSERS, SKIN = (0.1, 0.5, 0.2), (0.05, 0.08, 0.3), (4.0, 2.5, 2.0)


def doll_pose(*, moved: Mapping[str, tuple[float, float]] | None = None) -> Pose:
    """The doll's pose in its picture, or one with some joints elsewhere."""
    pose = empty_pose()
    joints = {**JOINTS, **(moved or {})}
    for index, name in enumerate(points.BODY_NAMES):
        pose.xy[index], pose.confidence[index] = joints[name], 1.0
    for index in (*TOES, *KNUCKLES):
        pose.xy[index], pose.confidence[index] = (TOES | KNUCKLES)[index], 1.0
    for side, hand in (("left", points.LEFT_HAND.start), ("right", points.RIGHT_HAND.start)):
        wrist = np.array(joints[f"{side}_wrist"])
        pose.xy[hand + 9] = wrist + np.array(KNUCKLES[hand + 9]) - JOINTS[f"{side}_wrist"]
    return pose


def draw_doll(*, joints: Mapping[str, tuple[float, float]] | None = None, without: tuple[str, ...] = ()) -> Array:
    """The doll (480, 320, 4): premultiplied, linear, skin brighter than white."""
    at = {name: np.array(place, float) for name, place in {**JOINTS, **(joints or {})}.items()}
    picture = np.zeros((HEIGHT, WIDTH, 4), np.float32)
    for side in ("left", "right"):
        heel = points.LEFT_BIG_TOE if side == "left" else points.RIGHT_BIG_TOE
        if "legs" not in without:
            _capsule(picture, at[f"{side}_ankle"], np.array(TOES[heel]), 10, (0.8, 0.8, 0.8))
            _capsule(picture, at[f"{side}_hip"], at[f"{side}_knee"], 16, TROUSERS)
            _capsule(picture, at[f"{side}_knee"], at[f"{side}_ankle"], 13, TROUSERS)
    waist = 0.5 * (at["left_hip"] + at["right_hip"])
    for step in np.linspace(0, 1, 9):
        left = at["left_shoulder"] + step * (at["left_hip"] - at["left_shoulder"])
        right = at["right_shoulder"] + step * (at["right_hip"] - at["right_shoulder"])
        _capsule(picture, left, right, 14, SHIRT)
    if "legs" in without:
        _capsule(picture, waist, waist + np.array([0, 180]), 34, SHIRT)
    _capsule(picture, np.array([160, 118]), np.array([160, 140]), 10, SKIN)
    _capsule(picture, np.array([160, 90]), np.array([160, 98]), 30, SKIN)
    for side in ("left", "right"):
        if f"{side} hand" not in without:
            wrist = at[f"{side}_wrist"]
            hand = points.LEFT_HAND.start if side == "left" else points.RIGHT_HAND.start
            reach = np.array(KNUCKLES[hand + 9]) - JOINTS[f"{side}_wrist"]
            _capsule(picture, wrist, wrist + 1.6 * reach, 8, SKIN)
        _capsule(picture, at[f"{side}_elbow"], at[f"{side}_wrist"], 10, (0.7, 0.1, 0.1))
        _capsule(picture, at[f"{side}_shoulder"], at[f"{side}_elbow"], 12, (0.7, 0.1, 0.1))
    return picture


def _capsule(picture: Array, start: Points, end: Points, radius: float, color: tuple[float, float, float]) -> None:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] + 0.5
    along = np.asarray(end, float) - start
    share = np.clip(((x - start[0]) * along[0] + (y - start[1]) * along[1]) / max(along @ along, 1e-9), 0, 1)
    away = np.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1])
    alpha = np.clip((radius - away) / 2 + 0.5, 0, 1)[..., None].astype(np.float32)
    light = (1 + 0.1 * np.sin(x / 3) * np.sin(y / 4))[..., None]
    rgba = np.concatenate([np.array(color) * light, np.ones_like(light)], axis=2).astype(np.float32)
    picture[:] = picture * (1 - alpha) + rgba * alpha
