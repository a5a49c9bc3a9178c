"""The reference's cut-out fitted to the actor, for video models that are shown it where he stood."""

from __future__ import annotations

from dataclasses import dataclass, replace

from wanfx.frames import Box, Size
from wanfx.ops.card import Placement, SubjectMeasure
from wanfx.ops.cutout import character_box
from wanfx.options import Options
from wanfx.stages.character import make_card
from wanfx.stages.context import RunContext
from wanfx.stages.ingest import Ingested
from wanfx.stages.matte import Tracked
from wanfx.stages.reference import Reference, run_reference
from wanfx.stages.refine import Refined

_EDGE_PX = 3
_ON_PLATE = ("onto-plate", "edit")


@dataclass(frozen=True, eq=False)
class FittedReference:
    """The cut-out; where it lies in one frame, in canvas pixels; the box that it covers there."""

    reference: Reference
    placement: Placement
    box: Box

    def in_crop(self, crop: Box, *, size: Size) -> Placement:
        """Where it lies in the model's picture of ``size``, which shows ``crop``."""
        across, down, placed = size.width / crop.width, size.height / crop.height, self.placement
        return replace(
            placed, x=(placed.x - crop.x0) * across, y=(placed.y - crop.y0) * down, scale=placed.scale * down
        )


def fit_reference(run: RunContext, ingested: Ingested, tracked: Tracked, refined: Refined) -> FittedReference | None:
    """The reference as tall as the actor and where he stands; None where condition.reference does not ask for it.

    Raises what cutting the reference out raises.
    """
    plate = ingested.plate
    if run.options.condition.reference == "as-is":
        return None
    reference = run_reference(run, plate_space=plate.color_space)
    card = make_card(plate, refined, tracked, reference)
    frame = reference_frame(refined, plate.canvas)
    is_cut = character_box(reference.rgba[..., 3]).y1 >= reference.rgba.shape[0] - _EDGE_PX
    if (
        run.options.condition.reference == "onto-plate"
        and is_cut
        and _is_whole(SubjectMeasure(**refined.measures[frame]), plate.canvas)
    ):
        run.warn(
            "drive_reference", "the reference is cut off below and the actor is not: on the plate it ends in the air; "
            "give a picture of the whole character, or set condition.reference=reframe", frame=frame,
        )  # fmt: skip
    return FittedReference(reference, card.placements[frame], card.box(frame))


def is_on_plate(options: Options) -> bool:
    """Whether the reference is shown on the clean plate of its frame."""
    return options.condition.reference in _ON_PLATE


def reference_frame(refined: Refined, canvas: Box) -> int:
    """The first frame that shows the actor whole, else the one that shows most of him: to it the reference fits."""
    measures = {frame: SubjectMeasure(**measure) for frame, measure in refined.measures.items()}
    whole = [frame for frame in sorted(measures) if _is_whole(measures[frame], canvas)]
    return whole[0] if whole else max(sorted(measures), key=lambda one: measures[one].area_px)


def _is_whole(measure: SubjectMeasure, canvas: Box) -> bool:
    inner = Box(*measure.box)
    room = Box(0, 0, canvas.width, canvas.height).grow(-_EDGE_PX)
    return measure.is_there and inner.clip(room) == inner
