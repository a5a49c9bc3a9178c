"""A clean plate: what other frames saw where the subject stands in this one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.consensus import Away, Consensus, believe, find_consensus, find_leftovers, lower_median
from wanfx.ops.edges import remove_specks
from wanfx.ops.fill import fill_smooth
from wanfx.ops.glance import Array, Glance, Matrix, warp_into
from wanfx.ops.places import Places, sample_at
from wanfx.ops.register import fit_gain, gain_field, refine_motion

_SEEN_WEIGHT = np.float32(0.2)
_VISIBLE = 0.95
_OUTLIER_STOPS = np.float32(0.35)
_NEAR = 0.2
_CLOSE_PX = 12.0
_FADE = 0.15
_CHUNK = 8192
_SPECK = 6.0
_BEND_PX = 2.0
_SOFT = np.float32(0.25)


@dataclass(frozen=True, eq=False)
class Sample:
    """Another frame: a glance at it, its pixels (H, W, 3, linear, finite) on demand, its homography to this frame."""

    glance: Glance
    read: Callable[[], npt.NDArray[Any]]
    matrix: Matrix


@dataclass(frozen=True, eq=False)
class _Judged:
    """A sample as this frame's box sees it, small: its motion made exact, exposure, and how far it is believed."""

    sample: Sample
    matrix: Matrix
    gain: Array
    stops: Array
    visible: npt.NDArray[np.bool_]
    away_px: Array


def choose_samples(
    frames: Sequence[int], frame: int, *, count: int, confidence: Mapping[int, float]
) -> tuple[int, ...]:
    """The other frames to look at: ``count`` spread evenly over the shot, the nearest in time first.

    They are the same few for all frames of a shot, so that they can be kept in memory. Frames whose camera motion is
    not known (confidence below 0.3) are left out.
    """
    usable = [other for other in frames if confidence.get(other, 0.0) >= 0.3]
    if not usable:
        return ()
    places = np.unique(np.round(np.linspace(0, len(usable) - 1, min(count, len(usable)))).astype(int))
    chosen = [usable[place] for place in places if usable[place] != frame]
    return tuple(sorted(chosen, key=lambda other: (abs(other - frame), other)))


def reach_px(hidden_box: Box) -> float:
    """How far around a subject its shadow is looked for, and the background that samples are matched on."""
    return max(16.0, _NEAR * max(hidden_box.width, hidden_box.height))


def gather_clean(
    plate_linear: Array,
    hidden: Array,
    glance: Glance,
    samples: Sequence[Sample],
    *,
    box: Box,
    near_px: float,
    fill: Sample | None = None,
) -> tuple[Array, Array]:
    """The clean plate within ``box``, and how well each pixel was seen, (h, w) in [0, 1].

    ``plate_linear`` is (H, W, 3) scene-linear, ``hidden`` (H, W) what is to be replaced, ``glance`` one at this frame.
    Each sample, nearest in time first, is brought to this frame by its homography, by what is left of motion and by
    its exposure on the background that both show; what is seen is the weighted mean of those that agree. The
    subject's shadow and blur beside ``hidden``, within ``near_px``, are replaced too where other frames agree on what
    is there. What no sample saw is taken from ``fill``, a picture without holes, and else filled smoothly. Unclamped.
    """
    plate, inside = plate_linear[box.slices()], hidden[box.slices()]
    small = _small_box(box, glance)
    judged = [_judge(glance, sample, small, near_px) for sample in samples]
    weights, leftovers = _weigh(glance, judged, small, near_px)
    if leftovers is not None:
        inside = np.maximum(inside, _enlarge(leftovers, small, box, glance.step))
    places = Places(np.flatnonzero(inside > 0), box)
    base, known = plate.astype(np.float32, copy=True), (inside <= 0).astype(np.float32)
    if judged:
        clean, total = _gather(judged, weights, places, small, box, glance.step)
        places.put(base, clean)
        places.put(known, np.clip(total / _SEEN_WEIGHT, 0, 1))
        known = np.minimum(known, remove_specks(known, area_px=_SPECK * glance.step**2))
    filled = _fill(base, known, fill, glance, small, box, near_px)
    # Beside what is hidden only what other frames saw for certain replaces the plate.
    inside = np.where((known < 1) & (hidden[box.slices()] <= 0), np.float32(0), inside)
    return _finish(plate, inside, filled, known)


def _small_box(box: Box, glance: Glance) -> Box:
    step = glance.step
    return Box(
        int(box.x0 // step), int(box.y0 // step),
        min(glance.visible.shape[1], int(-(-box.x1 // step))), min(glance.visible.shape[0], int(-(-box.y1 // step))),
    )  # fmt: skip


def _judge(glance: Glance, sample: Sample, box: Box, near_px: float) -> _Judged:
    """Bring a sample to this frame."""
    to_small, other = glance.to_small, sample.glance
    matrix = to_small @ sample.matrix @ np.linalg.inv(other.to_small)
    ours, here = glance.stops[box.slices()], glance.visible[box.slices()] > _VISIBLE
    there = warp_into(other.visible, matrix, box, border=0.0) > _VISIBLE
    matrix = refine_motion(glance.luma[box.slices()], other.luma, matrix, here & there, box=box)
    stops = warp_into(other.stops, matrix, box)
    visible = warp_into(other.visible, matrix, box, border=0.0) > _VISIBLE
    away = warp_into(other.away_px, matrix, box)
    # The subject's shadow lies near it, so background farther off tells the exposure better.
    apart = np.minimum(np.minimum(away, glance.away_px[box.slices()]) / np.float32(near_px), 1)
    counts = np.where(here & visible, np.float32(0.05) + apart**2, np.float32(0))
    gain = fit_gain(_ratio(ours, stops, glance.floor), np.asarray(counts, np.float32), box=box)
    stops = stops + gain_field(gain, size=stops.shape[:2])
    full = np.linalg.inv(to_small) @ matrix @ other.to_small
    return _Judged(sample, full, gain, np.asarray(stops, np.float32), visible, away)


def _ratio(ours: Array, theirs: Array, floor: float) -> Array:
    """By how many stops our light differs from theirs, the floor taken off; what is near black does not tell."""
    off, lift = ours - theirs, np.float32(floor)
    a, b = np.exp2(ours) - lift, np.exp2(theirs) - lift
    is_lit = (a > lift) & (b > lift)
    np.copyto(off, np.log2(np.where(is_lit, a / np.where(is_lit, b, 1), 1)), where=is_lit)
    return np.asarray(off, np.float32)


def _weigh(glance: Glance, judged: list[_Judged], box: Box, near_px: float) -> tuple[list[Array], Array | None]:
    """How far each sample is believed where, and what of this frame's surroundings is the subject's."""
    if not judged:
        return [], None
    consensus = _consensus(judged, near_px)
    weights = [
        believe(one.stops, one.visible, consensus, Away(one.away_px, near_px, _CLOSE_PX)) * one.visible
        for one in judged
    ]
    ours = glance.stops[box.slices()]
    here = glance.visible[box.slices()] > _VISIBLE
    away = Away(glance.away_px[box.slices()], near_px, _CLOSE_PX)
    leftovers = find_leftovers(ours, here, consensus, away)
    return [np.asarray(weight, np.float32) for weight in weights], leftovers


def _consensus(judged: list[_Judged], near_px: float) -> Consensus:
    return find_consensus(
        np.stack([one.stops for one in judged]),
        np.stack([one.visible for one in judged]),
        np.stack([one.away_px >= near_px for one in judged]),
    )


def _enlarge(small: Array, small_box: Box, box: Box, step: float) -> Array:
    """A small picture at full size, within ``box``."""
    matrix = np.array([[step, 0, small_box.x0 * step], [0, step, small_box.y0 * step], [0, 0, 1.0]])
    return warp_into(small, matrix, box)


def _gather(
    judged: list[_Judged], weights: list[Array], places: Places, small: Box, box: Box, step: float
) -> tuple[Array, Array]:
    """What the samples say at the places, (N, 3), and how far it is to be believed, (N,)."""
    colors = np.zeros((len(judged), 3, len(places.index)), np.float32)
    shares = np.zeros((len(judged), len(places.index)), np.float32)
    for order, (sample, trust) in enumerate(zip(judged, weights, strict=True)):
        shares[order] = places.take(_enlarge(trust, small, box, step)) / np.float32(1 + _FADE * order)
        wanted = np.flatnonzero(shares[order])
        if len(wanted):
            _put_colors(colors[order], sample, places, wanted, box)
    clean, total = np.empty((len(places.index), 3), np.float32), np.empty(len(places.index), np.float32)
    # A few pixels at a time stay in the processor's cache.
    for start in range(0, len(places.index), _CHUNK):
        part = slice(start, start + _CHUNK)
        mean, total[part] = _robust_mean(colors[..., part], shares[:, part])
        clean[part] = mean.T
    return clean, total


def _put_colors(colors: Array, judged: _Judged, places: Places, wanted: npt.NDArray[np.intp], box: Box) -> None:
    """Write the sample's colours at the places that are ``wanted`` into (3, N), in this frame's exposure."""
    across, down = places.across[wanted], places.down[wanted]
    found = sample_at(judged.sample.read(), judged.matrix, across, down)
    half = np.float32(max(box.width, box.height) / 2)
    u = (across - np.float32(box.x0 + box.width / 2)) / half
    v = (down - np.float32(box.y0 + box.height / 2)) / half
    for c, (level, slope_x, slope_y) in enumerate(judged.gain):
        colors[c][wanted] = found[:, c] * np.exp2(level + slope_x * u + slope_y * v)


def _robust_mean(colors: Array, weights: Array) -> tuple[Array, Array]:
    """The weighted mean of (N, 3, pixels) without those far from their median brightness; and the weight."""
    mean = (colors[:, 0] + colors[:, 1] + colors[:, 2]) / np.float32(3)
    brightness = np.log2(np.maximum(mean, 0) + np.float32(0.02))
    near = np.abs(brightness - lower_median(brightness, weights > 0)) < _OUTLIER_STOPS
    kept = np.where(near, weights, np.float32(0))
    total = kept.sum(axis=0)
    clean = np.zeros(colors.shape[1:], np.float32)
    for color, weight in zip(colors, kept, strict=True):
        clean += color * weight
    return clean / np.maximum(total, np.float32(1e-6)), total


def _fill(
    base: Array, known: Array, fill: Sample | None, glance: Glance, small: Box, box: Box, near_px: float
) -> Array:
    """``base`` with what is not known taken from the fill, its level bent to what surrounds it; else smooth."""
    if known.min() >= 1:
        return base
    if fill is None:
        return fill_smooth(base, known)
    judged = _judge(glance, fill, small, near_px)
    places = Places(np.flatnonzero(known < 1), box)
    colors = np.zeros((3, len(places.index)), np.float32)
    _put_colors(colors, judged, places, np.arange(len(places.index)), box)
    bend = places.take(_enlarge(_bend(base, known, judged, glance.floor), small, box, glance.step))
    lift, weight = np.float32(glance.floor), places.take(known)[:, None]
    drawn = (colors.T + lift) * np.exp2(bend) - lift
    covered = places.take(_enlarge(judged.visible.astype(np.float32), small, box, glance.step)) > _VISIBLE
    out, shown = base.copy(), known.copy()
    places.put(out, places.take(base) * weight + (1 - weight) * drawn)
    places.put(shown, np.maximum(places.take(known), covered.astype(np.float32)))
    return fill_smooth(out, shown)


def _bend(base: Array, known: Array, judged: _Judged, floor: float) -> Array:
    """By how many stops (h, w, 3, small) the fill has to change so that no seam shows, from what is known beside."""
    size = (judged.stops.shape[1], judged.stops.shape[0])
    sure = (known >= 1).astype(np.float32)
    weight = np.asarray(cv2.resize(sure, size, interpolation=cv2.INTER_AREA), np.float32)
    weight = np.where(judged.visible & (weight > _VISIBLE), np.float32(1), np.float32(0))
    small = np.maximum(cv2.resize(base * sure[..., None], size, interpolation=cv2.INTER_AREA), 0)
    off = np.clip(np.log2(small + np.float32(floor)) - judged.stops, -1, 1) * weight[..., None]
    # Grain at the rim must not be drawn into the hole.
    total = cv2.GaussianBlur(weight, (0, 0), _BEND_PX)[..., None]
    off = cv2.GaussianBlur(np.asarray(off, np.float32), (0, 0), _BEND_PX) / np.maximum(total, np.float32(1e-3))
    return fill_smooth(np.asarray(off, np.float32), weight)


def _finish(plate: Array, inside: Array, filled: Array, known: Array) -> tuple[Array, Array]:
    # Where the subject is only half there (a soft edge) the plate itself takes over, so that no ring shows.
    soft = (inside > 0) & (inside < _SOFT)
    if soft.any():
        weight = np.clip(inside[soft] / _SOFT, 0, 1)[:, None]
        filled[soft] = plate[soft] + weight * (filled[soft] - plate[soft])
    outside = (inside <= 0) & (known < 1)
    filled[outside] = plate[outside]
    return filled, np.where(inside > 0, known, np.float32(1))
