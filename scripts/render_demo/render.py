"""Renders the demo: ``python render.py OUT [--what plate,truth,reference] [--scale 1] [--samples 48] [--frames 1-24]``.

Needs bpy (see README.md). Writes float EXRs, scene-linear Rec.709, and the joints' places in pixels as JSON;
`finish.py` makes the shipped files from them. Cycles on the CPU, two threads.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import action
import bpy
import people
import stage
import truth
from mathutils import Vector
from posing import solve
from rig import set_pose

WIDTH, HEIGHT = 640, 360
PORTRAIT = 700, 1100
TRUTH_FRAMES = (1, 7, 13, 19, 24)
_PAN_DEG = 7.5
_DOLLY_M = 0.09
_CAMERA = (0.0, -4.35, 1.06)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--what", default="plate,truth,reference")
    parser.add_argument("--scale", type=float, default=1.0, help="of the pictures' size")
    parser.add_argument("--samples", type=int, default=48)
    parser.add_argument("--frames", default="1-24")
    parser.add_argument("--fineness", type=float, default=1.0, help="of the figures' meshes")
    options = parser.parse_args()
    what = options.what.split(",")
    if "reference" in what:
        render_reference(options)
    if "plate" in what or "truth" in what:
        render_shot(options, what)
    sys.stdout.flush()
    os._exit(0)  # bpy's destructors may hang


def render_shot(options: argparse.Namespace, what: list[str]) -> None:
    scene = _new_scene(options, (WIDTH, HEIGHT))
    stage.make_stage()
    room = list(scene.objects)
    actor = people.make_figure(people.ACTOR, fineness=options.fineness)
    for frame in range(-1, action.FRAMES + 3):
        turns, shift = solve(actor.bones, action.action_pose(actor.bones, frame - 1))
        set_pose(actor.rig, turns, shift, frame)
    camera = _pan(scene)
    first, last = (int(part) for part in options.frames.split("-"))
    joints = {}
    for frame in range(first, last + 1):
        scene.frame_set(frame)
        joints[frame] = truth.pose_rows(actor, scene, camera)
        if "plate" in what:
            _render(scene, options.out / f"plate/{frame:04d}.exr")
        if "truth" in what and frame in TRUTH_FRAMES:
            _render_truth(scene, actor, room, options.out, frame)
    _write_json(options.out / "actor_pose.json", joints)


def _render_truth(
    scene: bpy.types.Scene, actor: people.Figure, room: list[bpy.types.Object], out: Path, frame: int
) -> None:
    """The set without the actor; with his shadow only; and how much of each pixel he covers."""
    for thing in actor.things:
        thing.hide_render = True
    _render(scene, out / f"clean/{frame:04d}.exr")
    for thing in actor.things:
        thing.hide_render, thing.visible_camera = False, False
    _render(scene, out / f"clean_shadow/{frame:04d}.exr")
    for thing in actor.things:
        thing.visible_camera = True
    cycles, samples = scene.cycles, scene.cycles.samples
    for thing in room:
        thing.hide_render = True
    scene.render.film_transparent, cycles.use_denoising, cycles.samples, cycles.max_bounces = True, False, 128, 0
    _render(scene, out / f"matte/{frame:04d}.exr")
    scene.render.film_transparent, cycles.use_denoising, cycles.samples, cycles.max_bounces = False, True, samples, 4
    for thing in room:
        thing.hide_render = False


def render_reference(options: argparse.Namespace) -> None:
    scene = _new_scene(options, PORTRAIT)
    scene.render.film_transparent = True
    scene.render.use_motion_blur = False
    scene.cycles.samples = options.samples * 2
    figure = people.make_figure(people.REFERENCE, fineness=options.fineness)
    turns, shift = solve(figure.bones, action.relaxed_stand(figure.bones))
    set_pose(figure.rig, turns, shift, 1)
    stage.area_light((-2.0, -3.4, 2.6), (0, 0, 1.0), 2.0, 120, (1.0, 0.97, 0.93))
    stage.area_light((2.4, -3.0, 1.8), (0, 0, 0.9), 2.4, 75, (0.94, 0.97, 1.0))
    stage.area_light((0.6, 2.6, 2.6), (0, 0, 1.2), 1.2, 75, (1, 1, 1))
    stage.ambient(0.32)
    camera = _camera(scene, (0, -7.4, 1.0), (0, 0, 0.865), 85)
    camera.data.sensor_fit, camera.data.sensor_height = "VERTICAL", 22.6
    scene.frame_set(1)
    _render(scene, options.out / "reference.exr")
    _write_json(options.out / "reference_pose.json", {1: truth.pose_rows(figure, scene, camera)})


def _new_scene(options: argparse.Namespace, size: tuple[int, int]) -> bpy.types.Scene:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    render, cycles = scene.render, scene.cycles
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y = (round(side * options.scale) for side in size)
    render.fps = 24
    render.threads_mode, render.threads = "FIXED", 2
    render.use_motion_blur, render.motion_blur_shutter, render.motion_blur_position = True, 0.5, "CENTER"
    render.image_settings.file_format = "OPEN_EXR"
    render.image_settings.color_depth, render.image_settings.color_mode = "32", "RGBA"
    cycles.samples, cycles.use_denoising, cycles.seed = options.samples, True, 5
    cycles.use_animated_seed = True
    cycles.use_adaptive_sampling = False
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 4, 3, 2
    cycles.sample_clamp_indirect = 3.0
    cycles.caustics_reflective = cycles.caustics_refractive = False
    scene.cycles_curves.shape = "RIBBONS"
    return scene


def _camera(scene: bpy.types.Scene, place: tuple, at: tuple, lens_mm: float) -> bpy.types.Object:
    data = bpy.data.cameras.new("camera")
    data.lens, data.sensor_width = lens_mm, 36.0
    camera = bpy.data.objects.new("camera", data)
    scene.collection.objects.link(camera)
    scene.camera = camera
    camera.location = place
    camera.rotation_euler = (Vector(at) - Vector(place)).to_track_quat("-Z", "Y").to_euler()
    return camera


def _pan(scene: bpy.types.Scene) -> bpy.types.Object:
    """A slow pan to the right about the camera itself, with a little dolly for parallax."""
    camera = _camera(scene, _CAMERA, (0, 0, 1.035), 35.0)
    middle = camera.rotation_euler.copy()
    for frame in range(-1, action.FRAMES + 3):
        share = (frame - 1) / (action.FRAMES - 1) - 0.5
        camera.location = (_CAMERA[0] + _DOLLY_M * share, _CAMERA[1], _CAMERA[2])
        camera.rotation_euler = middle
        camera.rotation_euler.z -= _PAN_DEG * share * 3.14159265 / 180
        camera.keyframe_insert("location", frame=frame)
        camera.keyframe_insert("rotation_euler", frame=frame)
    return camera


def _render(scene: bpy.types.Scene, path: Path) -> None:
    start = time.monotonic()
    path.parent.mkdir(parents=True, exist_ok=True)
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    print(f"{path.parent.name}/{path.name} {time.monotonic() - start:.1f} s", flush=True)


def _write_json(path: Path, poses: dict[int, list[list[float]]]) -> None:
    path.write_text(json.dumps(poses))


if __name__ == "__main__":
    main()
