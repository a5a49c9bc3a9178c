"""generate: Conditioning -> generated windows in model space, float.

The carry is inside: what the lock makes of a window's last frames are the first of the next. A window's key holds its
inputs, the lock's version, the seed and what was handed on to it, so a chain of windows resumes where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.backends.registry import find_generator
from wanfx.events import StepFinished
from wanfx.frames import FrameRange
from wanfx.keys import make_key
from wanfx.ops import lock
from wanfx.ops.lock_share import Change
from wanfx.ops.lock_shift import NO_SHIFT
from wanfx.stages.approved import ApprovedPictures
from wanfx.stages.carry import Carry, carry_facts
from wanfx.stages.conditioning import Conditioning, PlateWindow, SpaceBridge
from wanfx.stages.context import Made, RunContext, StageProgress, stage_key
from wanfx.stages.generated import Generated, WindowFiles, edit_of, guard_px, window_label
from wanfx.stages.refine import Refined
from wanfx.stages.retake import Retake, check_approved
from wanfx.stages.seen_frame import SeenFrame
from wanfx.stages.whole_windows import has_whole, may_have_whole, windows_beside
from wanfx.stages.windows import Window, needed_windows
from wanfx.units import Record, Unit

STAGE = "generate"
VERSION = 3
Array = npt.NDArray[np.float32]
_Made = tuple[dict[int, str], dict[int, Mapping[str, Any]]]


def run_generate(
    run: RunContext, conditioning: Conditioning, refined: Refined, bridge: SpaceBridge, *, frames: FrameRange,
    plate_hashes: Mapping[int, str], layer: str = "", retake: Retake | None = None,
) -> Generated:  # fmt: skip
    """Make the windows that ``frames`` need, or those of a ``retake``; ``plate_hashes`` are of all the plate's frames.

    A retake whose frames come from windows of the whole shot that are there, and so join what is around them, is none.
    """
    maker = _WindowMaker(run, conditioning, refined, bridge, plate_hashes)
    if retake is not None and maker.has_whole(retake):
        retake = None
    if retake is not None:
        check_approved(run, retake, plate=conditioning.plate, layer=layer, plate_hashes=plate_hashes)
    needed = needed_windows(run, conditioning.plate.frames, frames=frames) if retake is None else list(retake.windows)
    hashes: dict[int, str] = {}
    measures: dict[int, Mapping[str, Any]] = {}
    with run.stage(STAGE, units=len(needed) + sum(len(window.new_frames) for window in needed)) as progress:
        maker.join(progress, retake)
        for made in maker.make_all(progress, needed):
            hashes.update(made[0])
            measures.update(made[1])
    return Generated(maker.pattern, hashes, measures, maker.generator, retake=retake, fits=maker.read_fits())


class _WindowMaker:
    """Makes windows in order, handing on the carry."""

    def __init__(
        self, run: RunContext, conditioning: Conditioning, refined: Refined, bridge: SpaceBridge,
        plate_hashes: Mapping[int, str],
    ) -> None:  # fmt: skip
        self.generator = find_generator(run.options)
        self._run, self._conditioning, self._refined, self._bridge = run, conditioning, refined, bridge
        self._plate_hashes, self._match = plate_hashes, run.options.match
        self._loaded = False
        self._retake: Retake | None = None
        self._use_folder(run.work / STAGE / self.generator.name)
        self._carry, self._parts = Carry(), 1

    def _use_folder(self, folder: Path) -> None:
        self._files = WindowFiles(folder, size=self._conditioning.size, pixel_type=self.generator.pixel_type)
        self.pattern = self._files.pattern

    def has_whole(self, retake: Retake) -> bool:
        """Whether the frames of a retake come from windows of the whole shot that join what is around them."""
        whole = self._conditioning.plate.frames
        if not may_have_whole(self._run, whole, retake):
            return False

        def look(window: Window) -> Mapping[int, str] | None:
            record = self._run.store.find(self._unit(window))
            if record is None:
                return None
            self._carry = self._carry.after(record.facts)
            return self._take(record, window)[0]

        found = has_whole(windows_beside(self._run, whole, retake), retake, look)
        self._carry = Carry()
        return found

    def join(self, progress: StageProgress, retake: Retake | None) -> None:
        """Make windows of ``retake`` from now on, its approved pictures first."""
        self._retake = retake
        if retake is None:
            return
        self._use_folder(self._run.work / STAGE / self.generator.name / retake.name)
        self._approved = ApprovedPictures(
            self._run, retake, self._conditioning, self.generator, folder=self.pattern.folder
        )

        def edit(frame: int, alpha: Array) -> Array:
            mask = self._look(frame).mask(frame)
            return edit_of(self._conditioning, mask, None if self.generator.is_driven else alpha)

        self._approved_hashes = self._approved.make(progress, look=self._look, edit=edit, inputs=self._inputs_key)
        self._carry = Carry(make_key([self._approved_hashes[frame] for frame in retake.head]))

    def read_fits(self) -> dict[int, lock.FrameFit]:
        """What dissolved frames told of the generator's error before they were."""
        return {frame: self._files.read_fit(frame) for frame in self._dissolved if self._is_locked}

    def _look(self, frame: int) -> PlateWindow:
        return PlateWindow(
            (frame,), 0, (), self._conditioning, self._refined, self._bridge, self._run.options.clean.grow_px
        )

    def make_all(self, progress: StageProgress, windows: list[Window]) -> Iterator[_Made]:
        """Hashes and measures of every window's new frames. Windows that carry nothing are made a few at a time."""
        self._parts = windows[-1].index + 1
        if self.generator.carried_frames:
            for window in windows:
                record = progress.make(*self._job(progress, window))
                self._carry = self._carry.after(record.facts)
                yield self._take(record, window)
        else:
            self._load()
            jobs = (self._job(progress, window) for window in windows)
            for record, window in zip(progress.make_many(jobs), windows, strict=True):
                yield self._take(record, window)

    def _job(self, progress: StageProgress, window: Window) -> tuple[Unit, Callable[[], Made]]:
        return self._unit(window), lambda: self._generate(progress, window)

    def _unit(self, window: Window) -> Unit:
        return Unit(STAGE, f"{self.generator.name}.{window_label(window, self._retake)}", self._key(window))

    def _take(self, record: Record, window: Window) -> _Made:
        files = {Path(name).name: digest for name, digest in record.files.items()}
        hashes = {frame: files[self.pattern.path(frame).name] for frame in window.new_frames}
        return hashes, {frame: record.facts["measures"][str(frame)] for frame in window.new_frames}

    def _load(self) -> None:
        if not self._loaded:
            self.generator.load(cache=self._run.work / "text")
            self._loaded = True

    def _seed(self, window: Window) -> int:
        return self._run.options.generate.seed + window.index

    def _inputs_key(self, frame: int) -> tuple[object, ...]:
        """What a frame's conditioning is made of."""
        conditioning = self._conditioning
        return (
            conditioning.background_hashes[frame], self._refined.hashes[frame], self._plate_hashes[frame],
            conditioning.frame_key(frame),
        )  # fmt: skip

    def _key(self, window: Window) -> str:
        conditioning, generator = self._conditioning, self.generator
        inputs = [self._inputs_key(frame) for frame in window.read_by(generator, shot=conditioning.plate.frames)]
        return stage_key(
            STAGE, VERSION, generator.name, [asdict(card) for card in generator.models], generator.settings, inputs,
            conditioning.key, str(window.frames),
            [lock.VERSION, self._is_locked, self._match.register], self._seed(window), window.carried,
            self._carry.key, self._run.options.clean.grow_px, *self._retake_key(window),
        )  # fmt: skip

    def _retake_key(self, window: Window) -> list[object]:
        """What a window of a retake depends on beside what any does."""
        retake = self._retake
        if retake is None:
            return []
        dissolved = {str(frame): share for frame, share in retake.dissolved.items() if frame in window.new_frames}
        joined = [self._approved_hashes[frame] for frame in (*map(int, dissolved), *window.pinned_frames)]
        return [list(window.after), window.pinned, dissolved, joined, retake.locked_share, self._handed_on(window)]

    def _handed_on(self, window: Window) -> int:
        """How many of the window's last frames the next one starts with."""
        windows = () if self._retake is None else self._retake.windows[window.index + 1 :]
        return windows[0].carried if windows else self.generator.carried_frames

    def _generate(self, progress: StageProgress, window: Window) -> Made:
        self._load()
        shot = self._conditioning.plate.frames
        inputs = PlateWindow(
            tuple(window.frames), self._seed(window), self._carried(window), self._conditioning, self._refined,
            self._bridge, self._run.options.clean.grow_px, window.read_by(self.generator, shot=shot),
            partial(self._tell_step, window),
            pinned=tuple(self._approved.read(frame)[0] for frame in window.pinned_frames),
        )  # fmt: skip
        files, fits = [], {}
        measures: dict[str, Any] = {}
        kept: dict[int, SeenFrame] = {}
        for frame, made in zip(inputs.frames, self.generator.generate(inputs), strict=True):
            if frame not in window.new_frames:
                continue
            seen = SeenFrame(made, inputs.plate(frame), edit_of(self._conditioning, inputs.mask(frame), made.alpha))
            if self._is_locked:
                fits[frame] = self._examine(seen, frame)
            if frame in self._dissolved or self._is_handed_on(frame, window):
                kept[frame] = seen
            if frame not in self._dissolved:
                files.append(self._files.write(frame, made))
                measures[str(frame)] = self._measure(seen, frame)
            progress.step(frame)
        kept, changes = self._judge(kept, fits)
        for frame in sorted(self._dissolved.keys() & kept.keys()):
            files += self._dissolve(frame, kept[frame], fits.get(frame), measures)
        last = [frame for frame in kept if self._is_handed_on(frame, window)]
        carries = [self._files.write_carry(frame, kept[frame].locked()) for frame in last]
        return Made((*files, *carries), {"measures": measures, **carry_facts(carries, changes)})

    @property
    def _dissolved(self) -> Mapping[int, float]:
        return {} if self._retake is None else self._retake.dissolved

    def _is_handed_on(self, frame: int, window: Window) -> bool:
        return frame > window.frames.last - self._handed_on(window)

    def _judge(
        self, kept: Mapping[int, SeenFrame], fits: Mapping[int, lock.FrameFit]
    ) -> tuple[dict[int, SeenFrame], Sequence[Change]]:
        """Frames with the generator's error, which all of a window's frames tell, and what they tell of its share."""
        share = None if self._retake is None else self._retake.locked_share
        evidence = {frame: fit.evidence for frame, fit in fits.items()}
        found = lock.fit_corrections(evidence, share=share, before=self._carry.changes)
        judged = dict(kept)
        for frame in kept.keys() & fits.keys():
            judged[frame] = replace(kept[frame], shift=fits[frame].shift, correction=found.corrections[frame])
        return judged, found.changes

    def _dissolve(self, frame: int, seen: SeenFrame, fit: lock.FrameFit | None, measures: dict[str, Any]) -> list[Path]:
        """Write a frame after a retake, and what it was and told before; note its measures."""
        new = seen.taken(keeps_background=self.generator.keeps_background)
        made = seen.dissolved(
            new, self._approved.read(frame), share=self._dissolved[frame], has_matte=not self._conditioning.is_world
        )
        measures[str(frame)] = self._measure(made, frame)
        files = [self._files.write(frame, made.made), self._files.write_take(frame, new)]
        return files if fit is None else [*files, self._files.write_fit(frame, fit)]

    def _tell_step(self, window: Window, step: int, steps: int) -> None:
        """A step of a window that takes long. Raises CancelledError where the run was cancelled."""
        told = {"step": step, "steps": steps, "part": window.index + 1, "parts": self._parts}
        self._run.events.emit(StepFinished, stage=STAGE, **told)
        self._run.cancellation.check()

    @property
    def _is_locked(self) -> bool:
        """Whether carried frames are corrected. What a generator gives back as it was given needs none."""
        generator = self.generator
        shows_plate = not generator.keeps_background and not self._conditioning.is_whole
        return bool(generator.carried_frames) and shows_plate and self._match.lock == "auto"

    def _examine(self, seen: SeenFrame, frame: int) -> lock.FrameFit:
        alpha = seen.made.alpha
        return lock.examine_frame(
            seen.made.rgb, seen.plate, seen.edit, inside=seen.edit if alpha is None else alpha,
            guard_px=guard_px(self._run, self._conditioning, frame),
            shift=None if self._match.register == "on" else NO_SHIFT,
        )  # fmt: skip

    def _measure(self, seen: SeenFrame, frame: int) -> dict[str, Any]:
        error = None
        if not self._conditioning.is_world and not self._conditioning.is_whole:
            reach_px = guard_px(self._run, self._conditioning, frame)
            error = lock.plate_error(seen.made.rgb, seen.plate, seen.edit, reach_px=reach_px)
        ceiling = float(self._conditioning.space.at_ceiling(seen.made.rgb).mean())
        return {"plate_error": None if error is None else round(error, 6), "at_ceiling": round(ceiling, 6)}

    def _carried(self, window: Window) -> tuple[Array, ...]:
        """What the window starts with."""
        head = () if self._retake is None else self._retake.head
        frames = list(window.frames)[: window.carried]
        return tuple(self._approved.read(f)[0] if f in head else self._files.read_carry(f) for f in frames)
