"""A person walking to the right: feet planted by inverse kinematics, limbs drawn as shaded capsules."""

from __future__ import annotations

import math
from dataclasses import dataclass

from wanfx.demo.drawing import Canvas, Color, Light, Point

CYCLE_FRAMES = 22.0
STEP_PX = 92.0
GROUND_Y = 330.0
_START_X = 172.0
_THIGH, _SHIN, _UPPER_ARM, _FOREARM = 54.0, 54.0, 38.0, 35.0
_ANKLE = 8.0

_SKIN: Color = (0.52, 0.27, 0.17)
_HAIR: Color = (0.035, 0.018, 0.012)
_JACKET: Color = (0.55, 0.06, 0.035)
_SHIRT: Color = (0.62, 0.55, 0.42)
_JEANS: Color = (0.035, 0.065, 0.16)
_SHOE: Color = (0.55, 0.52, 0.47)
_SCARF: Color = (0.75, 0.42, 0.05)
_LIGHT = Light((-0.75, -0.5, 0.6), (1.05, 1.1, 1.2), (0.34, 0.3, 0.27))


@dataclass(frozen=True)
class Leg:
    knee: Point
    ankle: Point
    toe: Point


@dataclass(frozen=True)
class Pose:
    """Where the joints are, in world pixels; near limbs are the figure's right ones."""

    hip: Point
    chest: Point
    head: Point
    near_leg: Leg
    far_leg: Leg
    near_arm: tuple[Point, Point, Point]
    far_arm: tuple[Point, Point, Point]
    phase: float


def pose_at(time: float) -> Pose:
    """The pose ``time`` frames after the first one."""
    phase = time / CYCLE_FRAMES
    x = _START_X + time * 2 * STEP_PX / CYCLE_FRAMES
    bob = 5.0 * math.cos(4 * math.pi * phase)
    hip = (x, GROUND_Y - _ANKLE - 99 + bob)
    chest = (x + 5, hip[1] - 52)
    head = (chest[0] + 8, chest[1] - 35 + 0.8 * math.sin(4 * math.pi * phase))
    swing = 0.5 * math.cos(2 * math.pi * phase)
    return Pose(hip, chest, head, _leg(hip, phase), _leg(hip, phase + 0.5),
                _arm(chest, -swing), _arm(chest, swing), phase)  # fmt: skip


def ground_contacts(pose: Pose) -> list[tuple[Point, float]]:
    """The place under each foot, and how high the foot is above it in pixels."""
    feet = [((leg.ankle[0] + leg.toe[0]) / 2, leg) for leg in (pose.near_leg, pose.far_leg)]
    return [((x, GROUND_Y), max(GROUND_Y - _ANKLE / 2 - max(leg.ankle[1], leg.toe[1]), 0.0)) for x, leg in feet]


def bounds(pose: Pose) -> tuple[float, float, float, float]:
    """x0, y0, x1, y1 of the figure, with room for its girth."""
    joints = [pose.head, pose.hip, *pose.near_arm, *pose.far_arm]
    for leg in (pose.near_leg, pose.far_leg):
        joints += [leg.knee, leg.ankle, leg.toe]
    xs, ys = zip(*joints, strict=True)
    return min(xs) - 14, min(ys) - 24, max(xs) + 14, max(ys) + 8


def draw(canvas: Canvas, pose: Pose, *, offset_x: float) -> None:
    """Draws the figure over ``canvas``, whose left edge is at world ``offset_x``."""
    pen = _Pen(canvas, offset_x)
    pen.arm(pose.far_arm, shade=0.55)
    pen.leg(pose.hip, pose.far_leg, shade=0.55)
    pen.leg(pose.hip, pose.near_leg, shade=1.0)
    pen.torso(pose)
    pen.head(pose)
    pen.arm(pose.near_arm, shade=1.0)


def _leg(hip: Point, phase: float) -> Leg:
    """Half the cycle the foot stands and the body passes over it; the other half it swings forward, lifted."""
    turn = phase % 1.0
    if turn < 0.5:
        part = turn / 0.5
        x, heel = STEP_PX * (0.5 - part), 9.0 * max(part - 0.62, 0.0) / 0.38
        ankle = (hip[0] + x, GROUND_Y - _ANKLE - heel)
        toe = (ankle[0] + 15, GROUND_Y - 4.0)
    else:
        part = (turn - 0.5) / 0.5
        ease = part * part * (3 - 2 * part)
        lift = 20.0 * math.sin(math.pi * part) ** 1.3 + 9.0 * (1 - part) ** 2
        ankle = (hip[0] + STEP_PX * (ease - 0.5), GROUND_Y - _ANKLE - lift)
        pitch = 0.75 * (1 - part) ** 1.5 - 0.3 * part
        toe = (ankle[0] + 15 * math.cos(pitch), min(ankle[1] + 4 + 15 * math.sin(pitch), GROUND_Y - 4))
    return Leg(_knee(hip, ankle), ankle, toe)


def _knee(hip: Point, ankle: Point) -> Point:
    """Law of cosines; the knee bends forward."""
    dx, dy = ankle[0] - hip[0], ankle[1] - hip[1]
    reach = min(math.hypot(dx, dy), _THIGH + _SHIN - 0.1)
    bend = math.acos((_THIGH**2 + reach**2 - _SHIN**2) / (2 * _THIGH * reach))
    angle = math.atan2(dx, dy) + bend
    return hip[0] + _THIGH * math.sin(angle), hip[1] + _THIGH * math.cos(angle)


def _arm(chest: Point, swing: float) -> tuple[Point, Point, Point]:
    shoulder = (chest[0] - 2, chest[1] - 8)
    elbow = (shoulder[0] + _UPPER_ARM * math.sin(swing), shoulder[1] + _UPPER_ARM * math.cos(swing))
    bent = swing + 0.45 + 0.35 * max(swing, 0)
    return shoulder, elbow, (elbow[0] + _FOREARM * math.sin(bent), elbow[1] + _FOREARM * math.cos(bent))


class _Pen:
    """Draws body parts at world places."""

    def __init__(self, canvas: Canvas, offset_x: float) -> None:
        self._canvas = canvas
        self._offset_x = offset_x

    def limb(self, a: Point, b: Point, radii: tuple[float, float], color: Color, *, shade: float = 1.0) -> None:
        darker = (color[0] * shade, color[1] * shade, color[2] * shade)
        self._canvas.capsule((a[0] - self._offset_x, a[1]), (b[0] - self._offset_x, b[1]), radii, darker, _LIGHT)

    def leg(self, hip: Point, leg: Leg, *, shade: float) -> None:
        self.limb((leg.ankle[0] - 4, leg.ankle[1] + 2), leg.toe, (6.0, 4.0), _SHOE, shade=shade)
        self.limb(leg.knee, leg.ankle, (10.0, 6.5), _JEANS, shade=shade)
        self.limb((hip[0], hip[1] - 2), leg.knee, (14.5, 10.0), _JEANS, shade=shade)

    def arm(self, arm: tuple[Point, Point, Point], *, shade: float) -> None:
        shoulder, elbow, wrist = arm
        hand = (wrist[0] + 0.16 * (wrist[0] - elbow[0]), wrist[1] + 0.16 * (wrist[1] - elbow[1]))
        self.limb(wrist, hand, (5.2, 5.6), _SKIN, shade=shade)
        self.limb(elbow, wrist, (8.0, 6.2), _JACKET, shade=shade)
        self.limb(shoulder, elbow, (9.5, 8.0), _JACKET, shade=shade)

    def torso(self, pose: Pose) -> None:
        hip, chest = pose.hip, pose.chest
        self.limb((hip[0] - 1, hip[1] + 2), (hip[0], hip[1] - 6), (16.0, 16.0), _JEANS)
        self.limb((chest[0] + 6, chest[1] + 2), (hip[0] + 6, hip[1] - 10), (14.0, 12.0), _SHIRT)
        self.limb((chest[0] - 3, chest[1]), (hip[0] - 3, hip[1] - 6), (18.5, 16.0), _JACKET)

    def head(self, pose: Pose) -> None:
        (hx, hy), (cx, cy), wave = pose.head, pose.chest, math.sin(4 * math.pi * pose.phase)
        self.limb((cx + 3, cy - 14), (hx - 1, hy + 8), (7.0, 6.5), _SKIN)
        self.limb((hx - 2, hy - 3), (hx + 1, hy + 7), (15.0, 11.0), _SKIN)
        self.limb((hx + 13, hy + 1), (hx + 14, hy + 3), (2.6, 3.2), _SKIN)
        self.limb((hx + 9.5, hy - 2.5), (hx + 9.5, hy - 1.0), (1.5, 1.5), _HAIR)
        self.limb((hx - 8, hy - 8), (hx + 7, hy - 13), (11.0, 6.5), _HAIR)
        self.limb((hx - 12, hy - 4), (hx - 11, hy + 5), (8.0, 5.5), _HAIR)
        self.limb((cx - 14, cy - 15), (cx - 32, cy - 10 + 4 * wave), (4.5, 4.0), _SCARF)
        self.limb((cx - 32, cy - 10 + 4 * wave), (cx - 48, cy - 9 - 5 * wave), (4.0, 3.2), _SCARF)
        self.limb((cx - 10, cy - 16), (cx + 12, cy - 17), (6.0, 5.5), _SCARF)
