"""The options of the comp. Standard library only, Python 3.9 and later."""

from dataclasses import dataclass
from typing import Annotated, Literal, Optional

from wanfx.knobs import Knob


@dataclass(frozen=True)
class FinishOptions:
    """The comp."""

    margin_px: Annotated[float, Knob("How far around the old subject the clean plate may show", "px", 0, 256)] = 12.0
    reveal: Annotated[
        Literal["auto", "clean", "generated"],
        Knob("Where the old subject was: clean plate, generated background, or what fits the plate beside it better"),
    ] = "auto"
    highlights: Annotated[
        Literal["off", "expand"],
        Knob("Generated highlights that met the generator's ceiling: as they are, or expanded by a guess"),
    ] = "off"
    shadow: Annotated[
        Literal["auto", "off"],
        Knob("Shadow layer: what the generator changed on the kept background near the character; or none"),
    ] = "auto"
    shadow_gain: Annotated[float, Knob("Strength of the shadow layer: its stops times this", "", 0, 4)] = 1.0
    compression: Annotated[
        Literal["auto", "zips", "zip", "rle"],
        Knob("EXR compression, all lossless; auto: none and rle for drafts"),
    ] = "auto"
    plate_alpha: Annotated[Literal["one", "keep"], Knob("Alpha of rgba: 1, or the plate's own where it has one")] = (
        "one"
    )
    plate_channels: Annotated[
        Literal["drop", "keep"], Knob("Carry the plate's extra channels over into a part `plate`")
    ] = "drop"
    light_wrap: Annotated[
        float,
        Knob(
            "In task background, how much of the new world's light spreads over the actor's edge: 0.1 or so",
            "",
            0,
            4,
        ),
    ] = 0.0
    light_wrap_px: Annotated[
        Optional[float],
        Knob("How far light wrap reaches; a fiftieth of the width when not given", "px", 1, 512),
    ] = None
    grade: Annotated[
        Literal["off", "suggest", "apply"],
        Knob(
            "In task background, an ASC CDL that brings the actor to the new world: none, beside the comp, or applied"
        ),
    ] = "off"
    grade_file: Annotated[
        Optional[str],
        Knob("ASC CDL (.cc, .cdl), in the plate's linear space, to use for it; found when not given", is_path=True),
    ] = None
    world_defocus: Annotated[
        Literal["off", "on"], Knob("In task background, put the new world out of focus as the old background was")
    ] = "off"
    world_defocus_px: Annotated[
        Optional[float],
        Knob("Radius of that blur; measured from the old background when not given", "px", 0, 128),
    ] = None
