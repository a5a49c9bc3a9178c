"""Frame ranges, sizes, boxes and timecodes: plain values with no image library behind them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Iterator, Optional

from wanfx.errors import InputError

_RANGE = re.compile(r"^\s*(-?\d+)(?:\s*-\s*(-?\d+))?\s*$")
_TIMECODE = re.compile(r"^(\d{2}):(\d{2}):(\d{2})([:;.])(\d{2,3})$")


@dataclass(frozen=True)
class FrameRange:
    """Frames ``first`` to ``last``, both inclusive.

    >>> FrameRange.parse("1001-1048")
    FrameRange(first=1001, last=1048)
    >>> len(FrameRange(1001, 1048)), 1048 in FrameRange(1001, 1048)
    (48, True)
    """

    first: int
    last: int

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise InputError(
                f"frame range {self.first}-{self.last} ends before it starts", remedy="write it as first-last"
            )

    @classmethod
    def parse(cls, text: str, *, key: Optional[str] = None) -> FrameRange:
        match = _RANGE.match(text)
        if match is None:
            raise InputError(f"{text!r} is not a frame range", key=key, remedy="write it as 1001-1048 or 1001")
        first = int(match.group(1))
        return cls(first, first if match.group(2) is None else int(match.group(2)))

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, self.last + 1))

    def __contains__(self, frame: object) -> bool:
        return isinstance(frame, int) and self.first <= frame <= self.last

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    def clip(self, other: FrameRange) -> Optional[FrameRange]:
        """The frames in both ranges, or None where they do not meet."""
        first, last = max(self.first, other.first), min(self.last, other.last)
        return FrameRange(first, last) if first <= last else None


@dataclass(frozen=True)
class Size:
    """Width and height in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True)
class Box:
    """A rectangle of whole pixels, origin top-left, half-open: columns x0..x1-1, rows y0..y1-1.

    (OpenEXR windows are inclusive: `Box.from_window`, `Box.window` convert.)

    >>> Box.from_window((0, 0), (1919, 1079)).size
    Size(width=1920, height=1080)
    """

    x0: int
    y0: int
    x1: int
    y1: int

    @classmethod
    def from_window(cls, minimum: tuple[int, int], maximum: tuple[int, int]) -> Box:
        return cls(int(minimum[0]), int(minimum[1]), int(maximum[0]) + 1, int(maximum[1]) + 1)

    @property
    def window(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """The inclusive corners, as OpenEXR writes windows."""
        return (self.x0, self.y0), (self.x1 - 1, self.y1 - 1)

    @property
    def width(self) -> int:
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        return self.y1 - self.y0

    @property
    def size(self) -> Size:
        return Size(self.width, self.height)

    @property
    def is_empty(self) -> bool:
        return self.x1 <= self.x0 or self.y1 <= self.y0

    def clip(self, other: Box) -> Box:
        return Box(max(self.x0, other.x0), max(self.y0, other.y0), min(self.x1, other.x1), min(self.y1, other.y1))

    def union(self, other: Box) -> Box:
        return Box(min(self.x0, other.x0), min(self.y0, other.y0), max(self.x1, other.x1), max(self.y1, other.y1))

    def grow(self, pixels: int) -> Box:
        return Box(self.x0 - pixels, self.y0 - pixels, self.x1 + pixels, self.y1 + pixels)

    def shift(self, dx: int, dy: int) -> Box:
        return Box(self.x0 + dx, self.y0 + dy, self.x1 + dx, self.y1 + dy)

    def slices(self, origin: Optional[Box] = None) -> tuple[slice, slice]:
        """Row and column slices of this box in an array whose top-left pixel is that of ``origin``."""
        dx, dy = (0, 0) if origin is None else (origin.x0, origin.y0)
        return slice(self.y0 - dy, self.y1 - dy), slice(self.x0 - dx, self.x1 - dx)

    def as_list(self) -> list[int]:
        return [self.x0, self.y0, self.x1, self.y1]


@dataclass(frozen=True)
class Timecode:
    """An SMPTE ST 12-1 timecode as a count of frames since 00:00:00:00.

    ``rate`` is the nominal rate (24 for 23.976); ``drop`` counts as NTSC drop-frame (30 and 60 only).

    >>> str(Timecode.parse("01:00:00:00", rate=24) + 25)
    '01:00:01:01'
    >>> str(Timecode.parse("00:00:59;29", rate=30) + 1)
    '00:01:00;02'
    """

    frames: int
    rate: int
    drop: bool = False

    @classmethod
    def parse(cls, text: str, *, rate: int) -> Timecode:
        match = _TIMECODE.match(text.strip())
        if match is None:
            raise InputError(f"{text!r} is not a timecode", remedy="write it as HH:MM:SS:FF")
        hours, minutes, seconds, frame = (int(match.group(i)) for i in (1, 2, 3, 5))
        drop = match.group(4) != ":" and rate in (30, 60)
        timecode = cls.of(hours, minutes, seconds, frame, rate=rate, drop=drop)
        if timecode.fields != (hours, minutes, seconds, frame):
            raise InputError(f"there is no timecode {text!r} at {rate} frames a second", remedy="correct it")
        return timecode

    @classmethod
    def of(cls, hours: int, minutes: int, seconds: int, frame: int, *, rate: int, drop: bool = False) -> Timecode:
        total_minutes = hours * 60 + minutes
        count = (total_minutes * 60 + seconds) * rate + frame
        if drop:
            count -= _dropped_a_minute(rate) * (total_minutes - total_minutes // 10)
        return cls(count, rate, drop)

    @property
    def fields(self) -> tuple[int, int, int, int]:
        """Hours, minutes, seconds, frame."""
        count = self.frames % _frames_a_day(self.rate, self.drop)
        if self.drop:
            count = _with_dropped_numbers(count, self.rate)
        seconds, frame = divmod(count, self.rate)
        minutes, second = divmod(seconds, 60)
        hours, minute = divmod(minutes, 60)
        return hours, minute, second, frame

    def __add__(self, frames: int) -> Timecode:
        return Timecode(self.frames + frames, self.rate, self.drop)

    def __str__(self) -> str:
        hours, minutes, seconds, frame = self.fields
        return f"{hours:02d}:{minutes:02d}:{seconds:02d}{';' if self.drop else ':'}{frame:02d}"


def _dropped_a_minute(rate: int) -> int:
    return rate // 15


def _frames_a_day(rate: int, drop: bool) -> int:
    return 24 * 3600 * rate - (_dropped_a_minute(rate) * 24 * 54 if drop else 0)


def _with_dropped_numbers(count: int, rate: int) -> int:
    dropped = _dropped_a_minute(rate)
    ten_minutes = 600 * rate - 9 * dropped
    tens, rest = divmod(count, ten_minutes)
    minutes = 0 if rest < 60 * rate else 1 + (rest - 60 * rate) // (60 * rate - dropped)
    return count + dropped * (9 * tens + minutes)


def nominal_rate(fps: Fraction) -> int:
    """The rate timecode counts in: 24 for 24000/1001."""
    return max(1, round(fps))


def exact_rate(rate: float) -> Fraction:
    """A frame rate written as a float as what was meant: NTSC rates as n * 1000/1001.

    >>> exact_rate(23.976), exact_rate(25.0)
    (Fraction(24000, 1001), Fraction(25, 1))
    """
    ntsc = Fraction(round(rate * 1.001) * 1000, 1001)
    if abs(rate - ntsc) < 1e-3 and abs(rate - round(rate)) > 1e-3:
        return ntsc
    return Fraction(rate).limit_denominator(1001)
