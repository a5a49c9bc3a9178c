"""The body of a character in a still: read many times over, from several regions, on its own background and on grey,
and in the mirror. What the readings agree on is believed.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from wanfx.backends.blaze import Points, Roi
from wanfx.backends.blaze_body import POINT_COUNT, Body, BodyNets
from wanfx.backends.protocols import Array
from wanfx.frames import Box
from wanfx.ops.edges import bounding_box, grow_matte

_MIRRORED = [0, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9]
_MIRRORED += [point + (1 if point % 2 else -1) for point in range(11, POINT_COUNT)]
_TRUNK_AND_ARMS = slice(11, 25)
_GREY = np.float32(0.5)
_HEIGHTS, _SCALES = (0.55, 0.8, 1.0, 1.2), (1.3, 1.8, 2.4)
_STEADY, _AGREED = 0.05, 0.07
_GOOD = 0.85
_LEAST = 0.25


@dataclass(frozen=True, eq=False)
class _Reading:
    """The median body of one region's readings: confidence (33,) a point, and what it is worth in [0, 1]."""

    body: Body
    confidence: Points
    worth: float


def read_still(nets: BodyNets, picture: Array, alpha: Array) -> tuple[Body, Points] | None:
    """The body of the character that ``alpha`` (H, W) shows, and a confidence (33,) for each point; None if none is.

    A point beyond the picture or off the character has next to no confidence, nor has one on which the readings differ.
    """
    box = bounding_box(alpha, above=0.5)
    if box.is_empty:
        return None
    on_grey = picture * alpha[..., None] + _GREY * (1 - alpha[..., None])
    pictures = [picture, np.asarray(on_grey, np.float32)]
    readings = [_read(nets, pictures, alpha, roi, box) for roi in _regions(nets, pictures, box)]
    best = max(readings, key=lambda one: one.worth)
    if best.worth < _LEAST:
        return None
    good = np.stack([one.body.points[:, :2] for one in readings if one.worth > _GOOD * best.worth])
    size = float(max(box.width, box.height))
    apart = np.median(np.hypot(*np.moveaxis(good - best.body.points[:, :2], -1, 0)), axis=0) / size
    return best.body, best.confidence * np.exp(-((apart / _AGREED) ** 2))


def _regions(nets: BodyNets, pictures: list[Array], box: Box) -> list[Roi]:
    """What the detector finds, and guesses for whole and half figures."""
    size, x = float(max(box.width, box.height)), (box.x0 + box.x1) / 2
    around = Roi(x, (box.y0 + box.y1) / 2, 1.4 * size)
    found = [roi for picture in pictures for roi, _score in nets.detect(picture, around, least=0.3)[:1]]
    guesses = [Roi(x, box.y0 + down * box.height, scale * box.height) for down in _HEIGHTS for scale in _SCALES]
    return found + guesses


def _read(nets: BodyNets, pictures: list[Array], alpha: Array, roi: Roi, box: Box) -> _Reading:
    """Four readings of one region: on both backgrounds, and each in the mirror."""
    width = alpha.shape[1]
    bodies = [nets.read(picture, roi) for picture in pictures]
    mirror = dataclasses.replace(roi, x=width - roi.x, turn=-roi.turn)
    bodies += [_unmirrored(nets.read(np.ascontiguousarray(one[:, ::-1]), mirror), width) for one in pictures]
    points = np.stack([body.points for body in bodies])
    middle = np.median(points, axis=0)
    size = float(max(box.width, box.height))
    spread = np.median(np.hypot(*np.moveaxis(points[..., :2] - middle[:, :2], -1, 0)), axis=0) / size
    score = float(np.mean([body.score for body in bodies]))
    seen = np.mean([body.visible * body.present for body in bodies], axis=0)
    on = _on_character(middle, alpha, size)
    sure = (seen > 0.4) & np.isfinite(on)
    inside = float(on[sure].mean()) if sure.any() else 0.0
    steady = float(np.exp(-spread[_TRUNK_AND_ARMS].mean() / _STEADY))
    confidence = score * seen * np.nan_to_num(0.1 + 0.9 * on) * np.exp(-((spread / _STEADY) ** 2))
    body = dataclasses.replace(bodies[0], points=middle, visible=seen, present=np.ones(POINT_COUNT), score=score)
    return _Reading(body, confidence, score * inside * steady)


def _on_character(points: Points, alpha: Array, size: float) -> Points:
    """The alpha at or next to each point, and NaN beyond the picture."""
    near = grow_matte(alpha, radius_px=max(1.0, 0.015 * size))
    height, width = alpha.shape
    x, y = points[:, 0], points[:, 1]
    is_in = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    column, row = np.clip(x, 0, width - 1).astype(int), np.clip(y, 0, height - 1).astype(int)
    return np.where(is_in, near[row, column], np.nan)


def _unmirrored(body: Body, width: int) -> Body:
    points = body.points[_MIRRORED] * (-1, 1, 1) + (width, 0, 0)
    return dataclasses.replace(
        body, points=points, visible=body.visible[_MIRRORED], present=body.present[_MIRRORED], mask=body.mask[:, ::-1]
    )
