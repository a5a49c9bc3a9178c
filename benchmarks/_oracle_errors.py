"""The oracle's errors: what it does wrong to a picture it knows, from seeds, and how a carried frame passes it on.

A picture in code values v of 0 to 1 goes through, in this order, for the parameters of a `Fault`:

    field    v (1 + sum_m a_cm cos(pi (k_m x + l_m y)))     a gain that varies smoothly over the picture, per channel
    curve    v - s sin(2 pi v) / (2 pi)                     an S, as a film's
    twist    chroma turned by t cos(hue - 0.6) about grey   reds one way, greens another
    cast     p + (1 + g_c) (v - p) + o_c,  p = 0.4          contrast and colour cast, per channel

Only the last is of a family that a gain and an offset a channel undo. Every parameter is drawn twice, from streams that
know nothing of each other: ``outside`` the matte, and ``own``. Inside it is rho outside + sqrt(1 - rho^2) own, so rho
is the correlation of the two errors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]
_PIVOT = np.float32(0.4)
_MODES = ((1, 0), (0, 1), (1, 1), (2, 1))
_HUE = 0.6
_HABIT, _WHIM = 0.8, 0.6
_BINDING = 0.5
_RIDGE = 0.005
_GREY = np.full(3, 1 / np.sqrt(3), np.float32)


@dataclass(frozen=True)
class Strength:
    """Standard deviations: of a window's new error (code values, relative gain, radians), and of a frame's flicker.

    ``amplify`` is by how much the error that is seen in the carried frames is passed on.
    """

    offset: float = 0.005
    gain: float = 0.015
    curve: float = 0.03
    twist: float = 0.04
    field: float = 0.008
    flicker: float = 0.002
    amplify: float = 1.1

    def times(self, factor: float) -> Strength:
        """All errors this much stronger; 0 is a generator that makes none."""
        names = ("offset", "gain", "curve", "twist", "field", "flicker")
        return replace(self, **{name: getattr(self, name) * factor for name in names})


@dataclass(frozen=True, eq=False)
class Fault:
    """What is done to a picture: offset and gain (3), field (3, modes), curve and twist."""

    offset: Values
    gain: Values
    field: Values
    curve: float
    twist: float

    def mixed(self, other: Fault, *, mine: float, its: float) -> Fault:
        """``mine`` times this and ``its`` times the other."""
        return Fault(*(mine * getattr(self, name) + its * getattr(other, name) for name in _NAMES))

    def more(self, seen: Seen) -> Fault:
        """With an offset and gain that were passed on."""
        return replace(self, offset=self.offset + seen.offset, gain=self.gain + seen.gain)


_NAMES = ("offset", "gain", "field", "curve", "twist")


@dataclass(frozen=True, eq=False)
class Seen:
    """An error as an offset and a gain (3) about the pivot, per channel, in code values."""

    offset: Values
    gain: Values

    def mixed(self, other: Seen, *, mine: float, its: float) -> Seen:
        """``mine`` times this and ``its`` times the other."""
        return Seen(mine * self.offset + its * other.offset, mine * self.gain + its * other.gain)


NOTHING = Seen(np.zeros(3), np.zeros(3))


@dataclass(frozen=True)
class ErrorModel:
    """Errors of every window and frame; ``rho`` in [0, 1] is how far those inside the matte are those outside."""

    seed: int
    rho: float
    strength: Strength

    def window(self, index: int, *, inside: Seen = NOTHING, outside: Seen = NOTHING) -> WindowErrors:
        """The errors of a window whose carried frames show the errors ``inside`` and ``outside`` the matte.

        The picture is made as one: what is wrong in the character binds the rest of it too, as far as the two go
        together at all.
        """
        binding = _BINDING * self.rho
        amplify = self.strength.amplify
        around = inside.mixed(outside, mine=amplify * binding, its=amplify * (1 - binding))
        within = around.mixed(inside, mine=self.rho, its=amplify * (1 - self.rho))
        far, own = (self._new_error(stream, index) for stream in ("outside", "own"))
        return WindowErrors(self, self._inside(far, own).more(within), far.more(around))

    def frame_faults(self, base: WindowErrors, frame: int) -> tuple[Fault, Fault]:
        """Inside and outside: the window's errors with the frame's flicker."""
        far, own = (self._flicker(stream, frame) for stream in ("outside", "own"))
        return base.inside.more(self._seen_inside(far, own)), base.outside.more(far)

    def _inside(self, far: Fault, own: Fault) -> Fault:
        return far.mixed(own, mine=self.rho, its=float(np.sqrt(1 - self.rho**2)))

    def _seen_inside(self, far: Seen, own: Seen) -> Seen:
        return far.mixed(own, mine=self.rho, its=float(np.sqrt(1 - self.rho**2)))

    def _new_error(self, stream: str, window: int) -> Fault:
        """Of the same seed: partly what this generator always does, partly what it does in this window."""
        habit, whim = self._draw(stream, "habit", 0), self._draw(stream, "window", window)
        return habit.mixed(whim, mine=_HABIT, its=_WHIM)

    def _draw(self, stream: str, what: str, index: int) -> Fault:
        random, by = self._random(stream, what, index), self.strength
        return Fault(
            by.offset * random.standard_normal(3), by.gain * random.standard_normal(3),
            by.field * random.standard_normal((3, len(_MODES))),
            by.curve * float(random.standard_normal()), by.twist * float(random.standard_normal()),
        )  # fmt: skip

    def _flicker(self, stream: str, frame: int) -> Seen:
        random, by = self._random(stream, "flicker", frame), self.strength.flicker
        return Seen(by * (random.standard_normal() + 0.5 * random.standard_normal(3)), by * random.standard_normal(3))

    def _random(self, stream: str, what: str, index: int) -> np.random.Generator:
        streams = {"outside": 1, "own": 2}
        kinds = {"habit": 1, "window": 2, "flicker": 3}
        return np.random.default_rng([self.seed, streams[stream], kinds[what], index])


@dataclass(frozen=True, eq=False)
class WindowErrors:
    """A window's errors before flicker."""

    model: ErrorModel
    inside: Fault
    outside: Fault


def apply_faults(code: Array, *, inside: Fault, outside: Fault, within: Array) -> Array:
    """A picture (H, W, 3), code values of about 0 to 1, with its errors; ``within`` (H, W) in [0, 1] is the matte."""
    far = apply_fault(code, outside)
    return np.asarray(far + within[..., None] * (apply_fault(code, inside) - far), np.float32)


def apply_fault(code: Array, fault: Fault) -> Array:
    """A picture (H, W, 3), code values of about 0 to 1, with one error all over."""
    f = np.float32
    made = code * (f(1) + _field(code.shape[:2], fault.field))
    made = made - f(fault.curve) * np.sin(f(2 * np.pi) * np.clip(made, 0, 1)) / f(2 * np.pi)
    made = _twisted(made, fault.twist)
    return np.asarray(_PIVOT + (made - _PIVOT) * f(1 + fault.gain) + f(fault.offset), np.float32)


def see_error(carried: Array, truth: Array, *, where: npt.NDArray[np.bool_]) -> Seen:
    """How far ``carried`` (H, W, 3) is off ``truth`` in code values ``where`` (H, W): least squares, a little ridge.

    No error where hardly anything shows.
    """
    if np.count_nonzero(where) < 16:
        return NOTHING
    wanted = truth[where].astype(np.float64) - float(_PIVOT)
    off = carried[where].astype(np.float64) - truth[where]
    middle = wanted.mean(axis=0)
    spread = wanted - middle
    gain = (spread * (off - off.mean(axis=0))).mean(axis=0) / ((spread**2).mean(axis=0) + _RIDGE)
    return Seen(off.mean(axis=0) - gain * middle, gain)


def _field(shape: tuple[int, ...], field: Values) -> Array:
    y, x = (np.linspace(0, 1, side, dtype=np.float32) for side in shape)
    waves = [np.cos(np.pi * (k * x[None, :] + m * y[:, None])) for k, m in _MODES]
    return np.asarray(np.tensordot(np.stack(waves, axis=2), field.T.astype(np.float32), axes=1), np.float32)


def _twisted(code: Array, radians: float) -> Array:
    """Chroma turned about the grey axis, each hue by its own angle (Rodrigues' rotation formula)."""
    chroma = code - code.mean(axis=2, keepdims=True)
    red, green, blue = np.moveaxis(code, 2, 0)
    hue = np.arctan2(np.float32(np.sqrt(3)) * (green - blue), 2 * red - green - blue)
    angle = (np.float32(radians) * np.cos(hue - np.float32(_HUE)))[..., None]
    turned = chroma * np.cos(angle) + np.cross(_GREY, chroma) * np.sin(angle)
    return np.asarray(code + turned - chroma, np.float32)
