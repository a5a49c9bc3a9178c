"""A subject cut from its frame: by where it was, by its colours, and by how unlike the background it is."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.backends.protocols import Array, PointPrompt
from wanfx.frames import Box
from wanfx.ops.edges import bounding_box, fill_holes, grow_matte

_BINS = 16
_LEARN = np.float32(0.1)
_REACH_PX = 14


@dataclass(frozen=True, eq=False)
class ColorModel:
    """Colour histograms of the subject and of what is around it: (16, 16, 16), summing to 1."""

    subject: Array
    around: Array

    def likelihood(self, picture: Array) -> Array:
        """log(p(subject) / p(around)) of each pixel's colour, within +-4."""
        bins = _bins(picture)
        ratio = np.log((self.subject + np.float32(1e-5)) / (self.around + np.float32(1e-5)))
        return np.clip(ratio[bins[..., 0], bins[..., 1], bins[..., 2]], -4, 4)

    def updated(self, picture: Array, matte: Array) -> ColorModel:
        """The model, a tenth of it learned anew."""
        now = learn_colors(picture, matte)
        return ColorModel(
            self.subject + _LEARN * (now.subject - self.subject), self.around + _LEARN * (now.around - self.around)
        )


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of a frame before it is cut: ``prior`` is where the subject was (or may be, at a start), ``away``
    how unlike the background each pixel is (about 1 where it is background), ``colors`` the subject's, where known.
    """

    prior: Array
    away: Array
    colors: ColorModel | None
    points: tuple[PointPrompt, ...]
    is_start: bool


def learn_colors(picture: Array, matte: Array) -> ColorModel:
    """The colours in a matte and in a ring around it."""
    near = grow_matte(matte, radius_px=40) - grow_matte(matte, radius_px=3)
    return ColorModel(_histogram(picture, matte > 0.8), _histogram(picture, near > 0.5))


def _histogram(picture: Array, where: npt.NDArray[np.bool_]) -> Array:
    bins = _bins(picture[where][None])[0]
    counts = np.zeros((_BINS, _BINS, _BINS), np.float32)
    np.add.at(counts, (bins[:, 0], bins[:, 1], bins[:, 2]), 1)
    smooth = counts
    for axis in range(3):
        smooth = smooth + np.float32(0.5) * (np.roll(smooth, 1, axis) + np.roll(smooth, -1, axis))
    return np.asarray(smooth / max(float(smooth.sum()), 1.0), np.float32)


def _bins(picture: Array) -> npt.NDArray[np.intp]:
    return np.clip(picture * _BINS, 0, _BINS - 1).astype(np.intp)


def cut_subject(picture: Array, evidence: Evidence) -> Array:
    """The subject's matte (H, W) in [0, 1].

    A graph cut (GrabCut: Rother et al., SIGGRAPH 2004) over labels that the evidence gives, within reach of the prior;
    then the parts that touch the prior, holes filled, edges softened along the picture's own.
    """
    whole = Box(0, 0, picture.shape[1], picture.shape[0])
    reach = _REACH_PX if not evidence.is_start else 4
    place = bounding_box(evidence.prior, above=0.3).grow(reach + 16).clip(whole)
    if bounding_box(evidence.prior, above=0.3).is_empty:
        return np.zeros(picture.shape[:2], np.float32)
    labels = _labels(evidence, picture, reach)[place.slices()].copy()
    inside = np.rint(picture[place.slices()] * 255).astype(np.uint8)
    cut = _graph_cut(np.ascontiguousarray(inside), labels)
    cut = _touching(cut, evidence.prior[place.slices()])
    cut = fill_holes(cut, area_px=max(30.0, 0.02 * float(cut.sum())))
    soft = cv2.ximgproc.guidedFilter(np.ascontiguousarray(picture[place.slices()]), cut, 3, 1e-4)
    out = np.zeros(picture.shape[:2], np.float32)
    out[place.slices()] = np.clip(soft, 0, 1)
    return out


def _labels(evidence: Evidence, picture: Array, reach: int) -> npt.NDArray[np.uint8]:
    prior = evidence.prior
    score = np.where(evidence.away > 2.0, np.float32(1.5), np.where(evidence.away < 1.0, np.float32(-1.0), 0.0))
    if evidence.colors is not None:
        score = score + np.float32(0.6) * evidence.colors.likelihood(picture)
    if evidence.is_start:
        labels = np.where(score >= 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
        labels = np.where(prior > 0.5, labels, cv2.GC_BGD)
        if not (evidence.away[prior > 0.5] > 2.0).any():
            labels = np.where(_middle(prior), cv2.GC_PR_FGD, labels)
    else:
        core = grow_matte(prior, radius_px=-4.0) > 0.7
        score = score + np.float32(4.0) * (prior - np.float32(0.5))
        labels = np.where(score > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD)
        labels = np.where(core & (score > 0.5), cv2.GC_FGD, labels)
        labels = np.where(grow_matte(prior, radius_px=float(reach)) < 0.3, cv2.GC_BGD, labels)
    return _with_points(labels.astype(np.uint8), evidence.points)


def _middle(prior: Array) -> npt.NDArray[np.bool_]:
    """The middle of the box, for a shot in which nothing differs from the background."""
    box = bounding_box(prior, above=0.5)
    y, x = np.mgrid[0 : prior.shape[0], 0 : prior.shape[1]] + 0.5
    across = (x - (box.x0 + box.x1) / 2) / max(1, box.width)
    down = (y - (box.y0 + box.y1) / 2) / max(1, box.height)
    return np.asarray(np.hypot(across, down) < 0.4)


def _with_points(labels: npt.NDArray[np.uint8], points: tuple[PointPrompt, ...]) -> npt.NDArray[np.uint8]:
    for point in points:
        label = cv2.GC_FGD if point.keep else cv2.GC_BGD
        cv2.circle(labels, (int(point.x), int(point.y)), 3, int(label), -1)
    return labels


def _graph_cut(picture: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8]) -> Array:
    is_subject = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))
    if is_subject.sum() < 10 or (~is_subject).sum() < 10:
        return is_subject.astype(np.float32)
    cv2.setRNGSeed(1)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(picture, labels, None, models[0], models[1], 2, cv2.GC_INIT_WITH_MASK)
    return np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.float32)


def _touching(cut: Array, prior: Array) -> Array:
    """The islands that lie mostly on the prior, and the largest of all."""
    count, labels, stats, _centers = cv2.connectedComponentsWithStats((cut > 0.5).astype(np.uint8))
    if count < 2:
        return cut
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    overlap = np.bincount(labels.ravel(), weights=(prior > 0.5).ravel(), minlength=count)
    areas = stats[:, cv2.CC_STAT_AREA]
    kept = (overlap > 0.5 * areas) & (areas > 0.02 * areas[largest])
    kept[largest], kept[0] = True, False
    return np.asarray(kept[labels], np.float32)
