"""grain: the plate's grain, and what of it the layers have already -> the grain that each comp frame is given.

The plate is measured once a shot, from few frames, where nothing is edited. The layers are measured once a window of
the generator, so that making a range again finds the same grain. What is stored are a few numbers; the pixels are made
in the finish pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.backends.protocols import Quality
from wanfx.frames import Box, FrameRange
from wanfx.io import exr
from wanfx.keys import make_key
from wanfx.ops.camera import CameraPath
from wanfx.ops.crop import cut, from_model
from wanfx.ops.edges import bounding_box, grow_matte
from wanfx.ops.grain import GrainCurve, GrainModel, fine_curves, fit_grain, own_share
from wanfx.ops.grain_frames import Grain
from wanfx.ops.grain_patches import SIDE_PX, Patches, find_usable, frame_patches, join_patches, pair_patches
from wanfx.ops.grain_plate import measure_plate
from wanfx.ops.sharpness import UNKNOWN, Sharpness, measure_sharpness
from wanfx.options import GrainOptions
from wanfx.pixels import to_finite
from wanfx.stages.clean import read_clean
from wanfx.stages.conditioning import Conditioning, SpaceBridge
from wanfx.stages.context import Made, RunContext, stage_key
from wanfx.stages.generated import Generated, read_generated
from wanfx.stages.ingest import Ingested
from wanfx.stages.refine import Refined
from wanfx.stages.windows import Window
from wanfx.units import Record, Unit

STAGE = "grain"
VERSION = 1
Array = npt.NDArray[np.float32]
Curves = tuple[GrainCurve, ...]
_SAMPLES = 8
_NEAR_FRAMES, _FAR_FRAMES = 1, 8
_BELOW_CEILING = 0.95
_FLOOR = 2.0**-10
_AWAY_PX = 6.0
_WHOLLY = 0.99
_NOTHING, _ALL = [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]


def run_grain(
    run: RunContext, ingested: Ingested, refined: Refined, camera: CameraPath, conditioning: Conditioning,
    generated: Generated, bridge: SpaceBridge, *, frames: FrameRange, subject: str, hidden: Refined,
) -> Grain:  # fmt: skip
    """The grain of ``frames``, the plate's measured beside what is ``hidden``, and how sharp generated pictures are."""
    options = run.options.grain
    is_on = is_matched(options, quality=generated.generator.quality)
    if conditioning.is_whole or (not is_on and options.sharpness == "off"):
        return Grain({}, {})
    plate = _PlateMeter(run, ingested, hidden, camera)
    layers = _LayerMeter(plate, refined, conditioning, generated, bridge)
    windows = generated.windows(run, conditioning.plate.frames, frames=frames)
    with run.stage(STAGE, units=1 + len(windows)) as progress:
        measured = progress.make(plate.unit(), plate.measure)
        layers.use(measured)
        jobs = ((layers.unit(window), partial(layers.measure, window)) for window in windows)
        records = dict(zip(windows, progress.make_many(jobs), strict=True))
    return _make_grain(run, measured, records, subject=subject, is_on=is_on)


def is_matched(options: GrainOptions, *, quality: Quality) -> bool:
    """Whether grain is added; to drafts only where it is asked for."""
    return options.amount > 0 and (options.match == "on" or (options.match == "auto" and quality != "draft"))


def _make_grain(
    run: RunContext, measured: Record, records: Mapping[Window, Record], *, subject: str, is_on: bool
) -> Grain:
    options = run.options.grain
    model = {
        **measured.facts, "seed": run.options.generate.seed, "amount": options.amount, "subject": subject,
    }  # fmt: skip
    del model["fine"]
    name = make_key(model)[:16]
    is_on = is_on and measured.facts["method"] != "none"
    facts: dict[int, Mapping[str, Any] | None] = {}
    sharpness: dict[int, Sharpness] = {}
    for window, record in records.items():
        own = {key: record.facts[key] for key in ("own_char", "own_clean")}
        for frame in window.new_frames:
            facts[frame] = {"model": name, **own} if is_on else None
            if options.sharpness == "plate":
                sharpness[frame] = Sharpness.from_dict(record.facts["sharpness"])
    return Grain({name: model} if is_on else {}, facts, sharpness=sharpness)


class _PlateMeter:
    """Measures the plate's grain; one shot unit."""

    def __init__(self, run: RunContext, ingested: Ingested, refined: Refined, camera: CameraPath) -> None:
        self._ingested, self._refined, self.camera = ingested, refined, camera
        self._away_px = run.options.clean.grow_px + _AWAY_PX
        self.plate = ingested.plate
        self.floor = _FLOOR * 2.0**-ingested.exposure_stops
        self.ceiling = _BELOW_CEILING * max(fact["max_linear"] for fact in ingested.facts.values())
        first, last = self.plate.frames.first, self.plate.frames.last
        places = np.linspace(first, max(first, last - _FAR_FRAMES), _SAMPLES)
        self._starts = sorted({round(float(place)) for place in places})

    def unit(self) -> Unit:
        """The frames that are looked at, and how they lie to each other."""
        frames = sorted({f for start in self._starts for f in (start, *self._partners(start))})
        content = [(self._ingested.keys[frame], self._refined.hashes[frame]) for frame in frames]
        matrices = [
            np.round(self.camera.between(start, other), 6).tolist()
            for start in self._starts for other in self._partners(start)
        ]  # fmt: skip
        inputs = (frames, content, matrices, self.floor, self.ceiling, self._away_px)
        return Unit(STAGE, "plate", stage_key(STAGE, VERSION, *inputs))

    def measure(self) -> Made:
        """The model as JSON types, how it was found, and the curves of the plate's finest detail."""
        near: list[Patches] = []
        far: list[Patches] = []
        single: list[Patches] = []
        for start in self._starts:
            light, usable = self._read(start)
            single.append(frame_patches(light, usable=usable))
            for other in self._partners(start):
                theirs, also = self._read(other)
                matrix = self.camera.between(start, other)
                pair = pair_patches(light, theirs, usable=(usable, also), matrix=matrix)
                (near if other - start == _NEAR_FRAMES else far).append(pair)
        found = measure_plate(join_patches(near), join_patches(far), join_patches(single), floor=self.floor)
        fine = [{"levels": list(curve.levels), "sigmas": list(curve.sigmas)} for curve in found.fine]
        facts = {"model": found.model.as_dict(), "method": found.method, "patches": found.patches, "fine": fine}
        return Made((), facts)

    def _partners(self, start: int) -> list[int]:
        """The frames that one is compared with; a held frame is no other."""
        held = self.plate.held
        others = [start + _NEAR_FRAMES, start + _FAR_FRAMES]
        return [
            other for other in others
            if other in self.plate.frames and held.get(other, other) != held.get(start, start)
        ]  # fmt: skip

    def _read(self, frame: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
        light = exr.read_frame(self.plate.path(frame), canvas=self.plate.canvas, frame=frame).rgb
        return light, find_usable(light, self.hidden(frame), ceiling=self.ceiling)

    def hidden(self, frame: int) -> Array:
        """(H, W): the subject's alpha, grown by all that may be edited around it."""
        matte = exr.read_matte(self._refined.matte.path(frame), canvas=self.plate.canvas)
        return grow_matte(matte, radius_px=self._away_px)


@dataclass(frozen=True, eq=False)
class _Look:
    """What is looked at of a window: the generated light in the crop (native size), and the character's alpha in it."""

    frame: int
    crop: Box
    light: Array
    alpha: Array


class _LayerMeter:
    """Measures what a window's layers have of the plate's grain, and how sharp they are, in its middle frame."""

    def __init__(
        self, meter: _PlateMeter, refined: Refined, conditioning: Conditioning, generated: Generated,
        bridge: SpaceBridge,
    ) -> None:  # fmt: skip
        self._meter, self._refined, self._conditioning = meter, refined, conditioning
        self._generated, self._bridge = generated, bridge
        self._is_draft = generated.generator.quality == "draft"
        self._is_compared = not generated.generator.keeps_background
        self._fine: Curves = ()
        self._model: GrainModel | None = None
        self._plate_key = ""

    def use(self, measured: Record) -> None:
        """Compare with this plate's grain from now on."""
        self._fine = tuple(
            GrainCurve(tuple(curve["levels"]), tuple(curve["sigmas"])) for curve in measured.facts["fine"]
        )
        self._model = GrainModel.from_dict(measured.facts["model"])
        self._plate_key = measured.key

    def unit(self, window: Window) -> Unit:
        """The middle frame's layers, beside the plate's grain."""
        frame, conditioning = _middle(window), self._conditioning
        key = stage_key(
            STAGE, VERSION, self._plate_key, self._generated.hashes[frame], conditioning.background_hashes[frame],
            self._refined.hashes[frame], conditioning.crops[frame].as_list(), conditioning.space.exposure_stops,
            conditioning.is_world, self._is_draft, self._is_compared, self._world_key(window),
        )  # fmt: skip
        return Unit(STAGE, f"{self._generated.generator.name}.{self._generated.label(window)}", key)

    def measure(self, window: Window) -> Made:
        """The layers' own shares, and the sharpness, as JSON types."""
        frame, sharpness = _middle(window), UNKNOWN
        if self._conditioning.is_world:
            own_char, own_clean = _ALL, self._world_share(window)
        else:
            # What grain a draft's still has does not move: to the eye it has none.
            own_char, own_clean = _NOTHING, self._clean_share(frame)
            if not self._is_draft:
                look = self._look(frame)
                own_char = self._share(look.light, look.alpha > _WHOLLY)
                sharpness = self._sharpness(look) if self._is_compared else UNKNOWN
        return Made((), {"own_char": own_char, "own_clean": own_clean, "sharpness": sharpness.as_dict()})

    def _world_key(self, window: Window) -> Any:
        if not self._conditioning.is_world:
            return None
        first, second = _pair(window)
        between = np.round(self._meter.camera.between(first, second), 6).tolist()
        return [self._generated.hashes[second], between]

    def _world_share(self, window: Window) -> list[float]:
        """What the new world has of the plate's grain: what two frames of it do not share, be it still or with the
        camera. A single frame's texture would be taken for grain, and the grain of a still does not move.
        """
        frames = _pair(window)
        looks = [self._look(frame) for frame in frames]
        one, two = (find_usable(look.light, look.alpha, ceiling=self._meter.ceiling) for look in looks)
        down, up = np.eye(3), np.eye(3)
        down[:2, 2], up[:2, 2] = (looks[0].crop.x0, looks[0].crop.y0), (-looks[1].crop.x0, -looks[1].crop.y0)
        shares = [_NOTHING]
        for matrix in (self._meter.camera.between(*frames), np.eye(3)):
            found = pair_patches(looks[0].light, looks[1].light, usable=(one, two), matrix=up @ matrix @ down)
            if len(found) and self._model is not None:
                curves = fit_grain(found, floor=self._meter.floor, pick="flat").curves
                shares.append(list(own_share(curves, self._model.curves, levels=found.level)))
        return min(shares[1:] or shares, key=sum)

    def _look(self, frame: int) -> _Look:
        conditioning, crop = self._conditioning, self._conditioning.crops[frame]
        model, alpha = read_generated(self._generated.pattern.path(frame), frame=frame)
        shift = self._generated.shift(frame)
        canvas = conditioning.plate.canvas
        # Without an alpha of its own the new character is about where the old one was.
        old = cut(exr.read_matte(self._refined.matte.path(frame), canvas=canvas), crop)
        shown = old if alpha is None or conditioning.is_world else from_model(alpha, crop=crop, shift=shift)
        whole = Box(0, 0, crop.width, crop.height)
        box = whole if self._is_compared or conditioning.is_world else bounding_box(shown, above=_WHOLLY)
        native = from_model(model, crop=crop, shift=shift)
        light = np.full(native.shape, np.nan, np.float32)
        if not box.is_empty:
            light[box.slices()] = self._bridge.decode(native[box.slices()])
        return _Look(frame, crop, light, shown)

    def _share(self, light: npt.NDArray[Any], there: npt.NDArray[np.bool_]) -> list[float]:
        """What a layer has of the plate's grain variance where it is ``there``, a channel."""
        found = self._patches(light, there)
        if not len(found):
            return _NOTHING
        curves = fine_curves(found, floor=self._meter.floor)
        return list(own_share(curves, self._fine, levels=found.level))

    def _patches(self, light: npt.NDArray[Any], there: npt.NDArray[np.bool_]) -> Patches:
        box = bounding_box(there)
        if min(box.width, box.height) < SIDE_PX:
            return join_patches([])
        inside = box.slices()
        hidden = (~there[inside]).astype(np.float32)
        return frame_patches(light[inside], usable=find_usable(light[inside], hidden, ceiling=self._meter.ceiling))

    def _clean_share(self, frame: int) -> list[float]:
        plate = self._conditioning.plate
        clean, _seen = read_clean(self._conditioning.background.path(frame), plate=plate, frame=frame)
        return self._share(clean, exr.read_matte(self._refined.matte.path(frame), canvas=plate.canvas) > _WHOLLY)

    def _sharpness(self, look: _Look) -> Sharpness:
        """The generated background against the plate's, where both show the same."""
        plate = self._conditioning.plate
        theirs = cut(exr.read_frame(plate.path(look.frame), canvas=plate.canvas, frame=look.frame).rgb, look.crop)
        hidden = np.maximum(cut(self._meter.hidden(look.frame), look.crop), grow_matte(look.alpha, radius_px=_AWAY_PX))
        ceiling = min(self._meter.ceiling, _BELOW_CEILING * self._conditioning.space.ceiling)
        usable = find_usable(theirs, hidden, ceiling=ceiling)
        assert self._model is not None
        return measure_sharpness(look.light, to_finite(theirs), usable=usable, grain=self._model)


def _pair(window: Window) -> tuple[int, int]:
    """The middle frame and the one after it; itself in a window of one."""
    middle = _middle(window)
    return middle, min(middle + 1, window.new_frames.last)


def _middle(window: Window) -> int:
    frames = window.new_frames
    return (frames.first + frames.last) // 2
