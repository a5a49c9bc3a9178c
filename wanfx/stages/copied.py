"""Delivered frames that a new version takes over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wanfx.frames import Box
from wanfx.images import FramePattern


@dataclass(frozen=True)
class CopiedFrames:
    """Comp frames of an earlier version: their pattern, and the facts and hash that its manifest has of each.

    ``task``, ``parts`` and ``canvas`` are what all of them have; ``mattes`` the folder of those that go with them.
    """

    pattern: FramePattern
    facts: Mapping[int, Mapping[str, Any]]
    hashes: Mapping[int, str]
    task: str
    parts: tuple[str, ...]
    canvas: Box
    mattes: Path
