"""What people do today: the generator's output as an 8-bit sRGB video, pasted over the plate through a grown mask.

The loop is open: what the generator is given of its last window is that window's own last 8-bit frame. Two ways: as it
comes, and with every frame's colours brought to those of the first window by the linear Monge-Kantorovitch map
(Pitie and Kokaram, The linear Monge-Kantorovitch linear colour mapping, 2007).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt
from _oracle import WINDOW_FRAMES, OracleSettings, Painter, window_of
from _oracle_shot import RenderedShot

from wanfx.ops.edges import grow_matte, soften_matte

Array = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
Values = npt.NDArray[np.float64]
Baseline = Literal["8-bit", "8-bit, MKL"]
_GROW, _SOFTEN_PX = 0.012, 1.5
_TINY = 1e-6


def baseline_comps(shot: RenderedShot, settings: OracleSettings, kind: Baseline) -> Iterator[tuple[int, Array]]:
    """Frame and comp (H, W, 3), scene-linear Rec.709, of the shot's frames in order."""
    match: Callable[[Bytes], Bytes] = lambda picture: picture  # noqa: E731
    if kind == "8-bit, MKL":
        last = shot.frames.first + WINDOW_FRAMES - 1
        first = itertools.takewhile(lambda made: made[0] <= last, video(shot, settings))
        goal = _moments(np.concatenate([to_float(picture).reshape(-1, 3) for _frame, picture in first]))
        match = lambda picture: matched(picture, goal)  # noqa: E731
    for frame, picture in video(shot, settings):
        yield frame, paste(shot, frame, match(picture))


def video(shot: RenderedShot, settings: OracleSettings) -> Iterator[tuple[int, Bytes]]:
    """Frame and full picture (H, W, 3) of the generator's video, 8-bit sRGB: light above 1 is gone."""
    painter, carried = Painter(settings), None
    window = painter.window(0, None)
    for frame in shot.frames:
        index = window_of(frame, first=shot.frames.first)
        truth, alpha = to_srgb(shot.read("truth", frame)), shot.alpha("character", frame)
        if carried is not None and index > window_of(frame - 1, first=shot.frames.first):
            before = frame - 1
            people = np.maximum(shot.alpha("character", before), shot.alpha("actor", before))
            seen = painter.see(
                to_float(carried), to_srgb(shot.read("truth", before)), alpha=shot.alpha("character", before),
                people=people,
            )  # fmt: skip
            window = painter.window(index, seen)
        code = painter.paint(truth, alpha, window=window, index=index, frame=frame)
        carried = np.rint(code * 255).astype(np.uint8)
        yield frame, carried


def paste(shot: RenderedShot, frame: int, picture: Bytes) -> Array:
    """The 8-bit picture over the plate through both figures' mask, grown and feathered."""
    mask = paste_mask(shot, frame)[..., None]
    plate = shot.plate(frame).astype(np.float32)
    return np.asarray(plate + mask * (from_srgb(to_float(picture)) - plate), np.float32)


def paste_mask(shot: RenderedShot, frame: int) -> Array:
    """Both figures' matte, grown and feathered."""
    people = np.maximum(shot.alpha("actor", frame), shot.alpha("character", frame))
    grown = grow_matte((people > 0).astype(np.float32), radius_px=max(2.0, _GROW * people.shape[1]))
    return np.clip(soften_matte(grown, radius_px=_SOFTEN_PX), 0, 1)


def matched(picture: Bytes, goal: tuple[Values, Values]) -> Bytes:
    """An 8-bit picture with the mean and covariance ``goal``."""
    pixels = to_float(picture).reshape(-1, 3)
    mean, covariance = _moments(pixels)
    moved = (pixels - mean) @ mkl_map(covariance, goal[1]).T + goal[0]
    return np.asarray(np.rint(np.clip(moved, 0, 1) * 255).astype(np.uint8).reshape(picture.shape))


def mkl_map(source: Values, target: Values) -> Values:
    """The symmetric 3x3 T with T source T = target, both covariances."""
    root, unroot = _power(source, 0.5), _power(source, -0.5)
    return np.asarray(unroot @ _power(root @ target @ root, 0.5) @ unroot)


def _power(matrix: Values, exponent: float) -> Values:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.maximum(values, _TINY) ** exponent) @ vectors.T)


def _moments(pixels: npt.NDArray[np.floating]) -> tuple[Values, Values]:
    return pixels.mean(axis=0, dtype=np.float64), np.cov(pixels, rowvar=False)


def to_float(picture: Bytes) -> Array:
    """8 bits to 0 to 1."""
    return np.asarray(picture.astype(np.float32) / np.float32(255))


def to_srgb(linear: Array) -> Array:
    """IEC 61966-2-1; light is clipped to 0 to 1."""
    light = np.clip(linear, 0, 1)
    return np.asarray(np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055), np.float32)


def from_srgb(code: Array) -> Array:
    """The inverse of `to_srgb`."""
    return np.asarray(np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4), np.float32)
