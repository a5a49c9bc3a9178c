"""Numbered files, found in every form that people write them.

``plate.####.exr``, ``plate.%04d.exr``, ``plate.@@@@.exr``, ``plate.$F4.exr``, with a range before the padding
(``plate.1001-1048#.exr``), the path of one frame, or a folder that holds one sequence. A single ``#``, ``@`` or ``%d``
stands for whatever padding is there. Widths count the sign, as printf does: frame -5 of ``####`` is ``-005``.
"""

from __future__ import annotations

import difflib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from collections.abc import Sequence as Texts
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import fileseq
from fileseq.exceptions import FileSeqException
from fileseq.frameset import FrameSet

from wanfx.errors import SequenceError
from wanfx.frames import FrameRange
from wanfx.images import FramePattern

PICTURE_SUFFIXES = (".exr", ".dpx", ".png", ".jpg", ".jpeg", ".tif", ".tiff")
# The number of a picture whose name has none.
STILL_FRAME = 1001

_SIGN = r"(?:(?<![^._ ])-)?"
_PADDING = re.compile(rf"(?P<range>{_SIGN}\d+(?:[-,:xy]-?\d+)+)?(?P<padding>#+|@+|%0?\d*d|\$F\d*)")
# A number between separators; or the last one, unless it is a version.
_SEPARATED = re.compile(rf"(?:(?<=[._ -])|^){_SIGN}\d+(?=[._ -]|$)")
_TRAILING = re.compile(r"(?<![vV\d])\d+$")


@dataclass(frozen=True)
class Sequence:
    """Numbered files that are there.

    ``numbers`` are the frames found, ascending, within ``asked`` where the user gave a range. ``strays`` are files of
    the same name whose padding differs.
    """

    pattern: FramePattern
    numbers: tuple[int, ...]
    asked: FrameRange | None = None
    strays: tuple[str, ...] = ()

    @property
    def range(self) -> FrameRange:
        """The range asked for, or from the first frame found to the last."""
        return self.asked or FrameRange(self.numbers[0], self.numbers[-1])

    @property
    def missing(self) -> tuple[int, ...]:
        found = set(self.numbers)
        return tuple(number for number in self.range if number not in found)

    def path(self, frame: int) -> Path:
        return self.pattern.path(frame)


@dataclass(frozen=True)
class _Name:
    """A file name taken apart; ``width`` 1 means any padding."""

    folder: Path
    head: str
    tail: str
    width: int
    asked: FrameRange | None = None


def find_sequence(text: str | Path) -> Sequence:
    """The sequence that ``text`` means. A picture without a number, or the only one of its name, is a sequence of one.

    Raises SequenceError where nothing is there, naming what is; where a folder holds several sequences; and for names
    that have more than one place for a number.
    """
    path = Path(text)
    _refuse_views(str(text))
    if path.is_dir():
        return _only_sequence(path)
    name = _take_apart(path)
    if name is None:
        if path.is_file():
            return _still(path)
        raise _nothing_there(path)
    for form in _forms(name):
        sequence = _assemble(form, _tokens(form))
        if sequence.numbers:
            return sequence
    raise _nothing_there(path)


def check_sequence(sequence: Sequence, *, gaps: Literal["error", "hold"] = "error") -> None:
    """Raise SequenceError for missing frames (unless ``gaps`` is "hold"), frames that are there twice or under another
    padding, and files of zero bytes."""
    where = sequence.pattern.text
    if sequence.strays:
        raise SequenceError(
            f"has frames whose padding differs: {_list_some(sequence.strays)}",
            path=where,
            remedy="remove the frames that do not belong, or rename them",
        )
    if sequence.missing and gaps == "error":
        raise SequenceError(
            f"frames are missing: {compact(sequence.missing)}",
            path=where,
            remedy="copy them again, give a shorter range, or set ingest.gaps=hold",
        )
    for number in sequence.numbers:
        path = sequence.path(number)
        try:
            size = path.stat().st_size
        except OSError as error:
            is_lost = path.is_symlink() and not path.exists()
            raise SequenceError(
                "is a link to a file that is not there" if is_lost else f"cannot be opened ({error.strerror})",
                path=path, frame=number, remedy="mend the link, or copy the frame again",
            ) from error  # fmt: skip
        if size == 0:
            raise SequenceError("is empty (0 bytes)", path=path, frame=number, remedy="copy or render the frame again")


def expand_views(text: str, *, views: Texts[str] = ("left", "right")) -> dict[str, str]:
    """View to path: ``%V`` becomes the view's name, ``%v`` its first letter, as in Nuke. Without: ``main`` to text.

    >>> expand_views("shot_%V.####.exr")
    {'left': 'shot_left.####.exr', 'right': 'shot_right.####.exr'}
    """
    if "%V" not in text and "%v" not in text:
        return {"main": text}
    paths = {view: text.replace("%V", view).replace("%v", view[:1]) for view in views}
    if len(set(paths.values())) < len(paths):
        raise SequenceError("two views have the same path", path=text, remedy="write %V, the view's whole name")
    return paths


def compact(numbers: Iterable[int]) -> str:
    """Frame numbers for a message.

    >>> compact([1005, 1010, 1011, 1012])
    '1005, 1010-1012'
    """
    return str(fileseq.framesToFrameRange(sorted(numbers), sort=False)).replace(",", ", ")


def _refuse_views(text: str) -> None:
    if "%V" in text or "%v" in text:
        raise SequenceError("names views", path=text, remedy="give one shot a view, with the view's name in the path")


def _take_apart(path: Path) -> _Name | None:
    """None where the name has no place for a number."""
    if "#" in str(path.parent) or ("#" in path.name and path.is_file()):
        raise SequenceError("has a '#' in its name", path=path, remedy="rename it: '#' stands for a frame number")
    places = list(_PADDING.finditer(path.name))
    if len(places) > 1:
        raise SequenceError("has several places for a number", path=path, remedy="write one, as in plate.####.exr")
    if not places:
        return _take_frame_apart(path)
    place = places[0]
    head, tail = path.name[: place.start()], path.name[place.end() :]
    return _Name(path.parent, head, tail, _width(place["padding"]), _asked(place["range"], path))


def _take_frame_apart(path: Path) -> _Name | None:
    stem = path.stem
    separated = list(_SEPARATED.finditer(stem))
    number = separated[-1] if separated else _TRAILING.search(stem)
    if number is None:
        return None
    return _Name(path.parent, stem[: number.start()], stem[number.end() :] + path.suffix, 1)


def _width(padding: str) -> int:
    if padding[0] in "#@":
        return len(padding)
    return int(re.sub(r"\D", "", padding) or 1)


def _asked(text: str | None, path: Path) -> FrameRange | None:
    if text is None:
        return None
    try:
        frames = sorted(int(frame) for frame in FrameSet(text))
    except FileSeqException as error:
        raise SequenceError(f"{text} is not a frame range", path=path, remedy="write it as 1001-1048") from error
    if len(frames) != frames[-1] - frames[0] + 1:
        raise SequenceError(f"{text} leaves frames out", path=path, remedy="give a range without steps, as 1001-1048")
    return FrameRange(frames[0], frames[-1])


def _forms(name: _Name) -> list[_Name]:
    """The name as written, and in both Unicode forms: a Mac may store the same letters otherwise."""
    spelled = [(name.head, name.tail)]
    spelled += [(unicodedata.normalize(form, name.head), unicodedata.normalize(form, name.tail)) for form in _UNICODE]
    return [_Name(name.folder, head, tail, name.width, name.asked) for head, tail in dict.fromkeys(spelled)]


_UNICODE: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")


def _tokens(name: _Name) -> list[str]:
    """The numbers, as written, of the files with this name."""
    pattern = re.compile(re.escape(name.head) + rf"({_SIGN}\d+)" + re.escape(name.tail))
    return [match[1] for entry in _file_names(name.folder) if (match := pattern.fullmatch(entry))]


def _assemble(name: _Name, tokens: list[str]) -> Sequence:
    width = name.width if name.width > 1 else _usual_width(tokens)
    numbers = {int(token) for token in tokens if token == f"{int(token):0{width}d}"}
    if name.asked is not None:
        numbers &= set(name.asked)
    inside = name.asked or (FrameRange(min(numbers), max(numbers)) if numbers else None)
    strays = [
        token for token in tokens if token != f"{int(token):0{width}d}" and inside is not None and int(token) in inside
    ]
    return Sequence(
        pattern=FramePattern(str(name.folder / f"{name.head}{'#' * width}{name.tail}")),
        numbers=tuple(sorted(numbers)),
        asked=name.asked,
        strays=tuple(sorted(f"{name.head}{token}{name.tail}" for token in strays)),
    )


def _usual_width(tokens: list[str]) -> int:
    """The width that most of the numbers are written with."""
    widths = range(1, max(map(len, tokens), default=1) + 1)
    fitting = Counter(width for token in tokens for width in widths if token == f"{int(token):0{width}d}")
    return max(fitting, key=lambda width: (fitting[width], width), default=1)


def _only_sequence(folder: Path) -> Sequence:
    groups: dict[str, Path] = {}
    for entry in _file_names(folder):
        if entry.lower().endswith(PICTURE_SUFFIXES):
            groups.setdefault(_pattern_name(folder / entry), folder / entry)
    if not groups:
        raise SequenceError("has no pictures", path=folder, remedy=f"pictures end in {', '.join(PICTURE_SUFFIXES)}")
    if len(groups) > 1:
        raise SequenceError(
            f"holds several sequences: {_list_some(sorted(groups))}", path=folder, remedy="name the one that is meant"
        )
    return find_sequence(next(iter(groups.values())))


def _pattern_name(path: Path) -> str:
    name = None if "#" in path.name else _take_frame_apart(path)
    return path.name if name is None else f"{name.head}#{name.tail}"


def _still(path: Path) -> Sequence:
    return Sequence(FramePattern(str(path)), (STILL_FRAME,))


def _nothing_there(path: Path) -> SequenceError:
    folder = path.parent
    if not folder.is_dir():
        return SequenceError(
            "the folder does not exist", path=path, remedy=f"check the path from {_existing(folder)} on"
        )
    names = Counter(_pattern_name(folder / entry) for entry in _file_names(folder))
    near = difflib.get_close_matches(path.name, names, n=3, cutoff=0.3) or list(names)[:3]
    there = ", ".join(f"{name} ({names[name]})" for name in near)
    return SequenceError("there is no such file", path=path, remedy=f"the folder has {there or 'no files'}")


def _existing(folder: Path) -> Path:
    return next(parent for parent in (folder, *folder.absolute().parents) if parent.is_dir())


def _file_names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if not entry.name.startswith(".") and not entry.is_dir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SequenceError(
            f"the folder cannot be opened ({error.strerror})", path=folder, remedy="check its permissions"
        ) from error


def _list_some(names: Texts[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
