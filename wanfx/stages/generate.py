"""generate: Conditioning -> generated windows in model space, float.

The carry is inside: what the lock makes of a window's last frames are the first of the next. A window's key holds its
inputs, the lock's version, the seed and the previous carry's hash, so a chain of windows resumes where it stopped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.backends.protocols import GeneratedFrame, Generator
from wanfx.backends.registry import find_generator
from wanfx.errors import OptionError
from wanfx.events import StepFinished
from wanfx.frames import Box, FrameRange
from wanfx.images import FramePattern
from wanfx.io import exr
from wanfx.ops import lock
from wanfx.ops.lock_shift import NO_SHIFT, Shift, undo_shift
from wanfx.pixels import to_float, to_type
from wanfx.stages.conditioning import Conditioning, PlateWindow, SpaceBridge
from wanfx.stages.context import WORK_COMPRESSION, Made, RunContext, StageProgress, stage_key
from wanfx.stages.refine import Refined
from wanfx.units import Record, Unit

STAGE = "generate"
VERSION = 2
Array = npt.NDArray[np.float32]
_LATENT_PX = 8.0
_Made = tuple[dict[int, str], dict[int, Mapping[str, Any]]]


@dataclass(frozen=True)
class Window:
    """Frames generated together; the first ``carried`` of them are the previous window's last."""

    index: int
    frames: FrameRange
    carried: int

    @property
    def new_frames(self) -> FrameRange:
        return FrameRange(self.frames.first + self.carried, self.frames.last)


@dataclass(frozen=True)
class Generated:
    """The generated frames in model space, their hashes and measures, and who made them.

    ``shifts`` is how they lie beside their plate, as `stages.match` finds it; frames without one lie where it does.
    """

    pattern: FramePattern
    hashes: Mapping[int, str]
    measures: Mapping[int, Mapping[str, Any]]
    generator: Generator
    shifts: Mapping[int, Shift] = field(default_factory=dict)

    def shift(self, frame: int) -> Shift:
        """How the frame lies beside its plate."""
        return self.shifts.get(frame, NO_SHIFT)


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


def choose_windows(run: RunContext, frames: FrameRange, generator: Generator) -> list[Window]:
    """The shot's windows. Raises OptionError where the chosen length leaves nothing new."""
    length = run.options.generate.window_frames or generator.window_frames
    if length <= generator.carried_frames:
        raise OptionError(
            f"{length} is not more than the {generator.carried_frames} carried frames",
            key="generate.window_frames",
            remedy=f"set it to {generator.carried_frames + 1} or more",
        )
    return plan_windows(frames, window_frames=length, carried=generator.carried_frames)


def needed_windows(run: RunContext, whole: FrameRange, *, frames: FrameRange) -> list[Window]:
    """The windows that ``frames`` need: those that hold one of them and, with a carry, all before."""
    generator = find_generator(run.options)
    return [
        window
        for window in choose_windows(run, whole, generator)
        if window.new_frames.first <= frames.last
        and (generator.carried_frames > 0 or window.new_frames.last >= frames.first)
    ]


def run_generate(
    run: RunContext, conditioning: Conditioning, refined: Refined, bridge: SpaceBridge, *, frames: FrameRange,
    plate_hashes: Mapping[int, str],
) -> Generated:  # fmt: skip
    """Make the windows that ``frames`` need. ``plate_hashes`` has a hash for every frame of the plate."""
    generator = find_generator(run.options)
    needed = needed_windows(run, conditioning.plate.frames, frames=frames)
    pattern = FramePattern(str(run.work / "generate" / generator.name / "gen.####.exr"))
    maker = _WindowMaker(run, conditioning, refined, bridge, generator, pattern, plate_hashes)
    hashes: dict[int, str] = {}
    measures: dict[int, Mapping[str, Any]] = {}
    with run.stage(STAGE, units=len(needed) + sum(len(window.new_frames) for window in needed)) as progress:
        for made in maker.make_all(progress, needed):
            hashes.update(made[0])
            measures.update(made[1])
    return Generated(pattern, hashes, measures, generator)


class _WindowMaker:
    """Makes windows in order, handing on the carry."""

    def __init__(
        self, run: RunContext, conditioning: Conditioning, refined: Refined, bridge: SpaceBridge,
        generator: Generator, pattern: FramePattern, plate_hashes: Mapping[int, str],
    ) -> None:  # fmt: skip
        self._run, self._conditioning, self._refined, self._bridge = run, conditioning, refined, bridge
        self._generator, self._pattern, self._plate_hashes = generator, pattern, plate_hashes
        self._match = run.options.match
        self._loaded = False
        self._carry_hash, self._parts = "", 1

    def make_all(self, progress: StageProgress, windows: list[Window]) -> Iterator[_Made]:
        """Hashes and measures of every window's new frames. Windows that carry nothing are made a few at a time."""
        self._parts = windows[-1].index + 1
        if self._generator.carried_frames:
            for window in windows:
                record = progress.make(*self._job(progress, window))
                self._carry_hash = record.facts["carry"]
                yield self._take(record, window)
        else:
            self._load()
            jobs = (self._job(progress, window) for window in windows)
            for record, window in zip(progress.make_many(jobs), windows, strict=True):
                yield self._take(record, window)

    def _job(self, progress: StageProgress, window: Window) -> tuple[Unit, Callable[[], Made]]:
        unit = Unit(STAGE, f"{self._generator.name}.{window.index:04d}", self._key(window))
        return unit, lambda: self._generate(progress, window)

    def _take(self, record: Record, window: Window) -> _Made:
        files = {Path(name).name: digest for name, digest in record.files.items()}
        hashes = {frame: files[self._pattern.path(frame).name] for frame in window.new_frames}
        return hashes, {frame: record.facts["measures"][str(frame)] for frame in window.new_frames}

    def _load(self) -> None:
        if not self._loaded:
            self._generator.load(cache=self._run.work / "text")
            self._loaded = True

    def _seed(self, window: Window) -> int:
        return self._run.options.generate.seed + window.index

    def _key(self, window: Window) -> str:
        conditioning, generator = self._conditioning, self._generator
        inputs = [
            (
                conditioning.background_hashes[frame], self._refined.hashes[frame], self._plate_hashes[frame],
                conditioning.frame_key(frame),
            )
            for frame in self._frames_read(window)
        ]  # fmt: skip
        return stage_key(
            STAGE, VERSION, generator.name, [asdict(card) for card in generator.models], generator.settings, inputs,
            conditioning.key, str(window.frames),
            [lock.VERSION, self._is_locked, self._match.register], self._seed(window), window.carried,
            self._carry_hash, self._run.options.clean.grow_px,
        )  # fmt: skip

    def _generate(self, progress: StageProgress, window: Window) -> Made:
        self._load()
        inputs = PlateWindow(
            tuple(window.frames), self._seed(window), self._read_carry(window), self._conditioning, self._refined,
            self._bridge, self._run.options.clean.grow_px, self._frames_read(window), partial(self._tell_step, window),
        )  # fmt: skip
        files, measures, fits, last = [], {}, {}, {}
        for frame, made in zip(inputs.frames, self._generator.generate(inputs), strict=True):
            if frame not in window.new_frames:
                continue
            files.append(self._write(frame, made))
            edit, plate = edit_of(self._conditioning, inputs.mask(frame), made.alpha), inputs.plate(frame)
            measures[str(frame)] = self._measure(made, plate, edit, frame)
            if self._is_locked:
                fits[frame] = self._examine(made, plate, edit, frame)
            if frame > window.frames.last - self._generator.carried_frames:
                last[frame] = (made.rgb, plate, edit)
            progress.step(frame)
        carries = [self._write_carry(frame, carried) for frame, carried in self._lock(last, fits)]
        carry = hashlib.sha256(b"".join(path.read_bytes() for path in carries))
        return Made((*files, *carries), {"measures": measures, "carry": carry.hexdigest()})

    def _frames_read(self, window: Window) -> tuple[int, ...]:
        return self._generator.frames_read(window.frames, shot=self._conditioning.plate.frames)

    def _tell_step(self, window: Window, step: int, steps: int) -> None:
        """A step of a window that takes long. Raises CancelledError where the run was cancelled."""
        told = {"step": step, "steps": steps, "part": window.index + 1, "parts": self._parts}
        self._run.events.emit(StepFinished, stage=STAGE, **told)
        self._run.cancellation.check()

    @property
    def _is_locked(self) -> bool:
        """Whether carried frames are corrected. What a generator gives back as it was given needs none."""
        generator = self._generator
        shows_plate = not generator.keeps_background and not self._conditioning.is_whole
        return bool(generator.carried_frames) and shows_plate and self._match.lock == "auto"

    def _examine(self, made: GeneratedFrame, plate: Array, edit: Array, frame: int) -> lock.FrameFit:
        return lock.examine_frame(
            made.rgb, plate, edit, inside=edit if made.alpha is None else made.alpha,
            guard_px=guard_px(self._run, self._conditioning, frame),
            shift=None if self._match.register == "on" else NO_SHIFT,
        )  # fmt: skip

    def _lock(
        self, last: Mapping[int, tuple[Array, Array, Array]], fits: Mapping[int, lock.FrameFit]
    ) -> Iterator[tuple[int, Array]]:
        """The frames that are carried on, from the window's last and what all its frames tell."""
        corrections = lock.fit_corrections({frame: fit.evidence for frame, fit in fits.items()})
        for frame, (rgb, plate, edit) in last.items():
            if frame not in fits:
                yield frame, lock.lock_window(rgb, plate, edit)
                continue
            registered = undo_shift(rgb, fits[frame].shift)
            yield frame, lock.lock_window(registered, plate, edit, correction=corrections[frame])

    def _measure(self, made: GeneratedFrame, plate: Array, edit: Array, frame: int) -> dict[str, Any]:
        error = None
        if not self._conditioning.is_world and not self._conditioning.is_whole:
            reach_px = guard_px(self._run, self._conditioning, frame)
            error = lock.plate_error(made.rgb, plate, edit, reach_px=reach_px)
        ceiling = float(self._conditioning.space.at_ceiling(made.rgb).mean())
        return {"plate_error": None if error is None else round(error, 6), "at_ceiling": round(ceiling, 6)}

    def _write(self, frame: int, made: GeneratedFrame) -> Path:
        kind = np.float16 if self._generator.pixel_type == "half" else np.float32
        pixels = [to_type(made.rgb, kind)]
        if made.alpha is not None:
            pixels.append(to_type(made.alpha, kind)[..., None])
        path = self._pattern.path(frame)
        self._write_exr(path, np.concatenate(pixels, axis=2), "RGBA"[: 3 + (made.alpha is not None)])
        return path

    def _write_carry(self, frame: int, rgb: Array) -> Path:
        path = self._carry_path(frame)
        self._write_exr(path, rgb, "RGB")
        return path

    def _write_exr(self, path: Path, pixels: npt.NDArray[Any], channels: str) -> None:
        size = self._conditioning.size
        box = Box(0, 0, size.width, size.height)
        part = exr.Part("model_space", pixels, tuple(channels))
        exr.write_parts(path, [part], data_window=box, display_window=box, compression=WORK_COMPRESSION, durable=False)

    def _carry_path(self, frame: int) -> Path:
        return self._pattern.folder / f"carry.{frame:04d}.exr"

    def _read_carry(self, window: Window) -> tuple[Array, ...]:
        frames = list(window.frames)[: window.carried]
        return tuple(exr.read_frame(self._carry_path(frame), frame=frame).rgb for frame in frames)


def edit_of(conditioning: Conditioning, mask: Array, alpha: Array | None) -> Array:
    """(H, W): where a generated picture may differ from the plate, of the old subject's ``mask`` and the new alpha."""
    if conditioning.is_world:
        return np.asarray(1 - mask)
    return mask if alpha is None else np.maximum(mask, alpha)


def guard_px(run: RunContext, conditioning: Conditioning, frame: int) -> float:
    """How far beyond the edit the generator was given something else than the plate, in its own pixels."""
    if conditioning.drive is not None or conditioning.guide is not None:
        return _LATENT_PX + (0.0 if conditioning.guide is None else conditioning.guide.reach_px)
    # The background that was given is the clean plate as far as the subject was grown for it.
    scale = conditioning.size.height / conditioning.crops[frame].height
    return 0.0 if conditioning.is_world else run.options.clean.grow_px * scale + 1


def read_generated(path: Path, *, frame: int) -> tuple[Array, Array | None]:
    """A generated frame: rgb (H, W, 3) in model space, and alpha (H, W) or None."""
    read = exr.read_frame(path, frame=frame)
    return to_float(read.rgb), None if read.alpha is None else to_float(read.alpha)
