"""How far a comp is from the perfect one: what is measured, where, and how.

All pictures are (H, W, 3) float32, scene-linear Rec.709. Pinned here: ACEScct of the built-in config for log-encoded
PSNR and SSIM (peak 1), and its ACES 1.0 SDR view for sRGB for CIEDE2000. SSIM and CIEDE2000 are scikit-image's.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import PyOpenColorIO as ocio
from _oracle_shot import RenderedShot

from wanfx.ops.edges import grow_matte
from wanfx.ops.matte_errors import edge_band
from wanfx_color.transforms import LINEAR_REC709

Array = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
CONFIG = "ocio://cg-config-v2.2.0_aces-v1.3_ocio-v2.4"
DISPLAY, VIEW = "sRGB - Display", "ACES 1.0 - SDR Video"
_BAND_PX = 2.0
_AROUND_PX = 2.0
_SHADOW = 0.04
_SHADOW_BLUR_PX = 2.5
_NEAR_PX = 40.0


@dataclass(frozen=True, eq=False)
class Regions:
    """Where is measured, each (H, W): the perfect comp says it, not what a comp did.

    ``edit`` is wherever the perfect comp differs from the plate: both figures, and what either's shadow changes.
    ``band`` is the character's soft edge and two pixels around, ``inside`` the solid character, ``shadow`` what beside
    it is lighter or darker than in the plate by 4 % or more. ``plate_grain`` is where a comp shows the plate's pixels.
    """

    edit: Mask
    band: Mask
    inside: Mask
    shadow: Mask
    plate_grain: Mask

    @classmethod
    def find(cls, shot: RenderedShot, frame: int) -> Regions:
        actor, character = (shot.alpha(name, frame) for name in ("actor", "character"))
        people = grow_matte(np.maximum(actor, character), radius_px=_AROUND_PX) > 0
        truth, plate = (_smooth_log(shot.read(name, frame), ~people) for name in ("truth", "plate"))
        near = grow_matte(character, radius_px=_NEAR_PX) > 0
        changed = np.abs(truth - plate).mean(axis=2) > np.log2(1 + _SHADOW)
        return cls(
            edit=people | (changed & near), band=edge_band(character, radius_px=_BAND_PX), inside=character > 0.99,
            shadow=changed & near & ~people, plate_grain=(actor <= 0) & (character <= 0),
        )  # fmt: skip


def _smooth_log(linear: Array, seen: Mask) -> Array:
    """The log2 of the light that is seen, blurred against the render's noise."""
    total = cv2.GaussianBlur(linear * seen[..., None], (0, 0), _SHADOW_BLUR_PX)
    weight = cv2.GaussianBlur(seen.astype(np.float32), (0, 0), _SHADOW_BLUR_PX)[..., None]
    return np.asarray(np.log2(np.maximum(total / np.maximum(weight, 1e-3), 1e-3)), np.float32)


def perfect_comp(shot: RenderedShot, frame: int, *, regions: Regions) -> Array:
    """What a comp is compared with: the plate where nothing is to change, and there the truth without grain.

    Where a comp shows the plate's own pixels inside the edit (a shadow on the floor), the truth has the plate's grain.
    """
    plate = shot.plate(frame).astype(np.float32)
    truth = shot.read("truth", frame)
    grained = truth + np.where(regions.plate_grain[..., None], plate - shot.read("plate", frame), 0)
    return np.asarray(np.where(regions.edit[..., None], grained, plate), np.float32)


@dataclass(frozen=True, eq=False)
class FrameScore:
    """A frame's figures by region; ``lab`` and ``true_lab`` are mean colours inside the character, in the view."""

    squared: dict[str, float]
    ssim: dict[str, float]
    delta_e: dict[str, float]
    lab: Values
    true_lab: Values


def score_frame(comp: Array, perfect: Array, regions: Regions) -> FrameScore:
    """The figures of a frame."""
    from skimage.metrics import structural_similarity

    places = {"whole": np.ones(regions.edit.shape, bool), "edit": regions.edit, "band": regions.band}
    made, wanted = log_encoded(comp), log_encoded(perfect)
    squares = ((made - wanted) ** 2).mean(axis=2)
    _mean, similar = structural_similarity(
        wanted, made, channel_axis=2, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        full=True,
    )  # fmt: skip
    similar = similar.mean(axis=2)
    return FrameScore(
        {name: _mean_at(squares, where) for name, where in places.items()},
        {name: _mean_at(similar, where) for name, where in places.items()},
        delta_e(comp, perfect, {**places, "inside": regions.inside, "shadow": regions.shadow}),
        view_lab(comp[regions.inside]).mean(axis=0), view_lab(perfect[regions.inside]).mean(axis=0),
    )  # fmt: skip


def delta_e(comp: Array, perfect: Array, places: Mapping[str, Mask]) -> dict[str, float]:
    """Mean CIEDE2000 of the pinned view at each place; nothing is computed where both are the same."""
    from skimage.color import deltaE_ciede2000

    off = np.zeros(comp.shape[:2])
    there = (comp != perfect).any(axis=2) & functools.reduce(np.logical_or, places.values())
    if there.any():
        off[there] = deltaE_ciede2000(view_lab(perfect[there]), view_lab(comp[there]))
    return {name: _mean_at(off, where) for name, where in places.items()}


def _mean_at(values: npt.NDArray[Any], where: Mask) -> float:
    return float(values[where].mean(dtype=np.float64)) if where.any() else float("nan")


def summarize(scores: Sequence[FrameScore], *, windows: Sequence[int]) -> dict[str, float]:
    """The shot's figures from its frames'; ``windows`` is which window made each frame."""
    figures = {}
    for place in ("whole", "edit", "band"):
        error = float(np.nanmean([score.squared[place] for score in scores]))
        figures[f"{place} PSNR, dB"] = float(-10 * np.log10(max(error, 1e-12)))
        figures[f"{place} SSIM"] = float(np.nanmean([score.ssim[place] for score in scores]))
    for place in ("whole", "edit", "band", "inside", "shadow"):
        figures[f"{place} dE"] = float(np.nanmean([score.delta_e[place] for score in scores]))
    slope, low, high = drift_slope([score.delta_e["edit"] for score in scores], windows=windows)
    figures |= {"drift, dE a window": slope, "drift, 95 % low": low, "drift, 95 % high": high}
    off = [float(np.linalg.norm(score.lab - score.true_lab)) for score in scores]
    figures["cast, dE"] = float(np.mean(off))
    inner, joins = flicker(scores, windows=windows)
    return figures | {"flicker, dE": inner, "jump between windows, dE": joins}


def drift_slope(errors: Sequence[float], *, windows: Sequence[int]) -> tuple[float, float, float]:
    """The slope of the windows' mean errors over their index, and its 95 % interval (Student's t); NaN for one window.

    With two windows there is a slope and no interval.
    """
    from scipy import stats

    index = np.array(sorted(set(windows)))
    means = [np.mean([error for error, window in zip(errors, windows, strict=True) if window == one]) for one in index]
    if len(index) < 2:
        return float("nan"), float("nan"), float("nan")
    if len(index) == 2:
        return float(means[1] - means[0]), float("nan"), float("nan")
    fit = stats.linregress(index, means)
    half = float(stats.t.ppf(0.975, len(index) - 2) * fit.stderr)
    return float(fit.slope), float(fit.slope) - half, float(fit.slope) + half


def flicker(scores: Sequence[FrameScore], *, windows: Sequence[int]) -> tuple[float, float]:
    """How much the character's mean Lab changes beyond the truth's: root mean squares over pairs of frames, of one
    window and of two. NaN where there are none.
    """
    off = np.array([score.lab - score.true_lab for score in scores])
    squares = (np.diff(off, axis=0) ** 2).sum(axis=1)
    joins = np.diff(np.array(windows)) != 0
    return _root_mean(squares[~joins]), _root_mean(squares[joins])


def _root_mean(squares: Values) -> float:
    return float(np.sqrt(squares.mean())) if squares.size else float("nan")


def log_encoded(linear: Array) -> Array:
    """ACEScct, about 0 to 1."""
    return _applied("ACEScct", linear)


def view_lab(linear: Array) -> Values:
    """CIELAB (D65) of the pinned SDR view of (..., 3) light."""
    from skimage.color import rgb2lab

    return np.asarray(rgb2lab(np.clip(_applied("view", linear), 0, 1).astype(np.float64)))


def _applied(what: str, linear: Array) -> Array:
    pixels = np.array(linear, np.float32, order="C")
    _processor(what).applyRGB(pixels)
    return pixels


@functools.cache
def _processor(what: str) -> Any:
    config = ocio.Config.CreateFromFile(CONFIG)
    if what == "view":
        transform = ocio.DisplayViewTransform(src=LINEAR_REC709, display=DISPLAY, view=VIEW)
        return config.getProcessor(transform).getDefaultCPUProcessor()
    return config.getProcessor(LINEAR_REC709, what).getDefaultCPUProcessor()
