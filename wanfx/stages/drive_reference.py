"""The reference as a video model is shown it: at the model's size, editable (``work/drive/reference/reference.exr``).

The file is in the plate's own linear space. To be looked at it becomes sRGB, as the model's encoder of pictures was
trained; to be drawn from it goes into model space, as the plate does, so that what is generated decodes to its light.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.backends.protocols import ModelCard
from wanfx.errors import ShotError
from wanfx.frames import Box, Size
from wanfx.io import exr
from wanfx.ops.card import Placement, draw_card
from wanfx.ops.letterbox import letterbox
from wanfx.pixels import to_float
from wanfx.stages.clean import Cleaned
from wanfx.stages.context import Made, RunContext, paintable, stage_key
from wanfx.stages.ingest import Ingested
from wanfx.stages.reference import read_whole
from wanfx.stages.reference_edit import plan_edit
from wanfx.stages.reference_fit import FittedReference, is_on_plate
from wanfx.stages.reference_scene import Scene, own_light
from wanfx.stages.refine import Refined
from wanfx.units import Unit
from wanfx_color.model_space import ModelSpace
from wanfx_color.transforms import encode_srgb, from_linear_rec709, to_linear_rec709

STAGE = "drive_reference"
VERSION = 2
Array = npt.NDArray[np.float32]
_GREY = np.float32(0.18)


@dataclass(frozen=True, eq=False)
class ShownReference:
    """The reference at the model's size, (H, W, 3): ``display`` sRGB in [0, 1], ``model`` in model space; its hash.

    ``facts`` say how it was made: its mode, whether it was painted, and, for those fitted to a frame, which; ``models``
    are those that made it.
    """

    display: Array
    model: Array
    sha256: str
    facts: Mapping[str, Any]
    models: tuple[ModelCard, ...] = ()


def run_drive_reference(
    run: RunContext, ingested: Ingested, refined: Refined, fitted: FittedReference | None, *, cleaned: Cleaned,
    crops: Mapping[int, Box], size: Size, space: ModelSpace,
) -> ShownReference:  # fmt: skip
    """Show the reference as condition.reference says; ``fitted`` where that is not as it is.

    Raises what reading it raises, and ShotError for a painted one of another size.
    """
    plate_space, mode = ingested.plate.color_space, run.options.condition.reference
    path = run.work / "drive" / "reference" / "reference.exr"
    folder = paintable(run, "drive/reference")
    if fitted is None:
        whole, digest = read_whole(run, plate_space=plate_space)
        drawing = _Drawing([digest], partial(_letterboxed, run, whole, plate_space, size, space))
    else:
        crop = crops[fitted.placement.frame]
        placement = fitted.in_crop(crop, size=size)
        if is_on_plate(run.options):
            scene = Scene(ingested, refined, cleaned, crop, size, space.exposure_stops)
            drawing = _on_plate(run, fitted, placement, scene)
        else:
            reference = fitted.reference
            drawing = _Drawing(
                [reference.sha256, asdict(placement)], partial(_on_grey, reference.rgba, placement, size)
            )
    key = stage_key(
        STAGE, VERSION, mode, drawing.key, asdict(size), space.exposure_stops, plate_space, run.color.sha256
    )

    def make() -> Made:
        told: dict[str, Any] = {}
        digest = folder.write(path, lambda target: _write(target, drawing.draw(told)))
        return Made((path,), {"mode": mode, "painted": digest is None, **told})

    with run.stage(STAGE, units=1) as progress:
        record = progress.make(Unit(STAGE, "reference", key), make)
    rec709 = to_linear_rec709(run.color, plate_space)(_read(path, size))
    # Black beyond the letterbox is blacker than any light.
    model = np.clip(space.encode(rec709), -1, 1)
    return ShownReference(encode_srgb(rec709), model, next(iter(record.files.values())), record.facts, drawing.models)


@dataclass(frozen=True, eq=False)
class _Drawing:
    """What a picture depends on, and who draws it and tells what it did."""

    key: list[Any]
    draw: Callable[[dict[str, Any]], Array]
    models: tuple[ModelCard, ...] = ()


def _on_plate(run: RunContext, fitted: FittedReference, placement: Placement, scene: Scene) -> _Drawing:
    """On the clean plate, and made seamless where that is asked for."""
    plate_space, reference = scene.ingested.plate.color_space, fitted.reference
    whole, digest = read_whole(run, plate_space=plate_space)
    edit = None
    if run.options.condition.reference == "edit":
        edit = plan_edit(run, plate_space=plate_space, exposure_stops=scene.exposure_stops)

    def draw(told: dict[str, Any]) -> Array:
        placed = scene.place(reference.rgba, placement, own=own_light(whole, reference.rgba))
        told |= {"frame": placement.frame, "grade": placed.grade.as_dict()}
        return placed.rgb if edit is None else edit.make(run, placed, whole)

    key = [reference.sha256, digest, asdict(placement), scene.key(placement.frame), edit and asdict(edit)]
    return _Drawing(key, draw, () if edit is None else (edit.model,))


def _letterboxed(
    run: RunContext, whole: Array, plate_space: str, size: Size, space: ModelSpace, _told: dict[str, Any]
) -> Array:
    """The picture with its shape kept, resized as the model's own were: encoded, bilinear."""
    encoded = space.encode(to_linear_rec709(run.color, plate_space)(whole.copy()))
    boxed = letterbox(encoded + np.float32(1), canvas=size) - np.float32(1)
    return from_linear_rec709(run.color, plate_space)(np.ascontiguousarray(space.decode(boxed)))


def _on_grey(rgba: Array, placement: Placement, size: Size, told: dict[str, Any]) -> Array:
    told |= {"frame": placement.frame}
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
