"""Hair: strands grown from a scalp, combed, gathered into locks, and kept outside the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import bpy
import numpy as np
from field import Array, Solid, ball

Color = tuple[float, float, float]
_SKULL = np.array([0, 0.014, 0.150], np.float32)
# Where the hair begins on the head: height over depth, front to back.
_LINE_Y = (-0.105, -0.075, -0.058, -0.042, -0.022, -0.010, 0.000, 0.030, 0.050, 0.080, 0.120)
_LINE_Z = (0.190, 0.187, 0.178, 0.160, 0.118, 0.112, 0.136, 0.136, 0.080, 0.052, 0.050)
_POINTS = 10


@dataclass(frozen=True)
class HairCut:
    style: Literal["short", "long"]
    color: Color
    strands: int
    locks: int
    seed: int


def on_scalp(points: Array) -> Array:
    """How much of the scalp's colour is seen: 1 where hair grows."""
    line = np.interp(points[:, 1], _LINE_Y, _LINE_Z)
    return np.clip((points[:, 2] - line) / 0.006 + 0.5, 0, 1)


def grow(head: Solid, cut: HairCut) -> Array:
    """(strands, points, 3) in the head's axes."""
    random = np.random.default_rng(cut.seed)
    roots = _roots(head, cut.strands, random)
    strands = _long(head, roots, random) if cut.style == "long" else _short(head, roots, random)
    return _gathered(head, strands, cut, random)


def _roots(head: Solid, count: int, random: np.random.Generator) -> Array:
    found = np.zeros((0, 3), np.float32)
    while len(found) < count:
        direction = random.standard_normal((count, 3)).astype(np.float32)
        points = _SKULL + direction / np.linalg.norm(direction, axis=1, keepdims=True) * 0.09
        for _ in range(4):
            points = points - head.gradient(points) * head.distance(points)[:, None] * 0.9
        keep = (on_scalp(points) > random.uniform(0.3, 0.9, len(points))) & (np.abs(points[:, 0]) < 0.0785)
        found = np.concatenate([found, points[keep]])
    return found[:count]


def _short(head: Solid, roots: Array, random: np.random.Generator) -> Array:
    """Cropped sides, longer on top, swept up and over to one side."""
    x, y, z = roots.T
    top = np.clip((z - 0.165) / 0.045, 0, 1)
    front = np.clip((-y - 0.02) / 0.06, 0, 1)
    length = 0.010 + top * (0.022 + 0.024 * front)
    swirl = 0.25 * np.sin(60 * x + 2) + 0.25 * np.sin(55 * y + 1)
    comb = np.stack([0.55 * top + 0.6 * swirl * top, -0.25 * top + 0.35 * (1 - top) + 0.6 * swirl * top,
                     0.10 * top - 0.9 * (1 - top)], axis=1)  # fmt: skip
    lift = 0.25 + 0.15 * top + 0.55 * top * front
    return _strands(head, roots, comb, lift, length, sag=9.0, keep=0.0008, jitter=0.16, random=random)


def _long(head: Solid, roots: Array, random: np.random.Generator) -> Array:
    """Parted at the side, falling past the jaw in waves, clear of the face."""
    x, y, z = roots.T
    side = np.where(x > -0.018, 1.0, -1.0)
    top = np.clip((z - 0.17) / 0.06, 0, 1)
    front = np.clip((-y + 0.01) / 0.07, 0, 1)
    length = 0.235 - 0.9 * np.clip(0.16 - z, 0, 1) - 0.02 * front + 0.02 * random.random(len(x))
    comb = np.stack([side * (0.30 + 0.6 * top), 0.15 + 0.75 * front, -0.9 + 0.9 * top], axis=1)
    return _strands(head, roots, comb, 0.40 + 0.15 * top, length, sag=38.0, keep=0.006, jitter=0.05, random=random)


def _strands(head: Solid, roots: Array, comb: Array, lift: Array, length: Array, *, sag: float, keep: float,
             jitter: float, random: np.random.Generator) -> Array:  # fmt: skip
    direction = head.gradient(roots) * lift[:, None] + comb + random.normal(0, jitter, roots.shape)
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    step = (length / (_POINTS - 1))[:, None]
    depth = keep * (0.35 + 1.3 * random.random(len(roots)))
    points = [roots]
    place = roots
    for index in range(_POINTS - 1):
        place = place + direction * step
        close = np.maximum(depth * min((index + 1) / 3, 1) - head.distance(place), 0)
        place = place + head.gradient(place) * close[:, None]
        place[:, 1] += np.where((place[:, 2] < 0.165) & (place[:, 1] < 0.0), 0.65, 0) * step[:, 0] * (sag > 20)
        direction = (place - points[-1]) / step + np.array([0, 0, -sag], np.float32) * step
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        points.append(place)
    return np.stack(points, axis=1).astype(np.float32)


def _gathered(head: Solid, strands: Array, cut: HairCut, random: np.random.Generator) -> Array:
    """Strands drawn to the nearest lock's middle strand, more toward the tip, and waved."""
    heads = random.choice(len(strands), cut.locks, replace=False)
    roots = strands[:, 0]
    nearest = np.argmin(((roots[:, None] - roots[heads][None]) ** 2).sum(-1), axis=1)
    lock = strands[heads][nearest]
    along = np.linspace(0, 1, strands.shape[1])
    pull = (0.62 * along**1.2)[None, :, None] * random.uniform(0.6, 1.0, (len(strands), 1, 1))
    stray = random.random((len(strands), 1, 1)) < 0.07
    gathered = strands + (lock - strands) * np.where(stray, 0.0, pull)
    if cut.style == "long":
        phase = random.uniform(0, 6.28, cut.locks)[nearest][:, None]
        wave = 0.0075 * along[None] * np.sin(15 * along[None] + phase)
        gathered[..., 0] += wave
        gathered[..., 1] += 0.7 * wave
        gathered += stray * random.normal(0, 0.006, (len(strands), 1, 3)) * along[None, :, None]
    flat = gathered.reshape(-1, 3).astype(np.float32)
    inside = np.maximum(0.0006 - head.distance(flat), 0)
    return (flat + head.gradient(flat) * inside[:, None]).reshape(strands.shape)


def hair_volume(cut: HairCut) -> Solid | None:
    """A dark mass under long hair, so that no light shines through between the strands."""
    if cut.style == "short":
        return None
    return Solid([
        ball("head", (0, 0.022, 0.158), (0.0800, 0.094, 0.0885)),
        ball("head", (0, 0.046, 0.095), (0.080, 0.056, 0.085), 0.04),
        ball("head", (0, -0.11, 0.10), (0.085, 0.135, 0.085), 0.012, True),
    ])  # fmt: skip


def make_hair(name: str, strands: Array, color: Color, *, radius: float) -> bpy.types.Object:
    """Strands as a curves object with its material."""
    curves = bpy.data.hair_curves.new(name)
    curves.add_curves([strands.shape[1]] * len(strands))
    curves.attributes["position"].data.foreach_set("vector", strands.astype(np.float32).ravel())
    thickness = radius * np.linspace(1.0, 0.25, strands.shape[1], dtype=np.float32)
    attribute = curves.attributes.get("radius") or curves.attributes.new("radius", "FLOAT", "POINT")
    attribute.data.foreach_set("value", np.tile(thickness, len(strands)))
    curves.materials.append(_hair_material(name, color))
    thing = bpy.data.objects.new(name, curves)
    bpy.context.scene.collection.objects.link(thing)
    return thing


def _hair_material(name: str, color: Color) -> bpy.types.Material:
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    info, ramp = nodes.new("ShaderNodeHairInfo"), nodes.new("ShaderNodeValToRGB")
    dark, light = np.array(color) * 0.55, np.array(color) * 1.5
    ramp.color_ramp.elements[0].color = (*dark, 1)
    ramp.color_ramp.elements[1].color = (*light, 1)
    links.new(info.outputs["Random"], ramp.inputs["Fac"])
    surface = nodes["Principled BSDF"]
    links.new(ramp.outputs["Color"], surface.inputs["Base Color"])
    surface.inputs["Roughness"].default_value = 0.42
    surface.inputs["Specular IOR Level"].default_value = 0.45
    return material
