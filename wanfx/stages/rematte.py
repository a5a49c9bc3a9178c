"""rematte: the new character's matte at the plate's size, editable (``work/matte/char_<subject>``).

The generator's own alpha where it has one, or cut out of the generated frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from wanfx.backends.protocols import ModelCard
from wanfx.backends.registry import find_segmenter
from wanfx.frames import Box, FrameRange
from wanfx.images import FramePattern, Matte
from wanfx.io import exr
from wanfx.names import character_folder
from wanfx.ops.crop import cut, from_model
from wanfx.stages.approved import approved_matte_path
from wanfx.stages.conditioning import Conditioning, SpaceBridge
from wanfx.stages.context import Made, RunContext, StageProgress, paintable, stage_key, unit_name
from wanfx.stages.generated import Generated, read_generated
from wanfx.stages.hand_matte import check_range
from wanfx.stages.matte import Tracked
from wanfx.stages.refine import Refined, adopt_painted, shape_matte, write_canvas_matte
from wanfx.stages.rematte_find import CharacterFinder, FinderInputs
from wanfx.stages.windows import Window
from wanfx.units import Unit

STAGE = "rematte"
VERSION = 2
Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Rematted:
    """The new character's matte, a hash for every frame, and the models that found it."""

    matte: Matte
    hashes: Mapping[int, str]
    models: tuple[ModelCard, ...] = ()


def run_rematte(
    run: RunContext, conditioning: Conditioning, generated: Generated, refined: Refined, tracked: Tracked,
    bridge: SpaceBridge, *, frames: list[int],
) -> Rematted:  # fmt: skip
    """The new character's matte of ``frames``; a grade or grain never makes this run again.

    Raises MissingError and OptionError where the segmenter is needed and not there.
    """
    name = character_folder(tracked.name)
    pattern = FramePattern(str(run.work / "matte" / name / f"{name}.####.exr"))
    adopt_painted(run, name, to=pattern, plate=conditioning.plate)
    with run.stage(STAGE, units=len(frames)) as progress:
        maker = _Maker(run, conditioning, generated, pattern)
        if conditioning.is_empty:
            return maker.make(progress, frames, subject=tracked.name, key=lambda _frame: "nobody", alpha=maker.nobody)
        if run.options.rematte.alpha == "auto" and _has_alpha(generated, frames[0]):
            return maker.make(progress, frames, subject=tracked.name, key=lambda _frame: "own", alpha=maker.own_alpha)
        matte = run.options.matte
        segmenter = find_segmenter(matte.backend, model=matte.model, engine=matte.engine, crop=matte.crop)
        small = FramePattern(str(run.work / "track" / name / f"{name}.####.exr"))
        finder = CharacterFinder(
            run, FinderInputs(conditioning, generated, refined, bridge, conditioning.poses), segmenter, small
        )  # fmt: skip
        windows = generated.windows(run, conditioning.plate.frames, frames=FrameRange(frames[0], frames[-1]))
        units = {generated.label(window): window for window in windows}
        keys = dict(_find_windows(progress, finder, units, tracked.name, frames=frames))
        options = asdict(run.options.refine)
        return maker.make(
            progress, frames, subject=tracked.name, key=lambda frame: [keys[frame], options],
            alpha=partial(maker.found_alpha, finder), models=segmenter.models,
        )  # fmt: skip


def _has_alpha(generated: Generated, frame: int) -> bool:
    return read_generated(generated.pattern.path(frame), frame=frame)[1] is not None


def _find_windows(
    progress: StageProgress, finder: CharacterFinder, windows: Mapping[str, Window], subject: str, *,
    frames: list[int],
) -> Iterator[tuple[int, str]]:  # fmt: skip
    """Cut those of ``windows`` (by name) that hold ``frames``; each frame and the key of its window."""
    for label, window in windows.items():
        if not set(window.new_frames) & set(frames):
            continue
        key = stage_key(STAGE, VERSION, finder.key(window.new_frames))
        progress.make(_window_unit(label, subject, key), partial(_cut, finder, window), count=False)
        for frame in window.new_frames:
            yield frame, key


def _window_unit(label: str, subject: str, key: str) -> Unit:
    return Unit(STAGE, f"{subject}.window.{label}", key)


def _cut(finder: CharacterFinder, window: Window) -> Made:
    return Made(finder.find(window.new_frames))


class _Maker:
    """Makes the mattes of frames at the plate's size."""

    def __init__(
        self, run: RunContext, conditioning: Conditioning, generated: Generated, pattern: FramePattern
    ) -> None:
        self._run, self._conditioning, self._generated, self._pattern = run, conditioning, generated, pattern
        self._folder = paintable(run, f"matte/{pattern.folder.name}")

    def nobody(self, frame: int) -> Array:
        """An empty matte (H, W) in the crop."""
        crop = self._conditioning.crops[frame]
        return np.zeros((crop.height, crop.width), np.float32)

    def own_alpha(self, frame: int) -> Array:
        """The generator's alpha (H, W) in the crop."""
        _rgb, alpha = read_generated(self._generated.pattern.path(frame), frame=frame)
        assert alpha is not None
        return np.clip(
            from_model(alpha, crop=self._conditioning.crops[frame], shift=self._generated.shift(frame)), 0.0, 1.0
        )

    def found_alpha(self, finder: CharacterFinder, frame: int) -> Array:
        """What was found (H, W) in the crop; in a frame that is dissolved into an approved one its character's, too."""
        alpha, retake = finder.alpha(frame), self._generated.retake
        if retake is None or frame not in retake.dissolved:
            return alpha
        conditioning = self._conditioning
        path = approved_matte_path(self._generated.pattern.folder, frame)
        there = cut(exr.read_matte(path, canvas=conditioning.plate.canvas), conditioning.crops[frame])
        # It comes smoothly: a new take's own background stands where only the approved character is.
        return np.asarray(np.maximum(alpha, there * np.float32(1 - retake.dissolved[frame] ** 2)), np.float32)

    def make(
        self, progress: StageProgress, frames: list[int], *, subject: str, key: Callable[[int], object],
        alpha: Callable[[int], Array], models: tuple[ModelCard, ...] = (),
    ) -> Rematted:  # fmt: skip
        """All mattes; ``alpha`` is a frame's in the crop, ``key`` what that depends on beside the generated frame."""
        plate, options = self._conditioning.plate, asdict(self._run.options.rematte)
        jobs = []
        for frame in frames:
            crop = self._conditioning.crops[frame].as_list()
            unit_key = stage_key(
                STAGE,
                VERSION,
                self._generated.hashes[frame],
                self._generated.shift(frame).as_list(),
                crop,
                plate.canvas.as_list(),
                options,
                key(frame),
            )
            jobs.append((Unit(STAGE, unit_name(frame, subject=subject), unit_key), partial(self._write, frame, alpha)))
        records = dict(zip(frames, progress.make_many(jobs), strict=True))
        hashes = {frame: next(iter(record.files.values())) for frame, record in records.items()}
        return Rematted(Matte(self._pattern.folder.name, self._pattern, plate.frames), hashes, models)

    def _write(self, frame: int, alpha: Callable[[int], Array]) -> Made:
        path = self._pattern.path(frame)

        def write(target: Path) -> None:
            write_canvas_matte(target, self._matte(frame, alpha(frame)), plate=self._conditioning.plate)

        digest = self._folder.write(path, write)
        if digest is None:
            painted = exr.read_matte(path, canvas=self._conditioning.plate.canvas, frame=frame)
            # More than solid only adds light; less than nothing is nowhere.
            check_range(np.minimum(painted, 1), path=path, frame=frame)
        return Made((path,), {"painted": digest is None})

    def _matte(self, frame: int, alpha: Array) -> Array:
        canvas, options = self._conditioning.plate.canvas, self._run.options.rematte
        matte = np.zeros((canvas.height, canvas.width), np.float32)
        crop = self._conditioning.crops[frame]
        # The crop of a picture that is new all over may reach beyond the canvas.
        common = crop.clip(Box(0, 0, canvas.width, canvas.height))
        matte[common.slices()] = alpha[common.slices(crop)]
        return shape_matte(matte, grow_px=options.grow_px, soften_px=options.soften_px)
