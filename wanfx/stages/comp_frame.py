"""One comp frame: read, stitch, write.

Where ``edit`` is 0 the plate's bits are copied, and a hash of them is recorded, so that it can be proven later. All
work on pixels happens inside the edit's box.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.frames import Box, nominal_rate
from wanfx.images import Matte, Plate
from wanfx.io import exr
from wanfx.ops.comp import add_shadow, any_channel, composite, in_range, is_lit, keep_mattes, make_mattes
from wanfx.ops.edges import bounding_box, grow_matte
from wanfx.ops.grain_frames import Grain
from wanfx.ops.highlights import expand_highlights
from wanfx.ops.kept import kept_digest
from wanfx.pixels import to_float, to_half
from wanfx.stages.clean import read_clean
from wanfx.stages.comp_actor import NewWorld, join_world, keep_actor
from wanfx.stages.comp_picture import show_picture
from wanfx.stages.comp_reveal import show_generated, shown_share
from wanfx.stages.comp_shadow import bleed_px, draw_shadow, shadow_box
from wanfx.stages.comp_write import CompLayers, CompWriter, lay_out
from wanfx.stages.conditioning import Conditioning, SpaceBridge
from wanfx.stages.context import RunContext, stage_key
from wanfx.stages.generated import GENERATED, Generated
from wanfx.stages.integrate import Integration
from wanfx.stages.match import Match

STAGE = "finish"
VERSION = 6
_BLACK = 0.005
Pixels = npt.NDArray[Any]
Half = npt.NDArray[np.float16]
Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class FinishInputs:
    """All that a comp frame is made of. ``new`` is the new character's matte, or the actor's own in `background`.

    ``match`` brings generated frames to their plate; without one they are taken as they are.
    ``reveal`` is how far a frame shows the generated background where the old subject was; 0 for frames it lacks.
    ``world_motion`` are the measures of how a new world moves; no pixel depends on them.
    """

    conditioning: Conditioning
    generated: Generated
    bridge: SpaceBridge
    old: Matte
    old_hashes: Mapping[int, str]
    new: Matte
    new_hashes: Mapping[int, str]
    confidence: Mapping[int, float]
    plate_hashes: Mapping[int, str]
    layer: str
    provenance: Mapping[str, str]
    reveal: Mapping[int, float] = field(default_factory=dict)
    grain: Grain = field(default_factory=lambda: Grain({}, {}))
    match: Match | None = None
    integration: Integration = field(default_factory=Integration)
    world_motion: Mapping[int, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Light:
    """What the generator made, plate-linear (H, W, 3), and where it met its ceiling (H, W)."""

    linear: Array
    ceiling: npt.NDArray[np.bool_]


def _draw_character(light: _Light, matte: Half) -> tuple[Half, Half]:
    """The character, premultiplied RGBA, and where the generator met its ceiling in it."""
    char, ceiling = np.zeros((*matte.shape, 4), np.float16), np.zeros(matte.shape, np.float16)
    there = bounding_box(is_lit(matte))
    if not there.is_empty:
        inside = there.slices()
        alpha = to_float(matte[inside])[..., None]
        with np.errstate(over="ignore"):
            char[inside] = in_range(np.concatenate([light.linear[inside] * alpha, alpha], axis=2), np.float16)
        ceiling[inside] = light.ceiling[inside] & (alpha[..., 0] > 0)
    return char, ceiling


def finite_range(linear: Pixels) -> list[float] | None:
    """The least and the largest finite value; None where there is none."""
    values = to_float(linear)
    low, high = float(values.min()), float(values.max())
    if not np.isfinite(low + high):
        finite = values[np.isfinite(values)]
        if not finite.size:
            return None
        low, high = float(finite.min()), float(finite.max())
    return [low, high]


class CompMaker:
    """Makes comp frames one by one; safe from several threads."""

    def __init__(self, run: RunContext, inputs: FinishInputs) -> None:
        self._run, self._inputs = run, inputs
        self._options = run.options.finish
        self._match = inputs.match or Match(inputs.conditioning, inputs.generated)
        self._plate: Plate = inputs.conditioning.plate
        self._writer = CompWriter(
            run, self._plate, layer=inputs.layer, quality=inputs.generated.generator.quality,
            provenance=inputs.provenance, is_opaque=inputs.conditioning.is_world or inputs.conditioning.is_whole,
        )  # fmt: skip
        # What gives back the background as it was given casts no shadow on it: nothing is to be looked for.
        is_drawn = not inputs.generated.generator.keeps_background and not inputs.conditioning.is_empty
        self._has_shadow = self._options.shadow == "auto" and is_drawn
        size = self._plate.canvas.size
        self._ones = np.ones((size.height, size.width), np.float16)

    def key(self, frame: int) -> str:
        """The frame's key: all that its pixels and header depend on, the version's number not."""
        inputs, conditioning = self._inputs, self._inputs.conditioning
        plate = self._plate
        return stage_key(
            STAGE, VERSION, inputs.plate_hashes[frame], inputs.old_hashes[frame], inputs.new_hashes[frame],
            inputs.generated.hashes[frame], self._match.key(frame), conditioning.background_hashes[frame],
            conditioning.is_world, conditioning.world is not None and conditioning.world.is_shown,
            conditioning.crops[frame].as_list(), conditioning.space.exposure_stops,
            plate.color_space, plate.canvas.as_list(), str(plate.fps), str(plate.timecode),
            inputs.confidence.get(frame), inputs.layer, dict(inputs.provenance), inputs.reveal.get(frame, 0.0),
            inputs.grain.key(frame), asdict(replace(self._options, grade_file=None)),
            inputs.integration.as_dict(),
        )  # fmt: skip

    def make(self, frame: int, path: Path) -> dict[str, Any]:
        """Write one comp frame and return its facts."""
        inputs, plate = self._inputs, self._plate
        source = exr.read_frame(
            plate.path(frame), canvas=plate.canvas, extras=self._options.plate_channels == "keep", frame=frame
        )
        old = exr.read_matte(inputs.old.path(frame), canvas=plate.canvas)
        layers, seen = self._layers(frame, source.rgb, old)
        edit = lay_out(layers.mattes.edit, layers.box, size=plate.canvas.size)
        rgb = self._composite(frame, source.rgb, layers)
        window = plate.comp_window(source.header.data_window)
        here = window.slices(plate.canvas)
        edited = is_lit(edit[here])
        facts = {
            "kept_sha256": kept_digest(source.rgb[here], edited),
            "kept_pixels": int(edited.size - np.count_nonzero(edited)),
            "edited_pixels": int(np.count_nonzero(edited)),
            "range_linear": finite_range(rgb[here]),
            "ceiling_pixels": int(np.count_nonzero(layers.ceiling)),
            "data_window": window.as_list(),
            "timecode": self._timecode(frame, source.header),
            "shadow_pixels": 0 if layers.shadow is None else int(np.count_nonzero((layers.shadow != 1).any(axis=2))),
            "reveal_generated": inputs.reveal.get(frame, 0.0),
            "highlights": self._options.highlights,
            GENERATED: inputs.generated.hashes[frame],
            **({} if inputs.generated.retake is None else inputs.generated.retake.fact(frame)),
            **self._actor_facts(layers),
            "grain": inputs.grain.facts.get(frame),
            "plate_error": self._match.plate_error(frame),
            "provenance": dict(inputs.provenance),
            "plate_key": inputs.plate_hashes[frame],
        }
        mattes = (to_half(old[layers.box.slices()]), layers.mattes.character, layers.mattes.reveal, edit)
        checks = (layers.ceiling, self._confidence(frame, layers, seen))
        self._writer.write(path, source, rgb, layers, layers.clean, (*mattes, *checks), frame)
        return facts

    def _layers(self, frame: int, plate_rgb: Pixels, old: Array) -> tuple[CompLayers, Pixels]:
        """The task's layers, and where (H, W) what is behind the character was seen."""
        conditioning = self._inputs.conditioning
        if conditioning.is_whole:
            return self._show_picture(frame, plate_rgb), self._ones
        clean, seen = read_clean(conditioning.background.path(frame), plate=self._plate, frame=frame)
        if conditioning.is_world:
            return self._keep_actor(frame, plate_rgb, clean, old), seen
        return self._replace_actor(frame, plate_rgb, clean, old), seen

    def _show_picture(self, frame: int, plate_rgb: Pixels) -> CompLayers:
        canvas = self._plate.canvas
        light = self._match.light(frame, box=Box(0, 0, canvas.width, canvas.height))
        new = exr.read_matte(self._inputs.new.path(frame), canvas=canvas)
        behind = None
        if self._inputs.generated.generator.keeps_background:
            given = self._inputs.conditioning.background.path(frame)
            behind = to_float(read_clean(given, plate=self._plate, frame=frame)[0])
        return show_picture(self._decode(light.model), light.ceiling, new, dtype=plate_rgb.dtype, behind=behind)

    def _composite(self, frame: int, plate_rgb: Pixels, layers: CompLayers) -> Pixels:
        inside, mattes, grain = layers.box.slices(), layers.mattes, self._inputs.grain
        rgb = plate_rgb.copy()
        behind, has_grain = plate_rgb[inside], grain.facts.get(frame) is not None
        if has_grain:
            # Grain is added before light is rounded to the plate's pixel type.
            behind = to_float(behind)
        light = composite(behind, char=layers.char, clean=layers.clean[inside], mattes=mattes, shadow=layers.shadow)
        if has_grain:
            alpha, reveal = to_float(mattes.character), to_float(mattes.reveal)
            light = grain.add(light, frame=frame, box=layers.box, char_alpha=alpha, reveal=reveal)
            light = np.where(is_lit(mattes.edit)[..., None], in_range(light, rgb.dtype), plate_rgb[inside])
        rgb[inside] = light
        return rgb

    def _replace_actor(self, frame: int, plate_rgb: Pixels, clean: Pixels, old: Array) -> CompLayers:
        new = exr.read_matte(self._inputs.new.path(frame), canvas=self._plate.canvas)
        margin = self._options.margin_px
        whole = Box(0, 0, old.shape[1], old.shape[0])
        boxes = [box for box in (bounding_box(old).grow(int(margin) + 2), bounding_box(new)) if not box.is_empty]
        people = Box(0, 0, 1, 1) if not boxes else boxes[0].union(boxes[-1]).clip(whole)
        crop = self._inputs.conditioning.crops[frame]
        box = people.union(shadow_box(people, crop=crop).clip(whole)) if self._has_shadow and boxes else people
        inside = box.slices()
        reach = grow_matte(np.ascontiguousarray(old[inside]), radius_px=margin) if margin else old[inside]
        mattes = make_mattes(new[inside], reach)
        weight = self._inputs.reveal.get(frame, 0.0)
        all_of_it = self._has_shadow or weight > 0
        lit = Box(0, 0, box.width, box.height) if all_of_it else bounding_box(is_lit(mattes.character))
        light = self._light(frame, lit, box=box)
        char, ceiling = _draw_character(light, mattes.character)
        clean = clean.astype(plate_rgb.dtype, copy=False)
        if weight > 0:
            bleed = bleed_px(self._inputs.conditioning, crop)
            share = weight * shown_share(
                light.linear, clean[inside], mattes, box=box, crop=crop, bleed_px=bleed, feather_px=margin,
                floor=_BLACK * 2.0**-self._inputs.conditioning.space.exposure_stops,
            )  # fmt: skip
            clean[inside] = show_generated(clean[inside], light.linear, share)
            ceiling = np.maximum(ceiling, (light.ceiling & (share > 0)).astype(np.float16))
        shadow = None
        if self._has_shadow:
            shadow = draw_shadow(
                light.linear, light.ceiling, plate_rgb[inside], clean[inside], mattes, old[inside], box=box, crop=crop,
                conditioning=self._inputs.conditioning, gain=self._options.shadow_gain,
            )  # fmt: skip
        return CompLayers(box, char, clean, add_shadow(mattes, shadow), ceiling, shadow)

    def _light(self, frame: int, there: Box, *, box: Box) -> _Light:
        """What the generator made, in ``there`` of ``box`` of the canvas; 0 elsewhere."""
        linear, ceiling = np.zeros((box.height, box.width, 3), np.float32), np.zeros((box.height, box.width), np.bool_)
        if not there.is_empty:
            light = self._match.light(frame, box=there.shift(box.x0, box.y0))
            linear[there.slices()] = self._inputs.grain.sharpen(self._decode(light.model), frame=frame)
            ceiling[there.slices()] = light.ceiling
        return _Light(linear, ceiling)

    def _decode(self, model: Array) -> Array:
        """Model space as plate-linear light, its highlights as the options say."""
        linear = self._inputs.bridge.decode(model)
        return expand_highlights(linear, model) if self._options.highlights == "expand" else linear

    def _keep_actor(self, frame: int, plate_rgb: Pixels, given: Pixels, actor: Array) -> CompLayers:
        """The actor before what the generator made of the world it was ``given``."""
        box, conditioning = Box(0, 0, actor.shape[1], actor.shape[0]), self._inputs.conditioning
        light = self._match.light(frame, box=box)
        made = NewWorld(
            join_world(self._decode(light.model), plate_rgb, actor, conditioning=conditioning), light.ceiling
        )
        if self._has_shadow and conditioning.world is not None and conditioning.world.is_shown:
            crop = conditioning.crops[frame]
            shadow = draw_shadow(
                made.linear, made.ceiling, plate_rgb, given, keep_mattes(actor), actor, box=box, crop=crop,
                conditioning=conditioning, gain=1.0,
            )  # fmt: skip
            made = replace(made, shadow=shadow, shadow_gain=self._options.shadow_gain)
        return keep_actor(plate_rgb, actor, made, integration=self._inputs.integration)

    def _actor_facts(self, layers: CompLayers) -> dict[str, Any]:
        """What was done to a kept actor, and to how many of his pixels; nothing where he is as he was."""
        if layers.own is None:
            return {}
        touched = any_channel(layers.char[..., :3] != layers.own[..., :3])
        return {"integration": self._inputs.integration.actor_fact(), "touched_pixels": int(np.count_nonzero(touched))}

    def _confidence(self, frame: int, layers: CompLayers, seen: Pixels) -> Half:
        """1 where nothing is edited; else the tracker's, lowered where the clean plate was never seen."""
        tracked = np.float32(self._inputs.confidence.get(frame, 1.0))
        mattes = layers.mattes
        unseen: Any = 0.0
        if not self._inputs.conditioning.is_world:
            shows = to_float(mattes.reveal) * (1 - to_float(mattes.character))
            unseen = shows * (1 - to_float(seen[layers.box.slices()]))
        inside = to_half(np.where(is_lit(mattes.edit), tracked * (1 - unseen), np.float32(1)))
        out = self._ones.copy()
        out[layers.box.slices()] = inside
        return out

    def _timecode(self, frame: int, header: exr.ExrHeader) -> str | None:
        plate = self._plate
        if frame in plate.held and plate.timecode is not None:
            return str(plate.timecode + (frame - plate.frames.first))
        timecode = header.timecode_at(nominal_rate(plate.fps))
        return None if timecode is None else str(timecode)
