"""The reference as a video model is shown it: at the model's size, editable (``work/drive/reference/reference.exr``).

The file is in the plate's own linear space. To be looked at it becomes sRGB, as the model's encoder of pictures was
trained; to be drawn from it goes into model space, as the plate does, so that what is generated decodes to its light.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.errors import ShotError
from wanfx.frames import Box, Size
from wanfx.io import exr
from wanfx.ops.card import Placement, SubjectMeasure, draw_card
from wanfx.ops.letterbox import letterbox
from wanfx.pixels import to_float
from wanfx.stages.character import make_card
from wanfx.stages.context import Made, RunContext, paintable, stage_key
from wanfx.stages.ingest import Ingested
from wanfx.stages.matte import Tracked
from wanfx.stages.reference import read_whole, run_reference
from wanfx.stages.refine import Refined
from wanfx.units import Unit
from wanfx_color.model_space import ModelSpace
from wanfx_color.transforms import encode_srgb, from_linear_rec709, to_linear_rec709

STAGE = "drive_reference"
VERSION = 1
Array = npt.NDArray[np.float32]
_GREY = np.float32(0.18)
_EDGE_PX = 3


@dataclass(frozen=True, eq=False)
class ShownReference:
    """The reference at the model's size, (H, W, 3): ``display`` sRGB in [0, 1], ``model`` in model space; its hash."""

    display: Array
    model: Array
    sha256: str


def run_drive_reference(
    run: RunContext, ingested: Ingested, tracked: Tracked, refined: Refined, *, crops: Mapping[int, Box], size: Size,
    space: ModelSpace,
) -> ShownReference:  # fmt: skip
    """Show the reference as condition.reference says. Raises what reading and cutting it out raise, and ShotError."""
    plate_space, mode = ingested.plate.color_space, run.options.condition.reference
    path = run.work / "drive" / "reference" / "reference.exr"
    folder = paintable(run, "drive/reference")
    if mode == "as-is":
        whole, digest = read_whole(run, plate_space=plate_space)
        source: Any = digest
        draw = partial(_letterboxed, run, whole, plate_space, size, space)
    else:
        reference = run_reference(run, plate_space=plate_space)
        card = make_card(ingested.plate, refined, tracked, reference)
        placement = _in_model(card.placements, refined, ingested.plate.canvas, crops, size)
        source = [reference.sha256, asdict(placement)]
        draw = partial(_on_grey, reference.rgba, placement, size)
    key = stage_key(STAGE, VERSION, mode, source, asdict(size), space.exposure_stops, plate_space, run.color.sha256)

    def make() -> Made:
        folder.write(path, lambda target: _write(target, draw()))
        return Made((path,))

    with run.stage(STAGE, units=1) as progress:
        record = progress.make(Unit(STAGE, "reference", key), make)
    rec709 = to_linear_rec709(run.color, plate_space)(_read(path, size))
    # Black beyond the letterbox is blacker than any light.
    model = np.clip(space.encode(rec709), -1, 1)
    return ShownReference(encode_srgb(rec709), model, next(iter(record.files.values())))


def _letterboxed(run: RunContext, whole: Array, plate_space: str, size: Size, space: ModelSpace) -> Array:
    """The picture with its shape kept, resized as the model's own were: encoded, bilinear."""
    encoded = space.encode(to_linear_rec709(run.color, plate_space)(whole.copy()))
    boxed = letterbox(encoded + np.float32(1), canvas=size) - np.float32(1)
    return from_linear_rec709(run.color, plate_space)(np.ascontiguousarray(space.decode(boxed)))


def _in_model(
    placements: Mapping[int, Placement], refined: Refined, canvas: Box, crops: Mapping[int, Box], size: Size
) -> Placement:
    """Where the cut-out lies in the model's picture: as the actor in the first frame that shows him whole."""
    measures = {frame: SubjectMeasure(**measure) for frame, measure in refined.measures.items()}
    whole = [frame for frame in sorted(measures) if _is_whole(measures[frame], canvas)]
    frame = whole[0] if whole else max(sorted(measures), key=lambda one: measures[one].area_px)
    placement, crop = placements[frame], crops[frame]
    across, down = size.width / crop.width, size.height / crop.height
    return Placement(frame, (placement.x - crop.x0) * across, (placement.y - crop.y0) * down, placement.scale * down)


def _is_whole(measure: SubjectMeasure, canvas: Box) -> bool:
    inner = Box(*measure.box)
    room = Box(0, 0, canvas.width, canvas.height).grow(-_EDGE_PX)
    return measure.is_there and inner.clip(room) == inner


def _on_grey(rgba: Array, placement: Placement, size: Size) -> Array:
    drawn = draw_card(rgba, placement, box=Box(0, 0, size.width, size.height), pixel_aspect=1.0)
    return np.asarray(drawn[..., :3] + _GREY * (1 - np.clip(drawn[..., 3:], 0, 1)), np.float32)


def _write(path: Path, rgb: Array) -> None:
    box = Box(0, 0, rgb.shape[1], rgb.shape[0])
    part = exr.Part("reference", np.ascontiguousarray(rgb, np.float32), ("R", "G", "B"))
    exr.write_parts(path, [part], data_window=box, display_window=box, durable=False)


def _read(path: Path, size: Size) -> Array:
    rgb = to_float(exr.read_frame(path).rgb)
    if rgb.shape[:2] != (size.height, size.width):
        raise ShotError(
            f"is {rgb.shape[1]}x{rgb.shape[0]}, the model's picture is {size}", key="reference", path=path,
            remedy="paint it in the size of the file that was made, or remove it and it is made anew",
        )  # fmt: skip
    return np.array(rgb, np.float32, order="C")
