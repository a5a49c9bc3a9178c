"""Where the corners of a puppet's meshes go in a frame."""

from __future__ import annotations

import numpy as np

from wanfx.ops.pose import Points
from wanfx.ops.puppet import Layer, Puppet
from wanfx.ops.puppet_parts import BODY
from wanfx.ops.retarget import Motion


def place_corners(puppet: Puppet, layer: Layer, motion: Motion) -> Points:
    """The layer's mesh corners (V, 2) in the canvas, x in rows' units."""
    maps = np.asarray(motion.body, np.float64).reshape(-1, 2, 3)
    if layer.limb == BODY:
        moved = np.einsum("bij,vj->bvi", maps[:, :, :2], layer.mesh.vertices) + maps[:, None, :, 2]
        return np.asarray(np.einsum("vb,bvi->vi", layer.mesh.weights, moved), np.float64)
    chain = puppet.chain(layer.limb)
    start = np.stack([puppet.rest.joints[name] for name in chain])
    end = np.array([motion.joint(name) for name in chain], np.float64)
    turns = np.array(dict(motion.turns)[layer.limb], np.float64)
    return _bend(layer.mesh.vertices, layer.mesh.weights, start, end, turns=turns, scale=motion.scale)


def _bend(vertices: Points, weights: Points, start: Points, end: Points, *, turns: Points, scale: float) -> Points:
    """A limb's corners: each turns and stretches with its bone, and about a joint by what lies between its two bones.

    Angles are blended rather than matrices, so that a bent joint keeps its girth.
    """
    bones, ways = np.diff(start, axis=0), np.diff(end, axis=0)
    angles = np.unwrap(np.arctan2(bones[:, 1], bones[:, 0]))
    lengths = np.linalg.norm(ways, axis=1) / np.linalg.norm(bones, axis=1)
    # The body is the first bone: it lies as the limb does at rest, and turns as the body does.
    angles = np.concatenate([angles[:1], angles])
    lengths = np.concatenate([[scale], lengths])
    place = weights @ np.arange(weights.shape[1])
    bone = np.minimum(place.astype(int), len(start) - 2)
    share = place - bone
    angle = angles[bone] + share * (angles[bone + 1] - angles[bone])
    turn = turns[bone] + share * (turns[bone + 1] - turns[bone])
    length = lengths[bone] + share * (lengths[bone + 1] - lengths[bone])
    away = vertices - start[bone]
    cos, sin = np.cos(angle), np.sin(angle)
    along, across = (away[:, 0] * cos + away[:, 1] * sin) * length, (away[:, 1] * cos - away[:, 0] * sin) * scale
    cos, sin = np.cos(angle + turn), np.sin(angle + turn)
    moved = np.stack([along * cos - across * sin, along * sin + across * cos], axis=1)
    return np.asarray(end[bone] + moved, np.float64)
