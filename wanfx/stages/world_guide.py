"""world_guide: Plate, Alpha, the shot's words and pictures -> what a prompted video model is shown of every frame.

Editable, at the model's size: ``work/guide/mask`` (8-bit, white where the model draws) and, where there are any,
``work/guide/anchor`` (composites that are kept whole, plate-linear). ``work/guide/lead`` holds what leads the model,
in model space.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.background_input import BackgroundInput
from wanfx.errors import ShotError
from wanfx.frames import Size
from wanfx.images import FramePattern
from wanfx.io import exr
from wanfx.io.stills import read_still, read_still_header, write_picture
from wanfx.ops.camera import CameraPath
from wanfx.ops.crop import to_model
from wanfx.ops.decontaminate import own_colors
from wanfx.ops.kept_area import find_drawn, find_hole
from wanfx.pixels import to_finite, to_float
from wanfx.stages.clean import read_clean
from wanfx.stages.context import Made, RunContext, make_frames, paintable, stage_key
from wanfx.stages.ingest import Ingested
from wanfx.stages.refine import Refined
from wanfx.stages.world import World, run_world
from wanfx.stages.world_lead import Lead, run_lead, write_model_picture
from wanfx.stages.world_references import WorldReferences, read_references
from wanfx_color.model_space import ModelSpace

STAGE = "guide"
VERSION = 1
Array = npt.NDArray[np.float32]
_HALF = np.float32(0.5)
_OWN_WORDS = {
    "remove": "An empty scene. The background goes on where it was hidden. Nobody is in the picture.",
    "extend": "The same scene in a wider view. The place goes on beyond the picture's edges, in the same light.",
}
ANCHOR_FRAMES = 2
"""A latent reads the mask of its frame 1, or of its last but one: two frames are kept, or the anchor is not seen."""


@dataclass(frozen=True, eq=False)
class ShotGuide:
    """A `Guide` on disk. ``anchors`` are the frames that are kept whole, ``lead`` what leads the model elsewhere;
    ``reach_px`` is how far beside the actor's own edge the model draws, or keeps.
    """

    given: BackgroundInput
    size: Size
    masks: FramePattern
    anchor_pattern: FramePattern
    anchors: frozenset[int]
    hashes: Mapping[int, str]
    shown: WorldReferences
    lead: Lead | None
    encode: Callable[[Array], Array]
    reach_px: float

    @property
    def prompt(self) -> str:
        return self.given.prompt or _OWN_WORDS.get(self.given.mode, "")

    @property
    def negative_prompt(self) -> str | None:
        return self.given.negative_prompt

    @property
    def references(self) -> tuple[Array, ...]:
        return self.shown.pictures

    @property
    def facts(self) -> dict[str, Any]:
        """What was asked of the model, for the manifest."""
        names = [Path(path).name for path in (self.given.path, *self.given.references) if path is not None]
        return {"mode": self.given.mode, "prompt": self.prompt, "negative_prompt": self.negative_prompt,
                "pictures": names, "anchors": sorted(self.anchors)}  # fmt: skip

    @property
    def shared_key(self) -> list[object]:
        """What all frames share."""
        return [self.prompt, self.negative_prompt, self.shown.sha256, asdict(self.size)]

    def key(self, frame: int) -> str:
        """What a frame is shown."""
        return f"{self.hashes[frame]}.{'' if self.lead is None else self.lead.hashes[frame]}"

    def show(self, frame: int, plate: Array) -> tuple[Array, Array]:
        """The frame in model space, and where the model draws (`Guide.show`)."""
        drawn = np.where(self._mask(frame) > _HALF, np.float32(1), np.float32(0))
        kept = self.encode(self._anchor(frame)) if frame in self.anchors else plate
        led = np.zeros_like(kept) if self.lead is None else self.lead.read(frame)
        return np.where(drawn[..., None] > 0, led, kept), drawn

    def _mask(self, frame: int) -> Array:
        path = self.masks.path(frame)
        return self._check(read_still(path, frame=frame).pixels[..., 0], path, frame)

    def _anchor(self, frame: int) -> Array:
        path = self.anchor_pattern.path(frame)
        return self._check(to_float(exr.read_frame(path, frame=frame).rgb), path, frame)

    def _check(self, picture: Array, path: Path, frame: int) -> Array:
        _check_size(Size(picture.shape[1], picture.shape[0]), self.size, path=path, frame=frame)
        return picture


def _check_size(found: Size, size: Size, *, path: Path, frame: int) -> None:
    if found != size:
        raise ShotError(
            f"is {found}, the model's picture is {size}", key=STAGE, path=path, frame=frame,
            remedy="paint it in the size of the file that was made, or remove it and it is made anew",
        )  # fmt: skip


def run_guide(
    run: RunContext, ingested: Ingested, refined: Refined, camera: CameraPath, *, size: Size, space: ModelSpace,
    encode: Callable[[Array], Array],
) -> ShotGuide:  # fmt: skip
    """The guide of the whole shot; ``encode`` takes plate-linear pictures to model space.

    Raises what is wrong with the pictures, and ShotError.
    """
    given = run.shot.background
    assert given is not None
    anchors = _anchor_frames(given, list(ingested.plate.frames))
    world = run_world(run, ingested, refined, camera, frames=anchors) if anchors else None
    maker = _Maker(run, ingested, refined, size, frozenset(anchors), world)
    records = make_frames(run, stage=STAGE, frames=ingested.plate.frames, key=maker.key, make=maker.make)
    hashes = {frame: stage_key(STAGE, VERSION, dict(record.files)) for frame, record in records.items()}
    shown = read_references(run, size=size, space=space)
    lead = None if given.mode != "guide" else run_lead(run, ingested.plate, size=size, space=space)
    return ShotGuide(
        given, size, maker.masks, maker.composites, frozenset(anchors), hashes, shown, lead, encode, maker.reach_px
    )


def _anchor_frames(given: BackgroundInput, frames: list[int]) -> list[int]:
    if given.mode != "anchor":
        return []
    first = frames[:ANCHOR_FRAMES] if given.anchor != "last" else []
    last = frames[-ANCHOR_FRAMES:] if given.anchor != "first" else []
    return sorted({*first, *last})


class _Maker:
    """Draws masks and composites."""

    def __init__(
        self, run: RunContext, ingested: Ingested, refined: Refined, size: Size, anchors: frozenset[int],
        world: World | None,
    ) -> None:  # fmt: skip
        self._run, self._ingested, self._refined, self._size = run, ingested, refined, size
        self._anchors, self._world, self._plate = anchors, world, ingested.plate
        given, options = run.shot.background, run.options
        self._paint_over_px = options.condition.paint_over_px
        # What the comp takes of a hole has to be drawn whole.
        beside_px = max(options.clean.grow_px, options.finish.margin_px) * size.height / self._plate.canvas.height
        is_removed = given is not None and given.mode == "remove"
        self._hole_px = beside_px + self._paint_over_px if is_removed else None
        self.masks = FramePattern(str(run.work / STAGE / "mask" / "mask.####.png"))
        self.composites = FramePattern(str(run.work / STAGE / "anchor" / "anchor.####.exr"))
        self._folders = {name: paintable(run, f"{STAGE}/{name}") for name in ("mask", "anchor")}

    @property
    def reach_px(self) -> float:
        return self._paint_over_px if self._hole_px is None else self._hole_px

    def _around(self, frame: int) -> tuple[int, int]:
        frames = self._plate.frames
        return max(frames.first, frame - 1), min(frames.last, frame + 1)

    def key(self, frame: int) -> str:
        mattes = [self._refined.hashes[one] for one in (frame, *self._around(frame))]
        anchor = None
        if self._world is not None and frame in self._anchors:
            anchor = [self._world.hashes[frame], self._ingested.keys[frame]]
        reach = [self._paint_over_px, self._hole_px]
        return stage_key(STAGE, VERSION, mattes, anchor, asdict(self._size), reach, self._plate.canvas.as_list())

    def make(self, frame: int) -> Made:
        paths = [self.masks.path(frame)]
        painted = []
        if self._folders["mask"].write(paths[0], partial(self._draw_mask, frame)) is None:
            # Before hours of windows, not when its own is made.
            _check_size(read_still_header(paths[0]).size, self._size, path=paths[0], frame=frame)
            painted.append("mask")
        if frame in self._anchors:
            paths.append(self.composites.path(frame))
            if self._folders["anchor"].write(paths[1], partial(self._composite, frame)) is None:
                size = exr.read_header(paths[1], frame=frame).data_window.size
                _check_size(size, self._size, path=paths[1], frame=frame)
                painted.append("anchor")
        return Made(tuple(paths), {"painted": painted})

    def _draw_mask(self, frame: int, path: Path) -> None:
        if frame in self._anchors:
            drawn = np.zeros((self._size.height, self._size.width), np.float32)
        else:
            before, after = (self._matte(one) for one in self._around(frame))
            matte = self._matte(frame)
            if self._hole_px is not None:
                drawn = find_hole(matte, before=before, after=after, grow_px=self._hole_px)
            else:
                drawn = find_drawn(matte, before=before, after=after, paint_over_px=self._paint_over_px)
        write_picture(path, np.repeat(np.uint8(255) * drawn.astype(np.uint8)[..., None], 3, axis=2), durable=False)

    def _composite(self, frame: int, path: Path) -> None:
        """The actor over the new world, as a draft has him."""
        plate, world = self._plate, self._world
        assert world is not None
        rgb = to_finite(exr.read_frame(plate.path(frame), canvas=plate.canvas, frame=frame).rgb)
        behind, _seen = read_clean(world.pattern.path(frame), plate=plate, frame=frame)
        alpha = self._alpha(frame)
        actor = own_colors(rgb, alpha)
        over = to_float(behind) + alpha[..., None] * (actor - to_float(behind))
        write_model_picture(path, to_model(np.asarray(over, np.float32), size=self._size))

    def _matte(self, frame: int) -> Array:
        return np.clip(to_model(self._alpha(frame), size=self._size), 0, 1)

    def _alpha(self, frame: int) -> Array:
        return exr.read_matte(self._refined.matte.path(frame), canvas=self._plate.canvas)
