"""match: what the generator did wrong, measured on every frame where it shows the plate, and undone.

A frame's evidence is a unit. Corrections come of a whole window's evidence, near frames counting more and none across a
join; how far they are applied, of all windows' flicker. None of it goes back into generate. Memory holds one window's
evidence at a time, and for every frame a correction's few numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.frames import Box, FrameRange
from wanfx.images import FramePattern
from wanfx.io.atomic import atomic_path
from wanfx.keys import make_key
from wanfx.ops import lock
from wanfx.ops.crop import from_model
from wanfx.ops.lock_colors import NO_CORRECTION, Correction, apply_terms, correct
from wanfx.ops.lock_evidence import Evidence
from wanfx.ops.lock_fit import fit_window
from wanfx.ops.lock_pack import pack, unpack
from wanfx.ops.lock_share import Change, find_changes, share_of
from wanfx.ops.lock_shift import NO_SHIFT, Shift, smooth_shifts
from wanfx.stages.conditioning import Conditioning, PlateWindow, SpaceBridge
from wanfx.stages.context import Made, RunContext, make_frames, stage_key
from wanfx.stages.generated import Generated, edit_of, guard_px, read_generated
from wanfx.stages.refine import Refined
from wanfx.stages.windows import Window
from wanfx.units import Record
from wanfx_color.difference import ciede2000, lab_from_srgb
from wanfx_color.model_space import ModelSpace
from wanfx_color.transforms import to_srgb_display

STAGE = "match"
VERSION = 1
Array = npt.NDArray[np.float32]
_SHARE_STEPS = 256
_LEAST_SHOWN = 0.02


@dataclass(frozen=True, eq=False)
class Light:
    """A generated picture in a box: ``model`` (H, W, 3) in model space, 0 beyond the crop; ``ceiling`` (H, W) is where
    the generator met its ceiling, whatever was corrected since; ``is_locked`` says whether anything was.
    """

    model: Array
    ceiling: npt.NDArray[np.bool_]
    is_locked: bool


@dataclass(frozen=True, eq=False)
class Match:
    """How every generated frame is brought to its plate; frames without a shift or correction are as they are.

    ``measures`` by frame: ``drift_before`` and ``drift_after`` (CIEDE2000, median) and ``error_left`` (model space,
    median) on background that shows; ``shift_x_px``, ``shift_y_px`` and ``scale`` of the generated picture against the
    plate; ``shown_share`` of the picture that is such background; ``locked_share`` of the error undone inside.
    """

    conditioning: Conditioning
    generated: Generated
    corrections: Mapping[int, Correction] = field(default_factory=dict)
    measures: Mapping[int, Mapping[str, float]] = field(default_factory=dict)

    def light(self, frame: int, *, box: Box) -> Light:
        """The frame in ``box`` of the canvas, at native size: corrected, then shifted and resampled in one go."""
        crop, size = self.conditioning.crops[frame], self.conditioning.size
        model, _alpha = read_generated(self.generated.pattern.path(frame), frame=frame)
        correction, shift = self.corrections.get(frame, NO_CORRECTION), self.generated.shift(frame)
        out = np.zeros((box.height, box.width, 3), np.float32)
        ceiling = np.zeros((box.height, box.width), np.bool_)
        common = box.clip(crop)
        if not common.is_empty:
            here, inside = common.slices(box), common.shift(-crop.x0, -crop.y0)
            met = self.conditioning.space.at_ceiling(model)
            if met.any():
                ceiling[here] = from_model(met.astype(np.float32), crop=crop, part=inside, shift=shift) > 0
            corrected = correct(model, correction, box=Box(0, 0, size.width, size.height), size=size)
            out[here] = from_model(corrected, crop=crop, part=inside, shift=shift)
        return Light(out, ceiling, not correction.is_none)

    def plate_error(self, frame: int) -> float | None:
        """How far background is off the plate (model space) once it is corrected; None where none shows."""
        error: float | None = self.generated.measures[frame]["plate_error"]
        return self.measures.get(frame, {}).get("error_left", error)

    def key(self, frame: int) -> Any:
        """What `light` does to the frame, as a key; None where nothing is done."""
        correction, shift = self.corrections.get(frame, NO_CORRECTION), self.generated.shift(frame)
        if correction.is_none and shift == NO_SHIFT:
            return None
        return make_key(VERSION, lock.VERSION, shift.as_list(), correction.terms.tolist())


def run_match(
    run: RunContext, conditioning: Conditioning, generated: Generated, refined: Refined, bridge: SpaceBridge, *,
    frames: FrameRange, plate_hashes: Mapping[int, str],
) -> Match:  # fmt: skip
    """Measure all windows that ``frames`` need, and find what undoes the generator's errors.

    A generator that gives the background back as it was given is left alone at no cost; so is a picture in which no
    plate is shown.
    """
    options = run.options.match
    if (
        generated.generator.keeps_background
        or conditioning.is_whole
        or (options.lock == "off" and options.register == "off")
    ):
        return Match(conditioning, generated)
    maker = _Maker(run, conditioning, generated, refined, bridge, plate_hashes)
    windows = _windows(generated, generated.windows(run, conditioning.plate.frames, frames=frames))
    wanted = [frame for window in windows for frame in window if frame not in generated.fits]
    records = make_frames(run, stage=STAGE, frames=wanted, key=maker.key, make=maker.make)
    return _solve(Match(conditioning, generated), maker, windows, records, is_locked=options.lock == "auto")


def _windows(generated: Generated, windows: list[Window]) -> list[list[int]]:
    """Each window's new frames, but for those that are dissolved into approved ones and told nothing before."""
    dissolved = set() if generated.retake is None else set(generated.retake.dissolved)
    found = [
        [frame for frame in window.new_frames if frame not in dissolved - set(generated.fits)] for window in windows
    ]
    return [frames for frames in found if set(frames) - dissolved]


class _Maker:
    """Makes and reads the frames' evidence."""

    def __init__(
        self, run: RunContext, conditioning: Conditioning, generated: Generated, refined: Refined,
        bridge: SpaceBridge, plate_hashes: Mapping[int, str],
    ) -> None:  # fmt: skip
        self._run, self._conditioning, self._generated = run, conditioning, generated
        self._refined, self._bridge, self._plate_hashes = refined, bridge, plate_hashes
        name = generated.generator.name
        self._pattern = FramePattern(str(run.work / "match" / name / "fit.####.npy"))

    def key(self, frame: int) -> str:
        conditioning = self._conditioning
        return stage_key(
            STAGE, VERSION, lock.VERSION, self._generated.hashes[frame], self._plate_hashes[frame],
            self._refined.hashes[frame], conditioning.key, conditioning.frame_key(frame),
            asdict(self._run.options.match), self._run.options.clean.grow_px,
        )  # fmt: skip

    def make(self, frame: int) -> Made:
        rgb, alpha = read_generated(self._generated.pattern.path(frame), frame=frame)
        inputs = PlateWindow(
            (frame,), 0, (), self._conditioning, self._refined, self._bridge, self._run.options.clean.grow_px
        )
        edit = edit_of(self._conditioning, inputs.mask(frame), alpha)
        fit = lock.examine_frame(
            rgb, inputs.plate(frame), edit, inside=edit if alpha is None else alpha,
            guard_px=guard_px(self._run, self._conditioning, frame),
            shift=None if self._run.options.match.register == "on" else NO_SHIFT,
        )  # fmt: skip
        path = self._pattern.path(frame)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path, durable=False) as temporary, temporary.open("wb") as file:
            np.save(file, pack(fit.evidence), allow_pickle=False)
        known = fit.shift != NO_SHIFT
        return Made((path,), {"shift": asdict(fit.shift) if known else None, "shown": round(fit.evidence.shown, 6)})

    def read(self, frame: int) -> Evidence:
        fits = self._generated.fits
        return fits[frame].evidence if frame in fits else unpack(np.load(self._pattern.path(frame), allow_pickle=False))

    def shown(self, frame: int, record: Record | None) -> float:
        """How much of the frame is background that shows."""
        return self._generated.fits[frame].evidence.shown if record is None else float(record.facts["shown"])

    def shift(self, frame: int, record: Record | None) -> Shift | None:
        """How the frame lies beside its plate, where that is known."""
        if record is None:
            fit = self._generated.fits[frame]
            return fit.shift if fit.shift != NO_SHIFT else None
        return Shift(**record.facts["shift"]) if record.facts["shift"] else None


def _solve(
    match: Match, maker: _Maker, windows: list[list[int]], records: Mapping[int, Record], *, is_locked: bool
) -> Match:
    """Shifts, corrections and measures of all frames."""
    full: dict[int, Correction] = {}
    shifts: dict[int, Shift] = {}
    changes: list[Change] = []
    before: dict[int, Evidence] = {}
    for window in windows:
        found = {frame: shift for frame in window if (shift := maker.shift(frame, records.get(frame))) is not None}
        shifts.update(smooth_shifts(found, frames=window, size=match.conditioning.size))
        evidence = {frame: maker.read(frame) for frame in window}
        full.update(fit_window(evidence) if is_locked else dict.fromkeys(window, NO_CORRECTION))
        # The join tells too: what the window before ended with is kept for it.
        changes += find_changes({**before, **evidence}, full)
        before = {window[-1]: evidence[window[-1]]}
    shown = {frame: maker.shown(frame, records.get(frame)) for frame in full}
    full = _borrow(full, windows, shown)
    # A few frames tell less of the share than the version that they join did.
    known = None if match.generated.retake is None else match.generated.retake.locked_share
    share = share_of(changes) if known is None else known
    part = round(share * _SHARE_STEPS) / _SHARE_STEPS
    # Dissolved frames told what they were like before; now nothing is left to be done to them.
    corrections = {frame: full[frame].times(part) for frame in records}
    shifts = {frame: shifts[frame] for frame in records}
    measured = replace(match, generated=replace(match.generated, shifts=shifts), corrections=corrections)
    measures = {frame: _measure(measured, maker.read(frame), full[frame], share, frame) for frame in records}
    return replace(measured, measures=measures)


def _borrow(
    corrections: Mapping[int, Correction], windows: list[list[int]], shown: Mapping[int, float]
) -> dict[int, Correction]:
    """Windows that show too little of the background take the nearest frame's of those that show enough."""
    blind = [window for window in windows if max(shown[frame] for frame in window) < _LEAST_SHOWN]
    seeing = [frame for window in windows if window not in blind for frame in window]
    found = dict(corrections)
    for frame in (frame for window in blind for frame in window if seeing):
        found[frame] = corrections[min(seeing, key=lambda other: abs(other - frame))]
    return found


def _measure(match: Match, evidence: Evidence, full: Correction, share: float, frame: int) -> dict[str, float]:
    shift = match.generated.shift(frame)
    found = {
        "shift_x_px": shift.x_px, "shift_y_px": shift.y_px, "scale": shift.scale,
        "shown_share": evidence.shown, "locked_share": share,
    }  # fmt: skip
    if evidence.samples.shape[1]:
        ours, plate = evidence.samples
        # On background the whole error is seen, so the whole correction is judged there.
        fixed = ours + apply_terms(ours, evidence.places, full)
        space = match.conditioning.space
        seen, before, after = (_lab(colors, space) for colors in (plate, ours, fixed))
        found["error_left"] = float(np.median(np.abs(fixed - plate)))
        found["drift_before"] = float(np.median(ciede2000(before, seen)))
        found["drift_after"] = float(np.median(ciede2000(after, seen)))
    return {name: round(value, 6) for name, value in found.items()}


def _lab(colors: npt.NDArray[Any], space: ModelSpace) -> npt.NDArray[np.float64]:
    linear = space.decode(colors.astype(np.float32))
    return lab_from_srgb(to_srgb_display(linear, exposure_stops=space.exposure_stops))
