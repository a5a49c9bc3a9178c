"""The camera's motion over the background, as homographies between analysis pictures.

Pixels have their centres at .5. A homography maps pixels of one frame to those of another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.backends.protocols import Array, FrameSource

Matrix = npt.NDArray[np.float64]
_FEATURES = 800
_LEAST_MATCHES = 12
_STILL_PX = 0.08
_HALF = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])


@dataclass(frozen=True)
class CameraPath:
    """For every frame its homography to the first frame, and how far to trust the step before it (0 to 1)."""

    to_first: Mapping[int, Matrix]
    confidence: Mapping[int, float]

    def between(self, source: int, target: int) -> Matrix:
        """Pixels of frame ``source`` to pixels of frame ``target``."""
        matrix = np.linalg.inv(self.to_first[target]) @ self.to_first[source]
        return np.asarray(matrix / matrix[2, 2])

    def scaled(self, sx: float, sy: float, *, dx: float = 0.0, dy: float = 0.0) -> CameraPath:
        """The path in pixels that are ``sx``, ``sy`` times as many, moved by ``dx``, ``dy``."""
        scale = np.array([[sx, 0.0, dx], [0.0, sy, dy], [0.0, 0.0, 1.0]])
        back = np.linalg.inv(scale)
        return CameraPath({f: scale @ m @ back for f, m in self.to_first.items()}, self.confidence)

    def as_dict(self) -> dict[str, Any]:
        return {
            "to_first": {str(frame): matrix.tolist() for frame, matrix in self.to_first.items()},
            "confidence": {str(frame): value for frame, value in self.confidence.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CameraPath:
        return cls(
            {int(frame): np.array(matrix, np.float64) for frame, matrix in data["to_first"].items()},
            {int(frame): float(value) for frame, value in data["confidence"].items()},
        )


def track_camera(source: FrameSource, *, exclude: Callable[[int], Array | None]) -> CameraPath:
    """Follow the background from frame to frame; ``exclude`` gives the matte of what is not background.

    Each frame is first compared with an anchor frame (the first, then later ones as the view moves on), so that errors
    do not pile up and a locked camera stays exactly still; only two pictures are held.
    """
    first = source.frames.first
    to_first: dict[int, Matrix] = {first: np.eye(3)}
    confidence: dict[int, float] = {first: 1.0}
    anchor = first
    anchor_gray, anchor_points = _features(source, anchor, exclude)
    last_gray, last = anchor_gray, first
    for frame in list(source.frames)[1:]:
        gray = _gray(source, frame)
        guess = np.linalg.inv(to_first[last]) @ to_first[anchor]
        matrix, trust = _match(anchor_gray, gray, anchor_points, guess)
        if trust < 0.5 and last != anchor:
            anchor = last
            anchor_gray = last_gray
            anchor_points = _good_points(anchor_gray, exclude(anchor))
            matrix, trust = _match(anchor_gray, gray, anchor_points, np.eye(3))
        to_first[frame] = to_first[anchor] @ np.linalg.inv(matrix)
        to_first[frame] /= to_first[frame][2, 2]
        confidence[frame] = round(trust, 4)
        last_gray, last = gray, frame
    return CameraPath(to_first, confidence)


def _gray(source: FrameSource, frame: int) -> npt.NDArray[np.uint8]:
    return np.rint(source.read(frame) @ np.array([0.299, 0.587, 0.114], np.float32) * 255).astype(np.uint8)


def _features(
    source: FrameSource, frame: int, exclude: Callable[[int], Array | None]
) -> tuple[npt.NDArray[np.uint8], Array]:
    gray = _gray(source, frame)
    return gray, _good_points(gray, exclude(frame))


def _good_points(gray: npt.NDArray[np.uint8], excluded: Array | None) -> Array:
    mask = None if excluded is None else (excluded < 0.05).astype(np.uint8)
    points = cv2.goodFeaturesToTrack(gray, _FEATURES, 0.003, 6, mask=mask, blockSize=5)
    return np.zeros((0, 1, 2), np.float32) if points is None else points.reshape(-1, 1, 2)


def _match(
    before: npt.NDArray[np.uint8], after: npt.NDArray[np.uint8], points: Array, guess: Matrix
) -> tuple[Matrix, float]:
    """The homography from ``before`` to ``after`` and its trust; the identity where too little is seen."""
    if len(points) < _LEAST_MATCHES:
        return np.eye(3), 0.0
    corner = np.linalg.inv(_HALF) @ guess @ _HALF
    start = cv2.perspectiveTransform(points, corner).astype(np.float32)
    window = {"winSize": (21, 21), "maxLevel": 3, "flags": cv2.OPTFLOW_USE_INITIAL_FLOW}
    forth, good, _ = cv2.calcOpticalFlowPyrLK(before, after, points, start.copy(), **window)
    back, good_back, _ = cv2.calcOpticalFlowPyrLK(after, before, forth, points.copy(), **window)
    miss = np.linalg.norm((back - points).reshape(-1, 2), axis=1)
    kept = (good.ravel() == 1) & (good_back.ravel() == 1) & (miss < 0.5)
    if kept.sum() < _LEAST_MATCHES:
        return np.eye(3), 0.0
    a, b = points[kept].reshape(-1, 2), forth[kept].reshape(-1, 2)
    matrix, inliers = _fit(a, b)
    share = float(inliers.mean()) * min(1.0, kept.sum() / (0.25 * len(points)))
    return _HALF @ matrix @ np.linalg.inv(_HALF), share


def _fit(a: Array, b: Array) -> tuple[Matrix, npt.NDArray[np.bool_]]:
    """The simplest motion that explains the matches: none, similarity, homography."""
    still = np.linalg.norm(b - a, axis=1)
    if np.median(still) < _STILL_PX:
        return np.eye(3), still < 1.0
    cv2.setRNGSeed(1)
    similar, inliers = cv2.estimateAffinePartial2D(a, b, method=cv2.RANSAC, ransacReprojThreshold=1.0, maxIters=2000)
    if similar is None:
        return np.eye(3), np.zeros(len(a), bool)
    best, chosen = np.vstack([similar, [0.0, 0.0, 1.0]]), inliers.ravel() > 0
    if len(a) >= 40:
        cv2.setRNGSeed(1)
        full, full_inliers = cv2.findHomography(a, b, cv2.RANSAC, 1.0, maxIters=2000)
        # A homography has four more freedoms: it must explain clearly more to be believed.
        if full is not None and (full_inliers.ravel() > 0).sum() > 1.1 * chosen.sum():
            best, chosen = full, full_inliers.ravel() > 0
    return np.asarray(best, np.float64), chosen
