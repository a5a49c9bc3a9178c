"""An actor's poses as a puppet's motion: its joints where the actor's are, its own widths, head and hands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from wanfx.errors import NothingFoundError
from wanfx.frames import Box
from wanfx.ops import pose as points
from wanfx.ops.pose import Points, Pose
from wanfx.ops.puppet import Puppet
from wanfx.ops.puppet_depth import depths_of, next_order
from wanfx.ops.puppet_joints import JOINT_POINTS, KNOWN, LIMBS
from wanfx.ops.retarget_body import Actor, BodyPath, body_path
from wanfx.ops.retarget_face import face_path
from wanfx.ops.retarget_head import head_path
from wanfx.ops.retarget_limbs import limb_paths, limb_turns
from wanfx.ops.retarget_time import bridged, slow

Numbers = tuple[float, ...]
_ENDS = ("left_wrist", "right_wrist", "left_ankle", "right_ankle")


@dataclass(frozen=True)
class Motion:
    """What a puppet does in a frame. Lengths are canvas rows (columns times the pixel aspect); all is rounded.

    ``confidence`` is 0 where nobody was found near. ``scale`` is canvas rows a reference row. ``joints`` are name, x, y
    of the limbs' joints; ``turns`` how far the body and each bone of a limb are turned, radians; ``body`` the maps (two
    rows of three, one after the other) of hem, hips, shoulders and head; ``face`` the turn, nod, mouth and eyes (see
    `puppet_face.move_face`); ``order`` the layers back to front; ``is_mirrored`` where the actor is seen from the other
    side than the character, so that each limb does what the actor's other one does.
    """

    frame: int
    confidence: float
    scale: float
    joints: tuple[tuple[str, float, float], ...]
    turns: tuple[tuple[str, Numbers], ...]
    body: tuple[Numbers, ...]
    face: Numbers
    order: tuple[str, ...]
    is_mirrored: bool

    def joint(self, name: str) -> tuple[float, float]:
        """Where a joint is. Raises KeyError for one that the puppet does not have."""
        return {joint: (x, y) for joint, x, y in self.joints}[name]


def perform(puppet: Puppet, poses: Mapping[int, Pose], *, canvas: Box, pixel_aspect: float) -> dict[int, Motion]:
    """The puppet's motion in every frame, from the whole shot's poses (canvas pixels, already smoothed).

    Raises NothingFoundError where no frame shows the actor's shoulders.
    """
    frames = sorted(poses)
    actor = Actor(
        np.stack([(poses[frame].xy) * (pixel_aspect, 1.0) for frame in frames]),
        np.stack([poses[frame].confidence for frame in frames]),
        np.stack([poses[frame].depth for frame in frames]),
    )
    if not actor.known(points.LEFT_SHOULDER, points.RIGHT_SHOULDER).any():
        raise NothingFoundError("the actor's shoulders are in no frame", remedy="mark the actor, or use the card")
    body = body_path(actor, puppet.rest, below_px=float(canvas.y1))
    head = head_path(actor, body, puppet.rest, puppet.pose)
    joints, trusts = limb_paths(actor, body, puppet.rest)
    turns = limb_turns(joints, body, puppet.rest)
    maps = np.concatenate([body.frames, head.frames[:, None]], axis=1)
    confidence = _confidence(actor, body, trusts)
    faces = face_path(actor, puppet.face)
    orders = _orders(puppet, actor, body)
    return {
        frame: Motion(
            frame,
            round(float(confidence[index]), 3),
            round(float(body.scale[index]), 5),
            tuple(
                (name, round(float(path[index, 0]), 3), round(float(path[index, 1]), 3))
                for name, path in joints.items()
            ),
            tuple((limb, tuple(round(float(value), 6) for value in turn[index])) for limb, turn in turns.items()),
            tuple(tuple(round(float(value), 6) for value in matrix.ravel()) for matrix in maps[index]),
            tuple(round(float(value), 4) for value in faces[index]),
            orders[index],
            bool(body.is_mirrored[index]),
        )
        for index, frame in enumerate(frames)
    }


def _confidence(actor: Actor, body: BodyPath, trusts: Mapping[str, Points]) -> Points:
    """How far the drawing is to be believed (n,): what is known of the actor, and how far he faces as the character."""
    shoulders = actor.confidence[:, [points.LEFT_SHOULDER, points.RIGHT_SHOULDER]].min(axis=1)
    known = [np.maximum(shoulders, 0.5 * body.trust) * body.trust]
    known += [trusts[name] for name in _ENDS if name in trusts]
    facing = np.where(body.is_mirrored, 0.5, 0.6 + 0.4 * np.clip(body.turned / 0.6, 0, 1))
    return np.asarray(np.mean(known, axis=0) * facing * body.trust, np.float64)


def _orders(puppet: Puppet, actor: Actor, body: BodyPath) -> list[tuple[str, ...]]:
    """The layers' order in each frame."""
    names = [layer.name for layer in puppet.layers]
    # Depth is the noisiest of all.
    used = sorted(JOINT_POINTS.values())
    depth = np.zeros_like(actor.depth)
    known = np.asarray(actor.confidence.any(axis=1))
    depth[:, used] = slow(bridged(actor.depth[:, used], known), frames=3.0)
    order = tuple(names)
    orders = []
    for index in range(len(depth)):
        depths = depths_of(Pose(actor.xy[index], actor.confidence[index], depth[index]), names)
        if body.is_mirrored[index]:
            depths = {name: depths[_other(name)] if _other(name) in depths else depths[name] for name in names}
        order = next_order(order, depths, size_px=float(body.size[index]))
        orders.append(order)
    return orders


def _other(name: str) -> str:
    side, _, rest = name.partition("_")
    return f"{'right' if side == 'left' else 'left'}_{rest}" if rest else name


def distances(puppet: Puppet, motion: Motion, pose: Pose, *, pixel_aspect: float = 1.0) -> dict[str, float]:
    """How far the puppet's wrists and ankles are from the actor's, canvas rows, by joint, where both are known.

    ``pose`` is the actor's, in canvas pixels. Where the motion is mirrored, it is from the actor's other side's.
    """
    found = {}
    for limb in LIMBS:
        chain = puppet.chain(limb)
        if len(chain) < 3:
            continue
        at = motion.joint(chain[2])
        index = JOINT_POINTS[_other(chain[2]) if motion.is_mirrored else chain[2]]
        if pose.confidence[index] >= KNOWN:
            found[chain[2]] = float(np.hypot(at[0] - pose.xy[index, 0] * pixel_aspect, at[1] - pose.xy[index, 1]))
    return found
