"""Renders shots whose camera is known: ``python render.py OUT [--shot pan|dolly] [--frames 1-60] [--samples 6]``.

Needs bpy (see README.md) and the figure and the room of `scripts/render_demo`. Two shots, for both of which one
homography a frame says all that the camera does to the background:
    pan      the camera turns about its own centre (pan, tilt, roll) and zooms, in the whole room
    dolly    it travels towards a flat wall and along it
The demo's actor moves in front. OUT/<shot> gets, as half-float EXRs, scene-linear Rec.709, with motion blur, without
grain:
    plate/   the background with the actor        alpha/   how much of each pixel he covers (A)
and ``camera.json``: size, rate and ``to_first``, for every frame the homography of its pixels (centres at .5) to those
of the first. Frames that exist are left as they are, so a render goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "render_demo"))

import action
import bpy
import numpy as np
import people
import stage
from materials import brick_material, glow_material, print_material
from mathutils import Euler
from posing import solve
from rig import set_pose

WIDTH, HEIGHT = 640, 360
FPS = 24
SHUTTER = 0.5
_SENSOR_MM = 36.0
_THERE_AND_BACK_FRAMES = 48
_ALPHA_SAMPLES = 16
_FINENESS = 0.5
_PRINTS = ((-2.6, 0.9), (-1.75, 1.75), (-0.75, 0.7), (0.9, 1.8), (1.5, 0.75), (2.4, 1.6))
_LAMPS = ((-1.2, 1.25), (0.45, 0.75), (1.75, 1.3))
Placed = tuple[tuple[float, float, float], tuple[float, float, float], float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--shot", choices=list(_SHOTS), default="pan")
    parser.add_argument("--frames", default="1-60")
    parser.add_argument("--samples", type=int, default=6)
    parser.add_argument("--scale", type=float, default=1.0, help="of 640x360")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    first, last = (int(part) for part in options.frames.split("-"))
    _render_shot(options, range(first, last + 1))
    sys.stdout.flush()
    os._exit(0)  # bpy's destructors may hang


def _render_shot(options: argparse.Namespace, frames: range) -> None:
    make_background, place = _SHOTS[options.shot]
    scene = _new_scene(options)
    make_background()
    background = [thing for thing in scene.objects if thing.type != "LIGHT"]
    _acting(frames)
    camera = _moving_camera(scene, frames, place)
    folder = options.out / options.shot
    _write_camera(folder / "camera.json", scene, camera, frames, is_flat=options.shot == "dolly")
    for frame in frames:
        scene.frame_set(frame)
        name = f"{frame:04d}.exr"
        _render(scene, folder / "plate" / name)
        with _only_coverage(scene, background):
            _render(scene, folder / "alpha" / name)


def _place_pan(time: float) -> Placed:
    """Where the camera is, how it is turned (pitch, roll, yaw in degrees) and its lens in mm, ``time`` in seconds."""
    unrest = [0.12 * math.sin(7.4 * time + k) + 0.05 * math.sin(19.9 * time + 2 * k) for k in range(3)]
    yaw = 6.5 * math.cos(math.pi * time / 2.5)
    tilt = 1.6 * math.sin(2.1 * time) + unrest[0]
    roll = 1.5 * math.sin(1.4 * time + 0.5) + unrest[1]
    return (0.0, -4.35, 1.06), (tilt, roll, yaw + unrest[2]), 30.0 + 5.0 * (1 - math.cos(math.pi * time / 2.5)) / 2


def _place_dolly(time: float) -> Placed:
    unrest = [0.006 * math.sin(7.4 * time + k) + 0.003 * math.sin(19.9 * time + 2 * k) for k in range(3)]
    along = (1 - math.cos(math.pi * time / 2.5)) / 2
    place = (-0.45 + 0.9 * along + unrest[0], -4.9 + 1.0 * along, 1.08 + unrest[1])
    return place, (20 * unrest[2], 0.6 * math.sin(1.4 * time), 6.0 - 12.0 * along), 32.0


def _make_wall() -> None:
    """A brick wall with pictures and lamps that have no depth: all of the background is one plane."""
    stage.plane("wall", (0, stage.WALL_Y, 1.0), (16, 9), brick_material(), upright=True)
    for index, (x, z) in enumerate(_PRINTS):
        middle = (x, stage.WALL_Y - 0.001, z)
        stage.plane(f"print{index}", middle, (0.62, 0.8), print_material(index % 4), upright=True)
    for index, (x, z) in enumerate(_LAMPS):
        glow = glow_material(f"lamp{index}", (16.0, 11.0, 6.0))
        stage.plane(f"lamp{index}", (x, stage.WALL_Y - 0.002, z), (0.10, 0.10), glow, upright=True)
    stage.area_light((-2.3, -3.0, 2.9), (0, 1.9, 1.1), 1.3, 320, (1.0, 0.93, 0.84))
    stage.area_light((3.0, -2.4, 1.9), (0, 1.9, 1.1), 1.8, 120, (0.80, 0.90, 1.0))
    stage.ambient(0.25)


_SHOTS: dict[str, tuple[Callable[[], None], Callable[[float], Placed]]] = {
    "pan": (stage.make_stage, _place_pan), "dolly": (_make_wall, _place_dolly),
}  # fmt: skip


def _acting(frames: range) -> None:
    """The demo's action, there and back, again and again, eased at its ends."""
    figure = people.make_figure(people.ACTOR, fineness=_FINENESS)
    half = (action.FRAMES - 1) / 2
    for frame in range(frames[0] - 2, frames[-1] + 3):
        turn = 2 * math.pi * (frame - 1) / _THERE_AND_BACK_FRAMES
        turns, shift = solve(figure.bones, action.action_pose(figure.bones, half - half * math.cos(turn)))
        set_pose(figure.rig, turns, shift, frame)


def _moving_camera(scene: bpy.types.Scene, frames: range, place: Callable[[float], Placed]) -> bpy.types.Object:
    data = bpy.data.cameras.new("camera")
    data.sensor_width, data.sensor_fit = _SENSOR_MM, "HORIZONTAL"
    camera = bpy.data.objects.new("camera", data)
    scene.collection.objects.link(camera)
    scene.camera = camera
    for frame in range(frames[0] - 2, frames[-1] + 3):
        at, (tilt, roll, yaw), data.lens = place((frame - 1) / FPS)
        camera.location = at
        turned = Euler((math.radians(90 + tilt), 0, math.radians(yaw)), "XYZ").to_matrix()
        camera.rotation_euler = (turned @ Euler((0, 0, math.radians(roll)), "XYZ").to_matrix()).to_euler()
        camera.keyframe_insert("location", frame=frame)
        camera.keyframe_insert("rotation_euler", frame=frame)
        data.keyframe_insert("lens", frame=frame)
    return camera


def _write_camera(
    path: Path, scene: bpy.types.Scene, camera: bpy.types.Object, frames: range, *, is_flat: bool
) -> None:
    """The camera of every frame as a homography, which earlier frames' file has, too."""
    size = (scene.render.resolution_x, scene.render.resolution_y)
    seen = {}
    for frame in frames:
        scene.frame_set(frame)
        seen[frame] = _from_background(camera, size, is_flat=is_flat)
    first = seen[frames[0]]
    to_first = {frame: first @ np.linalg.inv(matrix) for frame, matrix in seen.items()}
    facts = {
        "size": size, "fps": FPS, "shutter": SHUTTER, "samples": scene.cycles.samples,
        "colorspace": "Linear Rec.709 (sRGB)",
        "to_first": {str(frame): (matrix / matrix[2, 2]).tolist() for frame, matrix in to_first.items()},
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(facts))


def _from_background(camera: bpy.types.Object, size: tuple[int, int], *, is_flat: bool) -> np.ndarray:
    """To pixels: of the wall's x and z (``is_flat``), or else of directions, which is all that a turning camera sees.

    The plane at z = 0 of a pinhole camera: Hartley and Zisserman, Multiple View Geometry, 8.1.
    """
    width, height = size
    focal_px = camera.data.lens / _SENSOR_MM * width
    # Blender's camera looks along -z, with y up.
    inner = np.array([[focal_px, 0, -width / 2], [0, -focal_px, -height / 2], [0, 0, -1.0]])
    outer = np.array(camera.matrix_world.inverted())[:3]
    if not is_flat:
        return inner @ outer[:, :3]
    return inner @ np.column_stack([outer[:, 0], outer[:, 2], outer[:, 1] * stage.WALL_Y + outer[:, 3]])


@contextmanager
def _only_coverage(scene: bpy.types.Scene, background: list[bpy.types.Object]) -> Iterator[None]:
    """The figure on nothing, unlit, not denoised: its alpha."""
    cycles = scene.cycles
    samples, bounces = cycles.samples, cycles.max_bounces
    for thing in background:
        thing.hide_render = True
    scene.render.film_transparent, cycles.use_denoising = True, False
    cycles.samples, cycles.max_bounces = _ALPHA_SAMPLES, 0
    yield
    scene.render.film_transparent, cycles.use_denoising = False, True
    cycles.samples, cycles.max_bounces = samples, bounces
    for thing in background:
        thing.hide_render = False


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
    cycles.samples, cycles.use_denoising, cycles.seed, cycles.use_animated_seed = options.samples, True, 5, True
    cycles.use_adaptive_sampling = False
    cycles.denoiser, cycles.denoising_prefilter = "OPENIMAGEDENOISE", "FAST"
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 2, 1, 1
    cycles.sample_clamp_indirect = 3.0
    cycles.caustics_reflective = cycles.caustics_refractive = False
    scene.cycles_curves.shape = "RIBBONS"
    return scene


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
