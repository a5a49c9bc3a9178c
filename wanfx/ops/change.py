"""Where a generated picture shows something else than the background it was given: the new character, or its shadow.

Outside the character both show the same thing, but for the generator's own error: a cast, softness, small shifts and
noise. Those are allowed for, and what is left is evidence for a matte.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.ops.edges import bounding_box, fill_holes, grow_matte, remove_specks

Array = npt.NDArray[np.float32]
_LEAST = 0.03
_FIT_POINTS = 20000
_SAME, _OTHER, _BESIDE = np.float32(-6), np.float32(3), np.float32(3)
_SURE = np.float32(4)
_GAP, _HOLE, _NEXT = 0.01, 0.15, 0.06
_SHADE_STOPS = (-3.5, -0.1)


@dataclass(frozen=True, eq=False)
class Change:
    """How surely a picture was changed (H, W), and how surely only its light was dimmed (H, W); in [0, 1]."""

    sure: Array
    shade: Array


def find_change(generated: Array, background: Array, *, hint: Array) -> Change:
    """What differs between two (H, W, 3) pictures in model space. ``hint`` (H, W) is about where a character may be.

    Softness and shifts of a pixel are no change: a value between the darkest and the brightest beside it is the same.
    """
    outside = hint < 0.5
    given = _with_cast(background, generated, outside)
    disc = np.ones((3, 3), np.uint8)
    over, under = generated - cv2.dilate(given, disc), cv2.erode(given, disc) - generated
    size = np.sqrt(np.square(np.maximum(np.maximum(over, under), 0)).mean(axis=2))
    size = np.asarray(cv2.GaussianBlur(size, (0, 0), 1.0), np.float32)
    usual = float(np.percentile(size[outside], 60)) if outside.any() else 0.0
    least = max(_LEAST, 2 * usual)
    sure = _step(size, least, 2 * least)
    return Change(sure, sure * _shade(generated, given))


def _with_cast(background: Array, generated: Array, outside: npt.NDArray[np.bool_]) -> Array:
    """The background with the generator's own gain and offset of each channel, by weights that drop what differs."""
    places = np.flatnonzero(outside)
    places = places[:: max(1, len(places) // _FIT_POINTS)]
    out = background.copy()
    if len(places) < 50:
        return out
    for channel in range(3):
        x = background[..., channel].reshape(-1)[places].astype(np.float64)
        y = generated[..., channel].reshape(-1)[places].astype(np.float64)
        gain, offset = 1.0, float(np.median(y - x))
        for _ in range(4):
            miss = y - gain * x - offset
            scale = max(1.4826 * float(np.median(np.abs(miss))), 1e-3)
            weight = np.clip(1 - (miss / (4.685 * scale)) ** 2, 0, 1) ** 2
            total = max(float(weight.sum()), 1e-9)
            mx, my = float((weight * x).sum()) / total, float((weight * y).sum()) / total
            spread = float((weight * (x - mx) ** 2).sum()) / total
            # A plain background says nothing of the gain.
            gain = (float((weight * (x - mx) * (y - my)).sum()) / total + 1e-3) / (spread + 1e-3)
            offset = my - gain * mx
        out[..., channel] = np.float32(gain) * background[..., channel] + np.float32(offset)
    return out


def _shade(generated: Array, given: Array) -> Array:
    """Where the light of all channels is dimmed alike: a shadow, or something dark and grey."""
    stops = np.log2(_light(generated) / _light(given))
    mean = stops.mean(axis=2)
    apart = stops.max(axis=2) - stops.min(axis=2)
    alike = 1 - _step(apart, 0.1 + 0.2 * np.abs(mean), 0.2 + 0.5 * np.abs(mean))
    dark, light = _SHADE_STOPS
    return np.asarray(alike * (mean > dark) * (mean < light), np.float32)


def _light(model: Array) -> Array:
    """About linear light of model space, soft."""
    code = np.clip(cv2.GaussianBlur(model, (0, 0), 1.5) * np.float32(0.5) + np.float32(0.5), 0.02, None)
    return np.asarray(code ** np.float32(2.2), np.float32)


def join_matte(segment: Array, change: Change) -> Array:
    """The new character's matte (H, W) in [0, 1] from a segmenter's ``segment`` (H, W) and what was changed.

    What was not changed is no character, whatever it looks like; what was is, where the segmenter does not object or
    next to what it found. Where light was only dimmed the segmenter decides. A ``segment`` of 0.5 has no opinion.
    """
    length = max(segment.shape)
    closed = _closed(change.sure, radius_px=_GAP * length)
    # A hole that is all around changed shows the character in the background's color, or the background through it.
    hole = fill_holes(closed, area_px=(_HOLE * length) ** 2) - closed
    gate = closed + np.clip(hole, 0, 1) * segment
    found = np.clip(segment, 1e-3, 1 - 1e-3)
    opinion = np.clip(np.log(found / (1 - found)), -_SURE, _SURE)
    beside = grow_matte((segment > 0.6).astype(np.float32), radius_px=float(np.ceil(_NEXT * length))) * change.sure
    other = _OTHER * (change.sure - change.shade) + _BESIDE * beside * (1 - change.shade)
    score = opinion + _SAME * (1 - gate) + other
    matte = np.asarray(1 / (1 + np.exp(-score)), np.float32)
    matte = _step(matte, 0.1, 0.9)
    return fill_holes(remove_specks(matte, area_px=(2 * _GAP * length) ** 2), area_px=(_GAP * length) ** 2)


def largest_box(change: Change, *, hint: Array) -> tuple[int, int, int, int] | None:
    """Corners of the box around what was changed at ``hint`` (H, W), or anywhere; None where nothing was."""
    sure = ((change.sure - 0.7 * change.shade) > 0.5).astype(np.uint8)
    sure = np.asarray(cv2.morphologyEx(sure, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8)
    joined = cv2.dilate(sure, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)))
    count, labels = cv2.connectedComponents(joined, connectivity=8)
    if count < 2:
        return None
    weight = sure * (0.1 + hint)
    sums = np.bincount(labels.reshape(-1), weights=weight.reshape(-1), minlength=count)
    sums[0] = 0
    if sums.max() <= 0:
        return None
    box = bounding_box((labels == int(sums.argmax())) & (sure > 0))
    return box.x0, box.y0, box.x1, box.y1


def _closed(matte: Array, *, radius_px: float) -> Array:
    """Gaps narrower than two radii closed."""
    radius = max(1, round(radius_px))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.morphologyEx(matte, cv2.MORPH_CLOSE, disc, borderType=cv2.BORDER_REPLICATE), np.float32)


def _step(values: Array, low: Array | float, high: Array | float) -> Array:
    t = np.clip((values - low) / np.maximum(np.asarray(high) - low, 1e-6), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)
