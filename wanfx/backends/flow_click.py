"""flow: cutting one picture without weights. What lies in the box or at the points, told from the rest by colour."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from wanfx.backends.flow import FlowSegmenter
from wanfx.backends.protocols import Array, BoxPrompt, ModelCard, PointPrompt, Prompts
from wanfx.errors import NothingFoundError
from wanfx.ops.segment import color_bins, cut_off, cut_prompted, learn_colors

_CUT_PX = 30_000
_LEAST_PX = 20
_LEAST_SURE = 0.15
_REMEDY = "click on the subject, or draw a box around it"


class FlowClicker:
    """Box or points; a graph cut by colours, its edge along the picture's."""

    name = "flow"
    models: tuple[ModelCard, ...] = FlowSegmenter.models

    def load(self) -> None:
        """Nothing to load."""

    def open(self, picture: Array) -> None:
        """Take a picture, display-encoded sRGB (H, W, 3) in [0, 1]."""
        self._picture = picture

    def click(self, prompts: Prompts) -> tuple[Array, float]:
        """The matte (H, W) and how well its colours tell it from what is around it. Raises NothingFoundError."""
        box, points = asked(prompts)
        picture = self._picture
        scale = min(1.0, (_CUT_PX / _reach_px(box, picture)) ** 0.5)
        size = max(16, round(picture.shape[1] * scale)), max(16, round(picture.shape[0] * scale))
        small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)
        nothing = np.zeros(small.shape[:2], np.float32)
        across, down = size[0] / picture.shape[1], size[1] / picture.shape[0]
        cut = cut_prompted(
            small, nothing, nothing, box=None if box is None else _scaled_box(box, across, down),
            points=tuple(replace(point, x=point.x * across, y=point.y * down) for point in points),
        )  # fmt: skip
        if cut.sum() < _LEAST_PX * scale:
            raise NothingFoundError("nothing was found at the box or points", remedy=_REMEDY)
        hard = np.asarray(cv2.resize(cut, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)
        sure = _telling(picture, hard)
        if box is None and sure < _LEAST_SURE:
            # No edge was found within reach: what is of one colour with the points.
            hard = cut_off(picture, tuple(replace(point, keep=False) for point in points if point.keep))
        return soften_cut(picture, hard * (1 - cut_off(picture, points))), sure


def asked(prompts: Prompts) -> tuple[BoxPrompt | None, tuple[PointPrompt, ...]]:
    """The last box and the points of a picture's prompts. Raises NothingFoundError where none is on the subject."""
    box = prompts.boxes[-1] if prompts.boxes else None
    if box is None and not any(point.keep for point in prompts.points):
        raise NothingFoundError("no point is on the subject", remedy=_REMEDY)
    return box, prompts.points


def soften_cut(picture: Array, cut: Array) -> Array:
    """A cut (H, W) in [0, 1] with its edge along the picture's (He et al., Guided Image Filtering, ECCV 2010)."""
    radius = max(2, round(3 * picture.shape[1] / 640))
    soft = cv2.ximgproc.guidedFilter(picture, cut, radius, 3e-4)
    return np.asarray(np.clip((soft - np.float32(0.2)) / np.float32(0.6), 0, 1), np.float32)


def _reach_px(box: BoxPrompt | None, picture: Array) -> float:
    """About how many pixels the cut looks at: those around the box, or within reach of a point."""
    height, width = picture.shape[:2]
    if box is None:
        return float(min((0.86 * height) ** 2, height * width))
    return float(min((box.x1 - box.x0 + 0.2 * height) * (box.y1 - box.y0 + 0.2 * height), height * width))


def _scaled_box(box: BoxPrompt, across: float, down: float) -> BoxPrompt:
    return replace(box, x0=box.x0 * across, y0=box.y0 * down, x1=box.x1 * across, y1=box.y1 * down)


def _telling(picture: Array, cut: Array) -> float:
    """How unlike the colours inside and just outside are, 0 to 1 (1 - Bhattacharyya coefficient)."""
    inside = cut > 0.5
    reach = 2 * max(2, picture.shape[0] // 24) + 1
    around = (cv2.dilate(inside.astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0) & ~inside
    if not inside.any() or not around.any():
        return 0.0
    bins = color_bins(picture)
    alike = np.sqrt(learn_colors(bins, inside).share * learn_colors(bins, around).share).sum()
    return float(np.clip(1 - alike, 0, 1))
