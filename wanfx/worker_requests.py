"""What a client of ``wanfx worker`` may ask for: a line of JSON each. docs/worker.md has them all."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any, Literal

from wanfx.errors import InputError, ShotError, WanfxError
from wanfx.schema import Key, read_table
from wanfx.shot import PlateInput, SubjectInput

SCHEMA = "wanfx.worker/1"
FileKind = Literal["png", "exr"]
SizeKind = Literal["analysis", "full"]
_KINDS = {2: "input", 3: "missing", 4: "some-failed", 5: "promise", 6: "environment", 130: "cancelled"}
_SUBJECT, _FILE, _SIZE = Key("name of the subject"), Key("png or exr"), Key("analysis or full")
_FRAME = Key("frame number; the current frame when not given")


@dataclass(frozen=True)
class Hello:
    """The client says which protocol it speaks."""

    schema: Annotated[str, Key("wanfx.worker/1")]


@dataclass(frozen=True)
class Open:
    """Open a plate and go to a frame. ``subjects`` are what was clicked before, as a shot file has it."""

    plate: Annotated[PlateInput, Key("the plate, as in a shot file", shorthand="path")]
    frame: Annotated[int | None, Key("frame to go to; the plate's first when not given")] = None
    frames: Annotated[str | None, Key("frames of the shot, as 1001-1048; the plate's when not given")] = None
    work: Annotated[str | None, Key("folder for results; a private one, removed at the end, when not given")] = None
    subjects: Annotated[tuple[SubjectInput, ...], Key("subjects with their points and boxes, as in a shot file")] = ()
    options: Annotated[Mapping[str, Any], Key("options by dotted key, as matte.backend")] = field(default_factory=dict)


@dataclass(frozen=True)
class Frame:
    """Go to a frame."""

    frame: Annotated[int, Key("frame number")]


@dataclass(frozen=True)
class Click:
    """Add a point (x, y) or a box to a subject."""

    subject: Annotated[str, _SUBJECT] = "subject"
    x: Annotated[float | None, Key("pixels from the display window's left edge, pixel centres at .5")] = None
    y: Annotated[float | None, Key("pixels from the display window's top edge, pixel centres at .5")] = None
    on: Annotated[bool, Key("true on the subject, false off it")] = True
    box: Annotated[
        tuple[float, float, float, float] | None, Key("[x0, y0, x1, y1], full-resolution display-window pixels")
    ] = None
    frame: Annotated[int | None, _FRAME] = None
    file: Annotated[FileKind, _FILE] = "png"
    size: Annotated[SizeKind, _SIZE] = "analysis"


@dataclass(frozen=True)
class Undo:
    """Take the subject's last click back."""

    subject: Annotated[str, _SUBJECT] = "subject"
    file: Annotated[FileKind, _FILE] = "png"
    size: Annotated[SizeKind, _SIZE] = "analysis"


@dataclass(frozen=True)
class Redo(Undo):
    """Make a click that was taken back again."""


@dataclass(frozen=True)
class Clear:
    """Take all clicks of a subject away, or those of one frame; it can be undone."""

    subject: Annotated[str, _SUBJECT] = "subject"
    frame: Annotated[int | None, Key("only this frame's; all when not given")] = None


@dataclass(frozen=True)
class Prompts:
    """Tell the subjects' points and boxes as a shot file has them."""


@dataclass(frozen=True)
class Track:
    """Follow a subject, or all of them, through frames."""

    subject: Annotated[str | None, Key("name of the subject; all that were clicked on when not given")] = None
    frames: Annotated[str | None, Key("as 1001-1048; all of the shot when not given")] = None
    size: Annotated[SizeKind, _SIZE] = "full"
    replace: Annotated[bool, Key("write over mattes that this worker has not written")] = False


@dataclass(frozen=True)
class Cancel:
    """Stop tracking."""


@dataclass(frozen=True)
class Close:
    """End the worker."""


Request = Hello | Open | Frame | Click | Undo | Redo | Clear | Prompts | Track | Cancel | Close
REQUESTS: Mapping[str, type[Request]] = MappingProxyType(
    {
        kind.__name__.lower(): kind
        for kind in (Hello, Open, Frame, Click, Undo, Redo, Clear, Prompts, Track, Cancel, Close)
    }
)


def read_request(line: bytes) -> tuple[object, Request | WanfxError]:
    """A line's id (None where it has none that can be told), and its request or what is wrong with it."""
    try:
        data = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        return None, InputError(f"this line is no JSON ({error})", remedy='write {"id": 1, "do": "hello", ...}')
    if not isinstance(data, dict):
        return None, InputError("this line is no JSON object", remedy='write {"id": 1, "do": "hello", ...}')
    given = data.pop("id", None)
    if isinstance(given, bool) or not isinstance(given, str | int | None):
        return None, InputError("is neither a number nor text", key="id", remedy="give each request an id of its own")
    try:
        return given, _read(data)
    except WanfxError as error:
        return given, error


def _read(data: dict[str, Any]) -> Request:
    name = data.pop("do", None)
    if name is None:
        raise InputError("is missing", key="do", remedy="say what to do: " + ", ".join(REQUESTS))
    if not isinstance(name, str) or name not in REQUESTS:
        near = difflib.get_close_matches(str(name), REQUESTS, n=1)
        hint = f"did you mean {near[0]}?" if near else "there are: " + ", ".join(REQUESTS)
        raise InputError(f"there is no request {str(name)[:80]!r}", key="do", remedy=hint)
    request = read_table(REQUESTS[name], data)
    if isinstance(request, Hello) and request.schema != SCHEMA:
        raise ShotError(f"{request.schema!r} is not known here", key="schema", remedy=f"speak {SCHEMA}, or update")
    return request


def describe_error(error: WanfxError) -> dict[str, Any]:
    """An error as a line tells it; what is not known is left out."""
    told = {
        "text": error.what, "remedy": error.remedy, "path": error.path, "frame": error.frame, "key": error.key,
        "kind": _KINDS.get(error.exit_code, "internal"), "code": error.exit_code,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value not in (None, "")}
