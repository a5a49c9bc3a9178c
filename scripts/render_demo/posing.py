"""Poses from directions: which way a limb points and where its joint's crease looks, as rotations of bones."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from field import Array, turn, vec
from skeleton import FINGERS, SIDES, Bone, palm_axes

_FORWARD = vec(0, -1, 0)


@dataclass(frozen=True)
class ArmPose:
    """Directions in the chest's axes. ``palm`` is where the palm looks; ``curl_deg`` bends the fingers, ``spread_deg``
    opens them."""

    upper: Array
    fore: Array
    hand: Array
    palm: Array
    curl_deg: float = 12.0
    spread_deg: float = 2.0


@dataclass(frozen=True)
class LegPose:
    """Where the ankle is, in the world, which way the knee and the foot look, and the foot's pitch (toes down)."""

    ankle: Array
    knee_deg: float
    foot_deg: float
    pitch_deg: float


@dataclass(frozen=True)
class Pose:
    pelvis: Array
    pelvis_deg: tuple[float, float, float]
    chest_deg: tuple[float, float, float]
    head_deg: tuple[float, float, float]
    jaw_deg: float
    arms: dict[str, ArmPose]
    legs: dict[str, LegPose]
    shrug_deg: dict[str, float] = field(default_factory=lambda: {"L": 0.0, "R": 0.0})


def solve(bones: dict[str, Bone], pose: Pose) -> tuple[dict[str, Array], Array]:
    """Each bone's rotation relative to its parent, in the armature's axes, and the pelvis's shift from rest."""
    world: dict[str, Array] = {"pelvis": turn(*pose.pelvis_deg)}
    half = turn(*(angle * 0.5 for angle in pose.chest_deg))
    world["spine"] = world["pelvis"] @ half
    world["chest"] = world["spine"] @ half
    nod = turn(*(angle * 0.45 for angle in pose.head_deg))
    world["neck"] = world["chest"] @ nod
    world["head"] = world["neck"] @ turn(*(angle * 0.55 for angle in pose.head_deg))
    world["jaw"] = world["head"] @ turn(x_deg=pose.jaw_deg)
    shift = pose.pelvis - bones["pelvis"].head
    for side, sign in SIDES:
        world[f"clavicle.{side}"] = world["chest"] @ turn(y_deg=-sign * pose.shrug_deg[side])
        _solve_arm(world, pose.arms[side], side, sign)
        _solve_leg(bones, world, pose.legs[side], side, sign, shift)
    turns = {
        name: (world[bone.parent].T if bone.parent else np.eye(3))
        @ world.setdefault(name, world.get(bone.parent, np.eye(3)))
        for name, bone in bones.items()
    }
    return turns, shift


def _solve_arm(world: dict[str, Array], arm: ArmPose, side: str, sign: float) -> None:
    chest = world["chest"]
    upper, fore, hand, palm = (chest @ _unit(d) for d in (arm.upper, arm.fore, arm.hand, arm.palm))
    along, _, out = palm_axes(sign)
    crease = _unit(np.cross(along, _FORWARD))
    hinge = np.cross(upper, fore)
    hinge = _unit(hinge) if np.linalg.norm(hinge) > 0.05 else _unit(np.cross(upper, chest @ _FORWARD))
    world[f"upper_arm.{side}"] = _frame(upper, hinge) @ _frame(along, crease).T
    straight = _frame(fore, hinge) @ _frame(along, crease).T
    target = _frame(hand, palm) @ _frame(along, out).T
    aligned = _shortest(straight @ along, fore) @ straight
    twist = _twist_about(fore, _shortest(hand, fore) @ target @ aligned.T)
    world[f"forearm.{side}"] = _about(fore, twist * 0.5) @ aligned
    world[f"hand.{side}"] = target
    for index, finger in enumerate(FINGERS):
        axis = np.cross(out, along) * 1.0
        spread = 0.0 if finger == "thumb" else (2.5 - index) * arm.spread_deg
        curl = arm.curl_deg * (0.5 if finger == "thumb" else 0.8 + 0.08 * index)
        bend = _about(axis, np.radians(-curl))
        base = world[f"hand.{side}"] @ _about(out, np.radians(spread) * sign)
        for number, share in ((1, 1.0), (2, 1.25), (3, 0.8)):
            base = base @ _about(axis, np.radians(-curl * share)) if number > 1 else base @ bend
            world[f"{finger}{number}.{side}"] = base


def _solve_leg(
    bones: dict[str, Bone], world: dict[str, Array], leg: LegPose, side: str, sign: float, shift: Array
) -> None:
    """Two-bone inverse kinematics by the law of cosines; the knee bends the way it looks."""
    thigh, shin, foot = (bones[f"{name}.{side}"] for name in ("thigh", "shin", "foot"))
    pelvis = bones["pelvis"].head
    hip = pelvis + shift + world["pelvis"] @ (thigh.head - pelvis)
    a, b = np.linalg.norm(thigh.tail - thigh.head), np.linalg.norm(shin.tail - shin.head)
    reach = leg.ankle - hip
    length = min(float(np.linalg.norm(reach)), float(a + b) * 0.9985)
    forward = turn(z_deg=leg.knee_deg) @ _FORWARD
    aim = _unit(reach)
    forward = _unit(forward - aim * (forward @ aim))
    angle = np.arccos(np.clip((a * a + length**2 - b * b) / (2 * a * length), -1, 1))
    upper = aim * np.cos(angle) + forward * np.sin(angle)
    lower = _unit(aim * length - upper * a)
    hinge = _unit(np.cross(aim, forward))
    rest_up, rest_low = _unit(thigh.tail - thigh.head), _unit(shin.tail - shin.head)
    rest_hinge = _unit(np.cross(rest_up, _FORWARD))
    world[thigh.name] = _frame(upper, hinge) @ _frame(rest_up, rest_hinge).T
    world[shin.name] = _frame(lower, hinge) @ _frame(rest_low, _unit(np.cross(rest_low, _FORWARD))).T
    world[foot.name] = (
        turn(z_deg=leg.foot_deg - sign * 14)
        @ turn(z_deg=sign * 14)
        @ turn(x_deg=leg.pitch_deg)
        @ turn(z_deg=-sign * 14)
    )
    toes = turn(z_deg=sign * 14) @ turn(x_deg=-max(leg.pitch_deg, 0) * 0.8) @ turn(z_deg=-sign * 14)
    world[f"toes.{side}"] = world[foot.name] @ toes


def _unit(v: Array) -> Array:
    return np.asarray(v, float) / np.linalg.norm(v)


def _frame(main: Array, second: Array) -> Array:
    """Columns: ``main``, ``second`` made square to it, and their cross product."""
    main = _unit(main)
    second = _unit(second - main * (second @ main))
    return np.stack([main, second, np.cross(main, second)], axis=1)


def _about(axis: Array, radians: float) -> Array:
    x, y, z = _unit(axis)
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(radians) * k + (1 - np.cos(radians)) * k @ k


def _shortest(a: Array, b: Array) -> Array:
    axis = np.cross(a, b)
    size = float(np.linalg.norm(axis))
    return np.eye(3) if size < 1e-6 else _about(axis, float(np.arctan2(size, a @ b)))


def _twist_about(axis: Array, rotation: Array) -> float:
    """The angle of that part of a rotation that is about ``axis``."""
    k = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    w = np.sqrt(max(1 + np.trace(rotation), 0.0)) / 2
    if w < 1e-3:
        return float(np.pi)
    return 2 * float(np.arctan2((k / (4 * w)) @ axis, w))
