"""The face's 68 points (iBUG order), the eyes, the ears and the nose's tip, on a head's surface."""

from __future__ import annotations

import numpy as np
from face import EYE, MOUTH_Z, FaceShape
from field import Array, Solid

# x and z of the figure's left half; the jaw's outline from the ear to the chin with its depth.
_OUTLINE = (
    (0.078, 0.002, 0.118), (0.077, 0.0, 0.100), (0.074, -0.004, 0.083), (0.068, -0.010, 0.067), (0.060, -0.022, 0.051),
    (0.049, -0.038, 0.037), (0.035, -0.056, 0.025), (0.019, -0.075, 0.012), (0.0, -0.083, 0.006),
)  # fmt: skip
_BROW = ((0.0125, 0.1388), (0.022, 0.1425), (0.032, 0.1445), (0.042, 0.1443), (0.052, 0.1420))
_NOSE = ((0.0, 0.126), (0.0, 0.112), (0.0, 0.098), (0.0, 0.0825))
_NOSTRILS = ((-0.0150, 0.0755), (-0.0075, 0.0725), (0.0, 0.0715), (0.0075, 0.0725), (0.0150, 0.0755))


def face_points(head: Solid, face: FaceShape) -> dict[str, Array]:
    """In the head's own axes: ``nose``, ``left_eye``, ``right_eye``, ``left_ear``, ``right_ear``; ``ibug`` (68, 3)."""
    wide = np.array([face.jaw, 1, 1])
    outline = [np.array(p) * np.where(p[2] < 0.09, wide, 1) for p in _OUTLINE]
    mirror = np.array([-1, 1, 1])
    jaw = [p * mirror for p in outline] + outline[-2::-1]
    brows = [(-x, z) for x, z in _BROW[::-1]] + list(_BROW)
    flat = [*brows, *_NOSE, *_NOSTRILS, *_eyes(face), *_mouth(face)]
    ibug = np.concatenate([np.array(jaw), on_surface(head, np.array(flat))])
    sides = [EYE * (sign, 1, 1) for sign in (1, -1)]
    return {
        "nose": on_surface(head, np.array([(0, 0.0825)]))[0],
        "left_eye": sides[0] - (0, 0.015, 0), "right_eye": sides[1] - (0, 0.015, 0),
        "left_ear": np.array([0.083, 0.012, 0.112]), "right_ear": np.array([-0.083, 0.012, 0.112]),
        "ibug": ibug,
    }  # fmt: skip


def on_surface(head: Solid, xz: Array) -> Array:
    """The points of the surface at x and z that are foremost."""
    depths = np.linspace(-0.13, 0.0, 261)
    grid = np.stack([np.repeat(xz[:, 0], 261), np.tile(depths, len(xz)), np.repeat(xz[:, 1], 261)], axis=1)
    inside = head.distance(grid.astype(np.float32)).reshape(len(xz), 261) < 0.0005
    return np.stack([xz[:, 0], depths[np.argmax(inside, axis=1)], xz[:, 1]], axis=1)


def _eyes(face: FaceShape) -> list[tuple[float, float]]:
    """Right eye from its outer corner over the upper lid, left eye from its inner corner over the upper lid."""
    w, h, x, z = 0.0142 * face.eyes, 0.0055 * face.eyes, float(EYE[0]), float(EYE[2]) - 0.001
    ring = [(-w, 0.0), (-w * 0.4, h), (w * 0.4, h), (w, 0.0), (w * 0.4, -h), (-w * 0.4, -h)]
    return [(-x + dx, z + dz) for dx, dz in ring] + [(x + dx, z + dz) for dx, dz in ring]


def _mouth(face: FaceShape) -> list[tuple[float, float]]:
    f, z = face.lips, MOUTH_Z
    up, low = 0.0088 * f, -0.0105 * f
    outer = [(-0.0270, 0.0035), (-0.0170, up * 0.75), (-0.0055, up), (0.0, up * 0.88), (0.0055, up),
             (0.0170, up * 0.75), (0.0270, 0.0035), (0.0170, low * 0.72), (0.0075, low),
             (0.0, low * 1.03), (-0.0075, low), (-0.0170, low * 0.72)]  # fmt: skip
    inner = [(-0.0235, 0.003), (-0.009, 0.0012), (0.0, 0.0012), (0.009, 0.0012), (0.0235, 0.003), (0.009, -0.0012),
             (0.0, -0.0012), (-0.009, -0.0012)]  # fmt: skip
    return [(x, z + dz) for x, dz in [*outer, *inner]]
