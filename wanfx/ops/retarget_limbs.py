"""Where a puppet's limbs go: to the actor's joints where these are known, hanging where they are not."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from wanfx.ops import pose as points
from wanfx.ops.pose import Points
from wanfx.ops.puppet_joints import ARMS, JOINT_POINTS, LIMBS, RestPose
from wanfx.ops.retarget_body import Actor, BodyPath
from wanfx.ops.retarget_time import bridged, slow, trust

# Parts of the torso's length, upper then lower: of a grown person, hanging down.
_HANGING = {"arm": (0.56, 0.50), "leg": (0.85, 0.82)}
_KNUCKLE = 9


def limb_paths(actor: Actor, body: BodyPath, rest: RestPose) -> tuple[dict[str, Points], dict[str, Points]]:
    """The joints' paths (n, 2) by their name, and how far each is known (n,): of the limbs the picture shows.

    Where the actor is seen from behind, each limb does what the other one does.
    """
    paths: dict[str, Points] = {}
    trusts: dict[str, Points] = {}
    for limb, chain in LIMBS.items():
        shown = rest.limbs[limb]
        if not shown:
            continue
        frame = body.frames[:, 2 if limb in ARMS else 1]
        root = frame[:, :, :2] @ rest.joints[chain[0]] + frame[:, :, 2]
        own, other = _limb(actor, body, limb, root), _limb(actor, body, _other_side(limb), root)
        swap = body.is_mirrored
        joints = np.where(swap[:, None, None], other[0], own[0])
        sure = np.where(swap[:, None], other[1], own[1])
        for index, name in enumerate(chain[:shown]):
            if index < 3:
                paths[name], trusts[name] = joints[:, index], sure[:, index]
        if shown == 4:
            paths[chain[3]] = _tip_path(rest, body, chain, paths, joints[:, 3], sure[:, 3])
            trusts[chain[3]] = sure[:, 3]
    return paths, trusts


def _other_side(name: str) -> str:
    side, _, rest = name.partition("_")
    return f"{'right' if side == 'left' else 'left'}_{rest}"


def _limb(actor: Actor, body: BodyPath, limb: str, root: Points) -> tuple[Points, Points]:
    """Root, middle and end joint and where the tip points (n, 4, 2), and how far each is known (n, 4)."""
    chain = LIMBS[limb]
    upper, lower = (length * body.size for length in _HANGING[limb.partition("_")[2]])
    down = np.array([0.0, 1.0])
    start = actor.xy[:, JOINT_POINTS[chain[0]]]
    start = bridged(start, actor.known(JOINT_POINTS[chain[0]])) if limb not in ARMS else _shoulder(body, limb)
    middle, sure_middle = _joint(actor, chain[1], start, body.size)
    end, sure_end = _joint(actor, chain[2], start, body.size)
    # Between a known end and the root the middle cannot hang.
    between = sure_end[:, None]
    guess = root + upper[:, None] * down
    guess = between * 0.5 * (root + end) + (1 - between) * guess
    middle = sure_middle[:, None] * middle + (1 - sure_middle)[:, None] * guess
    end = between * end + (1 - between) * (middle + lower[:, None] * down)
    tip, sure_tip = _pointing(actor, chain[3], chain[2], body.size)
    sures = np.stack([np.ones(len(root)), sure_middle, sure_end, sure_tip * sure_end], axis=1)
    return np.stack([root, middle, end, tip], axis=1), sures


def _shoulder(body: BodyPath, limb: str) -> Points:
    return np.asarray(body.shoulders[:, 0 if limb.startswith("left") else 1], np.float64)


def _joint(actor: Actor, name: str, start: Points, size: Points) -> tuple[Points, Points]:
    """A joint's path (n, 2), carried along with the limb's root over gaps, and how far it is known."""
    known = actor.known(JOINT_POINTS[name])
    away = bridged((actor.xy[:, JOINT_POINTS[name]] - start) / size[:, None], known)
    return start + away * size[:, None], trust(known)


def _pointing(actor: Actor, tip: str, end: str, size: Points) -> tuple[Points, Points]:
    """Which way a hand or foot points (n, 2), in torso lengths, and how far that is known."""
    if tip.endswith("fingers"):
        hand = points.LEFT_HAND if tip.startswith("left") else points.RIGHT_HAND
        indices = [hand.start + _KNUCKLE]
    elif tip.startswith("left"):
        indices = [points.LEFT_BIG_TOE, points.LEFT_SMALL_TOE]
    else:
        indices = [points.RIGHT_BIG_TOE, points.RIGHT_SMALL_TOE]
    known = actor.known(JOINT_POINTS[end], *indices)
    away = bridged((actor.xy[:, indices].mean(axis=1) - actor.xy[:, JOINT_POINTS[end]]) / size[:, None], known)
    # One that points at the camera has no direction in the picture.
    length = np.linalg.norm(away, axis=1)
    return away, trust(known) * np.clip((length - 0.05) / 0.1, 0, 1)


def _tip_path(
    rest: RestPose, body: BodyPath, chain: tuple[str, ...], paths: dict[str, Points], away: Points, sure: Points
) -> Points:
    """Where a hand's or foot's far end goes: as long as it is, turned as the actor's, but not out of its joint."""
    bone, own = rest.joints[chain[2]] - rest.joints[chain[1]], rest.joints[chain[3]] - rest.joints[chain[2]]
    path_bone = paths[chain[2]] - paths[chain[1]]
    resting = _turn(bone, own)
    length = np.linalg.norm(path_bone, axis=1)
    # A bone that points at the camera has no steady direction: what hangs on it goes on as it was.
    steady = np.clip((length / body.size - 0.1) / 0.25, 0, 1)[:, None]
    path_bone = steady * path_bone + (1 - steady) * slow(path_bone, frames=5.0)
    turned = _turn(path_bone, away)
    # Hands do not bend back on their arms: less and less is taken of large angles, and a half turn is none.
    bend = resting + slow(np.sin(turned - resting) * sure, frames=1.0)
    stretch = np.linalg.norm(own) * body.scale / np.maximum(np.linalg.norm(path_bone, axis=1), 1e-6)
    cos, sin = np.cos(bend) * stretch, np.sin(bend) * stretch
    along_x = path_bone[:, 0] * cos - path_bone[:, 1] * sin
    along_y = path_bone[:, 0] * sin + path_bone[:, 1] * cos
    return np.asarray(paths[chain[2]] + np.stack([along_x, along_y], axis=1), np.float64)


def limb_turns(paths: dict[str, Points], body: BodyPath, rest: RestPose) -> dict[str, Points]:
    """How far the body and each bone of a limb are turned from rest (n, bones + 1), radians, by the limb's name.

    Each turns on from the one before it and from frame to frame the short way, so that a limb that folds over does not
    flip.
    """
    turns = {}
    for limb, chain in LIMBS.items():
        joints = chain[: rest.limbs[limb]]
        if not joints:
            continue
        linear = body.frames[:, 2 if limb in ARMS else 1, :, :2]
        total = [np.unwrap(np.arctan2(linear[:, 1, 0] - linear[:, 0, 1], linear[:, 0, 0] + linear[:, 1, 1]))]
        for start, end in pairwise(joints):
            bone = rest.joints[end] - rest.joints[start]
            way = paths[end] - paths[start]
            more = np.unwrap(np.angle(np.exp(1j * (_turn(bone, way) - total[-1]))))
            total.append(total[-1] + more - 2 * np.pi * np.round(np.median(more) / (2 * np.pi)))
        turns[limb] = np.stack(total, axis=1)
    return turns


def _turn(start: Points, end: Points) -> Points:
    cross = start[..., 0] * end[..., 1] - start[..., 1] * end[..., 0]
    return np.asarray(np.arctan2(cross, (start * end).sum(axis=-1)), np.float64)
