"""Whether a range that is made again can be taken from windows of the whole shot and still join what is around it.

It can where all windows that hold its frames and those beside it are there unchanged, and the delivered frames beside
it come from them; or where the windows that are missing come after everything that was delivered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wanfx.backends.registry import find_generator
from wanfx.frames import FrameRange
from wanfx.stages.context import RunContext
from wanfx.stages.generated import GENERATED
from wanfx.stages.retake import Retake
from wanfx.stages.windows import Window, needed_windows

Look = Callable[[Window], Mapping[int, str] | None]


def windows_beside(run: RunContext, whole: FrameRange, retake: Retake) -> list[Window]:
    """The whole shot's windows that hold the range, a delivered frame after it, and all before."""
    end = retake.frames.last + 1
    return needed_windows(
        run, whole, frames=FrameRange(retake.frames.first, end if end in retake.facts else retake.frames.last)
    )


def may_have_whole(run: RunContext, whole: FrameRange, retake: Retake) -> bool:
    """Whether it is worth looking at the windows' keys: their records are there, whatever they say."""
    name = find_generator(run.options).name

    def is_there(window: Window) -> bool:
        return not run.fresh and run.store.read("generate", f"{name}.{window.index:04d}") is not None

    windows = windows_beside(run, whole, retake)
    missing = next((window for window in windows if not is_there(window)), None)
    return missing is None or _is_after_all(missing, retake)


def frames_to_condition(run: RunContext, whole: FrameRange, wanted: FrameRange, retake: Retake | None) -> list[int]:
    """The frames whose conditioning is read for ``wanted``, or for a ``retake`` and to learn whether it is one."""
    if retake is None:
        return sorted({frame for window in needed_windows(run, whole, frames=wanted) for frame in window.frames})
    generator = find_generator(run.options)
    found = {frame for window in retake.windows for frame in window.read_by(generator, shot=whole)}
    if may_have_whole(run, whole, retake):
        found |= {frame for window in windows_beside(run, whole, retake) for frame in window.frames}
    return sorted(found | set(retake.approved) | set(retake.made))


def has_whole(windows: list[Window], retake: Retake, look: Look) -> bool:
    """Whether ``windows`` give the range; ``look`` tells a window's frames' hashes, None where it is not there."""
    beside = {frame for frame in (retake.frames.first - 1, retake.frames.last + 1) if frame in retake.facts}
    for window in windows:
        hashes = look(window)
        if hashes is None:
            return _is_after_all(window, retake)
        if any(retake.facts[frame].get(GENERATED, hashes[frame]) != hashes[frame] for frame in beside & set(hashes)):
            return False
    return True


def _is_after_all(window: Window, retake: Retake) -> bool:
    """Whether nothing but the range was delivered of this window and those after it."""
    return all(frame < window.new_frames.first for frame in retake.facts if frame not in retake.frames)
