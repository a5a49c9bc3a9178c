"""The options of what the generator is given. Standard library only, Python 3.9 and later."""

from dataclasses import dataclass
from typing import Annotated, Literal, Optional

from wanfx.knobs import Knob


@dataclass(frozen=True)
class ConditionOptions:
    """What the generator is given."""

    crop: Annotated[
        Literal["auto", "subject", "frame"],
        Knob("Work on a tracked crop, or on the whole frame; auto: the crop, or for a video model what fits better"),
    ] = "auto"
    character: Annotated[
        Literal["auto", "puppet", "card"],
        Knob("Draft character: a puppet that performs, a card that follows, or a puppet where poses are found"),
    ] = "auto"
    margin: Annotated[float, Knob("Room around the subject, as a part of its size", "", 0, 2)] = 0.25
    mask_columns: Annotated[
        int,
        Knob("Cells across in which a video model draws: 1 is the actor's box, more keep more of the plate", "", 1, 64),
    ] = 1
    mask_rows: Annotated[
        int,
        Knob("Cells down in which a video model draws: 1 is the actor's box, more keep more of the plate", "", 1, 64),
    ] = 1
    reference: Annotated[
        Literal["as-is", "reframe", "onto-plate", "edit"],
        Knob(
            "Video model's reference: the picture as it is; its cut-out at the actor's height and place, on grey "
            "(reframe), on the clean plate in its light (onto-plate), or there and made seamless by a model (edit)"
        ),
    ] = "as-is"
    edit_prompt: Annotated[
        Optional[str], Knob("What the image editor of condition.reference=edit is told; its own words when not given")
    ] = None
    retarget: Annotated[
        Literal["off", "auto", "edited", "reference"],
        Knob(
            "Task animate: give the actor's skeleton the character's proportions and place, by the points that are "
            "sure (auto), by pictures in which an image editor has posed both alike (edited), or exactly as Wan's own "
            "preprocessing does (reference); or leave it as it is (off)"
        ),
    ] = "auto"
    world_exposure: Annotated[
        Literal["match", "keep"],
        Knob("New background of task background: bring its exposure to the old one's, 2 stops at most, or keep it"),
    ] = "match"
    paint_over_px: Annotated[
        float, Knob("How far a video model draws a new background over a kept actor's edge, in its pixels", "px", 0, 64)
    ] = 2.0
    exposure_stops: Annotated[
        Optional[float],
        Knob("Exposure of the model's picture; measured from the plate when not given", "stops", -16, 16),
    ] = None
