"""Renders what the matte truth is made of: ``python render.py OUT [--scenes hair,blur] [--frames 1-2]``.

Needs bpy (see README.md) and the figures of `scripts/render_demo`. For every scene and frame ``OUT/<scene>/fg/`` gets
the subject alone on nothing (RGBA, premultiplied, not denoised), and ``OUT/<scene>/bg/`` the room without it, once, as
the camera stands still. Float EXRs, scene-linear Rec.709; `compose.py` makes the set from them.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "render_demo"))

import action
import bpy
import hair
import numpy as np
import people
import stage
from materials import glow_material
from mathutils import Vector
from posing import solve
from rig import hang, set_pose

WIDTH, HEIGHT = 960, 540
_DARK = (0.05, 0.026, 0.014)
_BACKGROUND_SAMPLES = 16


@dataclass(frozen=True)
class Scene:
    """``make`` puts the subject in and returns its objects; frames are those of the demo's action."""

    name: str
    frames: range
    camera: tuple[float, float, float]
    at: tuple[float, float, float]
    lens_mm: float
    make: Callable[[range], list[bpy.types.Object]]
    shutter: float = 0.5
    focus_m: float | None = None
    f_stop: float = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--scenes", default=",".join(scene.name for scene in SCENES))
    parser.add_argument("--frames", type=_span, default=slice(0, None), help="A-B of each scene, its first being 1")
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--scale", type=float, default=1.0, help="of the pictures' size")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    for scene in SCENES:
        if scene.name in options.scenes.split(","):
            _render_scene(scene, options)
    sys.stdout.flush()
    os._exit(0)  # bpy's destructors may hang


def _render_scene(wanted: Scene, options: argparse.Namespace) -> None:
    scene = _new_scene(wanted, options)
    stage.make_stage()
    _bright_window()
    room = [thing for thing in scene.objects if thing.type != "LIGHT"]
    subject = wanted.make(wanted.frames)
    _place_camera(scene, wanted)
    folder = options.out / wanted.name
    scene.frame_set(wanted.frames[0])
    _show(subject, False)
    scene.cycles.use_denoising, scene.cycles.samples = True, _BACKGROUND_SAMPLES
    _render(scene, folder / f"bg/{wanted.frames[0]:04d}.exr")
    _show(subject, True)
    _show(room, False)
    scene.render.film_transparent, scene.cycles.use_denoising = True, False
    scene.cycles.samples = options.samples
    for frame in wanted.frames[options.frames]:
        scene.frame_set(frame)
        _render(scene, folder / f"fg/{frame:04d}.exr")


def _span(text: str) -> slice:
    first, _, last = text.partition("-")
    return slice(int(first) - 1, int(last or first))


def _show(things: list[bpy.types.Object], is_shown: bool) -> None:
    for thing in things:
        thing.hide_render = not is_shown


def _new_scene(wanted: Scene, options: argparse.Namespace) -> bpy.types.Scene:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    render, cycles = scene.render, scene.cycles
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y = round(WIDTH * options.scale), round(HEIGHT * options.scale)
    render.threads_mode, render.threads = "FIXED", options.threads
    render.use_motion_blur, render.motion_blur_shutter = wanted.shutter > 0, wanted.shutter
    render.motion_blur_position = "CENTER"
    render.image_settings.file_format = "OPEN_EXR"
    render.image_settings.color_depth, render.image_settings.color_mode = "32", "RGBA"
    cycles.seed, cycles.use_animated_seed, cycles.use_adaptive_sampling = 5, True, False
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces, cycles.transparent_max_bounces = 3, 2, 1, 16
    scene.cycles_curves.shape = "RIBBONS"
    return scene


def _place_camera(scene: bpy.types.Scene, wanted: Scene) -> None:
    data = bpy.data.cameras.new("camera")
    data.lens, data.sensor_width = wanted.lens_mm, 36.0
    if wanted.focus_m is not None:
        data.dof.use_dof, data.dof.focus_distance, data.dof.aperture_fstop = True, wanted.focus_m, wanted.f_stop
    camera = bpy.data.objects.new("camera", data)
    scene.collection.objects.link(camera)
    scene.camera, camera.location = camera, wanted.camera
    away = Vector(wanted.at) - Vector(wanted.camera)
    camera.rotation_euler = away.to_track_quat("-Z", "Y").to_euler()


def _bright_window() -> None:
    """A pane behind the subject's head, many times brighter than white: what eats hair on a real set."""
    stage.plane("window", (0.42, stage.WALL_Y - 0.03, 1.62), (0.5, 0.7), glow_material("window", (9.0, 10.0, 12.0)),
                upright=True)  # fmt: skip


def _turning_head(frames: range, *, color: tuple[float, float, float] | None = None) -> list[bpy.types.Object]:
    """Long hair, seen from near, and loose strands about it in a draught; the head turns and nods."""
    long = people.REFERENCE.hair if color is None else replace(people.REFERENCE.hair, color=color)
    figure = people.make_figure(replace(people.REFERENCE, hair=long))
    cut = replace(long, strands=1400, locks=1400, seed=17)
    loose = _blown(figure.from_head(hair.grow(figure.head, cut)), np.random.default_rng(5))
    strands = hair.make_hair("loose", loose, cut.color, radius=0.0004)
    hang(strands, figure.rig, "head")
    figure.things.append(strands)
    stand = action.relaxed_stand(figure.bones)
    for frame in range(frames[0] - 1, frames[-1] + 2):
        share = (frame - frames[0]) / len(frames)
        head = (6 * np.sin(3 * share), 4 * np.sin(5 * share), -28 + 56 * share)
        turned = replace(stand, head_deg=head)
        turns, shift = solve(figure.bones, turned)
        set_pose(figure.rig, turns, shift, frame)
    return figure.things


def _blown(strands: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Strands (N, points, 3) bent away from the head, the more the nearer to their ends, each its own way."""
    along = np.linspace(0, 1, strands.shape[1])[None, :, None]
    middle = strands[:, :1].mean(axis=0, keepdims=True)
    out = strands[:, :1] - middle
    out = out / np.linalg.norm(out, axis=2, keepdims=True)
    away = random.gamma(1.6, 0.028, (len(strands), 1, 1))
    side = random.normal(0, 0.028, (len(strands), 1, 3))
    curl = 0.008 * np.sin(
        random.uniform(5, 14, (len(strands), 1, 3)) * along + random.uniform(0, 6, (len(strands), 1, 3))
    )
    return strands + along**1.5 * (away * out + side) + along * curl


def _acting(frames: range) -> list[bpy.types.Object]:
    """The demo's actor in the quickest part of what he does."""
    figure = people.make_figure(people.ACTOR)
    for frame in range(frames[0] - 1, frames[-1] + 2):
        turns, shift = solve(figure.bones, action.action_pose(figure.bones, frame - 1))
        set_pose(figure.rig, turns, shift, frame)
    return figure.things


def _veil(frames: range) -> list[bpy.types.Object]:
    """A figure behind a waving cloth that lets half of what is behind it through, and is wider than the figure."""
    figure = people.make_figure(people.REFERENCE)
    stand = action.relaxed_stand(figure.bones)
    for frame in (frames[0] - 1, frames[-1] + 1):
        turns, shift = solve(figure.bones, stand)
        set_pose(figure.rig, turns, shift, frame)
    count = 61
    across, down = np.meshgrid(np.linspace(-0.5, 0.5, count), np.linspace(0.35, 1.45, count))
    rows = np.arange(count * count).reshape(count, count)
    quads = np.stack([rows[:-1, :-1], rows[:-1, 1:], rows[1:, 1:], rows[1:, :-1]], axis=-1).reshape(-1, 4)
    mesh = bpy.data.meshes.new("veil")
    mesh.from_pydata(np.stack([across, 0 * across, down], -1).reshape(-1, 3).tolist(), [], quads.tolist())
    veil = bpy.data.objects.new("veil", mesh)
    bpy.context.scene.collection.objects.link(veil)
    veil.shape_key_add(name="rest")
    for frame in range(frames[0] - 1, frames[-1] + 2):
        key = veil.shape_key_add(name=str(frame))
        depth = 0.10 * np.sin(9 * across + 0.55 * frame) * (1.45 - down) + 0.05 * np.sin(5 * down + 0.4 * frame)
        key.data.foreach_set("co", np.stack([across + 0.4 * depth, depth, down], -1).astype(np.float32).ravel())
        for other, value in ((frame - 1, 0.0), (frame, 1.0), (frame + 1, 0.0)):
            key.value = value
            key.keyframe_insert("value", frame=other)
    for polygon in mesh.polygons:
        polygon.use_smooth = True
    mesh.materials.append(_veil_material())
    veil.location = (0.0, -0.28, 0.0)
    return [*figure.things, veil]


def _veil_material() -> bpy.types.Material:
    material = bpy.data.materials.new("veil")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    out, mix = nodes.new("ShaderNodeOutputMaterial"), nodes.new("ShaderNodeMixShader")
    cloth, clear = nodes.new("ShaderNodeBsdfDiffuse"), nodes.new("ShaderNodeBsdfTransparent")
    facing = nodes.new("ShaderNodeLayerWeight")
    spread = nodes.new("ShaderNodeMapRange")
    cloth.inputs["Color"].default_value = (0.75, 0.28, 0.22, 1)
    facing.inputs["Blend"].default_value = 0.5
    spread.inputs["To Min"].default_value, spread.inputs["To Max"].default_value = 0.38, 0.95
    links.new(facing.outputs["Facing"], spread.inputs["Value"])
    links.new(spread.outputs["Result"], mix.inputs[0])
    links.new(clear.outputs[0], mix.inputs[1])
    links.new(cloth.outputs[0], mix.inputs[2])
    links.new(mix.outputs[0], out.inputs["Surface"])
    return material


def _render(scene: bpy.types.Scene, path: Path) -> None:
    start = time.monotonic()
    path.parent.mkdir(parents=True, exist_ok=True)
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    print(f"{path.parts[-3]}/{path.parent.name}/{path.name} {time.monotonic() - start:.1f} s", flush=True)


_HEAD_CAMERA, _HEAD, _HEAD_LENS_MM = (0.0, -1.35, 1.56), (0.0, 0.0, 1.50), 58.0
SCENES = (
    Scene("hair", range(1, 5), _HEAD_CAMERA, _HEAD, _HEAD_LENS_MM, _turning_head),
    Scene("darkhair", range(1, 5), _HEAD_CAMERA, _HEAD, _HEAD_LENS_MM, partial(_turning_head, color=_DARK)),
    Scene("blur", range(8, 12), (0.0, -2.6, 1.25), (0.0, 0.0, 1.2), 35.0, _acting, shutter=0.9),
    Scene("defocus", range(14, 18), (0.5, -2.6, 1.45), (0.1, 0.0, 1.25), 50.0, _acting, focus_m=1.6, f_stop=1.4),
    Scene("cloth", range(1, 5), (0.0, -2.6, 1.1), (0.0, 0.0, 1.05), 40.0, _veil),
)

if __name__ == "__main__":
    main()
