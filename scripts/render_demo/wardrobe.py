"""Clothes: solids that follow the body a little outside it, with folds, and what colour they have where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from field import Array, Shape, Solid, ball, capsule, vec
from figure import Bones, arm, leg, trunk
from skeleton import SIDES, Build

Color = tuple[float, float, float]


@dataclass(frozen=True)
class Outfit:
    """What a figure wears. ``sleeve`` is how far down the whole arm a sleeve goes; colours are linear Rec.709."""

    top: Literal["stripes", "jacket"]
    sleeve: float
    hem: float
    top_color: Color
    accent: Color
    trousers: Color
    shoe: Color
    sole: Color
    shirt: Color


def shirt(build: Build, bones: Bones, outfit: Outfit) -> Solid:
    """Top and sleeves. ``hem`` is its lower end as a share of the height."""
    shapes = [*trunk(build, bones)]
    for side, _ in SIDES:
        shapes += arm(build, bones, side)
    hem = outfit.hem * build.height
    wide, deep = build.hips
    shapes.append(ball("pelvis", (0, 0.012, hem), (wide + 0.036, deep + 0.022, 0.15), 0.05))
    cuts = [lambda p: hem - p[:, 2], _neckline(bones)]
    cuts += [_sleeve_end(bones, side, outfit.sleeve) for side, _ in SIDES]
    grown = 0.013 if outfit.top == "jacket" else 0.008
    return Solid(shapes, grown=grown, displace=_folds(bones, 0.0042, ("forearm", "spine", "upper_arm")), cuts=cuts)


def trousers(build: Build, bones: Bones) -> Solid:
    shapes: list[Shape] = [
        ball("pelvis", (0, 0.010, 0.545 * build.height), (build.hips[0], build.hips[1], 0.075 * build.height), 0.05),
    ]
    for side, sign in SIDES:
        shapes.append(ball("pelvis", (sign * build.hips[0] * 0.45, build.hips[1] * 0.5, 0.52 * build.height),
                           (0.075, 0.065, 0.075), 0.05))  # fmt: skip
        shapes += leg(build, bones, side)
        shin = bones[f"shin.{side}"]
        low = shin.head + (shin.tail - shin.head) * 0.72
        shapes.append(capsule(shin.name, low, shin.tail + vec(0, 0, -0.01), 0.046 * build.girth, 0.054, 0.03))
    cuts = [lambda p: 0.052 * build.height - 0.035 - p[:, 2] + 0.01]
    return Solid(shapes, grown=0.008, displace=_folds(bones, 0.0045, ("shin", "foot", "thigh")), cuts=cuts)


def _neckline(bones: Bones):
    """What lies within the neck's opening, deeper in front."""
    low = bones["neck"].head
    collar = ball("chest", low + vec(0, -0.030, 0.012), (0.076, 0.086, 0.060))
    return lambda p: -collar.distance(p)


def _sleeve_end(bones: Bones, side: str, share: float):
    shoulder, wrist = bones[f"upper_arm.{side}"].head, bones[f"forearm.{side}"].tail
    axis = (wrist - shoulder) / np.linalg.norm(wrist - shoulder)
    end = shoulder + (wrist - shoulder) * share
    # The plane goes on beyond the arm: the trunk is spared.
    return lambda p: (p - end) @ axis - np.where(p[:, 0] * np.sign(shoulder[0]) > 0.23, 0.0, 10.0)


def _folds(bones: Bones, depth: float, joints: tuple[str, ...]):
    """Creases round the joints, where cloth gathers, and a faint unevenness elsewhere."""
    places = [b.head for name, b in bones.items() if name.split(".")[0] in joints]

    def displace(points: Array, _distance: Array) -> Array:
        x, y, z = (points * 1.0).T
        wave = np.sin(95 * z + 34 * x + 5 * np.sin(41 * y + 13 * x) + 3 * np.sin(29 * z))
        wave = wave + 0.6 * np.sin(150 * z - 60 * x + 4 * np.sin(50 * y))
        near = np.zeros(len(points))
        for place in places:
            near = np.maximum(near, np.exp(-(((points - place) ** 2).sum(1)) / 0.085**2))
        return (depth * wave * (0.12 + 0.88 * near)).astype(np.float32) * 0.7

    return displace


def shirt_color(points: Array, build: Build, bones: Bones, outfit: Outfit) -> Array:
    """Stripes across the chest and hooped sleeves, or a jacket open over a shirt, with cuffs and hem."""
    x, y, z = points.T
    color = np.tile(np.array(outfit.top_color, np.float32), (len(points), 1))
    down = _along_arm(points, bones)
    h = build.height
    if outfit.top == "stripes":
        phase = np.where(down > 0.12, down * 9.0 + 0.3, (0.80 * h - z) * 17.0)
        band = np.clip((np.sin(phase * 2 * np.pi) - 0.15) * 5 + 0.5, 0, 1)
        return color * (1 - band[:, None]) + np.array(outfit.accent, np.float32) * band[:, None]
    gap = 0.030 + 0.030 * np.clip((z - 0.60 * h) / (0.2 * h), 0, 1)
    front = _soft(-0.02 - y) * _soft(0.05 - down)
    opened = front * _soft(gap - np.abs(x))
    _lay(color, outfit.accent, front * _soft(0.0055 - np.abs(np.abs(x) - gap - 0.004)))
    _lay(color, outfit.accent, _soft(outfit.hem * h + 0.028 - z) * _soft(0.3 - down))
    _lay(color, outfit.accent, _soft((down - outfit.sleeve + 0.05) * 0.5))
    slit = np.abs(z - 0.60 * h - 0.12 * (np.abs(x) - 0.095))
    _lay(color, outfit.accent, front * _soft(0.0035 - slit) * _soft(0.032 - np.abs(np.abs(x) - 0.095)))
    _lay(color, outfit.shirt, opened)
    return color


def shoe_color(points: Array, outfit: Outfit) -> Array:
    z = points[:, 2:]
    return np.where(z < 0.024, np.array(outfit.sole), np.array(outfit.shoe)).astype(np.float32)


def _soft(inside: Array, width: float = 0.003) -> Array:
    """1 well inside, 0 well outside, over ``width`` metres: an edge that the mesh can show."""
    return np.clip(inside / width + 0.5, 0, 1)


def _lay(color: Array, paint: Color, amount: Array) -> None:
    color[:] = color * (1 - amount[:, None]) + np.array(paint, np.float32) * amount[:, None]


def _along_arm(points: Array, bones: Bones) -> Array:
    """How far along an arm a point is, 0 at the shoulder and before, 1 at the wrist."""
    best = np.zeros(len(points))
    for side, sign in SIDES:
        shoulder, wrist = bones[f"upper_arm.{side}"].head, bones[f"forearm.{side}"].tail
        axis = wrist - shoulder
        share = (points - shoulder) @ axis / float(axis @ axis)
        off = np.linalg.norm(points - shoulder - np.clip(share, 0, 1)[:, None] * axis, axis=1)
        best = np.where((points[:, 0] * sign > 0) & (off < 0.11), np.maximum(best, share), best)
    return best
