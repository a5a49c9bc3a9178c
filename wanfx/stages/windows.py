"""Windows: which frames a generator makes together, of a whole shot and of a range that is made again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from wanfx.backends.protocols import Generator
from wanfx.backends.registry import find_generator
from wanfx.errors import OptionError
from wanfx.frames import FrameRange
from wanfx.ops.fold import fold_index
from wanfx.options import Options
from wanfx.stages.context import RunContext

_LATENT_FRAMES = 4
"""Frames to a latent of the models that are pinned; the first frame is one alone."""


@dataclass(frozen=True)
class Window:
    """Frames generated together; the first ``carried`` of them are there already.

    ``after`` are frames beyond its own that the model is shown too, to fill its last latent; the last ``pinned`` of
    them are shown as they were approved. Where there are none, the generator says itself what it reads.
    """

    index: int
    frames: FrameRange
    carried: int
    after: tuple[int, ...] = ()
    pinned: int = 0

    @property
    def new_frames(self) -> FrameRange:
        return FrameRange(self.frames.first + self.carried, self.frames.last)

    @property
    def pinned_frames(self) -> tuple[int, ...]:
        """The approved frames that the window ends with, in the model's order."""
        return self.after[len(self.after) - self.pinned :]

    def read_by(self, generator: Generator, *, shot: FrameRange) -> tuple[int, ...]:
        """The frames of ``shot`` whose conditioning the window reads, in the model's order."""
        if self.after:
            return (*self.frames, *self.after)
        return generator.frames_read(self.frames, shot=shot)


def plan_windows(frames: FrameRange, *, window_frames: int, carried: int) -> list[Window]:
    """Windows over ``frames``; each but the first starts with ``carried`` frames of the one before.

    >>> [str(w.frames) for w in plan_windows(FrameRange(1, 10), window_frames=5, carried=1)]
    ['1-5', '5-9', '9-10']
    """
    windows = [Window(0, FrameRange(frames.first, min(frames.last, frames.first + window_frames - 1)), 0)]
    while windows[-1].frames.last < frames.last:
        first = windows[-1].frames.last + 1 - carried
        last = min(frames.last, first + window_frames - 1)
        windows.append(Window(len(windows), FrameRange(first, last), carried))
    return windows


def plan_joined(new: FrameRange, *, head: int, window_frames: int, carried: int) -> list[Window]:
    """Windows over ``new`` and the ``head`` approved frames before it, which the first one starts with.

    >>> [(str(w.frames), w.carried) for w in plan_joined(FrameRange(5, 10), head=1, window_frames=5, carried=1)]
    [('4-8', 1), ('8-10', 1)]
    """
    windows = plan_windows(
        FrameRange(new.first - head, new.last), window_frames=max(window_frames, head + 1), carried=carried
    )
    return [replace(windows[0], carried=head), *windows[1:]]


def plan_pinned(
    new: FrameRange, *, heads: tuple[int, ...], after: FrameRange, window_frames: int, carried: int
) -> list[Window]:
    """Windows over ``new`` of which the last ends with whole latents of approved frames, of those ``after``.

    ``heads`` says how many approved frames the first window may start with, the preferred number first. Some more are
    taken, or handed on, where that makes ``new`` end where a latent does; without any, frames between ``new`` and the
    pin are drawn and not used. Beyond the end of ``after`` it runs back and forth. Raises OptionError.

    >>> planned = plan_pinned(
    ...     FrameRange(5, 10), heads=(1, 2, 3, 4), after=FrameRange(11, 20), window_frames=17, carried=1
    ... )
    >>> [(str(w.frames), w.carried, w.after, w.pinned) for w in planned]
    [('2-10', 3, (11, 12, 13, 14), 4)]
    """
    pins = _LATENT_FRAMES * max(1, -(-carried // _LATENT_FRAMES))
    least = carried + _LATENT_FRAMES + pins
    if window_frames < least:
        raise OptionError(
            f"{window_frames} is too few for {carried} carried frames, a range, and {pins} that are pinned",
            key="generate.window_frames", remedy=f"set it to {least} or more, or set generate.range=whole",
        )  # fmt: skip
    windows: list[Window] = []
    first = new.first
    while True:
        left, known = new.last + 1 - first, heads if not windows else tuple(range(carried, carried + _LATENT_FRAMES))
        count = next((head for head in known if (head + left) % _LATENT_FRAMES == 1), known[0])
        gap = (1 - count - left) % _LATENT_FRAMES
        if count + left + gap + pins <= window_frames:
            shown = [after.first + fold_index(step, count=len(after)) for step in range(gap + pins)]
            frames = FrameRange(first - count, new.last)
            return [*windows, Window(len(windows), frames, count, tuple(shown), pins)]
        # What is left is shared out, so that the last window is not one of a frame or two.
        made = min(window_frames - known[0], -(-left // 2) if left <= window_frames - known[0] else left - 1)
        windows.append(Window(len(windows), FrameRange(first - known[0], first + made - 1), known[0]))
        first += made


def choose_length(options: Options, generator: Generator) -> int:
    """Frames a window. Raises OptionError where the chosen length leaves nothing new."""
    length = options.generate.window_frames or generator.window_frames
    if length <= generator.carried_frames:
        # Windows of a network that sees four frames at once have 4 n + 1.
        least = generator.carried_frames + (_LATENT_FRAMES if generator.window_frames % _LATENT_FRAMES == 1 else 1)
        raise OptionError(
            f"{length} is not more than the {generator.carried_frames} carried frames",
            key="generate.window_frames",
            remedy=f"set it to {least} or more",
        )
    return length


def needed_windows(run: RunContext, whole: FrameRange, *, frames: FrameRange) -> list[Window]:
    """The ``whole`` shot's windows that ``frames`` need: those that hold one of them and, with a carry, all before.

    Raises OptionError.
    """
    generator = find_generator(run.options)
    length = choose_length(run.options, generator)
    return [
        window
        for window in plan_windows(whole, window_frames=length, carried=generator.carried_frames)
        if window.new_frames.first <= frames.last
        and (generator.carried_frames > 0 or window.new_frames.last >= frames.first)
    ]
