"""The camera's motion over the background, as homographies between analysis pictures.

Pixels have their centres at .5. A homography maps pixels of one frame to those of another.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.backends.protocols import Array, FrameSource
from wanfx.ops.camera_fit import fit_motion

Matrix = npt.NDArray[np.float64]
Gray = npt.NDArray[np.uint8]
_CELLS = 10
_A_CELL = 10
_LEAST_MATCHES = 12
_NEW_ANCHOR = 0.6
_SLOWING = 0.8
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
        """The path as JSON types; `from_dict` reads it back."""
        return {
            "to_first": {str(frame): matrix.tolist() for frame, matrix in self.to_first.items()},
            "confidence": {str(frame): value for frame, value in self.confidence.items()},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CameraPath:
        """The path that `as_dict` wrote."""
        return cls(
            {int(frame): np.array(matrix, np.float64) for frame, matrix in data["to_first"].items()},
            {int(frame): float(value) for frame, value in data["confidence"].items()},
        )


def hold_lost(camera: CameraPath, *, least: float) -> tuple[CameraPath, tuple[int, ...]]:
    """The path without jumps where it was lost (confidence below ``least``), and the frames where it was.

    A lost frame goes on as the camera last moved, slowing down by a fifth a frame; those after it move as they were
    measured, from there.
    """
    frames = sorted(camera.to_first)
    held = {frames[0]: camera.to_first[frames[0]]}
    lost = []
    step = np.eye(3)
    for before, frame in itertools.pairwise(frames):
        if camera.confidence.get(frame, 0.0) < least:
            lost.append(frame)
            step = np.eye(3) + _SLOWING * (step - np.eye(3))
        else:
            step = camera.between(frame, before)
        matrix = held[before] @ step
        held[frame] = np.asarray(matrix / matrix[2, 2])
    # Rounding adds up over many frames: a path that was never lost is the one that was measured.
    return (CameraPath(held, camera.confidence) if lost else camera), tuple(lost)


@dataclass(frozen=True, eq=False)
class _Anchor:
    """A frame that later ones are compared with: its picture and the features of its background."""

    frame: int
    gray: Gray
    points: Array


def track_camera(source: FrameSource, *, exclude: Callable[[int], Array | None]) -> CameraPath:
    """Follow the background from frame to frame; ``exclude`` gives the matte of what is not background.

    Each frame is compared with an anchor frame (the first, then later ones as the view moves on), so that errors do
    not pile up and a locked camera stays exactly still; no more than three pictures are held. What moves as most of the
    picture's area does is the background. Confidence is the share of the background's features, by area, that agree;
    at a cut it is near 0 and the camera is taken to stand still.
    """
    first = source.frames.first
    to_first: dict[int, Matrix] = {first: np.eye(3)}
    confidence: dict[int, float] = {first: 1.0}
    last_gray = _gray(source, first)
    anchor = _anchor(first, last_gray, exclude)
    for frame in list(source.frames)[1:]:
        gray = _gray(source, frame)
        guess = np.linalg.inv(to_first[frame - 1]) @ to_first[anchor.frame]
        matrix, trust = _match(anchor, gray, guess)
        if trust < _NEW_ANCHOR and anchor.frame != frame - 1:
            nearer = _anchor(frame - 1, last_gray, exclude)
            step, step_trust = _match(nearer, gray, np.eye(3))
            if step_trust > trust + 0.15:
                anchor, matrix, trust = nearer, step, step_trust
        if trust < 0.1:
            anchor, matrix = _anchor(frame, gray, exclude), np.eye(3)
            to_first[frame] = to_first[frame - 1]
        else:
            to_first[frame] = to_first[anchor.frame] @ np.linalg.inv(matrix)
        to_first[frame] = to_first[frame] / to_first[frame][2, 2]
        confidence[frame] = round(trust, 4)
        last_gray = gray
    return CameraPath(to_first, confidence)


def _gray(source: FrameSource, frame: int) -> Gray:
    return np.rint(source.read(frame) @ np.array([0.299, 0.587, 0.114], np.float32) * 255).astype(np.uint8)


def _anchor(frame: int, gray: Gray, exclude: Callable[[int], Array | None]) -> _Anchor:
    return _Anchor(frame, gray, _spread_features(gray, exclude(frame)))


def _spread_features(gray: Gray, excluded: Array | None) -> Array:
    """Corners (N, 2), corner-based, the best few of every cell of a grid: a plain wall gets its say beside an actor."""
    mask = np.full(gray.shape, 255, np.uint8) if excluded is None else (excluded < 0.05).astype(np.uint8) * 255
    rows = np.linspace(0, gray.shape[0], max(2, round(_CELLS * gray.shape[0] / gray.shape[1])) + 1).astype(int)
    columns = np.linspace(0, gray.shape[1], _CELLS + 1).astype(int)
    found: list[Array] = []
    for y0, y1 in itertools.pairwise(rows):
        for x0, x1 in itertools.pairwise(columns):
            cell = cv2.goodFeaturesToTrack(gray[y0:y1, x0:x1], _A_CELL, 0.05, 6, mask=mask[y0:y1, x0:x1], blockSize=5)
            if cell is not None:
                found.append(np.asarray(cell.reshape(-1, 2) + np.array([x0, y0]), np.float32))
    return np.concatenate(found) if found else np.zeros((0, 2), np.float32)


def _match(anchor: _Anchor, gray: Gray, guess: Matrix) -> tuple[Matrix, float]:
    """The homography from the anchor to ``gray`` and its trust; the identity where too little is seen.

    ``gray`` is first brought to the anchor by the ``guess``, so that only small, unscaled motions are left to find.
    """
    height, width = gray.shape
    corner = np.linalg.inv(_HALF) @ guess @ _HALF
    placed = cv2.perspectiveTransform(anchor.points[:, None], corner)[:, 0] if len(anchor.points) else anchor.points
    in_view = ((placed > 4) & (placed < [width - 5, height - 5])).all(axis=1)
    points = np.ascontiguousarray(anchor.points[in_view])
    if len(points) < _LEAST_MATCHES:
        return np.eye(3), 0.0
    near = np.asarray(
        cv2.warpPerspective(
            gray,
            corner,
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.uint8,
    )
    moved, kept = _follow(anchor.gray, near, points)
    if kept.sum() < _LEAST_MATCHES:
        return np.eye(3), 0.0
    size = np.array([width, height])
    weights = _area_weights(points, size)
    ours = np.asarray(cv2.perspectiveTransform(moved[kept][:, None].astype(np.float64), corner)[:, 0], np.float64)
    matrix, inliers = fit_motion(points[kept].astype(np.float64), ours, weights=weights[kept])
    trust = float(weights[kept][inliers].sum() / weights.sum()) * min(1.0, 2.0 * float(in_view.mean()))
    return _HALF @ matrix @ np.linalg.inv(_HALF), trust


def _follow(before: Gray, after: Gray, points: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Where the points (N, 2) went (pyramidal Lucas-Kanade), and which of them came back to where they started."""
    start = points[:, None]
    forth, good, _ = cv2.calcOpticalFlowPyrLK(before, after, start, start.copy(), winSize=(21, 21), maxLevel=3)
    back, good_back, _ = cv2.calcOpticalFlowPyrLK(after, before, forth, forth.copy(), winSize=(21, 21), maxLevel=3)
    miss = np.linalg.norm((back - start).reshape(-1, 2), axis=1)
    return np.asarray(forth[:, 0], np.float32), (good.ravel() == 1) & (good_back.ravel() == 1) & (miss < 0.5)


def _area_weights(points: Array, size: npt.NDArray[np.int_]) -> npt.NDArray[np.float64]:
    """A weight a point, so that every cell of the picture that has points has the same say."""
    cell = np.minimum((points * _CELLS / size.max()).astype(int), _CELLS - 1)
    index = cell[:, 1] * _CELLS + cell[:, 0]
    return np.asarray(1.0 / np.bincount(index, minlength=_CELLS * _CELLS)[index])
