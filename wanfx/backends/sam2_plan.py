"""From which prompted frame SAM 2 takes each frame of a subject: always the nearest one, from its side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from wanfx.backends.protocols import BoxPrompt, MaskPrompt, PointPrompt, Prompts
from wanfx.errors import NothingFoundError
from wanfx.frames import FrameRange

Direction = Literal["forward", "backward"]
REMEDY = "click on the subject, or give a box around it"
_KNOWN = 4
"""Prompted frames that a track remembers: its own, and the nearest of those before it."""
_MASK_STEP = 24
_BLEND = 2
"""Frames on either side of the middle in which both sides are mixed."""


@dataclass(frozen=True)
class Anchor:
    """A prompted frame. ``start``: what is asked stands alone; ``correction``: points that mend what was tracked."""

    frame: int
    kind: Literal["start", "correction"]
    points: tuple[PointPrompt, ...] = ()
    box: BoxPrompt | None = None
    mask: MaskPrompt | None = None


@dataclass(frozen=True)
class Plan:
    """A subject's way through the shot.

    ``anchors`` by frame; ``given`` are the frames whose matte an artist made; ``forward`` and ``backward`` say for
    every frame that is tracked that way which anchor it is tracked from; ``known`` the anchors that a track remembers.
    """

    anchors: Mapping[int, Anchor]
    given: Mapping[int, MaskPrompt]
    forward: Mapping[int, int]
    backward: Mapping[int, int]
    known: Mapping[int, tuple[int, ...]]
    _shares: Mapping[int, float]

    def share(self, frame: int, direction: Direction) -> float:
        """How much of a frame is taken from the track in ``direction``, 0 to 1; both directions sum to 1."""
        forward = self._shares[frame]
        return forward if direction == "forward" else 1.0 - forward

    def is_corrected_backwards(self, frame: int) -> bool:
        """Whether an anchor mends what comes from a later one."""
        return frame in self.anchors and frame in self.backward


def make_plan(prompts: Prompts, frames: FrameRange) -> Plan:
    """Plan a subject's tracks. Raises NothingFoundError where nothing says what the subject is."""
    anchors = _find_anchors(prompts, frames)
    given = {mask.frame: mask for mask in prompts.masks}
    start = next(frame for frame, anchor in sorted(anchors.items()) if anchor.kind == "start")
    forward: dict[int, int] = {}
    backward: dict[int, int] = {}
    shares: dict[int, float] = {}
    order = sorted(anchors)
    for near, far in pairwise([None, *order, None]):
        _share_gap(near, far, anchors, start=start, frames=frames, ways=(forward, backward), shares=shares)
    tracked = {frame for frame in frames if frame not in given}
    forward = {frame: anchor for frame, anchor in forward.items() if frame in tracked}
    backward = {frame: anchor for frame, anchor in backward.items() if frame in tracked}
    return Plan(anchors, given, forward, backward, _known(order, given, start=start), shares)


def _share_gap(
    near: int | None, far: int | None, anchors: Mapping[int, Anchor], *, start: int, frames: FrameRange,
    ways: tuple[dict[int, int], dict[int, int]], shares: dict[int, float],
) -> None:  # fmt: skip
    """Share the frames after ``near`` up to and with ``far`` among the two; None is the shot's end."""
    forward, backward = ways
    inside = range(frames.first if near is None else near + 1, frames.last + 1 if far is None else far)
    if near is None or (far is not None and far <= start):
        # Before the first frame that stands alone, all comes from there.
        backward.update((frame, _next(anchors, frame)) for frame in inside)
        shares.update(dict.fromkeys(inside, 0.0))
        if far is not None and anchors[far].kind == "correction":
            backward[far], shares[far] = _next(anchors, far), 0.0
        elif far is not None:
            shares[far] = 1.0
        return
    for frame in inside:
        share = 1.0 if far is None else _forward_share(frame, near, far)
        shares[frame] = share
        if share > 0 or (far is not None and anchors[far].kind == "correction"):
            forward[frame] = near
        if share < 1 and far is not None:
            backward[frame] = far
    if far is not None:
        shares[far] = 1.0
        if anchors[far].kind == "correction":
            forward[far] = near


def _next(anchors: Mapping[int, Anchor], frame: int) -> int:
    return min(other for other in anchors if other > frame)


def _forward_share(frame: int, near: int, far: int) -> float:
    """1 on the side of ``near``, 0 on that of ``far``, and a ramp across the middle where there is room for one."""
    middle = (near + far) / 2
    blend = min(_BLEND, (far - near) // 6)
    if not blend:
        return 1.0 if frame <= middle else 0.0
    return min(1.0, max(0.0, 0.5 + (middle - frame) / (2 * blend)))


def _find_anchors(prompts: Prompts, frames: FrameRange) -> dict[int, Anchor]:
    anchors: dict[int, Anchor] = {}
    masks = {mask.frame: mask for mask in prompts.masks}
    for frame in _pick_masks(sorted(masks)):
        anchors[frame] = Anchor(frame, "start", mask=masks[frame])
    asked = {point.frame for point in prompts.points} | {box.frame for box in prompts.boxes}
    for frame in sorted(asked - masks.keys()):
        if frame not in frames:
            raise NothingFoundError("a box or point is outside the shot's frames", frame=frame, remedy=REMEDY)
        points = tuple(point for point in prompts.points if point.frame == frame)
        box = next((box for box in reversed(prompts.boxes) if box.frame == frame), None)
        anchors[frame] = Anchor(frame, "correction" if box is None else "start", points, box)
    _choose_start(anchors)
    return dict(sorted(anchors.items()))


def _choose_start(anchors: dict[int, Anchor]) -> None:
    """The first frame with a point on the subject stands alone too, unless one before it does."""
    for frame in sorted(anchors):
        anchor = anchors[frame]
        if anchor.kind == "start":
            return
        if any(point.keep for point in anchor.points):
            anchors[frame] = Anchor(frame, "start", anchor.points)
            return
    raise NothingFoundError("no point is on the subject", key="subjects[0].points", remedy=REMEDY)


def _pick_masks(frames: Sequence[int]) -> Iterator[int]:
    """Of every run of hand-made mattes the first, the last and some between: the others teach nothing new."""
    for run in _runs(frames):
        yield from sorted({*run[::_MASK_STEP], run[-1]})


def _runs(frames: Sequence[int]) -> Iterator[list[int]]:
    run: list[int] = []
    for frame in frames:
        if run and frame != run[-1] + 1:
            yield run
            run = []
        run.append(frame)
    if run:
        yield run


def _known(order: Sequence[int], given: Iterable[int], *, start: int) -> dict[int, tuple[int, ...]]:
    """A track knows its own anchor, those before it (a later prompt never changes it) and those of its run of masks."""
    run_of = {frame: run for run in _runs(sorted(given)) for frame in run}
    known = {}
    for frame in order:
        eligible = [other for other in order if other <= max(frame, start) or other in run_of.get(frame, ())]
        known[frame] = tuple(sorted(sorted(eligible, key=lambda other: (abs(other - frame), other))[:_KNOWN]))
    return known
