"""The body under the clothes: the shapes of trunk, limbs, hands and shoes on a skeleton."""

from __future__ import annotations

import numpy as np
from field import Array, Shape, Solid, ball, capsule, vec
from skeleton import FINGERS, SIDES, Bone, Build, palm_axes

Bones = dict[str, Bone]


def trunk(build: Build, bones: Bones) -> list[Shape]:
    """From the hips to the shoulders."""
    h, (cw, cd), (ww, wd), (hw, hd) = build.height, build.chest, build.waist, build.hips
    shapes = [
        ball("chest", (0, 0.012, 0.740 * h), (cw, cd, 0.115 * h), 0.05),
        ball("spine", (0, 0.006, 0.635 * h), (ww, wd, 0.10 * h), 0.08),
        ball("pelvis", (0, 0.012, 0.545 * h), (hw, hd, 0.062 * h), 0.08),
    ]
    for side, sign in SIDES:
        shoulder = bones[f"upper_arm.{side}"].head
        shapes += [
            capsule("chest", vec(sign * 0.040, 0.022, 0.837 * h), shoulder - vec(sign * 0.03, 0, 0.012),
                    0.021 + 0.021 * build.girth, 0.018 + 0.028 * build.girth, 0.06),
            ball("chest", (sign * cw * 0.48, -cd * 0.52 - build.bust * 0.5, 0.742 * h),
                 (0.066, 0.045 + build.bust, 0.058), 0.05),
            ball("pelvis", (sign * hw * 0.45, hd * 0.55, 0.52 * h), (0.075, 0.065, 0.075), 0.05),
        ]  # fmt: skip
    return shapes


def arm(build: Build, bones: Bones, side: str) -> list[Shape]:
    g = build.girth
    upper = bones[f"upper_arm.{side}"]
    bulge = upper.head + (upper.tail - upper.head) * 0.5
    return [
        ball(upper.name, upper.head + vec(0, 0, -0.008), 0.059 * g, 0.05),
        capsule(upper.name, upper.head, upper.tail, 0.050 * g, 0.040 * g, 0.03),
        ball(upper.name, bulge + vec(0, -0.010, 0), 0.044 * g, 0.04),
        *forearm(build, bones, side),
    ]


def forearm(build: Build, bones: Bones, side: str) -> list[Shape]:
    g = build.girth
    fore = bones[f"forearm.{side}"]
    along = fore.tail - fore.head
    return [
        capsule(fore.name, fore.head, fore.head + along * 0.25, 0.0385 * g, 0.0405 * g, 0.03),
        capsule(fore.name, fore.head + along * 0.25, fore.tail, 0.0405 * g, 0.0265 * g, 0.03),
    ]


def hand(build: Build, bones: Bones, side: str) -> Solid:
    """Wrist, palm and five fingers of three phalanges."""
    s, sign = build.hand, 1.0 if side == "L" else -1.0
    wrist = bones[f"hand.{side}"].head
    along, thumb, palm = palm_axes(sign)
    fore = bones[f"forearm.{side}"]
    name = f"hand.{side}"
    shapes = [
        capsule(fore.name, wrist - along * 0.10, wrist - along * 0.004, 0.0225 * build.girth, 0.0245 * s, 0.01),
        ball(name, wrist + along * 0.006 * s, 0.0235 * s, 0.02),
    ]
    for across, forth, thick in (
        (0.024, 0.080, 0.0132),
        (0.008, 0.083, 0.0138),
        (-0.009, 0.079, 0.0135),
        (-0.025, 0.071, 0.0125),
    ):
        start = wrist + (along * 0.012 + thumb * across * 0.55) * s
        shapes.append(capsule(name, start, wrist + (along * forth + thumb * across) * s, 0.0155 * s, thick * s, 0.012))
    thumb_root = bones[f"thumb1.{side}"].head
    shapes.append(
        capsule(
            name, wrist + (along * 0.018 + thumb * 0.010 + palm * 0.006) * s, thumb_root, 0.017 * s, 0.0145 * s, 0.012
        )
    )
    for finger in FINGERS:
        for number in range(1, 4):
            bone = bones[f"{finger}{number}.{side}"]
            r0, r1 = _finger_radii(finger, number, s)
            shapes.append(capsule(bone.name, bone.head, bone.tail, r0, r1, 0.0045 if number == 1 else 0.003))
    return Solid(shapes)


def _finger_radii(finger: str, number: int, scale: float) -> tuple[float, float]:
    thick = {"thumb": 1.22, "index": 1.0, "middle": 1.03, "ring": 0.98, "pinky": 0.84}[finger] * scale
    radii = (0.0099, 0.0092, 0.0085, 0.0072)
    return radii[number - 1] * thick, radii[number] * thick


def nail_share(points: Array, bones: Bones, side: str) -> Array:
    """1 on the back of the fingers' tips."""
    share = np.zeros(len(points))
    _, _, palm = palm_axes(1.0 if side == "L" else -1.0)
    for finger in FINGERS:
        bone = bones[f"{finger}3.{side}"]
        axis = bone.tail - bone.head
        local = points - (bone.head + axis * 0.72)
        back = -(local @ palm)
        flat = np.linalg.norm(local + back[:, None] * palm, axis=1)
        share = np.maximum(share, (flat < 0.0062) * (back > 0.004))
    return share


def leg(build: Build, bones: Bones, side: str) -> list[Shape]:
    g, h = build.girth, build.height
    thigh, shin = bones[f"thigh.{side}"], bones[f"shin.{side}"]
    calf = shin.head + (shin.tail - shin.head) * 0.30 + vec(0, 0.022, 0)
    return [
        capsule(thigh.name, thigh.head + vec(0, 0.01, -0.02 * h), thigh.tail, 0.082 * g, 0.055 * g, 0.05),
        capsule(shin.name, shin.head, shin.tail, 0.053 * g, 0.034 * g, 0.03),
        ball(shin.name, calf, (0.048 * g, 0.050 * g, 0.10), 0.04),
    ]


def neck(build: Build, bones: Bones) -> list[Shape]:
    low, high = bones["neck"].head, bones["head"].head
    n = build.neck
    shapes = [
        capsule("neck", low + vec(0, 0.004, -0.035), high + vec(0, 0.012, 0.055), 0.058 * n, 0.053 * n, 0.02),
        ball("chest", low + vec(0, 0.012, -0.060), (0.105, 0.060, 0.055), 0.05),
    ]
    for _, sign in SIDES:
        shapes.append(
            capsule(
                "neck",
                low + vec(sign * 0.018, -0.052, -0.028),
                high + vec(sign * 0.052, 0.006, 0.035),
                0.012,
                0.012,
                0.03,
            )
        )
    return shapes


def shoe(bones: Bones, side: str, *, ground: float = 0.0) -> Solid:
    """A trainer: upper, toe cap and a flat sole."""
    foot, toes = bones[f"foot.{side}"], bones[f"toes.{side}"]
    forth = foot.tail - foot.head
    forth = forth * (1, 1, 0) / np.linalg.norm(forth * (1, 1, 0))
    heel = foot.head + vec(0, 0, -foot.head[2] + 0.030) - forth * 0.040
    across = np.cross(forth, (0, 0, 1)).astype(np.float32)
    middle = foot.tail + vec(0, 0, 0.006)
    front = toes.tail + vec(0, 0, -0.001) - forth * 0.02
    shapes = [
        capsule(foot.name, heel, middle, 0.038, 0.037, 0.03),
        capsule(foot.name, foot.head - forth * 0.008, foot.head + forth * 0.012 + vec(0, 0, -0.03), 0.042, 0.042, 0.03),
        capsule(foot.name, foot.head + vec(0, 0, -0.02), middle, 0.040, 0.030, 0.03),
        capsule(toes.name, middle + across * 0.008, front + across * 0.004, 0.036, 0.031, 0.02),
        capsule(toes.name, middle - across * 0.008, front - across * 0.008, 0.036, 0.028, 0.02),
    ]
    return Solid(shapes, cuts=[lambda p: ground - p[:, 2]])
