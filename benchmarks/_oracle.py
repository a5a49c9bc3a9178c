"""The oracle: a generator that knows the perfect picture and gives it back as a generator would.

At the model's size, in model space, softened as by a VAE, shifted by a part of a pixel, clipped to the model's range,
with the seeded errors of `_oracle_errors`. The loop is closed: the error that it sees in its carried frames is passed
on, so that a bad carry compounds, and a perfect one leaves each window its own error only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
from _oracle_errors import NOTHING, ErrorModel, Seen, Strength, WindowErrors, apply_faults, see_error
from _oracle_shot import RenderedShot

from wanfx.backends.plain import PlainGenerator
from wanfx.backends.protocols import GeneratedFrame, ModelCard, Quality, WindowInputs
from wanfx.ops.crop import to_model
from wanfx.ops.decontaminate import own_colors
from wanfx.ops.edges import grow_matte
from wanfx.stages.conditioning import PlateWindow

Array = npt.NDArray[np.float32]
WINDOW_FRAMES, CARRIED_FRAMES = 17, 1
_MULTIPLE_PX = 16
_NEAR_PX = 12.0
_JITTER_PX = 0.05
_BLEND_PX = 1.5
_SEEN_PX = 3.0
_PAD_PX = 32
_RINGS = np.float32(0.02)


@dataclass(frozen=True)
class Softness:
    """What a VAE and its size do to a picture: a Gaussian, in the model's pixels; a shift right and down, in ours."""

    blur_px: float = 0.6
    shift_px: tuple[float, float] = (0.35, -0.25)


@dataclass(frozen=True)
class OracleSettings:
    """All that the oracle does wrong. ``strength`` times 0 and no shift leave the low pass: the floor."""

    rho: float = 1.0
    seed: int = 7
    strength: Strength = field(default_factory=Strength)
    softness: Softness = field(default_factory=Softness)

    @classmethod
    def floor(cls) -> OracleSettings:
        """A generator that only softens."""
        return cls(strength=replace(Strength().times(0), amplify=0.0), softness=Softness(shift_px=(0.0, 0.0)))


def soften(picture: Array, softness: Softness, *, window: int, seed: int, blur: bool = True) -> Array:
    """A picture (H, W, 3) or matte (H, W) to the model's multiple of 16 pixels and back, softened and shifted.

    Without ``blur`` it is shifted only: what a matte drawn from the soft picture would be.
    """
    height, width = picture.shape[:2]
    if blur:
        size = tuple(max(1, round(side / _MULTIPLE_PX)) * _MULTIPLE_PX for side in (width, height))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
        if softness.blur_px > 0:
            small = cv2.GaussianBlur(small, (0, 0), softness.blur_px)
        picture = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    if softness.shift_px == (0.0, 0.0):
        return np.asarray(picture, np.float32)
    jitter = np.random.default_rng([seed, 4, window]).normal(0, _JITTER_PX, 2)
    return _shifted(picture, softness.shift_px[0] + jitter[0], softness.shift_px[1] + jitter[1])


def _shifted(picture: Array, right_px: float, down_px: float) -> Array:
    """Moved, and nothing else: by Fourier's shift theorem. An interpolation would soften and bend phases as well."""
    around = cv2.copyMakeBorder(picture, *[_PAD_PX] * 4, cv2.BORDER_REFLECT)
    across, down = np.fft.rfftfreq(around.shape[1])[None], np.fft.fftfreq(around.shape[0])[:, None]
    turn = np.exp(-2j * np.pi * (across * right_px + down * down_px))
    planes = [np.fft.irfft2(np.fft.rfft2(plane) * turn, s=around.shape[:2]) for plane in cv2.split(around)]
    moved = np.stack(planes, axis=2).reshape(around.shape)
    return np.asarray(moved[_PAD_PX:-_PAD_PX, _PAD_PX:-_PAD_PX], np.float32)


@dataclass(frozen=True)
class Painter:
    """Makes the generator's pictures from perfect ones, in code values of 0 to 1, wherever those are from."""

    settings: OracleSettings

    @property
    def errors(self) -> ErrorModel:
        return ErrorModel(self.settings.seed, self.settings.rho, self.settings.strength)

    def window(self, index: int, seen: tuple[Seen, Seen] | None) -> WindowErrors:
        """The errors of a window; ``seen`` inside and outside the matte of its carried frames."""
        inside, outside = seen or (NOTHING, NOTHING)
        return self.errors.window(index, inside=inside, outside=outside)

    def paint(self, truth_code: Array, alpha: Array, *, window: WindowErrors, index: int, frame: int) -> Array:
        """The picture (H, W, 3) of a frame of the perfect ``truth_code`` in which ``alpha`` (H, W) is the character."""
        soft = soften(truth_code, self.settings.softness, window=index, seed=self.settings.seed)
        inside, outside = self.errors.frame_faults(window, frame)
        within = np.clip(cv2.GaussianBlur(alpha, (0, 0), _BLEND_PX) * 2, 0, 1).astype(np.float32)
        return np.clip(apply_faults(soft, inside=inside, outside=outside, within=within), 0, 1)

    def see(self, carried_code: Array, truth_code: Array, *, alpha: Array, people: Array) -> tuple[Seen, Seen]:
        """The errors of a carried frame inside ``alpha`` and away from all ``people`` (both (H, W))."""
        far = grow_matte(np.ascontiguousarray(people), radius_px=_NEAR_PX) == 0
        return _see(carried_code, truth_code, where=alpha > 0.95), _see(carried_code, truth_code, where=far)


def _see(carried_code: Array, truth_code: Array, *, where: npt.NDArray[np.bool_]) -> Seen:
    """The error of broad areas: what is only soft or a little beside its place is none of colour."""
    weight = cv2.GaussianBlur(where.astype(np.float32), (0, 0), _SEEN_PX)[..., None]
    broad = [
        np.asarray(
            cv2.GaussianBlur(picture * where[..., None], (0, 0), _SEEN_PX) / np.maximum(weight, 1e-3), np.float32
        )
        for picture in (carried_code, truth_code)
    ]
    return see_error(broad[0], broad[1], where=where)


class OracleGenerator(PlainGenerator):
    """Gives back the truth of ``shot``, which is what it conditions on beside the plate's crop, with its errors."""

    name = "oracle"
    quality: Quality = "preview"
    window_frames = WINDOW_FRAMES
    carried_frames = CARRIED_FRAMES
    pixel_type: Literal["half", "float"] = "float"
    keeps_background = False

    def __init__(self, shot: RenderedShot, settings: OracleSettings) -> None:
        self._shot, self._painter = shot, Painter(settings)
        self.models: tuple[ModelCard, ...] = (
            ModelCard("wanfx-oracle", repr(sorted(asdict(settings).items())), "Apache-2.0"),
        )

    def generate(self, inputs: WindowInputs) -> Iterator[GeneratedFrame]:
        """Every frame of the window; the carried frames come first and are given back as they are."""
        assert isinstance(inputs, PlateWindow)
        index = window_of(inputs.frames[len(inputs.carried)], first=self._shot.frames.first)
        errors = self._painter.window(index, self._seen(inputs))
        for place, frame in enumerate(inputs.frames):
            truth, alpha = self._truth(inputs, frame)
            settings = self._painter.settings
            matte = _whole(soften(alpha, settings.softness, window=index, seed=settings.seed, blur=False))
            if place < len(inputs.carried):
                yield GeneratedFrame(inputs.carried[place], matte)
                continue
            code = self._painter.paint(truth, alpha, window=errors, index=index, frame=frame)
            yield GeneratedFrame(_straight(to_model_space(code), matte, inputs), matte)

    def _seen(self, inputs: PlateWindow) -> tuple[Seen, Seen] | None:
        if not inputs.carried:
            return None
        frame = inputs.frames[len(inputs.carried) - 1]
        truth, alpha = self._truth(inputs, frame)
        people = np.maximum(alpha, inputs.mask(frame))
        return self._painter.see(to_code(inputs.carried[-1]), truth, alpha=alpha, people=people)

    def _truth(self, inputs: PlateWindow, frame: int) -> tuple[Array, Array]:
        """The perfect picture in the crop, in code values, and the character's alpha in it."""
        crop, size = inputs.conditioning.crops[frame], inputs.size
        linear = to_model(self._shot.read("truth", frame)[crop.slices()], size=size)
        alpha = to_model(self._shot.alpha("character", frame)[crop.slices()], size=size)
        return to_code(inputs.bridge.space.encode(linear)), np.clip(alpha, 0, 1)


def _whole(matte: Array) -> Array:
    """The matte with what rings a little about 0 and 1 made 0 and 1."""
    return np.where(matte < _RINGS, 0, np.where(matte > 1 - _RINGS, 1, matte)).astype(np.float32)


def _straight(model: Array, alpha: Array, inputs: PlateWindow) -> Array:
    """The picture with the character's own colours wherever alpha is over 0, as a generator with alpha gives it."""
    space = inputs.bridge.space
    linear = space.decode(model)
    own = own_colors(linear, alpha)
    soft = (alpha > 0) & (alpha < 1)
    out = model.copy()
    out[soft] = space.encode(np.ascontiguousarray(own[soft][None]))[0]
    return out


def window_of(frame: int, *, first: int) -> int:
    """The index of the window that makes a frame.

    >>> [window_of(frame, first=1) for frame in (1, 17, 18, 33, 34)]
    [0, 0, 1, 1, 2]
    """
    return max(0, frame - first - CARRIED_FRAMES) // (WINDOW_FRAMES - CARRIED_FRAMES)


def to_code(model: Array) -> Array:
    """Model space to code values of about 0 to 1."""
    return np.asarray((model + np.float32(1)) * np.float32(0.5), np.float32)


def to_model_space(code: Array) -> Array:
    """Code values of 0 to 1 to model space."""
    return np.asarray(code * np.float32(2) - np.float32(1), np.float32)
