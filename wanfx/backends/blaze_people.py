"""The chosen person among others: told by place and looks, so that the network cannot jump to somebody else."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.backends.blaze import Roi, whole_picture
from wanfx.backends.blaze_body import Body, BodyNets
from wanfx.backends.protocols import Array
from wanfx.ops.edges import bounding_box
from wanfx.ops.segment import Colors, color_bins, learn_colors

Mask = npt.NDArray[np.bool_]
_RATE = 0.03
_SEEN = 0.5
_ALIKE = 0.78
_AHEAD = 0.015
_OVERLAP = 0.25
_LEAST_PX = 60
_LOST = 4
_EVERY = 3
_PACE = 0.06


@dataclass(frozen=True, eq=False)
class Sighting:
    """The subject's body where it is seen, how surely it is the subject's (0 to 1), and somebody else's near it."""

    body: Body | None
    rival: Body | None
    sure: float = 0.0


class Looks:
    """What colours the subject has, and those of others in the shot."""

    def __init__(self, picture: Array, subject: Mask, others: list[Mask]) -> None:
        bins = color_bins(picture)
        self._first = self._ours = learn_colors(bins, subject)
        self._theirs = [learn_colors(bins, other) for other in others]
        self._usual = 1.0

    def lead(self, bins: npt.NDArray[np.intp], where: Mask) -> float:
        """How much more a part of a picture looks like the subject than like others: above 0 it is the subject."""
        if int(where.sum()) < _LEAST_PX:
            return -1.0
        colors = learn_colors(bins, where)
        ours = max(_alike(self._first, colors), _alike(self._ours, colors))
        lead = ours - _ALIKE * self._usual
        if self._theirs:
            lead = min(lead, ours - _AHEAD - max(_alike(other, colors) for other in self._theirs))
        return lead

    def learn(self, bins: npt.NDArray[np.intp], where: Mask) -> None:
        """What the subject looks like now; half of it stays what it was pointed at with."""
        if int(where.sum()) < _LEAST_PX:
            return
        colors = learn_colors(bins, where)
        self._usual += _RATE * (_alike(self._first, colors) - self._usual)
        self._ours = self._ours.mixed(colors, weight=_RATE).mixed(self._first, weight=_RATE)


def _alike(a: Colors, b: Colors) -> float:
    """Bhattacharyya coefficient of two colour distributions, 0 to 1."""
    return float(np.sqrt(a.share * b.share).sum())


@dataclass(frozen=True, eq=False)
class _Try:
    """A body that may be the subject's: how much more it looks like it, how far it lies where that was, its worth."""

    body: Body
    lead: float
    overlap: float
    worth: float


class PersonFinder:
    """Finds the subject's body frame by frame, in one direction of time."""

    def __init__(self, nets: BodyNets, looks: Looks, *, body: Body, matte: Array) -> None:
        """Starts where the subject is known: its body, and its cut (H, W)."""
        self._nets, self._looks = nets, looks
        self._last: Body | None = body
        self._area_px = max(float((matte > 0.5).sum()), 1.0)
        self._missed = 0

    def find(self, picture: Array, prior: Array) -> Sighting:
        """The subject's body; ``prior`` (h, w) in [0, 1], of any size of the same shape, is where it was just now."""
        matte = np.asarray(cv2.resize(prior, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32) > 0.5
        if self._missed > _LOST and self._missed % _EVERY and not matte.any():
            self._missed += 1
            return Sighting(None, None)
        bins = color_bins(picture)
        tried: list[_Try] = []
        if self._last is not None and self._missed <= _LOST:
            tried.append(self._try(picture, bins, matte, self._last.next_roi))
        if not tried or tried[0].worth <= 0:
            tried += [self._try(picture, bins, matte, roi) for roi in self._candidates(picture, matte)]
        best = max(tried, key=lambda one: one.worth, default=None)
        if best is None or best.worth <= 0:
            self._missed += 1
            rivals = [one for one in tried if one.body.score > _SEEN and one.lead < 0]
            nearest = max(rivals, key=lambda one: one.overlap, default=None)
            return Sighting(None, None if nearest is None else nearest.body)
        self._last, self._missed = best.body, 0
        core = _core(best.body, bins.shape)
        self._area_px += _RATE * (float(core.sum()) - self._area_px)
        self._looks.learn(bins, core)
        return Sighting(best.body, None, best.body.score * float(np.clip(0.6 + 8 * best.lead, 0, 1)))

    def _candidates(self, picture: Array, matte: Mask) -> list[Roi]:
        box = bounding_box(matte)
        if box.is_empty or self._missed > _LOST:
            return people(self._nets, picture)
        size = float(max(box.width, box.height))
        middle = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
        found = [roi for roi, _score in self._nets.detect(picture, Roi(*middle, 1.5 * size), least=0.3)[:3]]
        return [*found, Roi(*middle, 1.25 * size)]

    def _try(self, picture: Array, bins: npt.NDArray[np.intp], matte: Mask, roi: Roi) -> _Try:
        """The body in a region, and what speaks for its being the subject's: looks, place, and how big it is."""
        body = self._nets.read(picture, roi)
        core = _core(body, bins.shape)
        area = float(core.sum())
        if area < _LEAST_PX:
            return _Try(body, 0.0, 0.0, 0.0)
        lead, overlap = self._looks.lead(bins, core), _overlap(core, matte)
        is_whole = body.score > _SEEN and 0.3 < area / self._area_px < 2.5 and self._is_near(body)
        # Where the last mask has shrunk to next to nothing, place says nothing.
        is_there = overlap > _OVERLAP or float(matte.sum()) < 0.3 * area
        worth = lead + overlap if lead > 0 and is_whole and is_there else 0.0
        return _Try(body, lead, overlap, worth)

    def _is_near(self, body: Body) -> bool:
        """Whether the subject could have come here since it was last seen."""
        if self._last is None:
            return True
        last, size = self._last.roi, self._last.roi.size_px
        away = float(np.hypot(body.roi.x - last.x, body.roi.y - last.y))
        is_alike = 0.5 < body.roi.size_px / size < 2.0
        return is_alike and away < size * (0.25 + _PACE * self._missed)


def people(nets: BodyNets, picture: Array) -> list[Roi]:
    """The regions of everybody a picture shows: the detector is run on the whole picture and on parts of it."""
    height, width = picture.shape[:2]
    found = nets.detect(picture, whole_picture(picture), least=0.4)
    for x in (height / 2, width / 2, width - height / 2) if width > 1.2 * height else ():
        found += nets.detect(picture, Roi(x, height / 2, float(height)), least=0.4)
    apart: list[Roi] = []
    for roi, _score in sorted(found, key=lambda one: -one[1]):
        if all(np.hypot(roi.x - other.x, roi.y - other.y) > 0.12 * other.size_px for other in apart):
            apart.append(roi)
    return apart[:5]


def _core(body: Body, shape: tuple[int, ...]) -> Mask:
    return np.asarray(body.draw_mask((shape[0], shape[1])) > 0.7)


def _overlap(a: Mask, b: Mask) -> float:
    either = float((a | b).sum())
    return float((a & b).sum()) / either if either else 0.0
