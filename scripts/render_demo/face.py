"""The head: a modelled face with lids, lips and ears, its eyes, and what colour it has where.

Everything here is in the head's own axes for a head 0.24 m high: origin under the skull at the chin's height, x to the
figure's left, -y where it looks, z up. `Head.to_rest` puts it on a skeleton.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from field import Array, Shape, Solid, ball, both, capsule, turn, vec

EYE = vec(0.0315, -0.0705, 0.119)
EYE_RADIUS = 0.0155
MOUTH_Z = 0.0525
Color = tuple[float, float, float]


@dataclass(frozen=True)
class FaceShape:
    """What tells faces apart: factors of 1 and scene-linear Rec.709 colours."""

    jaw: float
    chin: float
    nose: float
    lips: float
    eyes: float
    brow_thickness: float
    skin: Color
    lip_color: Color
    brow_color: Color
    iris: Color
    lashes: float
    stubble: float


def head_solid(face: FaceShape) -> Solid:
    """The head with its neck's top, mouth slightly parted, eyes open."""
    return Solid([*_skull(face), *_features(face), *_lids(face), *_mouth(face), *_ears()])


def _skull(face: FaceShape) -> list[Shape]:
    wide = face.jaw
    return [
        ball("head", (0, 0.014, 0.150), (0.0765, 0.096, 0.091)),
        ball("head", (0, -0.036, 0.105), (0.063, 0.056, 0.082), 0.03),
        *both(
            [capsule("head", vec(0.050 * wide, 0.004, 0.070), vec(0.022 * wide, -0.064, 0.026), 0.021, 0.019, 0.035)]
        ),
        ball("head", (0, -0.073, 0.0245), (0.021 * face.chin, 0.018, 0.0185), 0.022),
        ball("head", (0, -0.052, 0.052), (0.040 * wide, 0.037, 0.034), 0.03),
        *both([ball("head", (0.040, -0.060, 0.088), (0.024, 0.024, 0.021), 0.024)]),
        *both([capsule("head", vec(0.014, -0.0835, 0.139), vec(0.050, -0.066, 0.139), 0.0115, 0.010, 0.02)]),
        ball("head", (0, -0.060, 0.165), (0.050, 0.032, 0.036), 0.03),
    ]


def _features(face: FaceShape) -> list[Shape]:
    n = face.nose
    return [
        *both([ball("head", EYE + vec(0.001, -0.020, 0.0005), (0.0215, 0.0165, 0.0145), 0.014, True)]),
        capsule("head", vec(0, -0.0835, 0.129), vec(0, -0.1015, 0.086), 0.0062, 0.0085 * n, 0.013),
        ball("head", (0, -0.1055, 0.0815), (0.0112 * n, 0.0112, 0.0095), 0.009),
        *both([ball("head", (0.0112 * n, -0.0955, 0.0785), (0.0072 * n, 0.0095, 0.0068), 0.007)]),
        *both([ball("head", (0.0062 * n, -0.1005, 0.0725), (0.0034, 0.0050, 0.0040), 0.003, True)]),
    ]


def _lids(face: FaceShape) -> list[Shape]:
    """A ball of lid round each eye, opened by an almond."""
    r = EYE_RADIUS * face.eyes
    opening = EYE + vec(0.0, -0.016, -0.0010)
    return [
        *both([ball("head", EYE + vec(0, -0.0005, 0), r + 0.0022, 0.006)]),
        *both([ball("head", opening, (0.0142 * face.eyes, 0.020, 0.0064 * face.eyes), 0.002, True, turn(y_deg=-5))]),
    ]


def _mouth(face: FaceShape) -> list[Shape]:
    f, z = face.lips, MOUTH_Z
    left, low = vec(0.0260, -0.0740, z + 0.0025), vec(0.008, -0.0880, z - 0.0055)
    return [
        *both([capsule("head", vec(0.0045, -0.0905, z + 0.0040), left + vec(0, 0, 0.0020), 0.0047 * f, 0.0026, 0.006)]),
        capsule("jaw", low * (-1, 1, 1), low, 0.0054 * f, 0.0054 * f, 0.006),
        *both([capsule("jaw", low, left - vec(0.0005, 0, 0), 0.0050 * f, 0.0024, 0.006)]),
        *both([ball("head", (0.0120, -0.086, z + 0.0008), (0.0140, 0.017, 0.0013), 0.001, True, turn(y_deg=-9.7))]),
        ball("head", (0, -0.086, z - 0.0010), (0.0060, 0.017, 0.0014), 0.001, True),
        ball("head", (0, -0.062, z), (0.025, 0.019, 0.008), 0.003, True),
    ]  # fmt: skip


def _ears() -> list[Shape]:
    tilt = turn(x_deg=12, z_deg=-24)
    return both([
        ball("head", (0.0800, 0.016, 0.112), (0.0060, 0.0185, 0.0310), 0.008, False, tilt),
        ball("head", (0.0860, 0.013, 0.116), (0.0062, 0.0110, 0.0190), 0.005, True, tilt),
        ball("head", (0.0810, 0.008, 0.104), (0.0045, 0.0050, 0.0075), 0.005),
    ])  # fmt: skip


def eyeball(face: FaceShape, sign: int) -> tuple[Array, Array, Array]:
    """Vertices, quads and colours of an eye that looks straight on: rings round the line of sight."""
    radius = EYE_RADIUS * face.eyes
    angles = np.concatenate([np.linspace(0.001, 0.75, 40), np.linspace(0.8, np.pi - 0.001, 14)])
    around = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    ring = np.stack([np.cos(around), np.zeros(48), np.sin(around)], axis=1)
    vertices = [np.sin(a) * ring - np.cos(a) * np.array([0, 1, 0]) for a in angles]
    points = np.concatenate(vertices) * radius + EYE * (sign, 1, 1)
    i, j = np.meshgrid(np.arange(len(angles) - 1), np.arange(48), indexing="ij")
    a, b = (i * 48 + j).ravel(), (i * 48 + (j + 1) % 48).ravel()
    quads = np.stack([a, b, b + 48, a + 48], axis=1)
    off = np.repeat(np.sin(angles) + 2 * (angles > 1.2), 48)
    iris = np.array(face.iris) * (0.55 + 0.9 * np.clip((0.42 - off) / 0.2, 0, 1))[:, None]
    color = np.where((off < 0.50)[:, None], iris, np.array([0.74, 0.72, 0.69]))
    color = np.where(((off > 0.44) & (off < 0.50))[:, None], np.array(face.iris) * 0.25, color)
    return points.astype(np.float32), quads, np.where((off < 0.22)[:, None], 0.004, color)


def teeth() -> Solid:
    """The upper row."""
    return Solid(
        [capsule("head", vec(-0.013, -0.0760, MOUTH_Z + 0.0062), vec(0.013, -0.0760, MOUTH_Z + 0.0062), 0.0055, 0.0055)]
    )


def jaw_share(points: Array) -> Array:
    """How much the jaw moves each point of the face: the lower lip and the chin wholly, cheeks softly."""
    x, y, z = points.T
    line = MOUTH_Z - 0.0012 + 0.0042 * np.minimum(np.abs(x) / 0.0245, 1)
    slit = _step(line + 0.0006, line - 0.0006, z)
    soft = _step(MOUTH_Z + 0.030, MOUTH_Z - 0.022, z)
    inside = _step(0.030, 0.020, np.abs(x)) * _step(-0.045, -0.060, y)
    front = _step(0.02, -0.045, y) * _step(0.078, 0.055, np.abs(x) + 0 * z)
    return (inside * slit + (1 - inside) * soft * front) * _step(-0.035, 0.004, z)


def skin_color(points: Array, face: FaceShape) -> Array:
    """(N, 3) scene-linear Rec.709: skin, flushed at cheeks, nose and ears; lips; brows; lash lines."""
    x, y, z = points.T
    ax = np.abs(x)
    color = np.tile(np.array(face.skin, np.float32), (len(points), 1))

    def paint(target: Color | Array, amount: Array) -> None:
        color[:] = color * (1 - amount[:, None]) + np.asarray(target, np.float32) * amount[:, None]

    skin = np.array(face.skin)
    flush = skin * (1.08, 0.72, 0.66)
    front = _step(-0.03, -0.06, y)
    paint(flush, 0.55 * front * _blob(ax, z, (0.043, 0.082), (0.020, 0.018)))
    paint(flush, 0.55 * front * _blob(ax, z, (0.0, 0.082), (0.016, 0.012)))
    paint(flush, 0.6 * _step(0.070, 0.078, ax) * (np.abs(z - 0.112) < 0.04))
    beard = _step(0.080, 0.055, z) * _step(0.03, -0.02, y) * (1 - _blob(ax, z, (0.0, 0.055), (0.017, 0.010)))
    paint(skin * (0.45, 0.45, 0.50), face.stubble * beard * _step(-0.02, 0.01, z))
    paint(skin * (0.72, 0.60, 0.58), 0.55 * front * _blob(ax, z, (EYE[0], EYE[2]), (0.022, 0.015)))
    lips = _step(1.02, 0.88, np.hypot(ax / 0.0285, (z - MOUTH_Z + 0.0010 - 5.0 * ax**2) / (0.0098 * face.lips)))
    paint(face.lip_color, 0.95 * lips * _step(-0.071, -0.077, y))
    paint((0.03, 0.008, 0.008), _step(-0.077, -0.073, y) * _step(0.025, 0.023, ax) * (np.abs(z - MOUTH_Z) < 0.009)
          * _step(-0.03, -0.045, y))  # fmt: skip
    along = np.clip((ax - 0.0125) / 0.040, 0, 1)
    brow_z = 0.1378 + 0.0082 * np.sin(np.pi * (0.05 + 0.60 * along)) - 0.003 * along
    thickness = face.brow_thickness * 0.0048 * (1 - 0.55 * along)
    brow = _step(thickness, thickness * 0.55, np.abs(z - brow_z)) * _step(0.0095, 0.013, ax) * _step(0.055, 0.049, ax)
    paint(face.brow_color, 0.92 * brow * _step(-0.045, -0.055, y))
    lid = np.linalg.norm(np.stack([ax, y, z], 1) - EYE, axis=1) - EYE_RADIUS * face.eyes
    edge = np.hypot((ax - EYE[0]) / (0.0142 * face.eyes), (z - EYE[2] + 0.0010) / (0.0064 * face.eyes))
    lash = _step(1.42, 1.18, edge) * (lid < 0.005) * _step(EYE[2] - 0.006, EYE[2], z) * front
    paint((0.015, 0.010, 0.008), face.lashes * lash)
    return color


def _step(low: float, high: float, value: Array) -> Array:
    """0 at ``low``, 1 at ``high`` (which may be the smaller), smooth between."""
    t = np.clip((value - low) / (np.asarray(high) - low), 0, 1)
    return t * t * (3 - 2 * t)


def _blob(x: Array, z: Array, at: tuple[float, float], size: tuple[float, float]) -> Array:
    return np.exp(-(((x - at[0]) / size[0]) ** 2) - ((z - at[1]) / size[1]) ** 2)
