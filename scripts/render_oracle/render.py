"""Renders the oracle benchmark's shot: ``python render.py OUT [--frames 1-129] [--samples 6] [--scale 0.8]``.

Needs bpy (see README.md) and the figures and the room of `scripts/render_demo`. One scene, two figures that do one
thing: the actor (what the plate shows) and the character (what a perfect comp would show). For every frame OUT gets
    plate/   the room with the actor              truth/   the room with the character
    clean/   the room alone
    alpha_actor/, alpha_character/                how much of each pixel a figure covers, by itself

as half-float RGBA EXRs, scene-linear Rec.709, without grain, and ``shot.json`` (size, rate, samples, the camera's and
the joints' places). Frames that exist are left as they are, so a render goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "render_demo"))

import action
import bpy
import people
import stage
import truth
from materials import glow_material
from mathutils import Vector
from posing import solve
from rig import set_pose

WIDTH, HEIGHT = 480, 270
FPS = 24
SHUTTER = 0.5
_THERE_AND_BACK_FRAMES = 64
_ALPHA_SAMPLES = 24
_FINENESS = 0.6
_CAMERA = (0.0, -4.35, 1.06)
_AT = (0.0, 0.0, 1.035)
_LENS_MM = 35.0
Things = list[bpy.types.Object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--frames", default="1-129")
    parser.add_argument("--samples", type=int, default=6)
    parser.add_argument("--scale", type=float, default=0.8, help="of 480x270")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    first, last = (int(part) for part in options.frames.split("-"))
    render_shot(options, range(first, last + 1))
    sys.stdout.flush()
    os._exit(0)  # bpy's destructors may hang


def render_shot(options: argparse.Namespace, frames: range) -> None:
    scene = _new_scene(options)
    stage.make_stage()
    stage.ball("lantern", (0.62, stage.WALL_Y - 0.25, 1.42), 0.14, glow_material("lantern", (14.0, 11.0, 7.0)))
    room = [thing for thing in scene.objects if thing.type != "LIGHT"]
    figures = {name: _acting(person, frames) for name, person in _FIGURES.items()}
    camera = _moving_camera(scene, frames)
    facts = _Facts(options.out / "shot.json", options)
    for frame in frames:
        scene.frame_set(frame)
        facts.add(frame, scene, camera, figures)
        _render_frame(scene, figures, room, options.out, frame)
        facts.write()


_FIGURES = {"actor": people.ACTOR, "character": people.REFERENCE}


def _acting(person: people.Person, frames: range) -> people.Figure:
    """The demo's action, there and back, again and again, eased at its ends."""
    figure = people.make_figure(person, fineness=_FINENESS)
    for frame in range(frames[0] - 2, frames[-1] + 3):
        turns, shift = solve(figure.bones, action.action_pose(figure.bones, _action_time(frame)))
        set_pose(figure.rig, turns, shift, frame)
    return figure


def _action_time(frame: int) -> float:
    half = (action.FRAMES - 1) / 2
    return half - half * math.cos(2 * math.pi * (frame - 1) / _THERE_AND_BACK_FRAMES)


def _moving_camera(scene: bpy.types.Scene, frames: range) -> bpy.types.Object:
    """A slow arc and push-in with a hand's unrest, all of it sums of sines of the frame."""
    data = bpy.data.cameras.new("camera")
    data.lens, data.sensor_width = _LENS_MM, 36.0
    camera = bpy.data.objects.new("camera", data)
    scene.collection.objects.link(camera)
    scene.camera = camera
    for frame in range(frames[0] - 2, frames[-1] + 3):
        turn = 2 * math.pi * frame / 150
        x, y = _CAMERA[0] + 0.16 * math.sin(turn), _CAMERA[1] + 0.12 * math.sin(0.5 * turn)
        unrest = [0.006 * math.sin(0.31 * frame + k) + 0.003 * math.sin(0.83 * frame + 2 * k) for k in range(3)]
        camera.location = (x + unrest[0], y, _CAMERA[2] + unrest[1])
        at = Vector(_AT) + Vector((0.10 * math.sin(turn + 0.6), 0, 1.5 * unrest[2]))
        camera.rotation_euler = (at - camera.location).to_track_quat("-Z", "Y").to_euler()
        camera.keyframe_insert("location", frame=frame)
        camera.keyframe_insert("rotation_euler", frame=frame)
    return camera


def _render_frame(
    scene: bpy.types.Scene, figures: dict[str, people.Figure], room: Things, out: Path, frame: int
) -> None:
    name = f"{frame:04d}.exr"
    actor, character = figures["actor"].things, figures["character"].things
    _show([*actor, *character], is_shown=False)
    _render(scene, out / "clean" / name)
    _show(actor, is_shown=True)
    _render(scene, out / "plate" / name)
    with _only_coverage(scene, room):
        _render(scene, out / "alpha_actor" / name)
    _show(actor, is_shown=False)
    _show(character, is_shown=True)
    _render(scene, out / "truth" / name)
    with _only_coverage(scene, room):
        _render(scene, out / "alpha_character" / name)


@contextmanager
def _only_coverage(scene: bpy.types.Scene, room: Things) -> Iterator[None]:
    """The figure on nothing, unlit, not denoised: its alpha."""
    cycles = scene.cycles
    samples, bounces = cycles.samples, cycles.max_bounces
    _show(room, is_shown=False)
    scene.render.film_transparent, cycles.use_denoising = True, False
    cycles.samples, cycles.max_bounces = _ALPHA_SAMPLES, 0
    yield
    scene.render.film_transparent, cycles.use_denoising = False, True
    cycles.samples, cycles.max_bounces = samples, bounces
    _show(room, is_shown=True)


def _show(things: Things, *, is_shown: bool) -> None:
    for thing in things:
        thing.hide_render = not is_shown


def _new_scene(options: argparse.Namespace) -> bpy.types.Scene:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    render, cycles = scene.render, scene.cycles
    render.engine, render.fps = "CYCLES", FPS
    render.resolution_x, render.resolution_y = round(WIDTH * options.scale), round(HEIGHT * options.scale)
    render.threads_mode, render.threads = "FIXED", options.threads
    render.use_motion_blur, render.motion_blur_shutter, render.motion_blur_position = True, SHUTTER, "CENTER"
    render.image_settings.file_format, render.image_settings.exr_codec = "OPEN_EXR", "ZIP"
    render.image_settings.color_depth, render.image_settings.color_mode = "16", "RGBA"
    # One seed a frame for all passes: where the figures change nothing, they have the same samples.
    cycles.samples, cycles.use_denoising, cycles.seed, cycles.use_animated_seed = options.samples, True, 5, True
    cycles.use_adaptive_sampling = False
    cycles.denoiser, cycles.denoising_prefilter = "OPENIMAGEDENOISE", "FAST"
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 2, 1, 1
    cycles.sample_clamp_indirect = 3.0
    cycles.caustics_reflective = cycles.caustics_refractive = False
    scene.cycles_curves.shape = "RIBBONS"
    return scene


class _Facts:
    """``shot.json``, kept from an earlier render's frames."""

    def __init__(self, path: Path, options: argparse.Namespace) -> None:
        self.path = path
        self.facts = json.loads(path.read_text()) if path.exists() else {"camera": {}, "poses": {}}
        size = [round(WIDTH * options.scale), round(HEIGHT * options.scale)]
        self.facts |= {"size": size, "fps": FPS, "samples": options.samples, "shutter": SHUTTER, "lens_mm": _LENS_MM,
                       "sensor_mm": 36.0, "colorspace": "Linear Rec.709 (sRGB)"}  # fmt: skip

    def add(self, frame: int, scene: bpy.types.Scene, camera: bpy.types.Object, figures: dict) -> None:
        self.facts["camera"][str(frame)] = [list(row) for row in camera.matrix_world]
        for name, figure in figures.items():
            self.facts["poses"].setdefault(name, {})[str(frame)] = truth.pose_rows(figure, scene, camera)

    def write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.facts))


def _render(scene: bpy.types.Scene, path: Path) -> None:
    """Through a name of its own until it is whole, so that a render that was stopped leaves no half frame."""
    if path.exists():
        return
    start = time.monotonic()
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"unfinished_{path.name}")
    scene.render.filepath = str(unfinished)
    bpy.ops.render.render(write_still=True)
    unfinished.replace(path)
    print(f"{path.parent.name}/{path.name} {time.monotonic() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
