"""One person's body from frame to frame: the one a matte shows, looked for again where it is lost."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from wanfx.backends.blaze import Roi, take_crop
from wanfx.backends.blaze_body import Body, BodyNets
from wanfx.backends.protocols import Array
from wanfx.frames import Box
from wanfx.ops.edges import bounding_box

_SIDE = 64
_SURE = 0.5
_LOST = 0.25
_SLACK = 0.04


@dataclass(frozen=True, eq=False)
class Match:
    """A body, and how well it agrees with the matte of whom it should be, in [0, 1]."""

    body: Body
    agreement: float


class BodyFollower:
    """Reads the body of the person that each frame's matte shows."""

    def __init__(self, nets: BodyNets) -> None:
        self._nets = nets
        self._last: Body | None = None
        self._usual = 0.0

    def read(self, picture: Array, matte: Array) -> Match | None:
        """The body in a frame, or None where nobody agrees with the matte."""
        box = bounding_box(matte, above=0.5)
        if box.is_empty:
            self._last = None
            return None
        best: Match | None = None
        if self._last is not None:
            best = self._match(picture, matte, self._last.next_roi)
            if best.agreement > max(_SURE, 0.8 * self._usual):
                return self._kept(best)
        for roi in self._candidates(picture, box):
            match = self._match(picture, matte, roi)
            # A region found by the detector is read again as the body itself places it.
            match = max(match, self._match(picture, matte, match.body.next_roi), key=lambda one: one.agreement)
            if best is None or match.agreement > best.agreement:
                best = match
            if best.agreement > max(_SURE, 0.8 * self._usual):
                break
        if best is None or best.agreement < _LOST:
            self._last = None
            return None
        return self._kept(best)

    def _kept(self, match: Match) -> Match:
        self._last = match.body
        self._usual = match.agreement if self._usual == 0 else self._usual + 0.1 * (match.agreement - self._usual)
        return match

    def _candidates(self, picture: Array, box: Box) -> list[Roi]:
        """Regions around the matte's box: what the detector finds in it, and the box itself as a standing figure."""
        size = float(max(box.width, box.height))
        middle = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
        around = Roi(*middle, 1.5 * size)
        found = [roi for roi, _score in self._nets.detect(picture, around, least=0.3)[:2]]
        return [*found, Roi(*middle, 1.25 * size), Roi(middle[0], float(box.y1), 2.2 * size)]

    def _match(self, picture: Array, matte: Array, roi: Roi) -> Match:
        body = self._nets.read(picture, roi)
        return Match(body, agreement(body, matte))


def agreement(body: Body, matte: Array) -> float:
    """How well a body's mask and points agree with a matte (H, W), in [0, 1]."""
    ours = np.asarray(cv2.resize(body.mask, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.float32)
    given = take_crop(np.ascontiguousarray(matte), body.roi, side_px=_SIDE)
    area = float(matte.sum()) * (_SIDE / body.roi.size_px) ** 2
    both = float(np.minimum(ours, given).sum())
    either = float(ours.sum()) + max(area, float(given.sum())) - both
    likeness = both / either if either > 0 else 0.0
    return body.score * (0.5 * likeness + 0.5 * _share_inside(body, matte))


def _share_inside(body: Body, matte: Array) -> float:
    """The share of the points that are seen which lie on the matte or next to it."""
    seen = (body.visible * body.present) > 0.5
    height, width = matte.shape
    inside = (body.points[:, 0] >= 0) & (body.points[:, 0] < width) & (body.points[:, 1] >= 0)
    seen &= inside & (body.points[:, 1] < height)
    if not seen.any():
        return 0.0
    reach = 2 * max(1, round(_SLACK * body.roi.size_px / 2)) + 1
    grown = cv2.dilate((matte > 0.5).astype(np.uint8), np.ones((reach, reach), np.uint8))
    x, y = body.points[seen, 0].astype(int), body.points[seen, 1].astype(int)
    return float(grown[y, x].mean())
