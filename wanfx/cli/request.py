"""A run as the command line asks for it."""

from __future__ import annotations

import argparse
from pathlib import Path

from wanfx.frames import FrameRange
from wanfx.options import parse_assignment
from wanfx.session import RunRequest
from wanfx.shot import load_shot


def read_request(parsed: argparse.Namespace) -> RunRequest:
    """The request in ``parsed``. Raises ShotError, OptionError, InputError."""
    events, frames = getattr(parsed, "events", None), getattr(parsed, "frames", None)
    return RunRequest(
        shot=load_shot(parsed.shot),
        out=Path(parsed.out),
        frames=None if frames is None else FrameRange.parse(frames, key="--frames"),
        flags=dict(parse_assignment(text) for text in parsed.assignments),
        fresh=getattr(parsed, "fresh", False),
        events=None if events is None else Path(events),
    )
