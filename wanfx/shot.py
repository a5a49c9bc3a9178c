"""A shot: what to make of which plate. This is what pipeline TDs script.

A shot is a ``shot.toml`` or ``shot.json``; paths in it are relative to the file. Options are tables named like their
stage (``[finish]``). Standard library only, Python 3.9 and later (TOML needs 3.11).

>>> shot = parse_shot({"schema": "wanfx.shot/1", "name": "sh010", "task": "replace", "plate": "sh010.####.exr",
...                    "reference": "robot.png", "finish": {"margin_px": 16}})
>>> shot.plate.path, shot.options
('sh010.####.exr', {'finish.margin_px': 16})
"""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Dict, Literal, Mapping, Optional, Tuple, Union

from wanfx.background_input import BackgroundInput, check_background
from wanfx.errors import MissingError, ShotError
from wanfx.frames import FrameRange
from wanfx.options import STAGE_OPTIONS, find_spec, specs
from wanfx.schema import Key, json_schema, read_table

SCHEMA = "wanfx.shot/1"
Task = Literal["replace", "animate", "background"]


@dataclass(frozen=True)
class PlateInput:
    """The live-action plate: a movie, a still, or a sequence in any form that people write."""

    path: Annotated[str, Key("movie, or sequence as plate.####.exr, plate.%04d.exr or one of its frames")]
    colorspace: Annotated[Optional[str], Key("OCIO colour space; the file's own tags when not given")] = None
    fps: Annotated[Optional[str], Key("frame rate, as 24 or 24000/1001; the file's own when not given")] = None
    first_frame: Annotated[
        Optional[int], Key("number of a movie's first frame; from its timecode, else 1001, when not given")
    ] = None


@dataclass(frozen=True)
class PictureInput:
    """A picture of the character."""

    path: Annotated[str, Key("picture of the character")]
    colorspace: Annotated[Optional[str], Key("OCIO colour space; the file's own tags when not given")] = None
    matte: Annotated[Optional[str], Key("hand-made matte of the character; its alpha or a cut-out when not given")] = (
        None
    )
    pose: Annotated[Optional[str], Key("pose of the character (wanfx.pose/1 JSON); found when not given")] = None


@dataclass(frozen=True)
class ReferenceInput(PictureInput):
    """The picture of the character, or several, of which the one that is most like the actor's pose is used."""

    others: Annotated[
        Tuple[PictureInput, ...],
        Key("more pictures of the character, from other sides or in other poses", shorthand="path"),
    ] = ()

    @property
    def pictures(self) -> Tuple["ReferenceInput", ...]:
        """Each picture as the only one."""
        names = [item.name for item in dataclasses.fields(PictureInput)]
        return tuple(ReferenceInput(**{name: getattr(one, name) for name in names}) for one in (self, *self.others))


@dataclass(frozen=True)
class PointInput:
    """A point on the subject, or off it."""

    x: Annotated[float, Key("pixels from the display window's left edge, pixel centres at .5")]
    y: Annotated[float, Key("pixels from the display window's top edge, pixel centres at .5")]
    frame: Annotated[Optional[int], Key("frame; the shot's first when not given")] = None
    on: Annotated[bool, Key("true on the subject, false off it")] = True


@dataclass(frozen=True)
class BoxInput:
    """A box around the subject in some frame."""

    box: Annotated[Tuple[float, float, float, float], Key("[x0, y0, x1, y1], full-resolution display-window pixels")]
    frame: Annotated[int, Key("frame of the box")]


@dataclass(frozen=True)
class SubjectInput:
    """The actor: named, and found by a box, points, a hand-made matte or (nothing given) by motion."""

    name: Annotated[str, Key("name of the subject, used in file and layer names")] = "subject"
    box: Annotated[
        Optional[Tuple[float, float, float, float]],
        Key("[x0, y0, x1, y1] around the subject, full-resolution display-window pixels, origin top-left"),
    ] = None
    frame: Annotated[Optional[int], Key("frame of the box; the shot's first when not given")] = None
    boxes: Annotated[Tuple[BoxInput, ...], Key("boxes in more frames, where tracking needs correction")] = ()
    points: Annotated[Tuple[PointInput, ...], Key("points on and off the subject, in any frame")] = ()
    matte: Annotated[Optional[str], Key("hand-made matte sequence; frames it lacks are tracked")] = None
    reference: Annotated[
        Optional[ReferenceInput],
        Key("picture of who takes this subject's place; the shot's when not given", shorthand="path", rest="others"),
    ] = None

    def as_dict(self) -> Dict[str, Any]:
        """The subject as a shot file has it; what has its default is left out, but for the name."""
        return {"name": self.name, **_without_defaults(self)}


@dataclass(frozen=True)
class Shot:
    """A shot as its file says it. ``options`` maps dotted option keys to values; ``folder`` is where paths start."""

    name: Annotated[str, Key("name of the shot, used in folder and file names")]
    task: Annotated[Task, Key("replace, animate or background")]
    plate: Annotated[PlateInput, Key("the live-action plate", shorthand="path")]
    schema: Annotated[str, Key("wanfx.shot/1")] = SCHEMA
    show: Annotated[str, Key("name of the show, for name templates")] = ""
    seq: Annotated[str, Key("name of the sequence, for name templates")] = ""
    reference: Annotated[
        Optional[ReferenceInput],
        Key("picture of the character, or a list of several", shorthand="path", rest="others"),
    ] = None
    background: Annotated[Optional[BackgroundInput], Key("the new background", shorthand="path")] = None
    subjects: Annotated[Tuple[SubjectInput, ...], Key("who is replaced or kept, back to front")] = ()
    frames: Annotated[
        Optional[str], Key("frames to deliver, handles included, as 1001-1048; the plate's when not given")
    ] = None
    cut: Annotated[Optional[str], Key("frames of the cut, for which figures are shown; `frames` when not given")] = None
    consent: Annotated[Mapping[str, Any], Key("consent record of the people in the plate and the reference")] = field(
        default_factory=dict
    )
    policy: Annotated[Mapping[str, Any], Key("the studio's policy for this shot")] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    folder: Path = field(default_factory=Path.cwd, compare=False)

    @property
    def frame_range(self) -> Optional[FrameRange]:
        return None if self.frames is None else FrameRange.parse(self.frames, key="frames")

    @property
    def cut_range(self) -> Optional[FrameRange]:
        return None if self.cut is None else FrameRange.parse(self.cut, key="cut")

    def resolve(self, path: str) -> str:
        """A path of this shot, relative to the shot file's folder, as an absolute one."""
        return path if Path(path).is_absolute() else str(self.folder / path)

    def as_dict(self) -> Dict[str, Any]:
        """The shot as its file's data; what has its default is left out."""
        data = _without_defaults(self)
        for key, value in self.options.items():
            stage, name = key.split(".", 1)
            data.setdefault(stage, {})[name] = value
        return {"schema": self.schema, **data}

    def save(self, path: Union[str, Path]) -> Path:
        """Write the shot as shot.json."""
        target = Path(path)
        target.write_text(json.dumps(self.as_dict(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return target


def _without_defaults(table: Any) -> Dict[str, Any]:
    data: Dict[str, Any] = {}
    for item in dataclasses.fields(table):
        value = getattr(table, item.name)
        if item.name in ("options", "folder") or value is None or value == () or value == {} or value == item.default:
            continue
        if dataclasses.is_dataclass(value):
            data[item.name] = _without_defaults(value)
        elif isinstance(value, tuple):
            data[item.name] = [_without_defaults(v) if dataclasses.is_dataclass(v) else v for v in value]
        else:
            data[item.name] = value
    return data


def load_shot(path: Union[str, Path]) -> Shot:
    """The shot in a .toml or .json file. Raises ShotError naming the file and key."""
    source = Path(path)
    data = read_data_file(source)
    try:
        return parse_shot(data, folder=source.resolve().parent)
    except ShotError as error:
        error.path = str(source)
        raise


def parse_shot(data: Mapping[str, Any], *, folder: Optional[Path] = None) -> Shot:
    """The shot in ``data``, as a shot file has it."""
    _check_schema(data)
    shot = read_table(Shot, data, ignore=STAGE_OPTIONS)
    options = read_option_tables(data)
    shot = dataclasses.replace(shot, options=options, folder=folder or Path.cwd())
    _check_task(shot)
    _ = shot.frame_range, shot.cut_range
    return shot


def read_option_tables(data: Mapping[str, Any]) -> Dict[str, Any]:
    """Dotted option keys to values, from the tables of ``data`` that are named like a stage."""
    values: Dict[str, Any] = {}
    for stage in STAGE_OPTIONS:
        table = data.get(stage, {})
        if not isinstance(table, Mapping):
            raise ShotError(f"{table!r} is not a table", key=stage, remedy=f"write it as [{stage}]")
        for name, value in table.items():
            find_spec(f"{stage}.{name}").parse(value)
            values[f"{stage}.{name}"] = value
    return values


def read_data_file(path: Path) -> Dict[str, Any]:
    """The data of a .toml or .json file, UTF-8 with or without a BOM. Raises ShotError saying what the file is, or with
    the line where it cannot be read.
    """
    if path.is_dir():
        raise ShotError("is a folder", path=path, remedy="give the shot file in it, shot.toml or shot.json")
    if path.suffix.lower() not in (".toml", ".json"):
        raise ShotError("is neither .toml nor .json", path=path, remedy="give a shot file, shot.toml or shot.json")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ShotError("there is no such file", path=path, remedy="check the path") from error
    except UnicodeDecodeError as error:
        raise ShotError("is no text in UTF-8", path=path, remedy="save it as UTF-8") from error
    except OSError as error:
        why = error.strerror or "no reason given"
        raise ShotError(f"cannot be read ({why})", path=path, remedy="check its permissions") from error
    try:
        data = json.loads(text) if path.suffix.lower() == ".json" else _loads_toml(text, path)
    except ValueError as error:
        raise ShotError(
            f"is not valid {path.suffix[1:].upper()}: {error}", path=path, remedy="mend that line"
        ) from error
    if not isinstance(data, dict):
        raise ShotError("is not a table of keys", path=path, remedy="see the README for a first shot file")
    return data


def _loads_toml(text: str, path: Path) -> Any:
    try:
        import tomllib
    except ImportError as error:
        raise MissingError("TOML needs Python 3.11", path=path, remedy="write the shot as shot.json") from error
    return tomllib.loads(text)


def _check_schema(data: Mapping[str, Any]) -> None:
    schema = data.get("schema", SCHEMA)
    if schema != SCHEMA:
        raise ShotError(f"{schema!r} is not known here", key="schema", remedy=f"set it to {SCHEMA!r}, or update wanfx")


def _check_task(shot: Shot) -> None:
    needed = "background" if shot.task == "background" else "reference"
    has_own = needed == "reference" and shot.subjects and all(subject.reference for subject in shot.subjects)
    if getattr(shot, needed) is None and not has_own:
        raise ShotError(f"is missing: task {shot.task!r} needs it", key=needed, remedy=f"add [{needed}] with a path")
    if shot.task == "background" and shot.background is not None:
        check_background(shot.background)
    if not shot.name.strip():
        raise ShotError("is empty", key="name", remedy="give the shot a name")
    names = [subject.name for subject in shot.subjects]
    if len(set(names)) != len(names):
        raise ShotError("two subjects have one name", key="subjects", remedy="give each subject its own name")


def shot_schema() -> Dict[str, Any]:
    """The JSON schema of a shot file, options included."""
    schema = json_schema(Shot)
    for spec in specs():
        table = schema["properties"].setdefault(
            spec.stage, {"type": "object", "properties": {}, "additionalProperties": False}
        )
        table.setdefault("properties", {})[spec.name] = _option_schema(spec)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": SCHEMA, **schema}


def _option_schema(spec: Any) -> Dict[str, Any]:
    names = {"bool": "boolean", "int": "integer", "float": "number", "str": "string"}
    value: Dict[str, Any] = {"enum": list(spec.choices)} if spec.kind == "choice" else {"type": names[spec.kind]}
    if spec.knob.min is not None:
        value["minimum"] = spec.knob.min
    if spec.knob.max is not None:
        value["maximum"] = spec.knob.max
    if spec.optional:
        value = {"anyOf": [value, {"type": "null"}]}
    return {**value, "description": spec.knob.help, "default": spec.default}
