"""What a video model will be shown of the plate, for a plan: its picture's size, and the crop once there are mattes."""

from __future__ import annotations

from wanfx.backends.registry import find_generator
from wanfx.delivery import ShotFolder
from wanfx.frames import Box, FrameRange
from wanfx.names import slug
from wanfx.ops.card import SubjectMeasure
from wanfx.ops.crop import crop_path
from wanfx.ops.model_crop import is_most_of_frame, shape_crops
from wanfx.options import Options
from wanfx.shot import Shot
from wanfx.stages import refine
from wanfx.stages.context import unit_name
from wanfx.stages.matte import subjects_of
from wanfx.stages.source import Source
from wanfx.units import UnitStore


def describe_picture(folder: ShotFolder, shot: Shot, options: Options, source: Source, *, frames: FrameRange) -> str:
    """In words, for the whole shot's ``frames``; empty for a generator that takes any size.

    A crop around the actor is as the mattes in ``folder`` have it, good or not any more.
    """
    area_px, canvas = find_generator(options).area_px, Box(0, 0, source.canvas.width, source.canvas.height)
    if area_px is None:
        return ""
    crops, told = dict.fromkeys(frames, canvas), "all of the frame"
    if shot.task == "replace" and options.condition.crop != "frame":
        boxes = _read_boxes(folder, slug(subjects_of(shot)[0].name), frames)
        if not boxes:
            return f"about {area_px} pixels, of a crop that follows the actor: known once there is a matte"
        clipped = {frame: box.clip(canvas) for frame, box in boxes.items()}
        path = crop_path(clipped, canvas=canvas, margin=options.condition.margin)
        if options.condition.crop == "subject" or not is_most_of_frame(path, canvas=canvas):
            crops, told = path, "a crop that follows the actor"
    shaped, size = shape_crops(crops, canvas=canvas, area_px=area_px, pixel_aspect=source.pixel_aspect)
    shown = next(iter(shaped.values())).size
    return f"{size}, of {told} ({shown} of {canvas.size})"


def _read_boxes(folder: ShotFolder, subject: str, frames: FrameRange) -> dict[int, Box]:
    """The subject's box in every frame, as the last run found it; nothing where it was not found in all."""
    store = UnitStore(folder.root, records=folder.records)
    records = {frame: store.read(refine.STAGE, unit_name(frame, subject=subject)) for frame in frames}
    if any(record is None for record in records.values()):
        return {}
    found = {frame: SubjectMeasure(**record.facts["measure"]) for frame, record in records.items() if record}
    return {frame: Box(*one.box) if one.is_there else Box(0, 0, 0, 0) for frame, one in found.items()}
