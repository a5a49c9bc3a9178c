"""The rendered shot as the oracle and the measures read it, and as a shot that wanfx can run."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Box, FrameRange, Timecode
from wanfx.io import exr
from wanfx.io.stills import write_picture
from wanfx_color.transforms import to_srgb_display

Array = npt.NDArray[np.float32]
Figure = Literal["actor", "character"]
Picture = Literal["plate", "truth", "clean"]
_GRAIN = 0.010
_GRAIN_FLOOR = 0.0005
_GRAIN_SIZE_PX = 0.55
_LAST_PASS = "alpha_character"
# Mattes are known here, so little room is needed around them: in shares of the picture's width.
_CLEAN_GROW, _MARGIN = 0.008, 0.010


@dataclass(frozen=True, eq=False)
class RenderedShot:
    """What `scripts/render_oracle` made: (H, W, 3) float32, scene-linear Rec.709, without grain; alpha (H, W).

    ``is_empty``: with the empty room as the plate, into which the character comes with its whole shadow. The actor's
    matte is then the character's own.
    """

    folder: Path
    frames: FrameRange
    is_empty: bool = False
    grain_seed: int = 3

    @classmethod
    def open(cls, folder: Path, *, frames: int | None = None) -> RenderedShot:
        """The frames from the first that are whole, or so many of them."""
        there = sorted(int(path.stem) for path in (folder / _LAST_PASS).glob("[0-9]*.exr"))
        if not there:
            raise SystemExit(f"{folder} has no rendered frames; make them with scripts/render_oracle/render.py")
        count = next((i for i, frame in enumerate(there) if frame != there[0] + i), len(there))
        return cls(folder, FrameRange(there[0], there[0] + min(count, frames or count) - 1))

    @property
    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads((self.folder / "shot.json").read_text(encoding="utf-8"))
        return facts

    def read(self, picture: Picture, frame: int) -> Array:
        """A picture without grain."""
        picture = "clean" if self.is_empty and picture == "plate" else picture
        return _read(self.folder / picture / f"{frame:04d}.exr")[0]

    def alpha(self, figure: Figure, frame: int) -> Array:
        """How much of each pixel a figure covers."""
        figure = "character" if self.is_empty else figure
        return _read(self.folder / f"alpha_{figure}" / f"{frame:04d}.exr")[1]

    def plate(self, frame: int) -> npt.NDArray[np.float16]:
        """The plate with its grain, as wanfx is given it."""
        clean = self.read("plate", frame)
        return (clean + grain(clean, seed=self.grain_seed, frame=frame)).astype(np.float16)


@functools.lru_cache(maxsize=16)
def _read(path: Path) -> tuple[Array, Array]:
    read = exr.read_frame(path)
    alpha = np.ones(read.rgb.shape[:2], np.float32) if read.alpha is None else read.alpha.astype(np.float32)
    return read.rgb.astype(np.float32), np.clip(alpha, 0, 1)


def grain(linear: Array, *, seed: int, frame: int) -> Array:
    """Grain (H, W, 3) for a picture: a little soft, of variance 1e-4 (0.18 x + 0.0005) for light x, in linear light."""
    random = np.random.default_rng([seed, frame])
    noise = cv2.GaussianBlur(random.standard_normal(linear.shape, np.float32), (0, 0), _GRAIN_SIZE_PX)
    sigma = np.float32(_GRAIN) * np.sqrt(np.float32(0.18) * np.maximum(linear, 0) + np.float32(_GRAIN_FLOOR))
    return np.asarray(noise / noise.std() * sigma, np.float32)


def prepare_shot(shot: RenderedShot, folder: Path) -> Path:
    """Write the plate with its grain, the actor's matte as an artist's roto, a reference and the shot file; its path.

    Frames that are there already stay.
    """
    (folder / "plate").mkdir(parents=True, exist_ok=True)
    (folder / "roto").mkdir(parents=True, exist_ok=True)
    for frame in shot.frames:
        path = folder / "plate" / f"plate.{frame:04d}.exr"
        if not path.exists():
            rgb = shot.plate(frame)
            box = Box(0, 0, rgb.shape[1], rgb.shape[0])
            exr.write_rgb(path, rgb, data_window=box, attributes=_attributes(frame))
            exr.write_matte(folder / "roto" / f"roto.{frame:04d}.exr", shot.alpha("actor", frame), data_window=box)
    _write_reference(shot, folder / "reference.png")
    width = shot.read("plate", shot.frames.first).shape[1]
    data = {
        "schema": "wanfx.shot/1", "name": "oracle", "task": "replace", "plate": "plate/plate.####.exr",
        "reference": "reference.png", "frames": str(shot.frames),
        "subjects": [{"name": "actor", "matte": "roto/roto.####.exr"}],
        "matte": {"backend": "flow"}, "pose": {"backend": "none"}, "condition": {"character": "card"},
        "clean": {"grow_px": round(_CLEAN_GROW * width)}, "finish": {"margin_px": round(_MARGIN * width)},
        "review": {"codec": "none"}, "deliver": {"cryptomatte": "off"},
    }  # fmt: skip
    path = folder / f"shot_{len(shot.frames)}.json"
    path.write_text(json.dumps(data, indent=2))
    return path


def _attributes(frame: int) -> dict[str, Any]:
    return {
        "timeCode": exr.timecode_attribute(Timecode.parse("01:00:00:00", rate=24) + frame),
        "framesPerSecond": Fraction(24),
        "colorInteropID": "lin_rec709_scene",
    }


def _write_reference(shot: RenderedShot, path: Path) -> None:
    """The character of the first frame on white: it places the crop; the oracle itself looks at the truth."""
    frame = shot.frames.first
    rgb, alpha = shot.read("truth", frame), shot.alpha("character", frame)[..., None]
    rows, columns = np.nonzero(alpha[..., 0] > 0.5)
    inside = np.s_[max(0, rows.min() - 4) : rows.max() + 5, max(0, columns.min() - 4) : columns.max() + 5]
    display = to_srgb_display(np.ascontiguousarray(rgb)) * alpha + (1 - alpha)
    write_picture(path, np.rint(display[inside] * 255).astype(np.uint8))
