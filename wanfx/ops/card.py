"""The reference's cut-out as a card that follows the actor: where it lies in each frame, and how it is drawn.

Lengths are in canvas pixels, across and down; where pixels are not square, widths are divided by the pixel aspect.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.crop import smooth
from wanfx.ops.cutout import character_box

Array = npt.NDArray[np.float32]
_EDGE_PX = 3
_HEAD = 0.22


@dataclass(frozen=True)
class SubjectMeasure:
    """Where the subject is in a frame: its box (x0, y0, x1, y1; half-open), its upper centre, its area.

    ``box`` is robust: stray pixels do not move it. An area of 0 means that nothing is there.
    """

    box: tuple[int, int, int, int]
    center_x: float
    head_width_px: float
    area_px: float

    @property
    def is_there(self) -> bool:
        return self.area_px > 0


@dataclass(frozen=True)
class Placement:
    """The card in a frame: where the middle of its lower edge lies (``x``, ``y``), and canvas rows a card row."""

    frame: int
    x: float
    y: float
    scale: float


def measure_subject(matte: Array) -> SubjectMeasure:
    """Measure a matte (H, W). Box edges are where 0.3 % of the area lies beyond them."""
    solid = matte >= 0.5
    rows, columns = solid.sum(axis=1), solid.sum(axis=0)
    area = float(rows.sum())
    if area < 16:
        return SubjectMeasure((0, 0, 0, 0), 0.0, 0.0, 0.0)
    y0, y1 = _span(rows)
    x0, x1 = _span(columns)
    head_end = y0 + max(2, round((y1 - y0) * _HEAD))
    head = solid[y0:head_end].sum(axis=0)
    center = float((np.arange(len(head)) * head).sum() / max(head.sum(), 1)) + 0.5
    body = float((np.arange(len(columns)) * columns).sum() / area) + 0.5
    width = float(np.median(solid[y0:head_end].sum(axis=1)))
    return SubjectMeasure((x0, y0, x1, y1), round(0.5 * (center + body), 3), round(width, 3), area)


def _span(counts: npt.NDArray[np.int_]) -> tuple[int, int]:
    share = counts.cumsum() / counts.sum()
    return int(np.searchsorted(share, 0.003)), int(np.searchsorted(share, 0.997)) + 1


def place_cards(
    measures: Mapping[int, SubjectMeasure],
    *,
    confidence: Mapping[int, float],
    reference_alpha: Array,
    canvas: Box,
    pixel_aspect: float,
) -> list[Placement]:
    """The card in every frame, as tall as the actor and standing where he stands.

    Where the frame's lower edge cuts the actor off, how much of him is hidden is taken from the width of his head and
    shoulders, and the card goes as far below the edge as it needs. Frames without a subject are interpolated; the path
    is smoothed without lag.
    """
    frames = sorted(measures)
    there = [f for f in frames if measures[f].is_there and confidence.get(f, 1.0) > 0.15]
    there = there or [f for f in frames if measures[f].is_there]
    if not there:
        return [Placement(frame, canvas.width / 2, float(canvas.height), 0.0) for frame in frames]
    card = character_box(reference_alpha)
    is_cut = card.y1 >= reference_alpha.shape[0] - _EDGE_PX
    ratio = _card_ratio(reference_alpha, card)
    tops = np.array([measures[f].box[1] for f in there], float)
    heights = np.array([_height(measures[f], canvas, ratio if is_cut else None, pixel_aspect) for f in there])
    height = np.maximum(smooth(heights.tolist(), at=there, frames=frames), 2.0)
    top = smooth(tops.tolist(), at=there, frames=frames)
    x = smooth([measures[f].center_x for f in there], at=there, frames=frames)
    scales = height / card.height
    below = (reference_alpha.shape[0] - card.y1) * scales
    # The character need not stand in the middle of its picture.
    aside = (reference_alpha.shape[1] / 2 - measure_subject(reference_alpha).center_x) * scales / pixel_aspect
    return [
        Placement(frame, float(cx), float(cy), float(scale))
        for frame, cx, cy, scale in zip(frames, x + aside, top + height + below, scales, strict=True)
    ]


def _card_ratio(alpha: Array, card: Box) -> float:
    """The card's height over the width of its head."""
    head = alpha[card.y0 : card.y0 + max(2, round(card.height * _HEAD))] >= 0.5
    return card.height / max(1.0, float(np.median(head.sum(axis=1))))


def _height(measure: SubjectMeasure, canvas: Box, ratio: float | None, pixel_aspect: float) -> float:
    """How tall the card is: as the actor, or, where both are cut off below, by the width of their heads."""
    _x0, y0, _x1, y1 = measure.box
    seen = float(y1 - y0)
    if y1 < canvas.height - _EDGE_PX or ratio is None:
        return seen
    return max(seen, min(2.0 * seen, ratio * measure.head_width_px * pixel_aspect))


def card_box(placement: Placement, *, width: int, height: int, pixel_aspect: float) -> Box:
    """The canvas box that a card of ``width`` x ``height`` covers."""
    across = placement.scale / pixel_aspect
    x0, y0 = placement.x - width * across / 2, placement.y - height * placement.scale
    return Box(int(np.floor(x0)), int(np.floor(y0)), int(np.ceil(x0 + width * across)), int(np.ceil(placement.y)))


def draw_card(reference: Array, placement: Placement, *, box: Box, pixel_aspect: float) -> Array:
    """The card (h, w, 4, premultiplied, linear) as it lies in ``box`` of the canvas: (H, W, 4), unclamped.

    What a canvas pixel covers of the card is averaged, by a filter that changes smoothly with the scale, so that a card
    that slowly grows does not flicker; then the card is moved by bilinear sampling.
    """
    out = np.zeros((box.height, box.width, 4), np.float32)
    if placement.scale <= 0:
        return out
    height, width = reference.shape[:2]
    across, down = placement.scale / pixel_aspect, placement.scale
    card = _shrunk(reference, across=across, down=down)
    sx, sy = width * across / card.shape[1], height * down / card.shape[0]
    x0, y0 = placement.x - width * across / 2 - box.x0, placement.y - height * down - box.y0
    # Pixel centres at .5: sample (i + .5) of the card lies at x0 + (i + .5) * sx.
    matrix = np.array([[sx, 0.0, x0 + 0.5 * sx - 0.5], [0.0, sy, y0 + 0.5 * sy - 0.5]])
    drawn = cv2.warpAffine(
        card, matrix, (box.width, box.height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT
    )
    return np.asarray(drawn, np.float32)


def _shrunk(card: Array, *, across: float, down: float) -> Array:
    """The card halved while it stays no smaller than wanted, and blurred by what is left.

    A card drawn from either side of a halving is equally sharp.
    """
    height, width = card.shape[:2]
    halvings_x, halvings_y = (max(0, int(np.floor(-np.log2(scale)))) for scale in (across, down))
    size = (max(1, round(width / 2**halvings_x)), max(1, round(height / 2**halvings_y)))
    if size != (width, height):
        card = np.asarray(cv2.resize(card, size, interpolation=cv2.INTER_AREA), np.float32)
    taps_x, taps_y = _rest_taps(width * across / size[0]), _rest_taps(height * down / size[1])
    return np.asarray(cv2.sepFilter2D(card, -1, taps_x, taps_y, borderType=cv2.BORDER_REPLICATE), np.float32)


def _rest_taps(scale: float) -> Array:
    """The taps that make a card pixel, once drawn, as wide as one at scale 1: variance (1 / scale^2 - 1) / 4.

    A quarter of a pixel squared is the box of a halving (1/12) and the tent of bilinear sampling (1/6).
    """
    half = min(max(1.0 / scale**2 - 1.0, 0.0) / 4, 1.0) / 2
    taps = np.array([half / 2, 1 - half, half / 2])
    return np.convolve(taps, taps).astype(np.float32)
