"""A figure that faces the camera, as the 133 keypoints of COCO-WholeBody."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.frames import Size

# Nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles, feet; left first. Hips are 0, a leg is 0.8.
_BODY = (
    (0, -0.9), (0.04, -0.94), (-0.04, -0.94), (0.08, -0.92), (-0.08, -0.92), (0.2, -0.6), (-0.2, -0.6), (0.35, -0.3),
    (-0.35, -0.3), (0.4, 0), (-0.4, 0), (0.12, 0), (-0.12, 0), (0.13, 0.4), (-0.13, 0.4), (0.14, 0.8), (-0.14, 0.8),
    (0.18, 0.85), (0.2, 0.84), (0.12, 0.86), (-0.18, 0.85), (-0.2, 0.84), (-0.12, 0.86),
)  # fmt: skip
_FINGER, _JOINT = 0.02, 0.03


def make_figure(
    size: Size, *, hips: tuple[float, float] = (0.5, 0.5), leg: float = 0.4, confidence: float = 0.9, jitter: float = 0
) -> npt.NDArray[np.float32]:
    """Keypoints (133, 3): hips at parts of ``size``, ``leg`` and ``jitter`` (seeded) parts of its height."""
    grid = np.array([(0.0, 0.0)] + [(f - 2, j) for f in range(5) for j in range(1, 5)]) * (_FINGER, _JOINT)
    turn = np.arange(68) / 68 * 2 * np.pi
    face = np.stack([np.cos(turn) * 0.07, np.sin(turn) * 0.1], axis=1) + _BODY[0]
    unit = np.concatenate([np.array(_BODY), face, grid + _BODY[9], grid + _BODY[10]])
    unit = unit + np.random.default_rng(6).normal(size=unit.shape) * jitter
    table: npt.NDArray[Any] = np.empty((133, 3), np.float32)
    table[:, :2] = unit * leg / 0.8 * size.height + np.array(hips) * (size.width, size.height)
    table[:, 2] = confidence
    return table
