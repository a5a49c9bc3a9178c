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


@dataclass(frozen=True, eq=False)
class Sighting:
    """The subject's body where it is seen, and somebody else's that is in its place."""

    body: Body | None
    rival: Body | None


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


class PersonFinder:
    """Finds the subject's body frame by frame, in one direction of time."""

    def __init__(self, nets: BodyNets, looks: Looks) -> None:
        self._nets, self._looks = nets, looks
        self._last: Body | None = None
        self._missed = 0

    def start(self, body: Body | None) -> None:
        """The body in the frame to start from."""
        self._last, self._missed = body, 0

    def find(self, picture: Array, prior: Array) -> Sighting:
        """The subject's body; ``prior`` (h, w) in [0, 1], of any size of the same shape, is where it was just now."""
        bins = color_bins(picture)
        matte = np.asarray(cv2.resize(prior, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)
        rivals: list[tuple[float, Body]] = []
        if self._last is not None:
            body = self._nets.read(picture, self._last.next_roi)
            if self._is_subject(body, bins, matte, rivals):
                return self._seen(body, bins)
        best: tuple[float, Body] | None = None
        for roi in self._candidates(picture, matte):
            body = self._nets.read(picture, roi)
            lead = self._is_subject(body, bins, matte, rivals)
            if lead and (best is None or lead > best[0]):
                best = lead, body
        if best is not None:
            return self._seen(best[1], bins)
        self._missed += 1
        self._last = None if self._missed > 5 else self._last
        return Sighting(None, max(rivals, key=lambda one: one[0])[1] if rivals else None)

    def _seen(self, body: Body, bins: npt.NDArray[np.intp]) -> Sighting:
        self._last, self._missed = body, 0
        self._looks.learn(bins, _core(body, bins.shape))
        return Sighting(body, None)

    def _candidates(self, picture: Array, matte: Array) -> list[Roi]:
        box = bounding_box(matte, above=0.5)
        if box.is_empty or (self._missed > 3 and self._missed % 3 == 0):
            return people(self._nets, picture)
        size = float(max(box.width, box.height))
        middle = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
        found = [roi for roi, _score in self._nets.detect(picture, Roi(*middle, 1.5 * size), least=0.3)[:3]]
        return [*found, Roi(*middle, 1.25 * size)]

    def _is_subject(
        self, body: Body, bins: npt.NDArray[np.intp], matte: Array, rivals: list[tuple[float, Body]]
    ) -> float:
        """The lead of a body that is the subject, else 0; who is surely somebody else is noted."""
        if body.score < _SEEN:
            return 0.0
        core = _core(body, bins.shape)
        lead = self._looks.lead(bins, core)
        overlap = _overlap(core, matte > 0.5)
        if lead <= 0:
            rivals.append((overlap, body))
            return 0.0
        is_near = overlap > _OVERLAP or (matte > 0.5).sum() < 0.3 * core.sum()
        return lead + overlap if is_near else 0.0


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
