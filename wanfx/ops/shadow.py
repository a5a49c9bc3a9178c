"""What a generator changed on the kept background, as a scene-linear multiplier: shadow, reflection, light.

Outside the character the generated picture and the background it was given show the same thing. Their ratio at several
scales is shadow where it stands out from its own noise, and nothing elsewhere. docs/decisions/shadow-layer.md has the
reasons. Light is averaged as log(1 + light / knee), which is near to what a video model blurs, so that a picture that
is only softer has the same averages. What is kept of every band of scales follows Donoho's shrinkage (De-Noising by
Soft-Thresholding, IEEE Trans. Information Theory, 1995), with a smooth step in place of the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.ops.edges import grow_matte
from wanfx.pixels import to_half

Array = npt.NDArray[np.float32]
Half = npt.NDArray[np.float16]
DARKEST, BRIGHTEST = 0.05, 4.0
"""The range of the multiplier at gain 1."""
_WORK_PX = 720
_SIGMAS_PX = (1.3, 3.0, 7.0, 16.0)
_LEAST_SHARE = 0.3
_CORRELATED = 0.6
_NONE_STOPS, _SURE_STOPS = 0.015, 0.04
_FAR = 0.02
_FEW_PX = 400
_SKIP = 3
_KNEE_FLOORS = 10.0
_LEAST_WEIGHT = 1e-3


@dataclass(frozen=True, eq=False)
class _Level:
    """At a scale, in stops (h, w, 3): the mean of generated over given, and the given light itself."""

    stops: Array
    given: Array


def find_shadow(
    generated: Array, given: Array, *, character: Array, near: Array, bleed_px: float, floor: float, gain: float = 1.0
) -> Half | None:
    """The multiplier (H, W, 3) by which ``given`` light becomes ``generated``, exactly 1 where neither is changed.

    Both are scene-linear (H, W, 3) of one colour space, NaN and infinite allowed. ``character`` (H, W) hides the
    background (or whatever else tells nothing of it); what is nearer to it than ``bleed_px`` is carried on from farther
    out, for generators smear edges. ``near`` (H, W) in [0, 1] limits the shadow: it is exactly 1 where ``near`` is 0.
    Light under ``floor`` counts as black. Between `DARKEST` and `BRIGHTEST`, both to the power of ``gain``, and never
    NaN. None where it is 1 everywhere.
    """
    seen = _sees_background(generated, given, character, bleed_px)
    size = _work_size(character.shape)
    small_seen = cv2.resize(seen, size, interpolation=cv2.INTER_AREA)
    made, was = (_codes(light, seen, size, floor) for light in (generated, given))
    if np.array_equal(made, was):
        return None
    limit = np.asarray(cv2.resize(near, size, interpolation=cv2.INTER_AREA), np.float32)
    stops = _find_stops(made, was, np.asarray(small_seen, np.float32), limit)
    if not stops.any():
        return None
    height, width = character.shape
    whole = np.asarray(cv2.resize(stops, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    whole *= near[..., None]
    whole *= _step(np.abs(whole).max(axis=2), _NONE_STOPS, _SURE_STOPS)[..., None]
    np.clip(whole, np.log2(DARKEST), np.log2(BRIGHTEST), out=whole)
    shadow = to_half(np.exp2(whole * np.float32(gain)))
    return shadow if (shadow != 1).any() else None


def near_field(matte: Array, *, reach_px: float, open_sides: tuple[bool, bool, bool, bool]) -> Array:
    """(H, W) in [0, 1]: 1 at ``matte`` (H, W, at 0.5), 0 from ``reach_px`` on, in between falling smoothly.

    ``open_sides`` (left, top, right, bottom): at the others the picture ends at the edge of what was generated, and
    the field falls to 0 before it.
    """
    height, width = matte.shape
    size = _work_size(matte.shape)
    small = cv2.resize(matte, size, interpolation=cv2.INTER_AREA)
    outside = (small < 0.5).astype(np.uint8)
    if outside.all() or reach_px <= 0:
        return np.zeros_like(matte)
    scale = width / size[0]
    away = cv2.distanceTransform(outside, cv2.DIST_L2, 5) * np.float32(scale / reach_px)
    # Full for the first third, so that what lies beside the feet is not thinned.
    field = _step(1 - away, 0.0, 0.67)
    rim_px = max(2.0, reach_px / 8) / scale
    x, y = np.arange(size[0], dtype=np.float32), np.arange(size[1], dtype=np.float32)
    for is_open, from_edge, axis in zip(open_sides, (x, y, x[::-1], y[::-1]), "xyxy", strict=True):
        if not is_open:
            ramp = _step(from_edge, 0.5, 0.5 + rim_px)
            field *= ramp[None, :] if axis == "x" else ramp[:, None]
    return np.clip(cv2.resize(field, (width, height), interpolation=cv2.INTER_LINEAR), 0, 1).astype(np.float32)


def _work_size(shape: tuple[int, ...]) -> tuple[int, int]:
    scale = min(1.0, _WORK_PX / max(shape[:2]))
    return max(1, round(shape[1] * scale)), max(1, round(shape[0] * scale))


def _sees_background(generated: Array, given: Array, character: Array, bleed_px: float) -> Array:
    """1 where both pictures show the background, 0 where not."""
    hides = (character > 0).astype(np.float32)
    hidden = grow_matte(hides, radius_px=float(np.ceil(bleed_px)))
    total = generated.sum(axis=2) + given.sum(axis=2)
    return np.where((hidden == 0) & np.isfinite(total), np.float32(1), np.float32(0))


def _codes(light: Array, seen: Array, size: tuple[int, int], floor: float) -> Array:
    """Code values log(1 + light / knee) where light is seen, 0 elsewhere, at the working size."""
    knee = np.float32(_KNEE_FLOORS * floor)
    codes = np.log1p(np.maximum(np.where(seen[..., None] > 0, light, np.float32(0)), 0) / knee)
    codes *= seen[..., None]
    return np.asarray(cv2.resize(codes, size, interpolation=cv2.INTER_AREA), np.float32)


def _stops(codes: Array) -> Array:
    """Mean code values as stops of light, the floor added."""
    return np.asarray(np.log2(np.expm1(codes) + np.float32(1 / _KNEE_FLOORS)), np.float32)


def _share(seen: Array) -> Array:
    """How much was seen, as what means are divided by."""
    return np.asarray(np.maximum(seen, _LEAST_WEIGHT)[..., None], np.float32)


def _find_stops(made: Array, was: Array, seen: Array, near: Array) -> Array:
    """Stops of shadow (h, w, 3) at the working size; 0 where the ratio is no more than noise."""
    levels = _levels(made, was, seen)
    is_far = (near < _FAR) & (seen > 0.5)
    if np.count_nonzero(is_far) < _FEW_PX:
        is_far = seen > 0.5
    doubt = _doubt(made, was, seen, coarse=levels[1], is_far=is_far)
    out = np.zeros_like(made)
    for index, sigma in enumerate(_SIGMAS_PX):
        is_last = index + 1 == len(_SIGMAS_PX)
        band = levels[index].stops if is_last else _sharpened(levels[index], levels[index + 1], is_far)
        strength = np.sqrt(_blur(np.square(band).mean(axis=2), sigma))
        least = np.maximum(_noise(strength, is_far), doubt * np.float32(_CORRELATED / sigma))
        out += band * _step(strength, least, 2 * least + np.float32(_NONE_STOPS))[..., None]
    return out


def _levels(made: Array, was: Array, seen: Array) -> list[_Level]:
    """The mean ratio in stops at every scale, from fine to coarse; where little is seen, what the coarser one has."""
    found: list[_Level] = []
    for sigma in reversed(_SIGMAS_PX):
        weight = _blur(seen, sigma)
        light = _stops(_blur(was, sigma) / _share(weight))
        stops = _stops(_blur(made, sigma) / _share(weight)) - light
        if found:
            trust = np.clip(weight / np.float32(_LEAST_SHARE), 0, 1)[..., None]
            stops = found[-1].stops + trust * (stops - found[-1].stops)
            light = found[-1].given + trust * (light - found[-1].given)
        found.append(_Level(np.asarray(stops, np.float32), np.asarray(light, np.float32)))
    return found[::-1]


def _sharpened(fine: _Level, coarse: _Level, is_far: npt.NDArray[np.bool_]) -> Array:
    """What the finer scale adds to the coarser one, less what only is the generator's loss of detail.

    That is the part of the given picture's own detail which is gone where no shadow can be.
    """
    band, detail = fine.stops - coarse.stops, fine.given - coarse.given
    known, there = (np.clip(part[is_far][::_SKIP], -1, 1).astype(np.float64) for part in (detail, band))
    slope = float((known * there).sum()) / max(float((known * known).sum()), 1e-6)
    return np.asarray(band - np.float32(np.clip(slope, -1, 0.5)) * np.clip(detail, -1, 1), np.float32)


def _doubt(made: Array, was: Array, seen: Array, *, coarse: _Level, is_far: npt.NDArray[np.bool_]) -> Array:
    """How far single pixels' stops lie from their neighbourhood's (h, w): grain and pictures that moved."""
    share = _share(seen)
    given = _stops(was / share)
    single = _Level(_stops(made / share) - given, given)
    off = _sharpened(single, coarse, is_far) * (seen > 0.5)[..., None]
    spread = _blur(np.square(off).mean(axis=2), _SIGMAS_PX[1])
    return np.asarray(np.sqrt(spread / _share(_blur(seen, _SIGMAS_PX[1]))[..., 0]), np.float32)


def _noise(strength: Array, is_far: npt.NDArray[np.bool_]) -> Array:
    """What a band has where nothing should have changed."""
    values = strength[is_far]
    return np.float32(1.5) * np.asarray(np.median(values) if values.size else 0.0, np.float32)


def _blur(values: Array, sigma: float) -> Array:
    # Nothing lies beyond the edges: means are divided by how much was seen, and an edge's row must not count for many.
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT), np.float32)


def _step(values: Array, low: Array | float, high: Array | float) -> Array:
    """0 to ``low``, 1 from ``high``, a smooth step in between (3 t^2 - 2 t^3)."""
    t = np.clip((values - low) / np.maximum(np.asarray(high) - low, 1e-6), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)
