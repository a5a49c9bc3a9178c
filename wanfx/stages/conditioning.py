"""Conditioning as files and facts, and the window inputs that a generator reads from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.backends.protocols import ModelCard
from wanfx.frames import Box, Size
from wanfx.images import FramePattern, Plate
from wanfx.io import exr
from wanfx.ops.crop import cut, to_model
from wanfx.ops.edges import bounding_box, grow_matte
from wanfx.ops.pose import BODY, Pose
from wanfx.pixels import to_finite
from wanfx.stages.character import Character
from wanfx.stages.clean import read_clean
from wanfx.stages.drive import ShotDrive
from wanfx.stages.performance import Performance
from wanfx.stages.refine import Refined
from wanfx.stages.world import World
from wanfx.stages.world_guide import ShotGuide
from wanfx_color.configs import ColorConfig
from wanfx_color.model_space import ModelSpace
from wanfx_color.transforms import from_linear_rec709, to_linear_rec709

Array = npt.NDArray[np.float32]
TINY_ALPHA = np.float32(1e-4)


@dataclass(frozen=True)
class Conditioning:
    """What the generator is given, in the plate's own linear space and in canvas pixels.

    ``crops`` are boxes in the canvas, ``size`` the model's picture. ``background`` is the clean plate (`replace`), the
    new ``world`` (`background`) or the reference's empty picture (`animate` without a video model); in `animate` with
    one there is none. Crops may reach a little beyond the canvas, whose edge goes on there. ``character``
    is the reference as it performs, or None: a new background has none, and a generator with a ``drive`` makes its
    own. ``poses`` are the actor's where they were looked for; in `animate` those of the ``performance``.
    ``guide`` is what a prompted generator is shown; where it `is_empty`, nobody takes the actor's place.
    ``reference`` says which picture of the character was used, and how.
    """

    plate: Plate
    size: Size
    crops: Mapping[int, Box]
    space: ModelSpace
    background: FramePattern
    background_hashes: Mapping[int, str]
    character: Character | None
    key: str
    world: World | None = None
    models: tuple[ModelCard, ...] = ()
    drive: ShotDrive | None = None
    guide: ShotGuide | None = None
    is_empty: bool = False
    poses: Mapping[int, Pose] = field(default_factory=dict)
    reference: Mapping[str, Any] = field(default_factory=dict)
    performance: Performance | None = None

    @property
    def is_whole(self) -> bool:
        """Whether the whole picture is new, the reference's own background and all (`animate`): no plate shows."""
        return self.performance is not None

    @property
    def is_world(self) -> bool:
        """Whether the actor is kept and the background is new."""
        return self.world is not None

    def confidence(self, frame: int) -> float:
        """How far the performance can be trusted, in [0, 1]."""
        if self.character is not None:
            return self.character.confidence(frame)
        return 1.0 if self.drive is None else float(self.poses[frame].confidence[BODY].mean())

    def frame_key(self, frame: int) -> Any:
        """What the frame's conditioning is made of, beside plate, matte and background."""
        character = self.character.key(frame) if self.character is not None else None
        steered = None if self.drive is None else self.drive.key(frame)
        if self.guide is not None:
            steered = self.guide.key(frame)
        return self.crops[frame].as_list(), character, steered

    def bridge(self, color: ColorConfig) -> SpaceBridge:
        """Between the plate's own linear space and model space."""
        return SpaceBridge(color, self.plate.color_space, self.space)


@dataclass(frozen=True)
class SpaceBridge:
    """The plate's own linear space to model space and back."""

    color: ColorConfig
    plate_space: str
    space: ModelSpace

    def encode(self, plate_linear: Array) -> Array:
        """Plate-linear (H, W, 3) to model space; NaN and Inf become 0."""
        linear = to_finite(np.array(plate_linear, np.float32, order="C"))
        return self.space.encode(to_linear_rec709(self.color, self.plate_space)(linear))

    def decode(self, model: Array) -> Array:
        """Model space (H, W, 3) to plate-linear."""
        return from_linear_rec709(self.color, self.plate_space)(np.ascontiguousarray(self.space.decode(model)))


@dataclass(frozen=True)
class PlateWindow:
    """One window's inputs, read from disk as they are asked for.

    ``hidden_px`` is how far around the subject the clean plate stands in for the plate. Who only looks at frames leaves
    the rest out.
    """

    frames: tuple[int, ...]
    seed: int
    carried: tuple[Array, ...]
    conditioning: Conditioning
    refined: Refined
    bridge: SpaceBridge
    hidden_px: float
    frames_read: tuple[int, ...] = ()
    on_step: Callable[[int, int], None] = lambda _step, _steps: None
    pinned: tuple[Array, ...] = ()
    _read: dict[tuple[str, int], Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def size(self) -> Size:
        return self.conditioning.size

    @property
    def drive(self) -> ShotDrive | None:
        return self.conditioning.drive

    @property
    def guide(self) -> ShotGuide | None:
        return self.conditioning.guide

    def background(self, frame: int) -> Array:
        """In model space: new world, empty picture, or the plate with the clean plate where the subject stood."""
        conditioning = self.conditioning
        clean, _seen = read_clean(conditioning.background.path(frame), plate=conditioning.plate, frame=frame)
        crop = conditioning.crops[frame]
        if conditioning.is_world or conditioning.is_whole:
            return self._to_model(cut(clean, crop))
        hidden = self._hidden(frame) > 0
        if crop.size != self.size:
            return self._to_model(np.where(hidden[..., None], cut(clean, crop), cut(self._plate(frame), crop)))
        # Encoding is the work here, so only what differs from the plate is encoded again.
        picture, box = self.plate(frame).copy(), bounding_box(hidden)
        if not box.is_empty:
            inside = hidden[box.slices()]
            picture[box.slices()][inside] = self.bridge.encode(cut(clean, crop)[box.slices()])[inside]
        return picture

    def plate(self, frame: int) -> Array:
        """The plate, in model space; nothing (0) where it is not shown at all."""
        if self.conditioning.is_whole:
            return np.zeros((self.size.height, self.size.width, 3), np.float32)
        crop = self.conditioning.crops[frame]
        picture: Array = self._once("model", frame, lambda: self._to_model(cut(self._plate(frame), crop)))
        return picture

    def mask(self, frame: int) -> Array:
        """(H, W) in [0, 1]: the old subject; for a driven generator all that it draws, which may be his box."""
        if self.drive is not None:
            return self.drive.mask(frame).astype(np.float32)
        crop = self.conditioning.crops[frame]
        return np.clip(to_model(cut(self._matte(frame), crop), size=self.size), 0.0, 1.0)

    def character(self, frame: int) -> tuple[Array, Array] | None:
        """The reference, performing, in the crop: straight rgb in model space (0 where alpha is 0) and alpha."""
        character, crop = self.conditioning.character, self.conditioning.crops[frame]
        if character is None:
            return None
        rgba = to_model(character.draw(frame, box=crop), size=self.size)
        alpha = np.clip(rgba[..., 3], 0.0, 1.0)
        alpha[alpha < TINY_ALPHA] = 0.0
        model, box = np.zeros_like(rgba[..., :3]), bounding_box(alpha)
        if not box.is_empty:
            inside = alpha[box.slices()][..., None]
            straight = np.zeros_like(rgba[box.slices()][..., :3])
            np.divide(rgba[box.slices()][..., :3], inside, out=straight, where=inside > 0)
            model[box.slices()] = self.bridge.encode(straight)
        return model, alpha

    def _hidden(self, frame: int) -> Array:
        """How far the clean plate stands in for the plate, in the crop."""
        crop, canvas = self.conditioning.crops[frame], self.conditioning.plate.canvas
        whole = Box(0, 0, canvas.width, canvas.height)
        around = crop.grow(int(np.ceil(self.hidden_px)) + 1).clip(whole)
        grown = grow_matte(np.ascontiguousarray(self._matte(frame)[around.slices()]), radius_px=self.hidden_px)
        return cut(grown, crop.shift(-around.x0, -around.y0))

    def _matte(self, frame: int) -> Array:
        path, canvas = self.refined.matte.path(frame), self.conditioning.plate.canvas
        matte: Array = self._once("matte", frame, lambda: exr.read_matte(path, canvas=canvas))
        return matte

    def _plate(self, frame: int) -> npt.NDArray[Any]:
        plate = self.conditioning.plate
        read = self._once("plate", frame, lambda: exr.read_frame(plate.path(frame), canvas=plate.canvas, frame=frame))
        rgb: npt.NDArray[Any] = read.rgb
        return rgb

    def _once(self, what: str, frame: int, read: Callable[[], Any]) -> Any:
        """What was read of this frame; other frames' are let go."""
        for key in [key for key in self._read if key[1] != frame]:
            del self._read[key]
        if (what, frame) not in self._read:
            self._read[what, frame] = read()
        return self._read[what, frame]

    def _to_model(self, rgb: npt.NDArray[Any]) -> Array:
        """A crop's pixels in model space, at the model's size; NaN and Inf as 0."""
        return self.bridge.encode(to_model(to_finite(rgb), size=self.size))
