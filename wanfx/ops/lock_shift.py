"""How far a generated picture lies beside its plate: a shift and a scale, to a fiftieth of a pixel.

Least squares on brightness (Lucas and Kanade, IJCAI 1981) where both show the same thing, with weights that fall with
the error (Tukey). Slopes of both pictures together make one step exact to third order; the generated picture's own
stand on one side only, so that the plate's grain, which they do not hold, biases nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Box, Size
from wanfx.ops.resample import Axis, resample

Array = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]
NOTICEABLE_PX = 0.02
"""A shift that is smaller at every corner is none."""
_LONGEST_PX = 4.0
_FINE_PX, _COARSE_PX = 1.2, 6.0
_POINTS = 30000
_LEAST_POINTS = 200
_ROUNDS, _WEIGHINGS = 4, 3
_CLOSE_PX = 0.1
_SURE_PX = 0.05
_INFLATION = 9.0
_ODD = 5.0
_NEAR_FRAMES = 8.0


@dataclass(frozen=True)
class Shift:
    """Where a place of the plate is found in the generated picture: middle + (1 + scale) (place - middle) + (x, y).

    In the generated picture's pixels. ``error_px`` is the standard error of x and y.
    """

    x_px: float = 0.0
    y_px: float = 0.0
    scale: float = 0.0
    error_px: float = float("inf")

    def times(self, factor: float) -> Shift:
        """The same in a picture so many times as large."""
        return Shift(self.x_px * factor, self.y_px * factor, self.scale, self.error_px * factor)

    def farthest_px(self, size: Size) -> float:
        """How far any place in a picture of ``size`` is moved, at most, along one axis."""
        return max(
            abs(self.x_px) + abs(self.scale) * size.width / 2, abs(self.y_px) + abs(self.scale) * size.height / 2
        )

    def is_noticeable(self, size: Size) -> bool:
        """Whether it is worth undoing."""
        return self.farthest_px(size) >= NOTICEABLE_PX

    def as_list(self) -> list[float]:
        """All that moves anything."""
        return [self.x_px, self.y_px, self.scale]

    def axes(self, size: Size) -> tuple[Axis, Axis]:
        """From places of the plate's picture of ``size`` to those in the generated one."""
        return (
            Axis(1 + self.scale, self.x_px - self.scale * size.width / 2),
            Axis(1 + self.scale, self.y_px - self.scale * size.height / 2),
        )


NO_SHIFT = Shift()


def measure_shift(generated: Array, plate: Array, clear: npt.NDArray[np.bool_]) -> Shift:
    """The shift of ``generated`` (H, W, 3) against ``plate``, both in model space, on ``clear`` (H, W) pixels.

    `NO_SHIFT` where there is too little to tell by, or where it would be more than 4 px.
    """
    size = Size(clear.shape[1], clear.shape[0])
    target, source = _band(plate), _band(generated)
    if (target[clear] == source[clear]).all():
        return NO_SHIFT
    places = np.flatnonzero(cv2.erode(clear.astype(np.uint8), np.ones((7, 7), np.uint8), borderValue=0))
    found = NO_SHIFT
    for _ in range(_ROUNDS):
        moved = source
        if found.is_noticeable(size):
            x, y = found.axes(size)
            moved = _band(resample(generated, box=Box(0, 0, size.width, size.height), x=x, y=y, ring=True))
        step = _step(moved, target, places, size)
        if step is None:
            return NO_SHIFT
        found = Shift(found.x_px + step.x_px, found.y_px + step.y_px, found.scale + step.scale, step.error_px)
        if found.farthest_px(size) > _LONGEST_PX:
            return NO_SHIFT
        if step.farthest_px(size) < _CLOSE_PX:
            break
    return found if found.error_px <= _SURE_PX else NO_SHIFT


def smooth_shifts(found: Mapping[int, Shift], *, frames: Sequence[int], size: Size) -> dict[int, Shift]:
    """A window's shifts, each the mean of its neighbours' in time by their errors, for all ``frames``.

    Odd ones do not count, and what is not noticeable in a picture of ``size`` is `NO_SHIFT`.
    """
    if not found:
        return dict.fromkeys(frames, NO_SHIFT)
    numbers = np.array(sorted(found), np.float64)
    values = np.array([[found[f].x_px, found[f].y_px, found[f].scale] for f in sorted(found)])
    sure = 1 / np.maximum([found[frame].error_px for frame in sorted(found)], 1e-3) ** 2
    away = np.abs(values[:, :2] - np.median(values[:, :2], axis=0)).max(axis=1)
    sure = sure * (away <= np.maximum(_ODD * np.median(away), NOTICEABLE_PX))
    out = {}
    for frame in frames:
        weight = sure * np.exp(-0.5 * ((numbers - frame) / _NEAR_FRAMES) ** 2)
        if not weight.sum():
            weight = sure
        mean = (weight[:, None] * values).sum(axis=0) / weight.sum()
        shift = Shift(round(float(mean[0]), 4), round(float(mean[1]), 4), round(float(mean[2]), 7), 0.0)
        out[frame] = shift if shift.is_noticeable(size) else NO_SHIFT
    return out


def undo_shift(generated: Array, shift: Shift) -> Array:
    """``generated`` (H, W, 3) where its plate is; itself where the shift is not noticeable."""
    size = Size(generated.shape[1], generated.shape[0])
    if not shift.is_noticeable(size):
        return generated
    x, y = shift.axes(size)
    return resample(generated, box=Box(0, 0, size.width, size.height), x=x, y=y)


def clear_of(edit: Array, *, guard_px: float) -> npt.NDArray[np.bool_]:
    """(H, W): what is farther from ``edit`` (H, W) than ``guard_px``, along both axes."""
    side = 2 * int(np.ceil(guard_px)) + 1
    near = cv2.dilate((edit > 0).astype(np.uint8), np.ones((side, side), np.uint8))
    return np.asarray(near == 0)


def _band(picture: Array) -> Array:
    """Brightness without what is finer than grain or slower than a cast."""
    mean = cv2.transform(picture, np.full((1, 3), 1 / 3, np.float32))
    return np.asarray(cv2.GaussianBlur(mean, (0, 0), _FINE_PX) - cv2.GaussianBlur(mean, (0, 0), _COARSE_PX), np.float32)


def _slopes(band: Array, places: npt.NDArray[np.intp]) -> tuple[Values, Values]:
    # Differences of the two neighbours: those of Sobel's filter are of another, wider band.
    across = np.array([[-0.5, 0.0, 0.5]], np.float32)
    sides = [np.asarray(cv2.filter2D(band, cv2.CV_32F, kernel), np.float64) for kernel in (across, across.T.copy())]
    return sides[0].reshape(-1)[places], sides[1].reshape(-1)[places]


def _step(source: Array, target: Array, places: npt.NDArray[np.intp], size: Size) -> Shift | None:
    """One step: the shift by which ``source`` is beside ``target``; None where there is nothing to tell by."""
    if len(places) < _LEAST_POINTS:
        return None
    places = places[:: max(1, len(places) // _POINTS)]
    x = (places % size.width + 0.5 - size.width / 2).astype(np.float64)
    y = (places // size.width + 0.5 - size.height / 2).astype(np.float64)
    half = max(size.width, size.height) / 2
    ours, both = (_design(*_slopes(band, places), x / half, y / half) for band in (source, source + target))
    flat_source, flat_target = (band.reshape(-1)[places].astype(np.float64) for band in (source, target))
    # A generator's contrast is its own: the band's strength is a freedom of its own.
    ours[:, 3], both[:, 3] = flat_source, 2 * flat_source
    difference = flat_target - flat_source
    weight, answer = np.ones(len(places)), np.zeros(4)
    for _ in range(_WEIGHINGS):
        normal = np.einsum("ni,nj->ij", ours * weight[:, None], both / 2)
        if np.linalg.cond(normal) > 1e10:
            return None
        answer = np.linalg.solve(normal, np.einsum("ni,n->i", ours, weight * difference))
        left = difference - both / 2 @ answer
        spread = max(1.4826 * float(np.median(np.abs(left))), 1e-6)
        weight = (1 - np.minimum(np.abs(left) / (4.685 * spread), 1) ** 2) ** 2
    variance = np.diag(np.linalg.inv(normal)) * float((weight * left**2).sum() / weight.sum()) * _INFLATION
    # The band of the source, read at place + shift, is the target: shift = answer.
    return Shift(
        float(answer[0]), float(answer[1]), float(answer[2] / half), float(np.sqrt(np.abs(variance[:2]).max()))
    )


def _design(dx: Values, dy: Values, x: Values, y: Values) -> Values:
    return np.stack([dx, dy, dx * x + dy * y, dx], axis=1)
