"""A kept actor's own colours: what a soft edge shows of the old background is taken out."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.edges import bounding_box
from wanfx.ops.fill import fill_smooth
from wanfx.pixels import to_finite

Array = npt.NDArray[np.float32]
_AROUND_PX = 32
_SURE = np.float32(0.999)
# Alpha is never exact: its errors, which a window behind the actor makes many times larger, would else end up in the
# colours (measured: benchmarks/matte.py).
_PRIOR, _CONTRAST = np.float32(0.3), np.float32(0.3)
# Then the guesses are what is found near by: the edge's own colors, where those of the inside do not go on into it.
_NEAR_PX = (4.0, 2.0)
_TINY = np.float32(1e-6)


def own_colors(plate_linear: Array, alpha: Array) -> Array:
    """The actor's straight colours (H, W, 3, scene-linear, unclamped); where alpha (H, W) is 0 or 1 the plate's own.

    In between, the colours of the solid inside and of the plain outside go on into the edge as a first guess, and both
    are moved by least squares until they mix to what the plate shows: F = F0 + a r / (a^2 + (1-a)^2 + prior), where r
    is what the guesses miss (the per-pixel step of Germer et al., Fast Multi-Level Foreground Estimation, ICPR 2020).
    The prior grows with how far apart the guesses are beside the actor's own brightness: (F0 - B0)^2 / F0^2.
    What was found around each pixel, the surest most, is then the next guess, twice, each time nearer.
    No colour becomes darker than both black and the plate. NaN and infinite pixels stay as they are.
    """
    soft = (alpha > 0) & (alpha < 1)
    band = bounding_box(soft)
    if band.is_empty:
        return plate_linear
    box = band.grow(_AROUND_PX).clip(Box(0, 0, alpha.shape[1], alpha.shape[0]))
    here = box.slices()
    plate, share = plate_linear[here], alpha[here]
    finite = to_finite(plate)
    edge = np.nonzero(soft[here])
    mix, a = finite[edge], share[edge][:, None]
    actor, behind = _unmix(mix, a, _extend(finite, share >= _SURE)[edge], _extend(finite, share <= 1 - _SURE)[edge])
    for near_px in _NEAR_PX:
        actor, behind = (
            _mean_near(finite, edge, colors, weight=weight, near_px=near_px)
            for colors, weight in ((actor, share), (behind, 1 - share))
        )
        actor, behind = _unmix(mix, a, actor, behind)
    is_good = np.isfinite(plate[edge]).all(axis=1)
    out = plate_linear.copy()
    rows, columns = (places[is_good] for places in edge)
    out[here][rows, columns] = actor[is_good]
    return out


def _unmix(mix: Array, a: Array, actor: Array, behind: Array) -> tuple[Array, Array]:
    """Guesses (N, 3) of both colors, moved towards what mixes to ``mix`` by ``a`` (N, 1)."""
    # What is far brighter than the actor is near by is a highlight behind him that alpha got wrong.
    missed = np.minimum(mix - a * actor - (1 - a) * behind, np.abs(actor).max(axis=1, keepdims=True))
    apart = np.mean((actor - behind) ** 2, axis=1) / (np.mean(actor**2, axis=1) + _TINY)
    step = missed / (a**2 + (1 - a) ** 2 + _PRIOR + _CONTRAST * apart[:, None])
    return np.maximum(actor + a * step, np.minimum(mix, np.float32(0))), behind + (1 - a) * step


def _mean_near(linear: Array, edge: Any, colors: Array, *, weight: Array, near_px: float) -> Array:
    """The mean around each pixel of the edge, (N, 3), of the edge's ``colors`` and what ``linear`` has beside it."""
    picture = linear.copy()
    picture[edge] = colors
    # The fourth power: what is half a guess is worth little beside what is nearly known.
    sure = np.asarray(np.square(np.square(weight)) + _TINY, np.float32)
    size = (sure.shape[1], sure.shape[0])
    half = ((size[0] + 1) // 2, (size[1] + 1) // 2)
    total, count = (
        cv2.GaussianBlur(cv2.resize(values, half, interpolation=cv2.INTER_AREA), (0, 0), near_px / 2)
        for values in (picture * sure[..., None], sure)
    )
    mean = np.asarray(total / count[..., None], np.float32)
    whole = np.asarray(cv2.resize(mean, size, interpolation=cv2.INTER_LINEAR), np.float32)
    near: Array = whole[edge]
    return near


def _extend(linear: Array, known: npt.NDArray[np.bool_]) -> Array:
    """The colours of what is known go on beyond it; at half size, as they are smooth. The plate's where nothing is."""
    if not known.any():
        return linear
    size = (linear.shape[1], linear.shape[0])
    half = ((size[0] + 1) // 2, (size[1] + 1) // 2)
    weight = np.asarray(cv2.resize(known.astype(np.float32), half, interpolation=cv2.INTER_AREA), np.float32)
    total = cv2.resize(linear * known[..., None], half, interpolation=cv2.INTER_AREA)
    mean = np.asarray(total / np.maximum(weight, np.float32(1e-6))[..., None], np.float32)
    filled = fill_smooth(mean, (weight > 0.2).astype(np.float32))
    return np.asarray(cv2.resize(filled, size, interpolation=cv2.INTER_LINEAR), np.float32)
