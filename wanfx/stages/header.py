"""A comp frame's header: the plate's attributes, its colour space, and where the frame came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wanfx.images import Plate
from wanfx.io import exr
from wanfx_color.configs import ColorConfig
from wanfx_color.tags import linear_tags

PREFIX = "wanfx:"
# Not carried into a comp: a thumbnail of the plate's picture, and what the plate's file said about its own layout.
STALE = ("preview", "multiView", "view", "oiio:ColorSpace", "chromaticities", "colorInteropID")


def comp_attributes(
    header: exr.ExrHeader, plate: Plate, frame: int, *, color: ColorConfig, provenance: Mapping[str, str]
) -> dict[str, Any]:
    """The attributes of a comp frame, all on its first part."""
    kept = {
        name: value for name, value in header.attributes.items()
        if name not in STALE and not name.startswith(PREFIX)
    }  # fmt: skip
    tags = linear_tags(color, plate.color_space)
    if not tags:
        tags = {
            name: header.attributes[name] for name in ("chromaticities", "colorInteropID") if name in header.attributes
        }
    if header.fps != plate.fps:
        # The shot may say another rate than the file, or the only one.
        kept["framesPerSecond"] = plate.fps
    if frame in plate.held and plate.timecode is not None:
        timecode = plate.timecode + (frame - plate.frames.first)
        kept["timeCode"] = exr.timecode_attribute(timecode, like=kept.get("timeCode"))
    return {**kept, **tags, **{PREFIX + name: value for name, value in provenance.items()}}
