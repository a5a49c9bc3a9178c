"""The subject in the frame where it was pointed at, or where it moves: a first cut. And its colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.backends.protocols import Array, BoxPrompt, PointPrompt
from wanfx.frames import Box
from wanfx.ops.edges import bounding_box, fill_holes, grow_matte
from wanfx.ops.motion import Motion

_BINS = 16
_NOISE = 4 / 255
_LEAST_OF_BOX = 0.04
_OFF_REACH = 0.09
_OFF_RANGE = (48.0, 48.0, 48.0)
Labels = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Colors:
    """A histogram of display-encoded colours (16, 16, 16), summing to 1."""

    share: Array

    def likelihood(self, bins: npt.NDArray[np.intp]) -> Array:
        """log p of each pixel's colour; ``bins`` from `color_bins`."""
        return np.asarray(np.log(self.share.ravel()[bins] + np.float32(2e-5)), np.float32)

    def mixed(self, other: Colors, *, weight: float) -> Colors:
        """Colours that are ``weight`` of the other's."""
        return Colors(self.share + np.float32(weight) * (other.share - self.share))


def color_bins(picture: Array) -> npt.NDArray[np.intp]:
    """Each pixel's place in a `Colors` histogram."""
    bins = np.clip(picture * _BINS, 0, _BINS - 1).astype(np.intp)
    return np.asarray((bins[..., 0] * _BINS + bins[..., 1]) * _BINS + bins[..., 2])


def learn_colors(bins: npt.NDArray[np.intp], where: Mask) -> Colors:
    """The colours of some pixels, a little blurred so that light may change."""
    counts = np.bincount(bins[where], minlength=_BINS**3).astype(np.float32).reshape(_BINS, _BINS, _BINS)
    for axis in range(3):
        padded = np.pad(counts, [(1, 1) if other == axis else (0, 0) for other in range(3)])
        before, after = np.take(padded, range(_BINS), axis), np.take(padded, range(2, _BINS + 2), axis)
        counts = counts + np.float32(0.4) * (before + after)
    return Colors(counts / np.float32(max(float(counts.sum()), 1.0)))


def cut_moving(picture: Array, motion: Motion, *, away: Array, known: Array) -> Array:
    """What moves, (H, W) of 0 and 1: the largest moving thing, its edge from the picture; ``away`` how unlike the
    background each pixel is, where that is ``known``.
    """
    height = picture.shape[0]
    moving = cv2.morphologyEx((motion.moved > 1.0).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    body = _largest(np.asarray(moving, np.uint8))
    body = fill_holes(body, area_px=0.01 * body.size)
    halo = max(2.0, height / 45)
    # Flow drags background along: what another frame shows at the same place of the wall is left to its colours.
    changed = motion.same > max(_NOISE, float(np.median(motion.same)) * 3)
    core = grow_matte(body, radius_px=-1.2 * halo) > 0.5
    labels = np.where((body > 0.5) & changed | core, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
    labels = np.where(core & changed, cv2.GC_FGD, labels)
    if known.any():
        labels = np.where((known > 0.5) & (away > 3), cv2.GC_FGD, labels)
        # What moves is not background, whatever the background's picture holds there: that may be the subject itself.
        like = (known > 0.5) & (away < 1.3)
        labels = np.where(like, np.where(labels == cv2.GC_FGD, cv2.GC_PR_FGD, cv2.GC_BGD), labels)
        # Feet that stand still are of one piece with a body that moves.
        body = _one_body(((body > 0.5) | ((known > 0.5) & (away > 3))).astype(np.uint8), near_px=2)
    labels = np.where(grow_matte(body, radius_px=halo) > 0.5, labels, cv2.GC_BGD)
    return _cut(picture, labels.astype(np.uint8))


def cut_prompted(
    picture: Array, away: Array, known: Array, *, box: BoxPrompt | None, points: tuple[PointPrompt, ...]
) -> Array:
    """The subject in the box or at the points, (H, W) of 0 and 1; ``away`` is how unlike the background each pixel is,
    where that is ``known``.
    """
    may_be = _reach(box, points, picture.shape[:2])
    is_away = (away > 2.5) & (known > 0.5)
    inner = _inner(may_be)
    guess = np.where(known > 0.5, is_away, inner) if is_away[may_be].mean() > 0.08 else inner
    still = _is_still(picture, away) & (known > 0.5) & may_be
    # A subject that hardly moves is still all over; what was pointed at is there all the same.
    still &= still.sum() < 0.8 * (guess & may_be).sum()
    matte = _without(_cut(picture, _prompted_labels(may_be, guess, still, points)), points)
    if matte[may_be].mean() < _LEAST_OF_BOX:
        matte = _without(_cut(picture, _prompted_labels(may_be, inner, np.zeros_like(still), points)), points)
    # An artist who draws a box means it: where no edge is found, the middle of the box is the subject.
    return matte if matte[may_be].mean() >= _LEAST_OF_BOX else _without(inner.astype(np.float32), points)


def _prompted_labels(may_be: Mask, guess: Mask, still: Mask, points: tuple[PointPrompt, ...]) -> Labels:
    labels = np.where(may_be, np.where(guess, cv2.GC_PR_FGD, cv2.GC_PR_BGD), cv2.GC_BGD).astype(np.uint8)
    labels[still] = cv2.GC_BGD
    for point in points:
        label = cv2.GC_FGD if point.keep else cv2.GC_BGD
        cv2.circle(labels, (int(point.x), int(point.y)), _point_px(may_be), int(label), -1)
    return labels


def with_points(matte: Array, points: tuple[PointPrompt, ...]) -> Array:
    """The matte with discs around the points on the subject and without those around the points off it."""
    drawn = matte.copy()
    for point in points:
        cv2.circle(drawn, (int(point.x), int(point.y)), _point_px(matte), float(point.keep), -1)
    return drawn


def cut_off(picture: Array, points: tuple[PointPrompt, ...]) -> Array:
    """What lies at the points off the subject, (H, W) of 0 and 1: the pixels of like colour around each of them."""
    height = picture.shape[0]
    shown = np.ascontiguousarray(np.rint(cv2.GaussianBlur(picture, (0, 0), 1.0) * 255), np.uint8)
    found = np.zeros(picture.shape[:2], np.uint8)
    for point in points:
        if point.keep:
            continue
        near = np.ones((height + 2, picture.shape[1] + 2), np.uint8)
        x, y = (min(max(int(value), 0), top - 1) for value, top in ((point.x, picture.shape[1]), (point.y, height)))
        cv2.circle(near, (x + 1, y + 1), round(_OFF_REACH * height), 0, -1)
        flags = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (2 << 8)
        cv2.floodFill(shown, near, (x, y), 0, _OFF_RANGE, _OFF_RANGE, flags)
        found |= (near[1:-1, 1:-1] == 2).astype(np.uint8)
        cv2.circle(found, (x, y), _point_px(picture), 1, -1)
    window = np.ones((5, 5), np.uint8)
    return np.asarray(cv2.morphologyEx(found, cv2.MORPH_CLOSE, window), np.float32)


def _without(matte: Array, points: tuple[PointPrompt, ...]) -> Array:
    """The matte without discs around the points off the subject: filling holes must not take them in again."""
    for point in points:
        if not point.keep:
            cv2.circle(matte, (int(point.x), int(point.y)), _point_px(matte), 0.0, -1)
    return matte


def _point_px(picture: npt.NDArray[Any]) -> int:
    return max(2, int(picture.shape[0]) // 90)


def _reach(box: BoxPrompt | None, points: tuple[PointPrompt, ...], shape: tuple[int, int]) -> Mask:
    """Where the subject may be: in the box, or within a third of the height of a point on it."""
    if box is not None:
        may_be = np.zeros(shape, bool)
        x0, y0, x1, y1 = (max(0, round(value)) for value in (box.x0, box.y0, box.x1, box.y1))
        may_be[y0:y1, x0:x1] = True
        return may_be
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]] + 0.5
    near = [np.hypot(x - point.x, y - point.y) < 0.33 * shape[0] for point in points if point.keep]
    return np.asarray(np.any(near, axis=0)) if near else np.zeros(shape, bool)


def _is_still(picture: Array, away: Array) -> Mask:
    """Where a patterned place looks exactly as in the rest of the shot: a plain shirt may have moved, a pattern not."""
    window = np.ones((7, 7), np.uint8)
    gray = picture.mean(axis=2)
    patterned = cv2.dilate(gray, window) - cv2.erode(gray, window) > 0.12
    return np.asarray(patterned & (cv2.blur(away, (7, 7)) < 1.0))


def _inner(may_be: Mask) -> Mask:
    """The middle of where the subject may be, for a shot in which nothing differs from the background."""
    box = bounding_box(may_be.astype(np.float32))
    y, x = np.mgrid[0 : may_be.shape[0], 0 : may_be.shape[1]] + 0.5
    across = (x - (box.x0 + box.x1) / 2) / max(1, box.width)
    down = (y - (box.y0 + box.y1) / 2) / max(1, box.height)
    return np.asarray(np.hypot(across, down) < 0.4)


def _cut(picture: Array, labels: Labels) -> Array:
    """A graph cut (GrabCut: Rother et al., SIGGRAPH 2004) near the labels: its largest island, holes filled."""
    is_subject = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))
    whole = Box(0, 0, picture.shape[1], picture.shape[0])
    place = bounding_box((labels != cv2.GC_BGD).astype(np.float32)).grow(picture.shape[0] // 10).clip(whole)
    if is_subject.sum() < 10 or (~is_subject[place.slices()]).sum() < 10:
        return is_subject.astype(np.float32)
    inside = np.ascontiguousarray(np.rint(picture[place.slices()] * 255).astype(np.uint8))
    local = np.ascontiguousarray(labels[place.slices()])
    cv2.setRNGSeed(1)
    cv2.grabCut(inside, local, (0, 0, 1, 1), np.zeros((1, 65)), np.zeros((1, 65)), 4, cv2.GC_INIT_WITH_MASK)
    out = np.zeros(picture.shape[:2], np.float32)
    found = np.isin(local, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    out[place.slices()] = _one_body(found, near_px=max(2, picture.shape[0] // 50))
    return fill_holes(out, area_px=max(20.0, 0.02 * float(out.sum())))


def _one_body(lit: Labels, *, near_px: int) -> Array:
    """The largest island with those near it: shoes are seldom of one piece with their legs."""
    body = _largest(lit)
    _count, islands = cv2.connectedComponents(lit)
    window = np.ones((2 * near_px + 1, 2 * near_px + 1), np.uint8)
    near = np.unique(islands[cv2.dilate(body, window) > 0])
    return np.isin(islands, near[near > 0]).astype(np.float32)


def _largest(lit: Labels) -> Array:
    """The largest island, and those of a tenth of its area."""
    count, islands, stats, _centers = cv2.connectedComponentsWithStats(lit)
    if count < 2:
        return np.zeros(lit.shape, np.float32)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    return np.asarray((areas > 0.1 * areas.max())[islands], np.float32)
