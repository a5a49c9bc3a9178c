"""Grain made from a model: the same bits at a pixel of a frame, whatever box, tile or thread it is made in.

Two periodic tiles of grain are made once a shot, 1024 and 945 pixels wide and high. A frame's grain is their sum, each
moved by a place of its own that seed, frame and subject give. Their periods have no common factor, so that nothing
repeats within a picture, and a frame costs little more than copying.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.grain import REACH_PX, GrainModel, Values
from wanfx.pixels import to_half

Array = npt.NDArray[np.float32]
Shares = tuple[float, float, float]
_PERIODS_PX = (1024, 945)
_ROWS = 64
_FLAT_PX = 4


@dataclass(frozen=True)
class GrainPlace:
    """Where in the tiles a frame's grain starts: fields by weight, each with rows and columns, a tile."""

    fields: tuple[tuple[float, tuple[tuple[int, int], ...]], ...]

    @classmethod
    def of(cls, *, seed: int, frame: int, subject: str, hold_frames: float = 1.0) -> GrainPlace:
        """The place of a subject's grain in a frame.

        Grain that is held is a mix of the fields before and after, weighted so that its variance stays the same.

        >>> GrainPlace.of(seed=0, frame=1, subject="a") == GrainPlace.of(seed=0, frame=2, subject="a")
        False
        """
        at = frame / hold_frames
        key = math.floor(at)
        turn = (at - key) * math.pi / 2
        first = (math.cos(turn), _starts(f"{seed}/{key}/{subject}"))
        if at == key:
            return cls((first,))
        return cls((first, (math.sin(turn), _starts(f"{seed}/{key + 1}/{subject}"))))


def _starts(name: str) -> tuple[tuple[int, int], ...]:
    digest = hashlib.sha256(name.encode()).digest()
    numbers = [int.from_bytes(digest[at : at + 4], "big") for at in (0, 4, 8, 12)]
    first, second = _PERIODS_PX
    return (numbers[0] % first, numbers[1] % first), (numbers[2] % second, numbers[3] % second)


class GrainField:
    """Makes grain of a model, times ``amount``; safe from several threads once made. About 25 MB.

    ``seed`` is that of the tiles.
    """

    def __init__(self, model: GrainModel, *, seed: int, amount: float = 1.0) -> None:
        self._model, self._seed = model, seed
        self.is_none = model.is_none or amount == 0
        halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
        with np.errstate(invalid="ignore"):
            light = halves.astype(np.float64)
        # A deviation for every value a half can have: a look-up instead of a logarithm a pixel.
        self._sigmas = [(curve.at(light) * amount).astype(np.float32) for curve in model.curves]

    @cached_property
    def _tiles(self) -> tuple[Array, ...]:
        return tuple(make_tile(self._model, side_px=side, seed=self._seed) for side in _PERIODS_PX)

    def prepare(self) -> None:
        """Make the tiles now (a second or less), rather than when they are first needed."""
        if not self.is_none:
            _ = self._tiles

    def add(
        self, under: Array, *, place: GrainPlace, box: Box, char_alpha: Array, reveal: Array,
        own_char: Shares = (0.0, 0.0, 0.0), own_clean: Shares = (0.0, 0.0, 0.0),
    ) -> Array:  # fmt: skip
        """``under`` (h, w, 3) with the grain it lacks; ``under`` itself where there is none to add.

        ``under`` is the comp's light without grain, scene-linear, in ``box`` of the canvas. ``char_alpha`` and
        ``reveal`` (h, w) say of which layers a pixel is a mix; ``own_char`` and ``own_clean`` are the share of the
        plate's grain variance that a layer has already, a channel. Independent grains add as variances, so that in a
        mix with weights ``a`` (character), ``c`` (clean) and ``p`` (plate, which has all its grain) what lacks is

            sigma(light)^2 * (1 - a^2 own_char - c^2 own_clean - p^2), never below 0.

        Where a pixel is the plate's alone that is exactly 0: its bits stay. NaN and infinities stay, too.
        """
        if self.is_none or not under.size:
            return under
        out = under.astype(np.float32, copy=True)
        for row in range(0, box.height, _ROWS):
            rows = slice(row, min(row + _ROWS, box.height))
            strip = Box(box.x0, box.y0 + rows.start, box.x1, box.y0 + rows.stop)
            self._add_strip(out[rows], place, strip, char_alpha[rows], reveal[rows], (own_char, own_clean))
        return out

    def _add_strip(
        self, out: Array, place: GrainPlace, strip: Box, alpha: Array, reveal: Array, own: tuple[Shares, Shares]
    ) -> None:
        behind = 1 - alpha
        clean = np.square(behind * reveal)
        # Rounding must not leave a trace of grain where a pixel is the plate's alone.
        plate = 1 - np.square(behind * (1 - reveal))
        char = np.square(alpha)
        if not plate.any():
            return
        noise = self._noise(place, strip)
        bits = to_half(np.ascontiguousarray(out)).view(np.uint16)
        for channel in range(3):
            lacks = plate - char * np.float32(own[0][channel]) - clean * np.float32(own[1][channel])
            grain = np.sqrt(np.maximum(lacks, np.float32(0)))
            grain *= self._sigmas[channel][bits[..., channel]]
            grain *= noise[..., channel]
            light = out[..., channel]
            np.add(light, grain, out=light, where=grain != 0)

    def _noise(self, place: GrainPlace, box: Box) -> Array:
        """Unit grain (h, w, 3) in a box of the canvas."""
        out = np.zeros((box.height, box.width, 3), np.float32)
        for weight, starts in place.fields:
            for tile, (down, across) in zip(self._tiles, starts, strict=True):
                _add_tile(out, tile, box.y0 + down, box.x0 + across, np.float32(weight))
        return out


def _add_tile(out: Array, tile: Array, down: int, across: int, weight: np.float32) -> None:
    """Add the periodic tile, from a place in it, to ``out``."""
    for rows, from_row in _runs(down, out.shape[0], len(tile)):
        for columns, from_column in _runs(across, out.shape[1], len(tile)):
            height, width = rows.stop - rows.start, columns.stop - columns.start
            part = tile[from_row : from_row + height, from_column : from_column + width]
            out[rows, columns] += part if weight == 1 else part * weight


def make_tile(model: GrainModel, *, side_px: int, seed: int) -> Array:
    """A periodic tile (side, side, 3) of the model's grain with a variance of 1/2 a channel and mean 0.

    White Gaussian noise, filtered to the fields' spectra (Wiener-Khinchin: the transform of their autocorrelation),
    then mixed.
    """
    random = np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, 0, side_px]))
    white = random.standard_normal((3, side_px, side_px), dtype=np.float32)
    fields = np.empty((side_px, side_px, 3), np.float32)
    for index in range(3):
        gain = np.sqrt(grain_spectrum(np.array(model.correlation[index]), side_px=side_px))
        gain[0, 0] = 0.0
        field = np.fft.irfft2(np.fft.rfft2(white[index]) * gain, s=(side_px, side_px))
        fields[..., index] = field / field.std()
    mix = np.array(model.mix, np.float64)
    mix /= np.sqrt(np.square(mix).sum(axis=1, keepdims=True))
    return np.ascontiguousarray(fields @ (mix * np.sqrt(0.5)).T.astype(np.float32))


def grain_spectrum(correlation: Values, *, side_px: int) -> Values:
    """The power (side, side // 2 + 1) of grain with this autocorrelation, faded out where it was no longer measured."""
    across = np.abs(np.arange(-REACH_PX, REACH_PX + 1))
    down = np.arange(REACH_PX + 1)
    around = np.zeros((side_px, side_px))
    for dy in down:
        for dx in range(-REACH_PX, REACH_PX + 1):
            value = correlation[dy, dx + REACH_PX] * _fade(down[dy]) * _fade(across[dx + REACH_PX])
            around[dy, dx % side_px] = value
            around[-dy, -dx % side_px] = value
    return np.asarray(np.maximum(np.fft.rfft2(around).real, 0.0))


def _fade(distance_px: int) -> float:
    """1 up to 4 px, 0 beyond the reach, a half cosine between."""
    part = np.clip((distance_px - _FLAT_PX) / (REACH_PX + 1 - _FLAT_PX), 0.0, 1.0)
    return float(0.5 + 0.5 * np.cos(np.pi * part))


def _runs(start: int, length: int, period: int) -> list[tuple[slice, int]]:
    """A run of ``length`` from ``start`` cut where the period ends: places in the run, and where each lies in it."""
    runs, at = [], 0
    while at < length:
        inside = (start + at) % period
        count = min(length - at, period - inside)
        runs.append((slice(at, at + count), inside))
        at += count
    return runs
