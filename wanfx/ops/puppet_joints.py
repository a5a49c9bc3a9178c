"""The joints of a puppet at rest, found in the pose of its picture, and what the picture does not show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wanfx.errors import NothingFoundError
from wanfx.ops import pose as points
from wanfx.ops.pose import Points, Pose

Array = npt.NDArray[np.float32]

KNOWN = 0.3
ARMS, LEGS = ("left_arm", "right_arm"), ("left_leg", "right_leg")
LIMBS: dict[str, tuple[str, str, str, str]] = {
    "left_arm": ("left_shoulder", "left_elbow", "left_wrist", "left_fingers"),
    "right_arm": ("right_shoulder", "right_elbow", "right_wrist", "right_fingers"),
    "left_leg": ("left_hip", "left_knee", "left_ankle", "left_toes"),
    "right_leg": ("right_hip", "right_knee", "right_ankle", "right_toes"),
}
JOINT_POINTS: dict[str, int] = {name: index for index, name in enumerate(points.BODY_NAMES) if index >= 5}
_HAND_START = {"left_fingers": points.LEFT_HAND.start, "right_fingers": points.RIGHT_HAND.start}
_TOES = {
    "left_toes": (points.LEFT_BIG_TOE, points.LEFT_SMALL_TOE),
    "right_toes": (points.RIGHT_BIG_TOE, points.RIGHT_SMALL_TOE),
}
# The middle finger's knuckle: where a hand points.
_KNUCKLE = 9
_PICTURE_REMEDY = "give a picture that shows both shoulders, or its pose as reference.pose"
# Shoulder width over torso length, of a person seen from the front (BlazePose's points).
FRONT_RATIO = 0.72


@dataclass(frozen=True, eq=False)
class RestPose:
    """A character's joints in its picture, in pixels (centres at .5).

    ``joints`` has those of the limbs by name; ``limbs`` how many joints of each limb the picture shows (0 where the
    limb is not told from the body); ``crown``, ``chin`` and ``bottom`` end head and body, ``bottom_row`` the picture of
    it; ``is_cut`` where the picture's lower edge cuts the figure off. ``hands`` are the 21 points of those arms' hands
    that are known.
    """

    joints: Mapping[str, Points]
    limbs: Mapping[str, int]
    pelvis: Points
    chest: Points
    chin: Points
    crown: Points
    bottom: Points
    bottom_row: float
    is_cut: bool
    missing: tuple[str, ...]
    hands: Mapping[str, Points]

    @property
    def torso_px(self) -> float:
        return float(np.linalg.norm(self.chest - self.pelvis))

    @property
    def up(self) -> Points:
        """From the pelvis to the chest, of length 1."""
        return np.asarray((self.chest - self.pelvis) / self.torso_px, np.float64)

    @property
    def across(self) -> Points:
        """Perpendicular to `up`, to the right in the picture of an upright figure."""
        return np.array([-self.up[1], self.up[0]])


def find_rest_pose(alpha: Array, pose: Pose) -> RestPose:
    """The joints of the character that ``alpha`` (H, W) shows, from its pose. Raises NothingFoundError."""
    shoulders = pose.xy[[points.LEFT_SHOULDER, points.RIGHT_SHOULDER]]
    if pose.confidence[[points.LEFT_SHOULDER, points.RIGHT_SHOULDER]].min() < KNOWN:
        raise NothingFoundError("the character's shoulders were not found in the picture", remedy=_PICTURE_REMEDY)
    chest = shoulders.mean(axis=0)
    solid = alpha >= 0.5
    if not _is_on(solid, chest, reach=0.1 * _spread_px(shoulders)):
        raise NothingFoundError("the character's shoulders lie outside its matte", remedy=_PICTURE_REMEDY)
    rows = np.flatnonzero(solid.any(axis=1))
    lowest = float(rows[-1] + 1)
    # A figure that stands on the picture's edge touches it with its soles only.
    touches = solid[-3:].any(axis=0).sum()
    is_cut = bool(touches > 0.5 * _spread_px(shoulders))
    hips = _hips(pose, shoulders, lowest=None if is_cut else lowest)
    if np.linalg.norm(hips.mean(axis=0) - chest) < 8:
        raise NothingFoundError(
            "the character is too small in the picture, or lies along the view", remedy=_PICTURE_REMEDY
        )
    joints = {"left_shoulder": shoulders[0], "right_shoulder": shoulders[1], "left_hip": hips[0], "right_hip": hips[1]}
    limbs = {limb: _find_limb(solid, pose, chain, joints) for limb, chain in LIMBS.items()}
    if min(limbs[leg] for leg in LEGS) == 0:
        # Legs are told from the body together or not at all: half a robe does not stride.
        limbs |= dict.fromkeys(LEGS, 0)
    is_cut &= min(limbs[leg] for leg in LEGS) < 4
    pelvis, chin = hips.mean(axis=0), _chin(pose, chest)
    return RestPose(
        joints=joints,
        limbs=limbs,
        pelvis=pelvis,
        chest=chest,
        chin=chin,
        crown=_crown(solid, chin, chest, pelvis, reach=0.5 * _spread_px(shoulders)),
        bottom=np.array([pelvis[0], max(lowest, pelvis[1] + 1)]),
        bottom_row=lowest,
        is_cut=is_cut,
        missing=_missing(limbs),
        hands=_hands(pose, limbs),
    )


def _spread_px(pair: Points) -> float:
    return float(np.linalg.norm(pair[0] - pair[1]))


def _hips(pose: Pose, shoulders: Points, *, lowest: float | None) -> Points:
    """The hips (2, 2): as found where they are plausible, else below the shoulders."""
    chest, width = shoulders.mean(axis=0), _spread_px(shoulders)
    found = pose.xy[[points.LEFT_HIP, points.RIGHT_HIP]]
    length = float(np.linalg.norm(found.mean(axis=0) - chest))
    is_known = pose.confidence[[points.LEFT_HIP, points.RIGHT_HIP]].min() >= KNOWN
    is_standing = lowest is None or found[:, 1].mean() < chest[1] + 0.6 * (lowest - chest[1])
    if is_standing and (is_known or 0.9 * width < length < 2.2 * width):
        return np.asarray(found, np.float64)
    down = width / FRONT_RATIO if lowest is None else min(width / FRONT_RATIO, 0.5 * (lowest - chest[1]))
    inner = 0.6 * (shoulders - chest) * np.array([1.0, 0.0])
    return np.asarray(chest + inner + [0.0, max(down, 1.0)], np.float64)


def _find_limb(
    solid: npt.NDArray[np.bool_], pose: Pose, chain: tuple[str, str, str, str], joints: dict[str, Points]
) -> int:
    """Put the limb's joints that are shown into ``joints``; how many there are, with the root's, or 0."""
    root, middle, end, tip = chain
    length = 0.0
    shown = 1
    for parent, name in ((root, middle), (middle, end)):
        at, sure = pose.xy[JOINT_POINTS[name]], pose.confidence[JOINT_POINTS[name]]
        length = max(length, float(np.linalg.norm(at - joints[parent])))
        if sure < KNOWN or length < 4 or not _is_on(solid, at, reach=0.2 * length):
            break
        joints[name] = np.asarray(at, np.float64)
        shown += 1
    if shown == 3:
        joints[tip] = _tip(pose, tip, joints[middle], joints[end])
        shown += _is_on(solid, joints[end] + 0.7 * (joints[tip] - joints[end]), reach=0.06 * length)
    return shown if shown > 1 else 0


def _hands(pose: Pose, limbs: Mapping[str, int]) -> dict[str, Points]:
    hands = {"left_arm": points.LEFT_HAND, "right_arm": points.RIGHT_HAND}
    known = {arm: np.median(pose.confidence[hand]) >= KNOWN for arm, hand in hands.items()}
    return {arm: pose.xy[hand] for arm, hand in hands.items() if known[arm] and limbs[arm] == 4}


def _tip(pose: Pose, name: str, middle: Points, end: Points) -> Points:
    """Where a hand or foot points, as far from its joint as it is long."""
    away = end - middle
    if name in _TOES:
        toes = list(_TOES[name])
        if pose.confidence[toes].min() >= KNOWN and _spread_px(np.stack([pose.xy[toes].mean(axis=0), end])) > 2:
            return np.asarray(pose.xy[toes].mean(axis=0), np.float64)
        return np.asarray(end + 0.35 * away, np.float64)
    knuckle = _HAND_START[name] + _KNUCKLE
    if pose.confidence[knuckle] >= KNOWN:
        return np.asarray(end + 1.8 * (pose.xy[knuckle] - end), np.float64)
    return np.asarray(end + 0.6 * away, np.float64)


def _is_on(solid: npt.NDArray[np.bool_], at: Points, *, reach: float) -> bool:
    """Whether the matte is solid within ``reach`` pixels of a point."""
    x, y, step = int(at[0]), int(at[1]), max(1, round(reach))
    return bool(solid[max(0, y - step) : max(0, y + step + 1), max(0, x - step) : max(0, x + step + 1)].any())


def _chin(pose: Pose, chest: Points) -> Points:
    """The chin: as found, else as far below the nose as the nose is below the eyes' line, doubled."""
    chin = points.FACE.start + 8
    if pose.confidence[chin] >= KNOWN:
        return np.asarray(pose.xy[chin], np.float64)
    if pose.confidence[points.NOSE] >= KNOWN:
        return np.asarray(0.45 * pose.xy[points.NOSE] + 0.55 * chest, np.float64)
    shoulders = pose.xy[[points.LEFT_SHOULDER, points.RIGHT_SHOULDER]]
    return np.asarray(chest - [0.0, 0.35 * _spread_px(shoulders)], np.float64)


def _crown(solid: npt.NDArray[np.bool_], chin: Points, chest: Points, pelvis: Points, *, reach: float) -> Points:
    """The top of the head: as far above the chin as the matte goes, not farther aside than ``reach``."""
    up = (chest - pelvis) / np.linalg.norm(chest - pelvis)
    away = np.argwhere(solid)[:, ::-1] + 0.5 - chin
    above = away @ up
    aside = np.abs(away @ np.array([-up[1], up[0]]))
    head = above[(aside < reach) & (above > 0)]
    tall = float(head.max()) if head.size else float(np.linalg.norm(chin - chest))
    return np.asarray(chin + max(tall, 1.0) * up, np.float64)


def _missing(limbs: Mapping[str, int]) -> tuple[str, ...]:
    """What the picture does not show, in words."""
    found = []
    for arm in ARMS:
        side = arm.removesuffix("_arm")
        words = (f"{side} arm", "", f"{side} forearm", f"{side} hand")
        if limbs[arm] < 4:
            found.append(words[limbs[arm]])
    if all(limbs[leg] == 0 for leg in LEGS):
        return (*found, "legs")
    for leg in LEGS:
        side = leg.removesuffix("_leg")
        words = (f"{side} leg", "", f"{side} shin", f"{side} foot")
        if limbs[leg] < 4:
            found.append(words[limbs[leg]])
    return tuple(found)
