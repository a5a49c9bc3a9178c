"""Where a puppet's body goes: size, torso and what hangs from it, from an actor's shoulders and hips over time.

Lengths are in square canvas pixels. Angles are turned from the picture's x towards its y.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from wanfx.ops import pose as points
from wanfx.ops.pose import Points
from wanfx.ops.puppet_joints import JOINT_POINTS, LEGS, RestPose
from wanfx.ops.retarget_time import bridged, known_frames, rolling_percentile, slow, trust

Flags = npt.NDArray[np.bool_]
_SIZE_REACH, _SIZE_FRAMES = 16, 10.0
# A body seen from the side is about this part of its width.
_NARROWEST = 0.62
_MOST_STRETCH = 1.6
_MOST_TILT = 0.45
_SHOULDERS, _HIPS = [points.LEFT_SHOULDER, points.RIGHT_SHOULDER], [points.LEFT_HIP, points.RIGHT_HIP]


@dataclass(frozen=True, eq=False)
class Actor:
    """An actor's points over n frames: ``xy`` (n, 133, 2), ``confidence`` and ``depth`` (n, 133)."""

    xy: Points
    confidence: Points
    depth: Points

    def known(self, *indices: int) -> Flags:
        """The frames (n,) in which all of these points are known."""
        return np.asarray(np.all([known_frames(self.confidence[:, index]) for index in indices], axis=0))


@dataclass(frozen=True, eq=False)
class BodyPath:
    """The body over n frames.

    ``shoulders`` (n, 2, 2) are the actor's, left then right, bridged; ``chest``, ``pelvis`` (n, 2) the puppet's;
    ``size`` (n,) the actor's torso's length were he upright and near enough to the picture's plane; ``scale`` (n,)
    canvas pixels a reference pixel; ``frames`` (n, 3, 2, 3) map the reference to the canvas as the hem, the hips and
    the shoulders do; ``turned`` (n,) is 1 where he faces as the character does, less where he is seen from the side;
    ``is_mirrored`` where he is seen from behind; ``trust`` (n,) how far his place is known.
    """

    shoulders: Points
    chest: Points
    pelvis: Points
    size: Points
    scale: Points
    frames: Points
    turned: Points
    is_mirrored: Flags
    trust: Points


def body_path(actor: Actor, rest: RestPose, *, below_px: float) -> BodyPath:
    """The body's path; the actor's shoulders must be known in some frame. ``below_px`` is the canvas's lower edge."""
    known = actor.known(*_SHOULDERS)
    shoulders = bridged(actor.xy[:, _SHOULDERS], known)
    chest = shoulders.mean(axis=1)
    size, width_ratio = _sizes(actor, shoulders, known, own_ratio=_own_width(rest) / rest.torso_px)
    axis = _torso_axis(actor, size, resting=rest.up)
    axis = axis * _stretch(actor, rest, chest, axis, below_px=below_px)[:, None]
    up = axis / np.linalg.norm(axis, axis=1)[:, None]
    across = np.stack([-up[:, 1], up[:, 0]], axis=1)
    facing = 1.0 if (rest.joints["left_shoulder"] - rest.joints["right_shoulder"]) @ rest.across >= 0 else -1.0
    open_ = facing * ((shoulders[:, 0] - shoulders[:, 1]) * across).sum(axis=1) / (width_ratio * size)
    is_mirrored = _mirrored(open_)
    turned = np.clip(slow(np.where(is_mirrored, -open_, open_), frames=2.0), 0, 1)
    scale, wide = _scales(rest, size, width_ratio, along=_taller(actor, rest, size) * size / rest.torso_px)
    tilts = _tilts(actor, up, rest, is_mirrored, turned, known)
    frames = _frames(rest, chest - axis, axis, wide * np.maximum(turned, _NARROWEST), tilts)
    frames[:, 0] = _hem_frames(actor, rest, chest - axis, up, frames[:, 1], scale)
    return BodyPath(
        shoulders, chest, chest - axis, size, scale, frames, turned, is_mirrored, trust(known)
    )  # fmt: skip


def _sizes(actor: Actor, shoulders: Points, known: Flags, *, own_ratio: float) -> tuple[Points, float]:
    """The torso's length, slowly varying (n,), and the shoulders' width over it (``own_ratio`` where not seen)."""
    width = np.linalg.norm(shoulders[:, 0] - shoulders[:, 1], axis=1)
    has_torso = known & actor.known(*_HIPS)
    length = np.linalg.norm(shoulders.mean(axis=1) - actor.xy[:, _HIPS].mean(axis=1), axis=1)
    ratio = own_ratio
    if has_torso.any():
        ratio = float(np.percentile(width[has_torso], 85) / max(np.percentile(length[has_torso], 85), 1e-6))
    ratio = float(np.clip(ratio, 0.45, 1.4))
    # Leaning makes the torso shorter, turning the shoulders narrower: the longer of the two tells.
    seen = np.maximum(np.where(has_torso, length, 0), width / ratio)
    seen = bridged(seen, known)
    size = rolling_percentile(seen, percent=65, reach_frames=_SIZE_REACH)
    return np.maximum(slow(size, frames=_SIZE_FRAMES), 1.0), ratio


def _torso_axis(actor: Actor, size: Points, *, resting: Points) -> Points:
    """From the pelvis to the chest (n, 2), as at rest where not known; its length varies less than the points'."""
    known = actor.known(*_SHOULDERS, *_HIPS)
    hips = actor.xy[:, _HIPS].mean(axis=1)
    offset = bridged((actor.xy[:, _SHOULDERS].mean(axis=1) - hips) / size[:, None], known)
    sure = trust(known)[:, None]
    axis = sure * offset + (1 - sure) * resting
    length = np.linalg.norm(axis, axis=1)
    steady = np.clip(slow(length, frames=2.0), 0.35, 1.4)
    away = np.where(length[:, None] > 0.05, axis / np.maximum(length, 1e-6)[:, None], resting)
    return np.asarray(away * (steady * size)[:, None], np.float64)


def _stretch(actor: Actor, rest: RestPose, chest: Points, axis: Points, *, below_px: float) -> Points:
    """How much longer the torso is drawn (n,) to reach the edge, where picture and canvas both cut the figures off."""
    if not rest.is_cut:
        return np.ones(len(chest))
    shown = float((rest.chest - [rest.chest[0], rest.bottom_row]) @ rest.up) / rest.torso_px
    reach = np.maximum(-axis[:, 1] * shown, 1.0)
    is_cut = ~actor.known(points.LEFT_KNEE, points.RIGHT_KNEE)
    wanted = np.where(is_cut, np.clip((below_px - chest[:, 1]) / reach, 1.0, _MOST_STRETCH), 1.0)
    return np.maximum(slow(wanted, frames=_SIZE_FRAMES), 1.0)


def _own_width(rest: RestPose) -> float:
    return float(np.linalg.norm(rest.joints["left_shoulder"] - rest.joints["right_shoulder"]))


def _mirrored(open_: Points) -> Flags:
    """Whether each frame shows the actor from behind; the sides change only where that is clear."""
    flags = np.zeros(len(open_), bool)
    state = bool(np.median(open_) < 0)
    for index, value in enumerate(slow(open_, frames=2.0)):
        state = value < (0.25 if state else -0.25)
        flags[index] = state
    return flags


def _scales(rest: RestPose, size: Points, width_ratio: float, *, along: Points) -> tuple[Points, Points]:
    """Canvas pixels a reference pixel of widths and the head (n,), and across the shoulders (n,).

    ``along`` is the same of heights.
    """
    own = _own_width(rest)
    if own < 0.3 * rest.torso_px:
        return along, along
    across = width_ratio * size / own
    scale = np.sqrt(along * across)
    return scale, np.clip(across, 0.75 * scale, 1.33 * scale)


def _taller(actor: Actor, rest: RestPose, size: Points) -> float:
    """How much taller than by his torso alone the actor is: 1 where he or the character has no legs to tell."""
    own, seen = [], []
    for side in ("left", "right"):
        if rest.limbs[f"{side}_leg"] < 3:
            continue
        chain = [f"{side}_{joint}" for joint in ("hip", "knee", "ankle")]
        own.append(float(sum(np.linalg.norm(rest.joints[a] - rest.joints[b]) for a, b in pairwise(chain))))
        places = [JOINT_POINTS[name] for name in chain]
        known = actor.known(*places)
        leg = sum(np.linalg.norm(actor.xy[:, a] - actor.xy[:, b], axis=1) for a, b in pairwise(places))
        if known.any():
            seen.append(float(np.percentile((leg / size)[known], 80)))
    if not own or not seen:
        return 1.0
    return (1 + float(np.mean(seen))) / (1 + float(np.mean(own)) / rest.torso_px)


def _tilts(actor: Actor, up: Points, rest: RestPose, mirrored: Flags, turned: Points, known: Flags) -> Points:
    """How far hips and shoulders lean more than the character's do (n, 2), radians."""
    tilts = []
    is_full = np.clip((turned - 0.35) / 0.35, 0, 1)
    across = np.stack([-up[:, 1], up[:, 0]], axis=1)
    for pair, names in ((_HIPS, ("left_hip", "right_hip")), (_SHOULDERS, ("left_shoulder", "right_shoulder"))):
        own = rest.joints[names[0]] - rest.joints[names[1]]
        side = 1.0 if own @ rest.across >= 0 else -1.0
        resting = _angle(side * rest.across, own)
        line = np.where(mirrored[:, None], -1.0, 1.0) * (actor.xy[:, pair[0]] - actor.xy[:, pair[1]])
        sure = known & actor.known(*pair)
        lean = bridged(_angle(side * across, line) - resting, sure) * trust(sure) * is_full
        tilts.append(slow(np.clip(lean, -_MOST_TILT, _MOST_TILT), frames=1.5))
    return np.stack(tilts, axis=1)


def _angle(start: Points, end: Points) -> Points:
    """The angle from ``start`` to ``end`` (..., 2), in (-pi, pi]."""
    cross = start[..., 0] * end[..., 1] - start[..., 1] * end[..., 0]
    return np.asarray(np.arctan2(cross, (start * end).sum(axis=-1)), np.float64)


def _frames(rest: RestPose, pelvis: Points, axis: Points, wide: Points, tilts: Points) -> Points:
    """The hem's, hips' and shoulders' maps (n, 3, 2, 3); the hem's as the hips'."""
    up = axis / np.linalg.norm(axis, axis=1)[:, None]
    lengthwise = axis / rest.torso_px
    maps = []
    for index in (0, 0, 1):
        cos, sin = np.cos(tilts[:, index]), np.sin(tilts[:, index])
        level = np.stack([-up[:, 1], up[:, 0]], axis=1)
        sideways = np.stack([level[:, 0] * cos - level[:, 1] * sin, level[:, 0] * sin + level[:, 1] * cos], axis=1)
        maps.append(axis_map(rest.pelvis, pelvis, (rest.up, lengthwise), (rest.across, sideways * wide[:, None])))
    return np.stack(maps, axis=1)


def axis_map(start: Points, end: Points, first: tuple[Points, Points], second: tuple[Points, Points]) -> Points:
    """Maps (n, 2, 3) that take the point ``start`` (2,) to ``end`` (n, 2) and two perpendicular directions to two."""
    linear = first[1][:, :, None] * first[0] + second[1][:, :, None] * second[0]
    return np.concatenate([linear, (end - linear @ start)[:, :, None]], axis=2)


def _hem_frames(actor: Actor, rest: RestPose, pelvis: Points, up: Points, hips: Points, scale: Points) -> Points:
    """What hangs below the hips (n, 2, 3): down, half with the torso; where there are feet below, to the actor's."""
    hips_wide = hips[:, :, :2] @ rest.across
    along = np.linalg.norm(hips[:, :, :2] @ rest.up, axis=1)
    down = np.stack([0.5 * up[:, 0], 0.5 * up[:, 1] - 0.5], axis=1)
    if not rest.is_cut and all(rest.limbs[leg] == 0 for leg in LEGS):
        ankles = [points.LEFT_ANKLE, points.RIGHT_ANKLE]
        known = actor.known(*ankles)
        reach = actor.xy[:, ankles].max(axis=1)[:, 1] + 0.16 * scale * rest.torso_px - pelvis[:, 1]
        own = float(rest.bottom[1] - rest.pelvis[1])
        wanted = bridged(np.clip(reach / own / scale, 0.5, 3.6), known) * scale
        sure = trust(known)
        along = slow(sure * wanted + (1 - sure) * along, frames=2.0)
    down = down / np.maximum(np.linalg.norm(down, axis=1), 1e-6)[:, None]
    level = np.stack([-down[:, 1], down[:, 0]], axis=1)
    wide = np.linalg.norm(hips_wide, axis=1)[:, None]
    return axis_map(rest.pelvis, pelvis, (rest.up, down * along[:, None]), (rest.across, level * wide))
