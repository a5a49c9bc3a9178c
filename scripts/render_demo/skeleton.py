"""The skeleton: what a figure's proportions are, and where its joints rest (arms and legs apart, fingers spread).

The skeleton is the same for every figure; lengths in metres, left is +x, the figure looks along -y.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from field import Array, turn, vec

SIDES = (("L", 1.0), ("R", -1.0))
FINGERS = ("thumb", "index", "middle", "ring", "pinky")
_ARM_DROP_DEG = 48
# Of each finger: its knuckle across and along the palm, its angle in the palm's plane, its length (metres, for a hand
# of 0.19 m). The thumb's is where it leaves the palm.
_FINGER = {
    "thumb": (0.030, 0.030, 44, 0.072),
    "index": (0.030, 0.092, 9, 0.078),
    "middle": (0.009, 0.097, 1, 0.088),
    "ring": (-0.012, 0.092, -7, 0.081),
    "pinky": (-0.031, 0.082, -17, 0.064),
}
_PHALANGES = (0.0, 0.46, 0.76, 1.0)


@dataclass(frozen=True)
class Build:
    """A figure's proportions. ``girth`` scales limbs' thickness; halves are from the middle plane, in metres."""

    height: float
    shoulder_half: float
    hip_half: float
    girth: float
    chest: tuple[float, float]
    waist: tuple[float, float]
    hips: tuple[float, float]
    bust: float
    neck: float
    head: float
    hand: float


@dataclass(frozen=True, eq=False)
class Bone:
    name: str
    parent: str
    head: Array
    tail: Array


def arm_direction(side: float) -> Array:
    angle = np.radians(_ARM_DROP_DEG)
    return vec(side * np.cos(angle), 0, -np.sin(angle))


def palm_axes(side: float) -> tuple[Array, Array, Array]:
    """Along the hand, across it (to the thumb's side), and out of the palm, at rest: the palm looks back and in."""
    along = arm_direction(side)
    forward = vec(0, -1, 0)
    inward = np.cross(along, forward) * side
    slant = np.radians(50)
    thumb = np.cos(slant) * forward + np.sin(slant) * (-inward if inward[2] > 0 else inward)
    thumb = thumb / np.linalg.norm(thumb)
    return along, thumb.astype(np.float32), (np.cross(along, thumb) * side).astype(np.float32)


def rest_skeleton(build: Build) -> dict[str, Bone]:
    """All bones by name, parents first."""
    h = build.height
    bones: dict[str, Bone] = {}

    def add(name: str, parent: str, head: Array, tail: Array) -> None:
        bones[name] = Bone(name, parent, np.asarray(head, np.float32), np.asarray(tail, np.float32))

    neck, head = vec(0, 0.022, 0.832 * h), vec(0, 0.012, h - build.head * 0.93)
    add("pelvis", "", vec(0, 0, 0.535 * h), vec(0, 0, 0.58 * h))
    add("spine", "pelvis", vec(0, 0, 0.58 * h), vec(0, 0, 0.68 * h))
    add("chest", "spine", vec(0, 0, 0.68 * h), neck)
    add("neck", "chest", neck, head)
    add("head", "neck", head, vec(0, 0.012, h))
    add("jaw", "head", head + vec(0, 0.0, 0.085) * (build.head / 0.24), head + vec(0, -0.085, 0.0))
    for side, sign in SIDES:
        _add_arm(add, build, side, sign)
        _add_leg(add, build, side, sign)
    return bones


def _add_arm(add, build: Build, side: str, sign: float) -> None:
    h = build.height
    shoulder = vec(sign * build.shoulder_half, 0.012, 0.814 * h)
    along, thumb, palm = palm_axes(sign)
    elbow = shoulder + along * 0.163 * h
    wrist = elbow + along * 0.145 * h
    add(f"clavicle.{side}", "chest", vec(sign * 0.02, 0.0, 0.815 * h), shoulder)
    add(f"upper_arm.{side}", f"clavicle.{side}", shoulder, elbow)
    add(f"forearm.{side}", f"upper_arm.{side}", elbow, wrist)
    add(f"hand.{side}", f"forearm.{side}", wrist, wrist + along * 0.09 * build.hand)
    for finger in FINGERS:
        across, forth, angle, length = _FINGER[finger]
        root = wrist + (along * forth + thumb * across) * build.hand
        c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        direction = along * c + thumb * s + palm * (0.28 if finger == "thumb" else 0.06)
        direction /= np.linalg.norm(direction)
        points = [root + direction * length * build.hand * part for part in _PHALANGES]
        for number in range(3):
            parent = f"hand.{side}" if number == 0 else f"{finger}{number}.{side}"
            add(f"{finger}{number + 1}.{side}", parent, points[number], points[number + 1])


def _add_leg(add, build: Build, side: str, sign: float) -> None:
    h = build.height
    hip = vec(sign * build.hip_half, 0, 0.515 * h)
    knee = vec(sign * (build.hip_half + 0.022), -0.008, 0.282 * h)
    ankle = vec(sign * (build.hip_half + 0.045), 0.022, 0.05 * h)
    ball = ankle + turn(z_deg=sign * 14) @ vec(0, -0.125 * h / 1.78, -0.05 * h + 0.022)
    toe = ankle + turn(z_deg=sign * 14) @ vec(0, -0.195 * h / 1.78, -0.05 * h + 0.022)
    add(f"thigh.{side}", "pelvis", hip, knee)
    add(f"shin.{side}", f"thigh.{side}", knee, ankle)
    add(f"foot.{side}", f"shin.{side}", ankle, ball)
    add(f"toes.{side}", f"foot.{side}", ball, toe)
