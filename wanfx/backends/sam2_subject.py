"""A subject on its way through the shot: which frames are looked at, and what comes out of both directions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from wanfx.backends.protocols import Array, Segment
from wanfx.backends.sam2_plan import REMEDY, Anchor, Direction, Plan
from wanfx.backends.sam2_track import Look, SubjectTrack, View, to_matte
from wanfx.errors import NothingFoundError
from wanfx.frames import FrameRange


class SubjectRun:
    """Carries out a `Plan`. Of what was seen it keeps the prompted frames, and the few that both directions share."""

    def __init__(self, name: str, plan: Plan, track: SubjectTrack, *, frames: FrameRange) -> None:
        self._name, self._plan, self._track = name, plan, track
        self._first = frames.first
        self._from: int | None = None
        self._held: dict[int, tuple[Array, float]] = {}

    def given(self) -> Iterator[Segment]:
        """The frames whose matte an artist made, as it is."""
        for frame, mask in self._plan.given.items():
            yield Segment(self._name, frame, mask.read(), 1.0)

    def needs(self, frame: int, direction: Direction) -> bool:
        """Whether the frame is looked at in this direction."""
        way = self._plan.forward if direction == "forward" else self._plan.backward
        return frame in way or self._anchor(frame, direction) is not None

    def step(self, frame: int, view: View, direction: Direction) -> Iterator[Segment]:
        """Look at a frame, in the order of the direction; its segment, where nothing more is needed for it.

        Raises NothingFoundError where there is nothing at a prompt.
        """
        anchor = self._anchor(frame, direction)
        look = self._follow(frame, view, direction) if anchor is None else self._prompt(anchor, view, direction)
        if frame not in self._plan.given:
            yield from self._finish(frame, look, share=self._plan.share(frame, direction))

    def _anchor(self, frame: int, direction: Direction) -> Anchor | None:
        is_here = self._plan.is_corrected_backwards(frame) == (direction == "backward")
        return self._plan.anchors.get(frame) if is_here else None

    def _prompt(self, anchor: Anchor, view: View, direction: Direction) -> Look:
        if anchor.kind == "correction":
            self._start(anchor.frame, direction)
        look = self._track.prompt(anchor.frame - self._first, view, anchor, direction=direction)
        if look.score <= 0 and anchor.kind == "start" and anchor.mask is None:
            raise NothingFoundError("nothing was found at the box or points", frame=anchor.frame, remedy=REMEDY)
        self._go_on_from(anchor.frame)
        return look

    def _follow(self, frame: int, view: View, direction: Direction) -> Look:
        self._start(frame, direction)
        return self._track.follow(frame - self._first, view, direction=direction)

    def _start(self, frame: int, direction: Direction) -> None:
        origin = (self._plan.forward if direction == "forward" else self._plan.backward)[frame]
        if origin != self._from:
            self._go_on_from(origin)

    def _go_on_from(self, origin: int) -> None:
        known = [frame - self._first for frame in self._plan.known[origin]]
        self._track.start(origin - self._first, known)
        self._from = origin

    def _finish(self, frame: int, look: Look, *, share: float) -> Iterator[Segment]:
        if share == 0:
            return
        logits, confidence = look.placed(), look.confidence
        if share < 1:
            if frame not in self._held:
                self._held[frame] = share * logits, share * confidence
                return
            other, sure = self._held.pop(frame)
            logits, confidence = np.asarray(other + share * logits, np.float32), sure + share * confidence
        yield Segment(self._name, frame, to_matte(logits), round(confidence, 4))

    def turn(self) -> None:
        """The other direction comes next."""
        self._from = None
