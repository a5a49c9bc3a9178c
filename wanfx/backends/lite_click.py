"""lite: cutting one picture while an artist clicks. The people in it are found when it is opened; a click chooses among
them, and colours cut what is no person.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from wanfx.backends.blaze import Roi
from wanfx.backends.blaze_body import Body, BodyNets
from wanfx.backends.blaze_mask import MaskNets
from wanfx.backends.blaze_people import people
from wanfx.backends.flow_click import FlowClicker, asked
from wanfx.backends.lite import LiteSegmenter
from wanfx.backends.lite_starts import SURE, Start, asked_regions, choose_body, read_bodies, start_of
from wanfx.backends.protocols import Array, BoxPrompt, ModelCard, PointPrompt, Prompts
from wanfx.ops.edge_colors import redraw_edge
from wanfx.ops.edges import grow_matte
from wanfx.ops.evidence import Evidence
from wanfx.ops.follow import draw_matte, follow, start_track
from wanfx.ops.segment import cut_off, with_points

_CLEAR = 0.5
_TOLD = np.float32(12.0)
_INSIDE = 0.5
_LOOKS_KEPT = 8
_RIM = np.ones((5, 5), np.uint8)


class LiteClicker:
    """Box or points on a person, cut as `LiteSegmenter` cuts its first frame; what is no person is cut by colours."""

    name = "lite"
    models: tuple[ModelCard, ...] = LiteSegmenter.models

    def load(self) -> None:
        """Raises MissingError where the files or what runs them are not there."""
        self._bodies = BodyNets()
        self._masks = MaskNets(self._bodies)
        self._colors = FlowClicker()

    def open(self, picture: Array) -> None:
        """Take a picture, display-encoded sRGB (H, W, 3) in [0, 1], and find the people in it."""
        self._picture = picture
        self._colors.open(picture)
        self._seen = read_bodies(self._bodies, picture, people(self._bodies, picture))
        self._found: dict[BoxPrompt | PointPrompt, list[Body]] = {}

    def click(self, prompts: Prompts) -> tuple[Array, float]:
        """The matte (H, W) and how sure it is. Raises NothingFoundError."""
        box, points = asked(prompts)
        body = self._choose(box, points)
        if body is None:
            return self._colors.click(prompts)
        start = start_of(body, self._seen, self._picture, frame=0, box=box, points=points)
        # Round things are darker at their rim than where they were pointed at.
        off = np.asarray(cv2.dilate(start.off, _RIM), np.float32)
        nothing = np.zeros((*self._picture.shape[:2], 5), np.float32)
        evidence = self._masks.fine_evidence(self._picture, subject=body.roi, rival=self._rival(start))
        pointed = self._pointed_on(start, points)
        told = Evidence(
            np.maximum(evidence.subject, _TOLD * pointed), np.maximum(evidence.rival, _TOLD * off), evidence.trust
        )
        # As the segmenter draws its first frame, but for the background, which only a whole shot shows.
        track = follow(start_track(self._picture, start.matte, nothing), self._picture, nothing, evidence=told)
        drawn = redraw_edge(self._picture, draw_matte(track, fit="tight"))
        matte = np.maximum(drawn, _soft(pointed)) * (1 - _soft(off))
        sure = body.score * float(np.clip(1.3 * track.agreement - 0.15, 0, 1))
        return np.asarray(matte, np.float32), round(sure, 4)

    def _choose(self, box: BoxPrompt | None, points: tuple[PointPrompt, ...]) -> Body | None:
        """Who was pointed at: one of those seen at first, else whoever is found by looking there; None for nobody.

        It depends on what was pointed at alone, not on what was before: undo brings back the same matte.
        """
        body, fit = choose_body(self._seen, self._picture, box=box, points=points)
        if fit < _CLEAR:
            place = box or next(point for point in points if point.keep)
            bodies = self._seen + self._look_at(place)
            body, fit = choose_body(bodies, self._picture, box=box, points=points)
        return body if fit >= SURE else None

    def _look_at(self, place: BoxPrompt | PointPrompt) -> list[Body]:
        """The people in and around a box or at a point; the last few looks are kept."""
        if place not in self._found:
            box, points = (place, ()) if isinstance(place, BoxPrompt) else (None, (place,))
            regions = asked_regions(self._bodies, self._picture, box, points)
            while len(self._found) >= _LOOKS_KEPT:
                del self._found[next(iter(self._found))]
            self._found[place] = read_bodies(self._bodies, self._picture, regions)
        return self._found[place]

    def _rival(self, start: Start) -> Roi | None:
        """The region of somebody else who is near the subject."""
        shape = start.matte.shape[0], start.matte.shape[1]
        near = grow_matte(start.matte, radius_px=0.1 * shape[0]) > _INSIDE
        best, most_px = None, 0
        for other in self._seen:
            mask = other.draw_mask(shape) > 0.7
            is_other = (mask & (start.matte > _INSIDE)).sum() < 0.3 * mask.sum()
            touching_px = int((mask & near).sum())
            if is_other and touching_px > most_px:
                best, most_px = other.roi, touching_px
        return best

    def _pointed_on(self, start: Start, points: tuple[PointPrompt, ...]) -> Array:
        """Points on the subject, and what lies at those that the network's mask has not taken in, (H, W) of 0 and 1."""
        mask = start.body.draw_mask(start.matte.shape[:2]) > _INSIDE
        height, width = mask.shape
        missed = tuple(
            replace(point, keep=False) for point in points
            if point.keep and not mask[min(int(point.y), height - 1), min(int(point.x), width - 1)]
        )  # fmt: skip
        on = tuple(point for point in points if point.keep)
        return with_points(cut_off(self._picture, missed), on)


def _soft(cut: Array) -> Array:
    return np.asarray(cv2.GaussianBlur(cut, (0, 0), 0.8), np.float32)
