"""Grain as numbers: how strong it is at each level of light, and how it hangs together in space and color."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from wanfx.ops.grain_patches import SIDE_PX, Patches, fine_residual

Array = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]
Pick = Literal["flat", "quiet"]
"""Which patches of a level count: the quieter half of the flattest half, where the light under the grain is known to
cancel; or the quietest tenth of all, where texture may be taken for grain."""
REACH_PX = 7
"""Grain that lies further apart than this is taken as independent."""
_BIN_STOPS = 0.5
_BELOW, _ABOVE = 4.0, 16.0
_LEAST = 12
_FLATTEST: dict[Pick, float] = {"flat": 0.5, "quiet": 1.0}
_QUANTILE: dict[Pick, float] = {"flat": 0.25, "quiet": 0.05}
# That quantile of a normal distribution, in standard deviations.
_QUANTILE_NORMAL: dict[Pick, float] = {"flat": -0.6745, "quiet": -1.6449}
_FROZEN = 0.1
_OUTLIER: dict[Pick, float] = {"flat": 3.0, "quiet": 1.5}


@dataclass(frozen=True)
class GrainCurve:
    """A channel's grain: its standard deviation ``sigmas`` at ``levels`` of the channel's own light, scene-linear.

    Between levels it is linear over stops. Beyond them it goes with the square root of the light, as photons do, for
    two stops below the first and four above the last, and then stays. Without levels there is no grain.

    >>> GrainCurve((0.1, 0.4), (0.01, 0.03)).at(np.array([0.0, 0.025, 0.2, 1.6])).round(4).tolist()
    [0.005, 0.005, 0.02, 0.06]
    """

    levels: tuple[float, ...]
    sigmas: tuple[float, ...]

    def at(self, linear: npt.NDArray[Any]) -> Values:
        """The deviation at each value of light; 0 for NaN and infinities."""
        values = np.asarray(linear, np.float64)
        good = np.isfinite(values)
        if not self.levels:
            return np.zeros(values.shape)
        light = np.clip(np.where(good, values, 1.0), self.levels[0] / _BELOW, self.levels[-1] * _ABOVE)
        known = np.clip(light, self.levels[0], self.levels[-1])
        return np.asarray(np.interp(np.log2(known), np.log2(self.levels), self.sigmas) * np.sqrt(light / known) * good)


@dataclass(frozen=True)
class GrainModel:
    """A plate's grain. Divided by its curve it has unit variance in each channel and is a mix of three independent
    fields: ``mix`` (channel by field), and each field's autocorrelation ``correlation`` (field by row by column, of
    0 to 7 rows down and -7 to 7 columns across), 1 at no distance. ``hold_frames`` is 1 where each frame has grain of
    its own; a codec that repeats what it sent leaves grain that takes longer to become another.
    """

    curves: tuple[GrainCurve, GrainCurve, GrainCurve]
    mix: tuple[tuple[float, ...], ...]
    correlation: tuple[tuple[tuple[float, ...], ...], ...]
    hold_frames: float = 1.0

    @property
    def is_none(self) -> bool:
        """Whether there is no grain at all."""
        return not any(any(curve.sigmas) for curve in self.curves)

    def as_dict(self) -> dict[str, Any]:
        """The model as JSON types; `from_dict` reads it back."""
        return {
            "levels": [list(curve.levels) for curve in self.curves],
            "sigmas": [list(curve.sigmas) for curve in self.curves],
            "mix": [list(row) for row in self.mix],
            "correlation": [[list(row) for row in field] for field in self.correlation],
            "hold_frames": self.hold_frames,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> GrainModel:
        """The model that `as_dict` wrote."""
        first, second, third = (
            GrainCurve(tuple(levels), tuple(sigmas))
            for levels, sigmas in zip(data["levels"], data["sigmas"], strict=True)
        )
        return cls(
            (first, second, third),
            tuple(tuple(row) for row in data["mix"]),
            tuple(tuple(tuple(row) for row in field) for field in data["correlation"]),
            float(data["hold_frames"]),
        )

    def channel_correlation(self, channel: int) -> Values:
        """The autocorrelation of one channel's grain, (8, 15), as a field's in `correlation`."""
        weights = np.square(self.mix[channel])
        return np.asarray(np.tensordot(weights / weights.sum(), np.array(self.correlation), axes=1))


NO_GRAIN = GrainModel(
    (GrainCurve((), ()),) * 3,
    ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    (tuple(tuple(float((y, x) == (0, REACH_PX)) for x in range(2 * REACH_PX + 1)) for y in range(REACH_PX + 1)),) * 3,
)


def fit_grain(patches: Patches, *, floor: float, pick: Pick) -> GrainModel:
    """The grain that ``patches`` show. ``floor`` (linear) is the least light that is told from black.

    Each patch has a variance, each half stop of light that of those which ``pick`` names. `NO_GRAIN` where too
    few patches can be used.
    """
    curves = fit_curves(patches, patches.residual, floor=floor, pick=pick)
    if not all(curve.levels for curve in curves):
        return NO_GRAIN
    unit = _unit_residual(patches, curves, pick=pick)
    if len(unit) < _LEAST:
        return GrainModel(curves, NO_GRAIN.mix, NO_GRAIN.correlation)
    covariance = np.einsum("nyxc,nyxd->cd", unit, unit, dtype=np.float64) / unit[..., 0].size
    scale = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
    # The sign of an eigenvector is anyone's choice.
    vectors = vectors * np.where(vectors.sum(axis=0) < 0, -1.0, 1.0)
    fields = (unit / scale.astype(np.float32)) @ vectors.astype(np.float32)
    correlation = [_autocorrelation(np.asarray(fields[..., index], np.float32)) for index in range(3)]
    widened = _deviation_over_picked(np.mean(correlation, axis=0), pick=pick)
    first, second, third = (
        GrainCurve(curve.levels, tuple(_short(sigma * widened) for sigma in curve.sigmas)) for curve in curves
    )
    mix = vectors * np.sqrt(np.maximum(values, 0))
    return GrainModel(
        (first, second, third),
        tuple(tuple(map(_short, row)) for row in mix),
        tuple(tuple(tuple(round(float(value), 4) for value in row) for row in field) for field in correlation),
    )


def fit_curves(
    patches: Patches, residual: Array, *, floor: float, pick: Pick
) -> tuple[GrainCurve, GrainCurve, GrainCurve]:
    """A curve a channel from the variance of picked ``residual`` (N, h, w, 3) in each half stop of light."""
    variance = np.square(residual, dtype=np.float64).mean(axis=(1, 2))
    first, second, third = (
        _fit_curve(patches.level[:, channel], variance[:, channel], patches.texture, floor=floor, pick=pick)
        for channel in range(3)
    )
    return first, second, third


def own_share(own: Sequence[GrainCurve], plate: Sequence[GrainCurve], *, levels: Array) -> tuple[float, float, float]:
    """How much of the plate's grain variance a layer has already, a channel, 0 to 1.

    Both curves are measured alike (`fine_residual`), ``levels`` (N, 3) is the layer's light. 0 where nothing is known.
    """
    shares = []
    for channel, (mine, theirs) in enumerate(zip(own, plate, strict=True)):
        here = theirs.at(levels[:, channel])
        known = here > 0
        if not mine.levels or not known.any():
            shares.append(0.0)
            continue
        ratio = np.square(mine.at(levels[known, channel]) / here[known])
        shares.append(round(float(np.clip(np.median(ratio), 0.0, 1.0)), 4))
    return shares[0], shares[1], shares[2]


def fine_curves(patches: Patches, *, floor: float) -> tuple[GrainCurve, GrainCurve, GrainCurve]:
    """Curves of the finest detail alone, for `own_share`."""
    return fit_curves(patches, fine_residual(patches), floor=floor, pick="quiet")


def _fit_curve(level: Array, variance: Values, texture: Array, *, floor: float, pick: Pick) -> GrainCurve:
    bins = np.floor(np.log2(np.maximum(level, floor)) / _BIN_STOPS).astype(int)
    levels, sigmas, counts = [], [], []
    for index in np.unique(bins):
        inside = np.flatnonzero(bins == index)
        if len(inside) < _LEAST:
            continue
        keep = inside[np.argsort(texture[inside], kind="stable")][: max(_LEAST, int(_FLATTEST[pick] * len(inside)))]
        levels.append(max(float(np.median(level[keep])), floor))
        sigmas.append(float(np.sqrt(np.quantile(variance[keep], _QUANTILE[pick]))))
        counts.append(len(keep))
    smooth = _smooth(np.array(sigmas), np.sqrt(counts))
    return GrainCurve(tuple(map(_short, levels)), tuple(map(_short, smooth)))


def _short(value: float) -> float:
    """To as many digits as a manifest needs."""
    return float(f"{value:.6g}")


def _smooth(sigmas: Values, weights: Values) -> Values:
    """Each value with half of its neighbors', by their weights."""
    if len(sigmas) < 3:
        return sigmas
    taps = np.array([0.5, 1.0, 0.5])
    total = np.convolve(weights, taps, mode="same")
    smooth = np.convolve(sigmas * weights, taps, mode="same") / total
    # At the ends the neighbors would all be on one side.
    smooth[[0, -1]] = sigmas[[0, -1]]
    return np.asarray(smooth)


def _unit_residual(patches: Patches, curves: Sequence[GrainCurve], *, pick: Pick) -> Array:
    """The residual divided by its deviation, without patches that show something else."""
    flat = patches.texture <= np.quantile(patches.texture, _FLATTEST["flat"])
    level, residual = patches.level[flat], patches.residual[flat]
    sigma = np.stack([curve.at(level[:, channel]) for channel, curve in enumerate(curves)], axis=1)
    good = (sigma > 0).all(axis=1)
    unit = residual[good] / sigma[good, None, None].astype(np.float32)
    power = np.square(unit).mean(axis=(1, 2))
    # A codec repeats whole blocks; these have no spectrum.
    keep = ((power < _OUTLIER[pick]) & (power > _FROZEN)).all(axis=1)
    return np.asarray(unit[keep], np.float32)


def _autocorrelation(field: Array) -> Values:
    """(8, 15): the mean product of pixels so many rows and columns apart, 1 at no distance."""
    out = np.zeros((REACH_PX + 1, 2 * REACH_PX + 1))
    for dy in range(REACH_PX + 1):
        for dx in range(-REACH_PX, REACH_PX + 1):
            here = field[:, : SIDE_PX - dy, max(0, -dx) : SIDE_PX - max(0, dx)]
            there = field[:, dy:, max(0, dx) : SIDE_PX + min(0, dx)]
            out[dy, dx + REACH_PX] = np.mean(here * there, dtype=np.float64)
    power = out[0, REACH_PX]
    return out / power if power > 0 else np.array(NO_GRAIN.correlation[0])


def _deviation_over_picked(correlation: Values, *, pick: Pick) -> float:
    """The deviation of all grain over that of picked patches: their variances are a chi-square of as many freedoms as
    a patch of so correlated grain has.

    Source of the quantile: E. B. Wilson, M. M. Hilferty, The Distribution of Chi-Square, PNAS 17, 1931.
    """
    both = np.square(correlation)
    part = 2 / 9 * (2 * both.sum() - both[0].sum()) / SIDE_PX**2
    return float(max(0.1, 1 - part + _QUANTILE_NORMAL[pick] * np.sqrt(part)) ** -1.5)
