"""What a shot says of its new background. Standard library only, Python 3.9 and later."""

from dataclasses import dataclass
from typing import Annotated, List, Literal, Optional, Tuple

from wanfx.errors import ShotError
from wanfx.schema import Key

_MOST_PX = 8192
BackgroundMode = Literal["paint", "anchor", "guide", "remove", "extend"]


@dataclass(frozen=True)
class GuideInput:
    """Pictures that lead a video model where things lie in the new world, a frame for each of the shot's."""

    path: Annotated[str, Key("sequence, movie or still of the new world's depth, edges or grey render")]
    kind: Annotated[
        Literal["data", "picture"],
        Key("data: values from 0 to 1 as the model sees them (depth, edges); picture: light, as of a grey render"),
    ] = "data"
    colorspace: Annotated[Optional[str], Key("of a picture: OCIO colour space; the file's tags when not given")] = None
    redistort: Annotated[
        Optional[str],
        Key("ST map (EXR; R and G from 0 to 1, origin bottom left) by which an undistorted guide lies on the plate"),
    ] = None
    undistort: Annotated[Optional[str], Key("the ST map the other way, to check that the two belong together")] = None


@dataclass(frozen=True)
class Border:
    """How far the picture goes on beyond the plate, for mode ``extend``."""

    left: Annotated[int, Key("plate pixels beyond the left edge")] = 0
    top: Annotated[int, Key("plate pixels beyond the upper edge")] = 0
    right: Annotated[int, Key("plate pixels beyond the right edge")] = 0
    bottom: Annotated[int, Key("plate pixels beyond the lower edge")] = 0

    def as_list(self) -> List[int]:
        return [self.left, self.top, self.right, self.bottom]


@dataclass(frozen=True)
class BackgroundInput:
    """The new background for task ``background``."""

    path: Annotated[Optional[str], Key("still, sequence or movie of the new background")] = None
    colorspace: Annotated[Optional[str], Key("OCIO colour space; the file's own tags when not given")] = None
    follow: Annotated[
        Literal["auto", "camera", "none"],
        Key(
            "camera: it moves with the plate's camera (for movies and sequences with a locked one); none: it stands in "
            "the frame as it is; auto: camera for a still, none for a movie or sequence"
        ),
    ] = "auto"
    mode: Annotated[
        BackgroundMode,
        Key(
            "paint: a world from prompt and pictures; anchor: its first or last frame is the composite over `path`; "
            "guide: it lies where `guide` has it; remove: the plate without the actor; extend: the plate and more"
        ),
    ] = "paint"
    prompt: Annotated[str, Key("the finished picture in whole sentences: actor, scene, light, camera")] = ""
    negative_prompt: Annotated[Optional[str], Key("what to keep away from; the model's own words when not given")] = (
        None
    )
    references: Annotated[
        Tuple[str, ...], Key("more pictures of what is to be in the new world, best cut out on white")
    ] = ()
    anchor: Annotated[Literal["first", "last", "both"], Key("which frame of the shot anchors the new world")] = "first"
    extend: Annotated[Optional[Border], Key("how far the picture goes on beyond the plate, for mode extend")] = None
    guide: Annotated[Optional[GuideInput], Key("what leads the model, for mode guide", shorthand="path")] = None


def check_background(given: BackgroundInput) -> None:
    """Raise ShotError where a mode lacks what it lives on."""
    lacking = {
        "paint": not (given.path or given.prompt or given.references) and "path",
        "anchor": not given.path and "path",
        "guide": given.guide is None and "guide",
        "extend": given.extend is None and "extend",
    }
    key = lacking.get(given.mode)
    if key:
        raise ShotError(
            f"is missing: mode {given.mode!r} of task 'background' needs it", key=f"background.{key}",
            remedy=f"add [background] with a {key}" + (", or a prompt" if given.mode == "paint" else ""),
        )  # fmt: skip
    if given.guide is not None and given.guide.undistort is not None and given.guide.redistort is None:
        raise ShotError(
            "only checks a redistort, and there is none", key="background.guide.undistort",
            remedy="add background.guide.redistort, by which the guide lies on the plate, or leave both out",
        )  # fmt: skip
    if given.mode != "extend" and given.extend is not None:
        raise ShotError(
            f"is for mode 'extend', and the mode is {given.mode!r}", key="background.extend",
            remedy="set background.mode to extend, or leave it out",
        )  # fmt: skip
    if given.mode == "extend":
        assert given.extend is not None
        sides = given.extend.as_list()
        if min(sides) < 0 or not any(sides) or max(sides) > _MOST_PX:
            raise ShotError(
                f"is {sides}: no side is below 0 or over {_MOST_PX}, and one is above 0", key="background.extend",
                remedy="set left, top, right and bottom to plate pixels; those left out are 0",
            )  # fmt: skip
