"""What is left between two frames after the camera's motion: a small shift or shear, and exposure."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.glance import Array, Matrix, warp_into

Bools = npt.NDArray[np.bool_]
_ROUNDS = 3
_POINTS = 2500
_LEAST_POINTS = 60
_LEAST_GAIN = 0.95
_LONGEST_PX = 4.0
_ENOUGH_PX = 0.02
_GAIN_POINTS = 1500
_SMOOTH_PX = 0.8
_BETTER = 0.93
_LEAST_FIT = np.array([-1.0, -0.5, -0.5])
_SHEAR_RIDGE = 1e-2


def refine_motion(plate_stops: Array, sample_stops: Array, matrix: Matrix, common: Bools, *, box: Box) -> Matrix:
    """``matrix`` (sample to plate), corrected by what is left of motion on ``common`` background.

    ``plate_stops`` (h, w) and ``common`` (h, w) lie in ``box``; ``sample_stops`` is the whole sample's. An affine
    motion and a difference of exposure are found together by iterated least squares (Lucas and Kanade, IJCAI 1981;
    Baker and Matthews, IJCV 2004) whose weights fall with the error (Tukey). What does not lower the error by a
    twentieth, or leads farther than 4 px, is not believed, and ``matrix`` is given back.
    """
    target = cv2.GaussianBlur(plate_stops, (0, 0), _SMOOTH_PX)
    source = cv2.GaussianBlur(sample_stops, (0, 0), _SMOOTH_PX)
    dx = np.asarray(cv2.Sobel(target, cv2.CV_32F, 1, 0, scale=0.125), np.float32)
    dy = np.asarray(cv2.Sobel(target, cv2.CV_32F, 0, 1, scale=0.125), np.float32)
    places = np.flatnonzero(common)
    if len(places) < _LEAST_POINTS:
        return matrix
    places = places[:: max(1, len(places) // _POINTS)]
    across, down = places % box.width + 0.5 + box.x0, places // box.width + 0.5 + box.y0
    half = max(box.width, box.height) / 2
    x, y = (across - _middle(box)[0]) / half, (down - _middle(box)[1]) / half
    design = _design(dx.reshape(-1)[places], dy.reshape(-1)[places], x, y)
    ours = target.reshape(-1)[places]
    best, best_error, before = matrix, np.inf, np.inf
    current = matrix
    for turn in range(_ROUNDS + 1):
        theirs = warp_into(source, current, box).reshape(-1)[places]
        error, weights = _weigh(theirs - ours)
        if turn == 0:
            before = error
        if error < best_error:
            best, best_error = current, error
        if turn == _ROUNDS or error < 1e-6:
            break
        moved = _moved(current, _solve(design, ours - theirs, weights), box)
        if _farthest(current, moved, box) < _ENOUGH_PX:
            break
        current = moved
    is_better = best_error < _LEAST_GAIN * before and _farthest(matrix, best, box) <= _LONGEST_PX
    return best if is_better else matrix


def _middle(box: Box) -> tuple[float, float]:
    return (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2


def _design(dx: Array, dy: Array, x: Array, y: Array) -> npt.NDArray[np.float64]:
    """How stops change with each of the six freedoms of motion, and with exposure; x and y in halves of the box."""
    return np.stack((dx, dy, dx * x, dx * y, dy * x, dy * y, np.ones_like(dx)), axis=1).astype(np.float64)


def _weigh(difference: Array) -> tuple[float, Array]:
    """The typical error beside a constant one, and Tukey's weights."""
    away = np.abs(difference - np.median(difference))
    scale = max(float(np.median(away)) * 1.4826, 1e-4)
    ratio = np.minimum(away / (4.685 * scale), 1)
    # Outliers count as far as where they begin: a motion is not better for having more of them.
    return float(np.minimum(away, 4 * scale).mean()), np.asarray((1 - ratio**2) ** 2, np.float32)


def _normal(design: npt.NDArray[np.float64], weights: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    # Not BLAS: its sums depend on the number of threads.
    return np.asarray(np.einsum("ni,nj->ij", design * weights[:, None], design))


def _solve(design: npt.NDArray[np.float64], wanted: Array, weights: Array) -> npt.NDArray[np.float64]:
    normal = _normal(design, weights)
    # Shears that the texture does not tell stay 0.
    ridge = np.diag([1e-6, 1e-6, *[_SHEAR_RIDGE] * 4, 0.0]) * max(float(normal[0, 0] + normal[1, 1]), 1e-9)
    return np.asarray(np.linalg.lstsq(normal + ridge, np.einsum("ni,n->i", design, weights * wanted), rcond=None)[0])


def _moved(matrix: Matrix, found: npt.NDArray[np.float64], box: Box) -> Matrix:
    """``matrix`` such that the sample is read ``found`` farther."""
    x, y = _middle(box)
    reach = max(box.width, box.height) / 2
    u, v, ux, uy, vx, vy = found[:6]
    ux, uy, vx, vy = ux / reach, uy / reach, vx / reach, vy / reach
    step = np.array([[1 + ux, uy, u - ux * x - uy * y], [vx, 1 + vy, v - vx * x - vy * y], [0.0, 0.0, 1.0]])
    return np.asarray(np.linalg.inv(step) @ matrix)


def _farthest(a: Matrix, b: Matrix, box: Box) -> float:
    """How far the two lead apart at the box's corners."""
    corners = np.array([[x, y, 1.0] for x in (box.x0, box.x1) for y in (box.y0, box.y1)])
    back = corners @ np.linalg.inv(a).T @ b.T
    return float(np.abs(back[:, :2] / back[:, 2:] - corners[:, :2]).max())


def fit_gain(difference: Array, weights: Array, *, box: Box) -> Array:
    """(3, 3): for every channel the stops that bring a sample to the plate: level, and slopes across and down.

    ``difference`` (h, w, 3) is plate minus sample in stops in ``box``; ``weights`` (h, w) how far each pixel counts.
    A plane is fitted by iterated least squares with Tukey's weights, starting from the weighted median, so that grain,
    passers-by and clipped lights do not count; what explains little stays 0. Slopes are for the half of
    the box's longer side.
    """
    places = np.flatnonzero(weights.reshape(-1) > 0)
    out = np.zeros((3, 3), np.float32)
    if len(places) < _LEAST_POINTS:
        return out
    places = places[:: max(1, len(places) // _GAIN_POINTS)]
    weight = weights.reshape(-1)[places].astype(np.float64)
    design = np.stack([np.ones(len(places)), *_spread(places, box)], axis=1)
    fits = [_fit_plane(difference[..., c].reshape(-1)[places].astype(np.float64), weight, design) for c in range(3)]
    levels = np.array([[level, 0.0, 0.0] for level, _plane, _errors in fits])
    planes = np.array([plane for _level, plane, _errors in fits])
    none, level, plane = np.sum([errors for _level, _plane, errors in fits], axis=0)
    # Parallax and shadows look like a little exposure: more freedom has to explain clearly more to be believed.
    if plane < _BETTER * min(level, none):
        out[:] = np.clip(planes, _LEAST_FIT, -_LEAST_FIT)
    elif level < _BETTER * none:
        out[:] = np.clip(levels, _LEAST_FIT, -_LEAST_FIT)
    return out


def _fit_plane(
    values: npt.NDArray[np.float64], weight: npt.NDArray[np.float64], design: npt.NDArray[np.float64]
) -> tuple[float, npt.NDArray[np.float64], tuple[float, float, float]]:
    """A channel's level, its plane, and what error is left with neither, with the level, with the plane."""
    level = _weighted_median(values, weight)
    fit = np.array([level, 0.0, 0.0])
    for _ in range(2):
        away = np.abs(values - design @ fit)
        scale = max(float(np.median(away)) * 1.4826, 1e-3)
        w = weight * (1 - np.minimum(away / (4.685 * scale), 1) ** 2) ** 2
        ridge = np.diag([0.0, 1.0, 1.0]) * 0.02 * w.sum()
        fit = np.linalg.lstsq(_normal(design, w) + ridge, np.einsum("ni,n->i", design, w * values), rcond=None)[0]
    limit = 4 * scale
    left = [float((weight * np.minimum(np.abs(values - guess), limit)).sum()) for guess in (0.0, level, design @ fit)]
    return level, fit, (left[0], left[1], left[2])


def _spread(places: npt.NDArray[np.intp], box: Box) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Places across and down from the box's middle, in halves of its longer side."""
    half = max(box.width, box.height) / 2
    across, down = (places % box.width).astype(np.float64), (places // box.width).astype(np.float64)
    return (across + 0.5 - box.width / 2) / half, (down + 0.5 - box.height / 2) / half


def gain_field(gain: Array, *, size: tuple[int, int]) -> Array:
    """The stops of `fit_gain` over a picture (h, w, 3) of ``size`` (h, w) that covers the same box."""
    height, width = size
    half = max(width, height) / 2
    x = ((np.arange(width) + 0.5 - width / 2) / half).astype(np.float32)
    y = ((np.arange(height) + 0.5 - height / 2) / half).astype(np.float32)
    return np.asarray(gain[:, 0] + x[None, :, None] * gain[:, 1] + y[:, None, None] * gain[:, 2], np.float32)


def _weighted_median(values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]) -> float:
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    return float(values[order[int(np.searchsorted(total, total[-1] / 2))]])
