"""What a backend must offer. Everything a stage knows about a model is here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from wanfx.backends.steering import Drive, Guide
from wanfx.frames import FrameRange, Size
from wanfx.options import Options

Array = npt.NDArray[np.float32]
Quality = Literal["draft", "preview", "fast", "final"]
Task = Literal["replace", "animate", "background"]
Join = Literal["dissolve", "pin"]


@dataclass(frozen=True)
class ModelCard:
    """A model as the manifest names it."""

    name: str
    revision: str
    licence: str
    sha256: str = ""


class FrameSource(Protocol):
    """Pictures of a shot for analysis, read one at a time.

    Pictures are `size`, square pixels, (H, W, 3) float32, display-encoded sRGB in [0, 1]: for looking at, never for
    the comp.
    """

    @property
    def frames(self) -> FrameRange: ...

    @property
    def size(self) -> Size: ...

    def read(self, frame: int) -> Array: ...


@dataclass(frozen=True)
class PointPrompt:
    """A point on (`keep`) or off the subject; pixels of the frame source, pixel centres at .5."""

    frame: int
    x: float
    y: float
    keep: bool = True


@dataclass(frozen=True)
class BoxPrompt:
    """A box around the subject; pixels of the frame source, corners."""

    frame: int
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True)
class MaskPrompt:
    """A frame whose matte an artist made: ``read`` gives it, (H, W) in [0, 1] at the frame source's size."""

    frame: int
    read: Callable[[], Array]


@dataclass(frozen=True)
class Prompts:
    """What the artist said about one subject. ``masks`` are hand-made mattes, which come back as they are later on;
    a segmenter may learn from them.
    """

    points: tuple[PointPrompt, ...] = ()
    boxes: tuple[BoxPrompt, ...] = ()
    masks: tuple[MaskPrompt, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was pointed at."""
        return not self.points and not self.boxes


@dataclass(frozen=True, eq=False)
class Segment:
    """A subject in a frame: ``matte`` (H, W) in [0, 1] at the source's size, how likely each pixel is the subject's;
    ``confidence`` in [0, 1] that this is the subject.
    """

    subject: str
    frame: int
    matte: Array
    confidence: float


class Segmenter(Protocol):
    """Finds subjects in every frame; ``learns_from_masks`` says whether hand-made mattes change what it finds.

    ``models`` are those it may use, ``settings`` whatever else changes what it finds.
    """

    name: str
    models: tuple[ModelCard, ...]
    settings: tuple[str, ...]
    learns_from_masks: bool

    def load(self) -> None: ...

    def used(self, subject: str) -> tuple[ModelCard, ...]:
        """The models that found one of the subjects that were asked for last."""
        ...

    def segment(self, source: FrameSource, *, subjects: Mapping[str, Prompts]) -> Iterator[Segment]:
        """Each of ``subjects`` (by name) in each frame, once, in any order.

        Raises NothingFoundError where there is nothing to find.
        """
        ...


class Clicker(Protocol):
    """Cuts one picture while an artist clicks."""

    name: str
    models: tuple[ModelCard, ...]

    def load(self) -> None: ...

    def open(self, picture: Array) -> None:
        """Take a picture, display-encoded sRGB (H, W, 3) in [0, 1]. What is costly and needs no prompt happens here."""
        ...

    def click(self, prompts: Prompts) -> tuple[Array, float]:
        """The matte (H, W) in [0, 1] that all of ``prompts`` (pixels of the picture, whatever their frame) ask for, and
        confidence in [0, 1]. Raises NothingFoundError where there is nothing.
        """
        ...


@dataclass(frozen=True)
class GeneratedFrame:
    """One frame in model space: rgb (H, W, 3) float32 in about [-1, 1], and alpha (H, W) where the generator has one.

    With alpha, rgb is the straight (unpremultiplied) foreground wherever alpha > 0 and the background elsewhere.
    """

    rgb: Array
    alpha: Array | None


class WindowInputs(Protocol):
    """One window's conditioning, read lazily. Pictures are (H, W, 3) float32 in model space at `size`."""

    @property
    def frames(self) -> tuple[int, ...]: ...

    @property
    def frames_read(self) -> tuple[int, ...]:
        """The frames whose conditioning the generator reads, as its own `Generator.frames_read` said."""
        ...

    @property
    def size(self) -> Size: ...

    @property
    def seed(self) -> int: ...

    @property
    def carried(self) -> tuple[Array, ...]:
        """What `ops.lock` made of the window before: the first frames of this one."""
        ...

    @property
    def pinned(self) -> tuple[Array, ...]:
        """Approved pictures of the last of `frames_read`, which the model is to end with; of a generator that pins."""
        ...

    @property
    def drive(self) -> Drive | None:
        """What steers the model; None for generators that are not driven."""
        ...

    @property
    def guide(self) -> Guide | None:
        """What a prompted model is told and shown; None for others."""
        ...

    @property
    def on_step(self) -> Callable[[int, int], None]:
        """To be called after each step of a window that takes long, with its number from 1 and how many there are."""
        ...

    def plate(self, frame: int) -> Array: ...

    def background(self, frame: int) -> Array: ...

    def mask(self, frame: int) -> Array:
        """(H, W) in [0, 1]: where the generator draws."""
        ...

    def character(self, frame: int) -> tuple[Array, Array] | None:
        """The reference, performing, in the crop: straight rgb in model space, alpha (H, W); None in `background`."""
        ...


class Generator(Protocol):
    """Makes a window of frames.

    ``keeps_background`` says that what it does not draw it gives back as it was given: no shadow is looked for then.
    ``tasks`` are those it can make. A driven one (`is_driven`) is given a `Drive` in place of the clean plate and the
    character; one that `is_prompted` draws a world by a `Guide`. ``area_px`` is about how many square pixels its
    picture has, in sides of multiples of 16; None for any.
    ``settings`` is whatever of its options changes what it makes. ``carries`` are the numbers of frames that it can
    take over; ``joins`` says how a range that is made again joins the frames after it: a few more are made and
    dissolved into them, or the last window ends with them (with windows of 4 n + 1 frames).
    """

    name: str
    quality: Quality
    models: tuple[ModelCard, ...]
    window_frames: int
    carried_frames: int
    carries: tuple[int, ...]
    joins: Join
    pixel_type: Literal["half", "float"]
    keeps_background: bool
    is_driven: bool
    is_prompted: bool
    tasks: tuple[Task, ...]
    area_px: int | None

    @property
    def settings(self) -> tuple[str, ...]: ...

    def configure(self, options: Options) -> None:
        """Take over what the options say, before all else; nothing is loaded. Raises OptionError, MissingError."""
        ...

    def load(self, *, cache: Path) -> None:
        """Get ready to generate; ``cache`` is a folder for what it found out once and can use again."""
        ...

    def frames_read(self, frames: FrameRange, *, shot: FrameRange) -> tuple[int, ...]:
        """The frames of ``shot`` whose conditioning a window of ``frames`` reads, in the order of the model's own."""
        ...

    def generate(self, inputs: WindowInputs) -> Iterator[GeneratedFrame]:
        """One frame for every frame of the window, in order."""
        ...
