"""Every user option, once.

One field here makes the command-line flag (``--set stage.option=value``), the shot-file key, the Blender property, the
Nuke knob and the documentation. A field is ``Annotated[type, Knob(help, unit, min, max)]``; the type is one of bool,
int, float, str, Literal and Optional of these. Standard library only, Python 3.9 and later.
"""

import dataclasses
import difflib
import typing
from dataclasses import dataclass, field
from typing import Annotated, Any, Dict, Iterator, Literal, Mapping, Optional, Tuple

from wanfx.condition_options import ConditionOptions
from wanfx.errors import OptionError
from wanfx.finish_options import FinishOptions
from wanfx.knobs import Knob, OptionSpec, make_spec
from wanfx.wan_options import WanOptions

Source = Literal["default", "studio", "shot", "flag"]


@dataclass(frozen=True)
class IngestOptions:
    """How the plate is read."""

    bad_pixels: Annotated[
        Literal["error", "keep"],
        Knob("What to do about NaN or Inf in the plate: stop, or keep them where edit is 0 and report them"),
    ] = "error"
    gaps: Annotated[
        Literal["error", "hold"], Knob("What to do about missing frames: stop, or hold the frame before")
    ] = "error"
    variable_rate: Annotated[
        Literal["error", "conform"],
        Knob("What to do about a movie of variable frame rate: stop, or conform it to its average rate"),
    ] = "error"


@dataclass(frozen=True)
class MatteOptions:
    """How the subject is found and carried through the shot."""

    backend: Annotated[
        str, Knob("Segmenter: sam2, lite, flow, or auto for the best that is installed (sam2 only with a GPU)")
    ] = "auto"
    model: Annotated[
        Literal["auto", "tiny", "small", "base-plus", "large"],
        Knob("Size of SAM 2.1, for segmenter sam2; auto: the best that is installed"),
    ] = "auto"
    engine: Annotated[
        Literal["auto", "transformers", "package"],
        Knob("What runs SAM 2.1: transformers, or the package sam2; auto: transformers where it is installed"),
    ] = "auto"
    crop: Annotated[
        Literal["subject", "frame"],
        Knob("Whether SAM 2.1 looks nearer at a subject that is small in the frame, or always at the whole frame"),
    ] = "subject"
    width_px: Annotated[int, Knob("Width of the pictures that are analysed", "px", 160, 1920)] = 640
    grow_px: Annotated[float, Knob("Grow (or, negative, shrink) a matte that was found", "px", -64, 64)] = 0.0
    soften_px: Annotated[float, Knob("Soften the edge of a matte that was found", "px", 0, 64)] = 0.0
    gamma: Annotated[
        float, Knob("Gamma of the edge of a matte that was found: over 1 fuller, under 1 thinner", "", 0.1, 10)
    ] = 1.0


@dataclass(frozen=True)
class RefineOptions:
    """How the matte becomes alpha."""

    method: Annotated[
        Literal["guided", "closed-form"],
        Knob("How alpha is found from colour: fast, or ten times slower and better where the matte is good"),
    ] = "guided"
    radius_px: Annotated[
        Optional[float],
        Knob("Half width of the band in which alpha is found; a hundredth of the width when not given", "px", 0, 128),
    ] = None
    motion: Annotated[bool, Knob("Widen the band where the edge moves quickly, for motion blur")] = True
    speck_px: Annotated[float, Knob("Islands and holes of fewer pixels are taken away", "px", 0, 4096)] = 16.0
    steady: Annotated[
        float, Knob("How far alpha is steadied by its neighbours in time, along the motion", "", 0, 1)
    ] = 0.0


@dataclass(frozen=True)
class PoseOptions:
    """How the actor's pose is found."""

    backend: Annotated[
        str, Knob("Pose estimator: vitpose, lite, none, or auto for the best that is installed and fits the generator")
    ] = "auto"
    detector: Annotated[
        Literal["auto", "matte", "lite", "yolov10"],
        Knob("For vitpose, who says where the person is: the matte's box (auto), lite, or YOLOv10 (under AGPL-3.0)"),
    ] = "auto"
    channels: Annotated[
        Literal["rgb", "bgr"], Knob("For vitpose, the order of colors it is given; Wan2.2's own code gives bgr")
    ] = "rgb"
    smooth_frames: Annotated[
        float, Knob("How far over time a point that hardly moves is smoothed; quick ones less", "frames", 0, 16)
    ] = 2.0


@dataclass(frozen=True)
class CleanOptions:
    """How the clean plate is made."""

    grow_px: Annotated[float, Knob("Grow the subject before it is removed (motion blur, soft edges)", "px", 0, 128)] = (
        10.0
    )
    samples: Annotated[int, Knob("Other frames that are looked at for the background of one frame", "", 2, 64)] = 8
    source: Annotated[
        Literal["temporal", "vace"],
        Knob("Where it comes from: other frames, or Wan2.1-VACE, which removes the actor in a pass of its own"),
    ] = "temporal"


@dataclass(frozen=True)
class GenerateOptions:
    """The generator and its seed."""

    backend: Annotated[
        str, Knob("Generator: wan-animate, wan-vace (task background), draft, fake, or auto for the best of the others")
    ] = "auto"
    quality: Annotated[
        Literal["auto", "draft", "preview", "fast", "final"], Knob("Quality; draft and fake are always draft")
    ] = "auto"
    seed: Annotated[int, Knob("Seed of everything random", "", 0, 2**31 - 1)] = 0
    window_frames: Annotated[
        Optional[int], Knob("Frames generated at a time; the generator's own when not given", "frames", 1, 1024)
    ] = None
    range: Annotated[
        Literal["join", "whole"],
        Knob("A range that is made again (--frames): joined to the frames around it, or as the whole shot has it"),
    ] = "join"
    tail_frames: Annotated[
        int, Knob("Frames after such a range that are made too and dissolved into what was there", "frames", 0, 32)
    ] = 6


@dataclass(frozen=True)
class RematteOptions:
    """The new character's matte."""

    alpha: Annotated[
        Literal["auto", "find"],
        Knob("New character's matte: the generator's own where it has one, or always found in what it made"),
    ] = "auto"
    grow_px: Annotated[float, Knob("Grow (or, negative, shrink) the new character's matte", "px", -64, 64)] = 0.0
    soften_px: Annotated[float, Knob("Soften the new character's edge", "px", 0, 64)] = 0.0


@dataclass(frozen=True)
class MatchOptions:
    """What the generator did wrong is measured where it shows the plate, and undone."""

    lock: Annotated[Literal["auto", "off"], Knob("Plate lock: undo the generator's error of color, or keep it")] = (
        "auto"
    )
    register: Annotated[Literal["on", "off"], Knob("Undo the generator's shift against the plate, or keep it")] = "on"


@dataclass(frozen=True)
class GrainOptions:
    """Grain and sharpness, matched to the plate's."""

    match: Annotated[
        Literal["auto", "on", "off"],
        Knob("Give what is generated, and the clean plate, the plate's grain; auto: not in drafts"),
    ] = "auto"
    amount: Annotated[float, Knob("How much of it: 1 is the plate's own", "", 0, 4)] = 1.0
    sharpness: Annotated[
        Literal["off", "plate"], Knob("Sharpen the generated character to the plate, as far as the background was soft")
    ] = "off"


@dataclass(frozen=True)
class ReviewOptions:
    """The review movie."""

    codec: Annotated[Literal["h264", "prores", "dnxhr", "none"], Knob("Codec of the review movie")] = "h264"
    burn_in: Annotated[bool, Knob("Burn in frame, timecode and version")] = False
    display: Annotated[Optional[str], Knob("OCIO display; the config's default when not given")] = None
    view: Annotated[Optional[str], Knob("OCIO view; the display's default when not given")] = None
    width_px: Annotated[int, Knob("Widest the review movie may be", "px", 160, 8192)] = 1920


@dataclass(frozen=True)
class DeliverOptions:
    """How a delivery is named, and what is in it beside the comp."""

    name: Annotated[
        str, Knob("Template of the comp's file name: {show} {seq} {shot} {task} {quality} {colorspace} {version}")
    ] = "{shot}_{quality}_{version}"
    cryptomatte: Annotated[
        Literal["auto", "on", "off"], Knob("Deliver a Cryptomatte sequence beside the comp; auto: not for drafts")
    ] = "auto"


@dataclass(frozen=True)
class Options:
    """All stages' options, each with where its value came from (`sources`, dotted key to `Source`)."""

    ingest: IngestOptions = field(default_factory=IngestOptions)
    matte: MatteOptions = field(default_factory=MatteOptions)
    refine: RefineOptions = field(default_factory=RefineOptions)
    pose: PoseOptions = field(default_factory=PoseOptions)
    clean: CleanOptions = field(default_factory=CleanOptions)
    condition: ConditionOptions = field(default_factory=ConditionOptions)
    generate: GenerateOptions = field(default_factory=GenerateOptions)
    wan: WanOptions = field(default_factory=WanOptions)
    rematte: RematteOptions = field(default_factory=RematteOptions)
    match: MatchOptions = field(default_factory=MatchOptions)
    finish: FinishOptions = field(default_factory=FinishOptions)
    grain: GrainOptions = field(default_factory=GrainOptions)
    review: ReviewOptions = field(default_factory=ReviewOptions)
    deliver: DeliverOptions = field(default_factory=DeliverOptions)
    sources: Mapping[str, Source] = field(default_factory=dict, compare=False)

    def with_values(self, values: Mapping[str, Any], *, source: Source) -> "Options":
        """These options with ``values`` (dotted key to value) set. Text is parsed to the option's type.

        Raises OptionError, naming the key and what it may be.
        """
        stages: Dict[str, Any] = {}
        sources = dict(self.sources)
        for key, value in values.items():
            spec = find_spec(key)
            current = stages.get(spec.stage, getattr(self, spec.stage))
            stages[spec.stage] = dataclasses.replace(current, **{spec.name: spec.parse(value)})
            sources[key] = source
        return dataclasses.replace(self, **stages, sources=sources)

    def as_dict(self) -> Dict[str, Dict[str, Any]]:
        """Stage to option to value."""
        return {name: dataclasses.asdict(getattr(self, name)) for name in STAGE_OPTIONS}


STAGE_OPTIONS: Dict[str, Any] = {
    item.name: item.default_factory for item in dataclasses.fields(Options) if item.name != "sources"
}
"""Every stage's name and its class of options."""


def specs() -> Iterator[OptionSpec]:
    """Every option, in the order of the stages."""
    for stage, options in STAGE_OPTIONS.items():
        hints = typing.get_type_hints(options, include_extras=True)
        for item in dataclasses.fields(options):
            yield make_spec(stage, item, hints[item.name])


_SPECS: Dict[str, OptionSpec] = {spec.key: spec for spec in specs()}


def find_spec(key: str) -> OptionSpec:
    """The option with this dotted key; OptionError with the nearest names where there is none."""
    if key in _SPECS:
        return _SPECS[key]
    near = difflib.get_close_matches(key, _SPECS, n=3)
    hint = "did you mean " + " or ".join(near) + "?" if near else "see `wanfx run --help` for the options"
    raise OptionError("there is no such option", key=key, remedy=hint)


def parse_assignment(text: str) -> Tuple[str, str]:
    """``stage.option=value`` as key and value."""
    key, sign, value = text.partition("=")
    if not sign:
        raise OptionError("an option is set as stage.option=value", key=text, remedy="for example finish.margin_px=16")
    return key.strip(), value.strip()
