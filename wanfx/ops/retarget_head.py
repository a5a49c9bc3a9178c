"""How a puppet's head is held: its tilt, turn and nod, its mouth and eyes, from the actor's face over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wanfx.ops import pose as points
from wanfx.ops.pose import Points, Pose
from wanfx.ops.puppet_joints import RestPose
from wanfx.ops.retarget_body import Actor, BodyPath, axis_map
from wanfx.ops.retarget_time import bridged, slow, trust

_EARS, _EYES = (points.LEFT_EAR, points.RIGHT_EAR), (points.LEFT_EYE, points.RIGHT_EYE)
_MOST_TILT = 0.9


@dataclass(frozen=True, eq=False)
class HeadPath:
    """The head over n frames: ``frames`` (n, 2, 3) map the reference to the canvas."""

    frames: Points


def head_path(actor: Actor, body: BodyPath, rest: RestPose, pose: Pose) -> HeadPath:
    """The head's path; ``pose`` is the reference's."""
    own = Actor(pose.xy[None], pose.confidence[None], pose.depth[None])
    neck = rest.chest + 0.5 * (rest.chin - rest.chest)
    shoulders = body.frames[:, 2]
    at = shoulders[:, :, :2] @ neck + shoulders[:, :, 2]
    up = body.chest - body.pelvis
    torso = _turn(rest.up, up)
    roll, roll_sure = _roll(actor, body)
    own_roll, own_sure = _still_roll(own)
    lean, lean_sure = _lean(actor, body.chest)
    own_lean = _still_lean(own, rest.chest)
    by_eyes = np.angle(np.exp(1j * (roll - own_roll)))
    by_neck = np.angle(np.exp(1j * (lean - own_lean)))
    sure = roll_sure * own_sure
    rest_of = 0.6 * (1 - sure) * lean_sure
    angle = sure * by_eyes + rest_of * by_neck + (1 - sure - rest_of) * torso
    angle = slow(np.clip(angle - torso, -_MOST_TILT, _MOST_TILT), frames=1.5) + torso
    cos, sin = np.cos(angle) * body.scale, np.sin(angle) * body.scale
    x, y = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    frames = axis_map(neck, at, (x, np.stack([cos, sin], axis=1)), (y, np.stack([-sin, cos], axis=1)))
    return HeadPath(frames)


def _turn(start: Points, end: Points) -> Points:
    cross = start[..., 0] * end[..., 1] - start[..., 1] * end[..., 0]
    return np.asarray(np.arctan2(cross, (start * end).sum(axis=-1)), np.float64)


def _roll(actor: Actor, body: BodyPath) -> tuple[Points, Points]:
    """The angle of the eyes' line (n,), and how far it tells: little where the face is seen from the side."""
    known = actor.known(*_EYES)
    line = actor.xy[:, _EYES[0]] - actor.xy[:, _EYES[1]]
    line = bridged(line, known)
    line = np.where((line[:, :1] < 0), -line, line)
    length = np.linalg.norm(line, axis=1) / body.size
    usual = float(np.percentile(length[known], 80)) if known.any() else 1.0
    wide = np.clip((length / max(usual, 1e-6) - 0.35) / 0.35, 0, 1)
    return np.arctan2(line[:, 1], line[:, 0]), trust(known) * wide


def _still_roll(own: Actor) -> tuple[float, float]:
    if own.confidence[0, list(_EYES)].min() < 0.3:
        return 0.0, 0.0
    line = own.xy[0, _EYES[0]] - own.xy[0, _EYES[1]]
    line = -line if line[0] < 0 else line
    return float(np.arctan2(line[1], line[0])), 1.0


def _lean(actor: Actor, chest: Points) -> tuple[Points, Points]:
    """The angle of the line from the chest to the ears (n,), from upright, and how far it is known."""
    known = actor.known(*_EARS)
    away = bridged(actor.xy[:, list(_EARS)].mean(axis=1) - chest, known)
    return np.arctan2(away[:, 0], -away[:, 1]), trust(known)


def _still_lean(own: Actor, chest: Points) -> float:
    if own.confidence[0, list(_EARS)].min() < 0.3:
        return 0.0
    away = own.xy[0, list(_EARS)].mean(axis=0) - chest
    return float(np.arctan2(away[0], -away[1]))
