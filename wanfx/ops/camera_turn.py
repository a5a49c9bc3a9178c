"""Whether a camera only turns: a homography that a turn about the lens's own centre explains, at some focal length.

A travelling camera before a flat wall gives homographies, too, but (unless it is a long lens's) not those of a turn.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Size

Matrix = npt.NDArray[np.float64]
_FOCAL_OF_WIDTH = (0.5, 2.0)
_STEPS, _LAST_STEPS = 8, 3
_NUDGE = 1e-5


def turn_error_px(matrix: Matrix, *, size: Size) -> float:
    """How far (RMS over the frame, pixels) the homography ``matrix`` is from the nearest turn of a camera.

    Focal lengths from half the width to twice it are allowed: beyond, a turn and a travel look the same. A zoom is
    no turn: before a flat wall it is the same as travelling towards it. The turn is K R K^-1 (Hartley and Zisserman,
    Multiple View Geometry, 8.4), fitted by Gauss-Newton.

    >>> shift = np.array([[1.0, 0, 50], [0, 1, 0], [0, 0, 1]])
    >>> turn_error_px(np.eye(3), size=Size(640, 360)), round(turn_error_px(shift, size=Size(640, 360)), 1)
    (0.0, 1.1)
    """
    points = frame_points(size)
    wanted = place_points(matrix, points)
    low, high = np.log(np.array(_FOCAL_OF_WIDTH) * size.width)
    found = np.array([0.0, 0.0, 0.0, (low + high) / 2])
    for step in range(_STEPS + _LAST_STEPS):
        here = place_points(_turned(found, size), points)
        # At last the focal length stays where it is, which may be at its bound.
        axes = np.eye(4)[: 4 if step < _STEPS else 3]
        slopes = [
            ((place_points(_turned(found + _NUDGE * axis, size), points) - here) / _NUDGE).ravel() for axis in axes
        ]
        best = np.linalg.lstsq(np.column_stack(slopes), (wanted - here).ravel(), rcond=None)[0]
        found[: len(axes)] += best
        found[3] = np.clip(found[3], low, high)
    return rms_px(place_points(_turned(found, size), points) - wanted)


def frame_points(size: Size, *, rows: int = 8) -> Matrix:
    """Points (N, 3), homogeneous, spread evenly over the frame, pixel centres at .5."""
    x = (np.arange(rows * 2) + 0.5) * size.width / (rows * 2)
    y = (np.arange(rows) + 0.5) * size.height / rows
    across, down = np.meshgrid(x, y)
    return np.column_stack([across.ravel(), down.ravel(), np.ones(across.size)])


def place_points(matrix: Matrix, points: Matrix) -> Matrix:
    """Where a homography brings homogeneous points (N, 3), as (N, 2)."""
    placed = points @ matrix.T
    return np.asarray(placed[:, :2] / placed[:, 2:])


def rms_px(away: Matrix) -> float:
    """Root mean square length of (N, 2)."""
    return float(np.sqrt((away**2).sum(axis=1).mean()))


def _turned(found: Matrix, size: Size) -> Matrix:
    """The homography of a turn: axis times angle (radians), and the focal length's logarithm."""
    focal_px = np.exp(found[3])
    inner = np.array([[focal_px, 0, size.width / 2], [0, focal_px, size.height / 2], [0, 0, 1.0]])
    return np.asarray(inner @ np.asarray(cv2.Rodrigues(found[:3])[0], np.float64) @ np.linalg.inv(inner))
