"""The simplest plane motion that most points agree on: none, a shift, a similarity or a homography.

Points are (N, 2) float64 in pixels. Everything is drawn from a fixed seed.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
Points = npt.NDArray[np.float64]
_DRAWS = 256
_NOISE_PX = 0.25
_LIMIT = 9.0
_PENALTY = {"still": 0.0, "shift": 0.006, "similar": 0.012, "homography": 0.05}


def fit_motion(a: Points, b: Points, *, weights: npt.NDArray[np.float64]) -> tuple[Matrix, npt.NDArray[np.bool_]]:
    """The motion from ``a`` to ``b`` as a homography, and which points agree with it (within 0.75 px).

    Motions are scored by the weighted mean of squared distances in units of the noise, cut off at 3 of them (MSAC:
    Torr and Zisserman, MLESAC, CVIU 2000); a motion with more freedoms has to explain clearly more to be believed.
    """
    share = weights / weights.sum()
    best = _refined_similarity(a, b, _drawn_similarity(a, b, share), share)
    candidates = {
        "still": np.eye(3),
        "shift": _shift(a, b, best, share),
        "similar": best,
        "homography": _homography(a, b, best),
    }
    scores = {name: _score(a, b, matrix, share) + _PENALTY[name] * _LIMIT for name, matrix in candidates.items()}
    chosen = candidates[min(scores, key=lambda name: scores[name])]
    return chosen, _away(a, b, chosen) < 3 * _NOISE_PX


def _away(a: Points, b: Points, matrix: Matrix) -> npt.NDArray[np.float64]:
    placed = np.c_[a, np.ones(len(a))] @ matrix.T
    return np.asarray(np.linalg.norm(placed[:, :2] / placed[:, 2:] - b, axis=1))


def _score(a: Points, b: Points, matrix: Matrix, share: npt.NDArray[np.float64]) -> float:
    return float((share * np.minimum((_away(a, b, matrix) / _NOISE_PX) ** 2, _LIMIT)).sum())


def _drawn_similarity(a: Points, b: Points, share: npt.NDArray[np.float64]) -> Matrix:
    """The best of many similarities through two points each; as complex numbers, b = turn * a + shift."""
    random = np.random.default_rng(1)
    za, zb = a[:, 0] + 1j * a[:, 1], b[:, 0] + 1j * b[:, 1]
    i, j = random.integers(0, len(a), (2, _DRAWS))
    apart = np.abs(za[i] - za[j]) > 0.1 * np.ptp(a, axis=0).max()
    i, j = i[apart], j[apart]
    if not len(i):
        return np.eye(3)
    turn = (zb[i] - zb[j]) / (za[i] - za[j])
    # One-point shifts beside them: with few good points two of them are seldom drawn together.
    turn = np.concatenate([turn, np.ones(len(i))])
    shift = zb[np.concatenate([i, i])] - turn * za[np.concatenate([i, i])]
    away = np.abs(turn[:, None] * za[None] + shift[:, None] - zb[None]) / (2 * _NOISE_PX)
    best = int(np.argmin((share * np.minimum(away**2, _LIMIT)).sum(axis=1)))
    return _as_matrix(turn[best], shift[best])


def _as_matrix(turn: complex, shift: complex) -> Matrix:
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag], [0.0, 0.0, 1.0]])


def _refined_similarity(a: Points, b: Points, matrix: Matrix, share: npt.NDArray[np.float64]) -> Matrix:
    """Weighted least squares over the points that agree, thrice, ever more strictly."""
    za, zb = a[:, 0] + 1j * a[:, 1], b[:, 0] + 1j * b[:, 1]
    for limit_px in (6 * _NOISE_PX, 4 * _NOISE_PX, 3 * _NOISE_PX):
        near = _away(a, b, matrix) < limit_px
        if near.sum() < 4:
            return matrix
        w = share[near] / share[near].sum()
        mean_a, mean_b = (w * za[near]).sum(), (w * zb[near]).sum()
        da, db = za[near] - mean_a, zb[near] - mean_b
        turn = (w * np.conj(da) * db).sum() / max(float((w * np.abs(da) ** 2).sum()), 1e-9)
        matrix = _as_matrix(turn, mean_b - turn * mean_a)
    return matrix


def _shift(a: Points, b: Points, matrix: Matrix, share: npt.NDArray[np.float64]) -> Matrix:
    near = _away(a, b, matrix) < 6 * _NOISE_PX
    if not near.any():
        return np.eye(3)
    dx, dy = (share[near] @ (b - a)[near]) / share[near].sum()
    return np.array([[1.0, 0.0, dx], [0.0, 1.0, dy], [0.0, 0.0, 1.0]])


def _homography(a: Points, b: Points, matrix: Matrix) -> Matrix:
    """Least squares over the points near the similarity, then over those near the result."""
    for limit_px in (12 * _NOISE_PX, 6 * _NOISE_PX, 3 * _NOISE_PX):
        near = _away(a, b, matrix) < limit_px
        if near.sum() < 40:
            return matrix
        found = np.asarray(cv2.findHomography(a[near], b[near], 0)[0], np.float64)
        # OpenCV gives None where the points lie on a line.
        if found.shape != (3, 3):
            return matrix
        matrix = found
    return matrix
