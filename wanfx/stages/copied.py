"""Delivered frames that a new version takes over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wanfx.images import FramePattern


@dataclass(frozen=True)
class CopiedFrames:
    """Comp frames of an earlier version: their pattern, and the facts and hash that its manifest has of each."""

    pattern: FramePattern
    facts: Mapping[int, Mapping[str, Any]]
    hashes: Mapping[int, str]
