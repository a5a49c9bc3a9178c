"""Making a range again between approved frames: what is made, what it joins, and where that is read from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wanfx.backends.protocols import Generator
from wanfx.backends.registry import find_generator
from wanfx.errors import InputError
from wanfx.frames import FrameRange
from wanfx.images import Plate
from wanfx.ops.take import dissolve_weights
from wanfx.options import Options
from wanfx.stages.context import RunContext
from wanfx.stages.copied import CopiedFrames
from wanfx.stages.windows import Window, choose_length, plan_joined, plan_pinned

MANIFEST_KEY = "retake"
_LATENT_FRAMES = 4


@dataclass(frozen=True)
class ApprovedFrame:
    """A delivered comp frame: its version, its file there (POSIX), and that file's SHA-256."""

    version: str
    path: str
    sha256: str

    def as_dict(self) -> dict[str, str]:
        """For the manifest, JSON types."""
        return {"version": self.version, "path": self.path, "sha256": self.sha256}


@dataclass(frozen=True)
class Retake:
    """A range that is made again so that it joins the frames of the last ``version`` around it.

    ``frames`` are those asked for. ``head`` are approved frames that the first window starts with, ``dissolved`` those
    after the range that are made too, with the share (0 to 1) that the new take still has in each, ``pinned`` those
    that the last window ends with. ``approved`` has the file of each of these, and of those it may fall back to
    ``instead``. ``facts`` are the last manifest's of each frame, ``last`` that manifest.
    """

    frames: FrameRange
    version: str
    windows: tuple[Window, ...]
    head: tuple[int, ...]
    dissolved: Mapping[int, float]
    pinned: tuple[int, ...]
    approved: Mapping[int, ApprovedFrame]
    instead: Mapping[int, ApprovedFrame]
    facts: Mapping[int, Mapping[str, Any]] = field(repr=False)
    last: Mapping[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        """Of its folder and units."""
        return f"range-{self.frames}"

    @property
    def layer(self) -> str:
        """The subject's, as its parts are named."""
        return str(self.last["subjects"][0]["layer"])

    @property
    def made(self) -> FrameRange:
        """All frames that are made: those asked for, and those that are dissolved."""
        return FrameRange(self.frames.first, max([self.frames.last, *self.dissolved]))

    @property
    def locked_share(self) -> float | None:
        """How much of the generator's error was found to be shared by the character; None where it was not asked."""
        for frame in (self.frames.first - 1, self.frames.last + 1):
            share = (self.facts.get(frame, {}).get("match") or {}).get("locked_share")
            if share is not None:
                return float(share)
        return None

    def reveal(self) -> dict[int, float] | None:
        """How far each frame shows the generated background, so that it goes on as it was; None where nobody said."""
        beside = (self.frames.first - 1, self.made.last + 1)
        known = [self.facts.get(frame, {}).get("reveal_generated") for frame in beside]
        found = [float(weight) for weight in known if weight is not None]
        if not found:
            return None
        start, end = found[0], found[-1]
        return {frame: end + self.dissolved.get(frame, 1.0) * (start - end) for frame in self.made}

    def fact(self, frame: int) -> dict[str, Any]:
        """What a frame's entry in the manifest says of it."""
        told: dict[str, Any] = {"frames": str(self.frames), "joins": self.version}
        if frame in self.dissolved:
            told["new_share"] = self.dissolved[frame]
            told["toward"] = self.approved[frame].as_dict()
        return {MANIFEST_KEY: told}

    def describe(self) -> str:
        """What is made of what, in words."""
        told = [f"{self.frames} joins {self.version}"]
        told += [f"starts with its {_span(self.head)}"] if self.head else []
        told += [f"{_span(self.dissolved)} are made too and dissolved into it"] if self.dissolved else []
        told += [f"ends with its {_span(self.pinned)}"] if self.pinned else []
        return "; ".join(told)

    def as_dict(self) -> dict[str, Any]:
        """For the manifest, JSON types."""
        return {
            "frames": str(self.frames),
            "version": self.version,
            "made": str(self.made),
            "head": {str(frame): self.approved[frame].as_dict() for frame in self.head},
            "dissolved": {
                str(frame): {"new_share": share, **self.approved[frame].as_dict()}
                for frame, share in self.dissolved.items()
            },
            "pinned": {str(frame): self.approved[frame].as_dict() for frame in self.pinned},
        }


def _span(frames: Iterable[int]) -> str:
    found = list(frames)
    return str(found[0]) if len(found) == 1 else f"{min(found)}-{max(found)}"


def plan_retake(
    options: Options, whole: FrameRange, *, asked: FrameRange | None, version: str, copied: CopiedFrames,
    last: Mapping[str, Any], warn: Callable[[str], None],
) -> Retake | None:  # fmt: skip
    """How ``asked`` frames would join those of the last ``version``; None where that is not wanted or there are none.

    Raises OptionError where windows are too short.
    """
    generator = find_generator(options)
    if asked is None or options.generate.range == "whole" or not generator.carried_frames:
        return None
    before, after = asked.first - 1, asked.last + 1
    if not {before, after} & set(copied.facts):
        return None
    if last["backend"] != generator.name:
        warn(f"{version} was made by {last['backend']}: {asked} is not joined to it")
        return None
    head, following = _before(asked, copied), _after(asked, copied, whole)
    return _plan(options, generator, asked, head, following, version=version, copied=copied, last=last)


def _before(asked: FrameRange, copied: CopiedFrames) -> int:
    """How many approved frames there are just before the range."""
    first = asked.first
    while first - 1 in copied.facts:
        first -= 1
    return asked.first - first


def _after(asked: FrameRange, copied: CopiedFrames, whole: FrameRange) -> FrameRange | None:
    """The approved frames just after the range."""
    end = asked.last
    while end + 1 in copied.facts and end + 1 in whole:
        end += 1
    return FrameRange(asked.last + 1, end) if end > asked.last else None


def _plan(
    options: Options, generator: Generator, asked: FrameRange, before: int, after: FrameRange | None, *, version: str,
    copied: CopiedFrames, last: Mapping[str, Any],
) -> Retake:  # fmt: skip
    carried, length = generator.carried_frames, choose_length(options, generator)
    head = max([count for count in generator.carries if count <= min(carried, before)], default=0)
    shares: dict[int, float] = {}
    if generator.joins == "pin" and after is not None:
        heads = tuple(range(head, min(before, head + _LATENT_FRAMES - 1) + 1)) if head else (0,)
        windows = plan_pinned(asked, heads=heads, after=after, window_frames=length, carried=carried)
    else:
        tail = [] if after is None else list(after)[: options.generate.tail_frames]
        if generator.joins == "pin":
            tail = []
        shares = dict(zip(tail, dissolve_weights(len(tail)), strict=True))
        new = FrameRange(asked.first, asked.last + len(tail))
        windows = plan_joined(new, head=head, window_frames=length, carried=carried)
    first, end = windows[0], windows[-1]
    heads_used = tuple(range(first.frames.first, asked.first))
    pinned = tuple(sorted(set(end.pinned_frames)))
    now = {frame: _delivered(copied, frame, version) for frame in (*heads_used, *shares, *pinned)}
    return Retake(
        asked, version, tuple(windows), heads_used, shares, pinned, {**now, **_earlier(last, asked, shares)}, now,
        copied.facts, last,
    )  # fmt: skip


def _delivered(copied: CopiedFrames, frame: int, version: str) -> ApprovedFrame:
    path = copied.pattern.path(frame)
    return ApprovedFrame(version, f"{path.parent.name}/{path.name}", copied.hashes[frame])


def _earlier(last: Mapping[str, Any], asked: FrameRange, shares: Mapping[int, float]) -> dict[int, ApprovedFrame]:
    """What frames after the same range were dissolved into before: a second take shows nothing of the first."""
    told = last.get(MANIFEST_KEY) or {}
    before = {int(frame): entry for frame, entry in told.get("dissolved", {}).items()}
    if told.get("frames") != str(asked) or {frame: entry["new_share"] for frame, entry in before.items()} != shares:
        return {}
    return {f: ApprovedFrame(entry["version"], entry["path"], entry["sha256"]) for f, entry in before.items()}


def check_approved(
    run: RunContext, retake: Retake, *, plate: Plate, layer: str, plate_hashes: Mapping[int, str]
) -> None:
    """Raise InputError where approved frames show something else than this shot now does."""
    last, remedy = retake.last, "run without --frames, or set generate.range=whole"
    told = {
        "task": (last["task"], run.shot.task),
        "subject": ([one["layer"] for one in last["subjects"]], [layer]),
        "data window": (last["plate"]["data_window"], plate.canvas.as_list()),
        "color space": (last["comp"]["colorspace"], plate.color_space),
    }
    for name, (theirs, ours) in told.items():
        if theirs != ours:
            raise InputError(
                f"its {name} is {theirs}, the shot's is {ours}: {retake.frames} cannot join its frames",
                path=run.folder.root / retake.version, remedy=remedy,
            )  # fmt: skip
    # A dissolved frame is made on its plate as it now is.
    for frame in (*retake.head, *retake.pinned):
        if retake.facts[frame]["plate_key"] != plate_hashes[frame]:
            raise InputError(
                "the plate has changed since this frame was delivered, so nothing can be joined to it",
                path=plate.path(frame), frame=frame, remedy=remedy,
            )  # fmt: skip


def find_file(run: RunContext, approved: ApprovedFrame) -> Path:
    """Where an approved frame lies."""
    return run.folder.root / approved.version / approved.path
