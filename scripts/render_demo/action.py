"""What the figures do: the actor's second of action as poses over time, and the reference's relaxed stand."""

from __future__ import annotations

import numpy as np
from field import Array, vec
from posing import ArmPose, LegPose, Pose
from skeleton import SIDES, Bone

FRAMES = 24
Keys = dict[float, float | tuple[float, ...]]

_PELVIS: Keys = {0: (-0.20, -0.030), 3: (-0.25, -0.045), 7: (-0.13, -0.055), 10: (0.02, -0.062), 14: (0.24, -0.030),
                 19: (0.22, -0.035), 23: (0.20, -0.028)}  # fmt: skip
_PELVIS_DEG: Keys = {0: (0, -3, -5), 5: (0, 5, -4), 10: (0, 0, 4), 15: (0, -6, 10), 23: (0, 1, 6)}
_CHEST_DEG: Keys = {0: (3, 4, -5), 6: (-2, -6, 2), 12: (2, 2, 8), 17: (0, 6, 12), 23: (2, -2, 6)}
_HEAD_DEG: Keys = {0: (4, 3, -16), 7: (-4, -4, -8), 13: (-2, 5, 8), 18: (2, 6, 14), 23: (0, -3, 8)}
_JAW_DEG: Keys = {0: (2,), 4: (4,), 8: (14,), 11: (6,), 14: (16,), 18: (7,), 23: (3,)}
# Ankles: across, toward the wall, above where it stands; the foot's pitch.
_FOOT: dict[str, Keys] = {
    "L": {0: (-0.04, 0, 0, 0), 2: (-0.04, 0, 0, 4), 6: (0.16, -0.10, 0.20, 24), 10: (0.36, 0, 0, 0),
          23: (0.36, 0, 0, 0)},
    "R": {0: (-0.36, 0, 0, 0), 11: (-0.36, 0, 0, 0), 13: (-0.30, 0, 0.05, 16), 16: (-0.10, -0.22, 0.30, 34),
          20: (0.03, -0.02, 0.01, 4), 21: (0.04, 0, 0, 0), 23: (0.04, 0, 0, 0)},
}  # fmt: skip
# Arms in the chest's axes: upper arm, forearm, hand, where the palm looks; curl and spread in degrees.
_ARM: dict[str, Keys] = {
    "R": {
        0: (-0.80, -0.15, -0.50, -0.50, -0.40, 0.60, -0.45, -0.35, 0.75, 0.2, -1, 0.2, 14, 3),
        5: (-0.86, -0.10, 0.30, -0.35, -0.25, 0.90, -0.40, -0.15, 0.90, 0.1, -1, 0.0, 6, 6),
        9: (-0.80, -0.10, 0.48, -0.62, -0.20, 0.78, -0.80, -0.10, 0.60, 0.1, -1, 0.0, 4, 7),
        14: (-0.78, -0.10, 0.55, -0.08, -0.22, 0.97, 0.08, -0.15, 0.95, 0.0, -1, 0.0, 4, 7),
        19: (-0.80, -0.10, 0.50, -0.60, -0.20, 0.80, -0.78, -0.10, 0.60, 0.1, -1, 0.0, 5, 7),
        23: (-0.80, -0.12, 0.45, -0.20, -0.25, 0.95, -0.10, -0.20, 0.95, 0.0, -1, 0.0, 6, 6),
    },
    "L": {
        0: (0.52, 0.10, -0.85, 0.45, -0.35, -0.80, 0.42, -0.35, -0.80, -0.7, -0.2, -0.3, 16, 2),
        6: (0.62, 0.02, -0.75, 0.55, -0.55, -0.45, 0.55, -0.55, -0.40, -0.6, -0.5, 0.2, 14, 3),
        13: (0.88, -0.20, -0.38, 0.82, -0.50, 0.20, 0.85, -0.45, 0.25, 0.1, -0.6, 0.8, 6, 6),
        18: (0.85, -0.15, -0.45, 0.80, -0.50, 0.05, 0.85, -0.45, 0.10, 0.0, -0.6, 0.8, 8, 5),
        23: (0.70, 0.00, -0.70, 0.62, -0.50, -0.45, 0.62, -0.48, -0.40, -0.5, -0.6, 0.3, 14, 3),
    },
}


def action_pose(bones: dict[str, Bone], time: float) -> Pose:
    """The actor ``time`` frames after the first: he steps to his left with a lifted knee, waves high with his right
    hand, holds out the left one, turns his head and calls."""
    across, sink = _at(_PELVIS, time)
    arms, legs = {}, {}
    for side, sign in SIDES:
        a = _at(_ARM[side], time)
        arms[side] = ArmPose(a[0:3], a[3:6], a[6:9], a[9:12], float(a[12]), float(a[13]))
        x, y, z, pitch = _at(_FOOT[side], time)
        rest = bones[f"foot.{side}"].head
        lifted = min(max(float(z), 0) / 0.2, 1)
        legs[side] = LegPose(
            vec(x, rest[1] + y, rest[2] + max(z, 0)), sign * (14 + 10 * lifted), sign * (10 - 4 * lifted), float(pitch)
        )
    raised = {"R": float(np.clip(arms["R"].upper[2] + 0.2, 0, 1) * 18), "L": 0.0}
    place = vec(across, 0, bones["pelvis"].head[2] + sink)
    return Pose(place, tuple(_at(_PELVIS_DEG, time)), tuple(_at(_CHEST_DEG, time)),
                tuple(_at(_HEAD_DEG, time)), float(_at(_JAW_DEG, time)[0]), arms, legs, raised)  # fmt: skip


def relaxed_stand(bones: dict[str, Bone]) -> Pose:
    """Arms well away from the body, fingers a little apart, legs apart."""
    arms, legs = {}, {}
    ankle = bones["foot.L"].head
    for side, sign in SIDES:
        fore = vec(sign * 0.50, -0.12, -0.86)
        arms[side] = ArmPose(vec(sign * 0.60, 0.02, -0.80), fore, fore,
                             vec(-sign * 0.55, 0.75, -0.2), 9.0, 3.0)  # fmt: skip
        legs[side] = LegPose(vec(sign * (abs(float(ankle[0])) + 0.035), ankle[1], ankle[2]), sign * 12, sign * 8, 0.0)
    pelvis = bones["pelvis"].head + vec(0, 0, -0.008)
    return Pose(pelvis, (0, 0, 0), (0, 0, 0), (2, 0, 0), 0.0, arms, legs)


def _at(keys: Keys, time: float) -> Array:
    """Keys joined by cubics whose slopes are those of their neighbours, level at turning points (Fritsch-Carlson's
    condition of sign), so that nothing overshoots."""
    times = np.array(list(keys), float)
    values = np.array([np.atleast_1d(v) for v in keys.values()], float)
    steps = np.diff(values, axis=0) / np.diff(times)[:, None]
    slopes = np.zeros_like(values)
    product = steps[:-1] * steps[1:]
    slopes[1:-1] = np.where(product > 0, 2 * product / np.where(product > 0, steps[:-1] + steps[1:], 1), 0)
    slopes[0], slopes[-1] = steps[0], steps[-1]
    i = int(np.clip(np.searchsorted(times, time, "right") - 1, 0, len(times) - 2))
    span = times[i + 1] - times[i]
    t = (time - times[i]) / span
    h = (2 * t**3 - 3 * t**2 + 1, t**3 - 2 * t**2 + t, -2 * t**3 + 3 * t**2, t**3 - t**2)
    return h[0] * values[i] + h[1] * span * slopes[i] + h[2] * values[i + 1] + h[3] * span * slopes[i + 1]
