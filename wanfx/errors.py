"""What can go wrong, and the exit status that says so.

::

    WanfxError                      1  a fault of wanfx itself
    ├── InputError                  2  bad usage or bad input
    │   ├── ShotError                  a key of the shot file
    │   ├── OptionError                an option that does not exist or a value it cannot have
    │   ├── ColorSpaceError            a colour space that is unknown or cannot be told
    │   ├── SequenceError              gaps, duplicates, mixed sizes, nothing there
    │   ├── FrameReadError             one frame cannot be read
    │   ├── BadPixelsError             NaN or Inf in a plate
    │   ├── MovieError                 a movie that cannot be used as it is
    │   └── NothingFoundError          no subject was found in the shot
    ├── MissingError                3  weights, a GPU or a program is not there
    ├── SomeShotsFailedError        4  some shots of a batch failed
    ├── PromiseBrokenError          5  a delivery is not what it promises
    ├── EnvironmentFailedError      6  the machine failed; the run can be resumed
    │   ├── DiskFullError
    │   ├── NotWritableError
    │   ├── OutOfMemoryError
    │   └── LeaseHeldError             another run works on this shot
    └── CancelledError            130  stopped on request; the run can be resumed

Every error says what is wrong, where (file, frame, key) and what to do about it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Optional, Union


class WanfxError(Exception):
    """A failure that a user can read: ``what``, where it was found and the ``remedy``.

    ``path`` is the file, ``frame`` the frame number, ``key`` the dotted key of a shot file or option.

    >>> print(FrameReadError("cannot be read", path="plate.1042.exr", frame=1042, remedy="copy it again"))
    plate.1042.exr: frame 1042: cannot be read
      remedy: copy it again
    """

    exit_code = 1

    def __init__(
        self,
        what: str,
        *,
        path: Optional[Union[str, Path]] = None,
        frame: Optional[int] = None,
        key: Optional[str] = None,
        remedy: str = "",
    ) -> None:
        self.what = what
        self.path = None if path is None else str(path)
        self.frame = frame
        self.key = key
        self.remedy = remedy
        super().__init__(what)

    def __str__(self) -> str:
        where = [part for part in (self.path, self.key) if part]
        if self.frame is not None:
            where.append(f"frame {self.frame}")
        text = ": ".join([*where, self.what])
        return f"{text}\n  remedy: {self.remedy}" if self.remedy else text


class InputError(WanfxError):
    """Bad usage or bad input."""

    exit_code = 2


class ShotError(InputError):
    """A key of the shot file is missing, unknown or has a value it cannot have."""


class OptionError(InputError):
    """An option does not exist, or cannot have the value it was given."""


class ColorSpaceError(InputError):
    """A colour space is unknown to the OCIO config, or cannot be told from the file."""


class SequenceError(InputError):
    """A sequence has gaps, duplicates or mixed sizes, or is not there."""


class FrameReadError(InputError):
    """One frame of a sequence or movie cannot be read."""


class BadPixelsError(InputError):
    """A plate has NaN or infinite pixels."""


class MovieError(InputError):
    """A movie cannot be used as it is (variable frame rate, no picture, an unknown codec)."""


class NothingFoundError(InputError):
    """No subject was found in the shot."""


class MissingError(WanfxError):
    """Something that is needed is not there: weights, a GPU, a program, an extra."""

    exit_code = 3


class SomeShotsFailedError(WanfxError):
    """Some shots of a batch failed."""

    exit_code = 4


class PromiseBrokenError(WanfxError):
    """A delivery does not hold what it promises."""

    exit_code = 5


class EnvironmentFailedError(WanfxError):
    """The machine failed; nothing is lost and the run can be resumed."""

    exit_code = 6


class DiskFullError(EnvironmentFailedError):
    """The disk is full, or too small for the run."""


class NotWritableError(EnvironmentFailedError):
    """The output folder cannot be written."""


class OutOfMemoryError(EnvironmentFailedError):
    """The machine or the GPU ran out of memory."""


class LeaseHeldError(EnvironmentFailedError):
    """Another run works on this shot."""


class CancelledError(WanfxError):
    """The run was cancelled; it can be resumed."""

    exit_code = 130
