"""The set: a room in the evening with a brick wall, prints, shelves, a chair, a plant, and lamps in the picture.

Metres; the wall is behind the actor (who stands at the origin and looks along -y), the camera before him.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import bpy
import numpy as np
from field import Array
from materials import brick_material, glow_material, print_material, wood_material
from mathutils import Vector
from rig import make_mesh, paint_material

WALL_Y = 1.9
Color = tuple[float, float, float]
_BOOK_COLORS: tuple[Color, ...] = (
    (0.30, 0.05, 0.04), (0.05, 0.10, 0.22), (0.40, 0.32, 0.18), (0.04, 0.14, 0.09), (0.5, 0.47, 0.4),
    (0.45, 0.20, 0.05), (0.07, 0.06, 0.06),
)  # fmt: skip
# Of each print: across and up the wall, width, height.
_PRINTS = (
    (-1.75, 1.62, 0.62, 0.84), (-0.92, 1.72, 0.50, 0.64), (0.98, 1.66, 0.70, 0.90), (2.62, 1.72, 0.56, 0.72)
)  # fmt: skip
_BOX = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])
_SIDES = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])


@dataclass
class Boxes:
    """Boxes of several colours that become one mesh."""

    vertices: list[Array] = field(default_factory=list)
    colors: list[Array] = field(default_factory=list)

    def add(self, middle: tuple[float, float, float], size: tuple[float, float, float], color: Color,
            lean_deg: float = 0.0) -> None:  # fmt: skip
        c, s = np.cos(np.radians(lean_deg)), np.sin(np.radians(lean_deg))
        self.vertices.append((_BOX * size) @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]]) + middle)
        self.colors.append(np.tile(color, (8, 1)))

    def build(self, name: str, *, bevel: float, roughness: float = 0.7, weave: float = 0.0) -> bpy.types.Object:
        quads = np.concatenate([_SIDES + 8 * index for index in range(len(self.vertices))])
        material = paint_material(name, roughness=roughness, weave=weave)
        thing = make_mesh(name, np.concatenate(self.vertices), quads, np.concatenate(self.colors), material)
        modifier = thing.modifiers.new("bevel", "BEVEL")
        modifier.width, modifier.segments = bevel, 3
        modifier.limit_method = "NONE"
        return thing


def make_stage() -> None:
    """Everything but the actor and the camera."""
    random = np.random.default_rng(11)
    _shell()
    _prints()
    _shelves(random)
    _chair()
    _plant(random)
    _lamps(random)
    _lights()


def plane(name: str, middle: Array | tuple, size: tuple[float, float], material: bpy.types.Material, *,
          upright: bool) -> bpy.types.Object:  # fmt: skip
    w, h = size[0] / 2, size[1] / 2
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([(-w, -h, 0), (w, -h, 0), (w, h, 0), (-w, h, 0)], [], [(0, 1, 2, 3)])
    mesh.materials.append(material)
    thing = bpy.data.objects.new(name, mesh)
    thing.location = middle
    thing.rotation_euler = (np.pi / 2, 0, 0) if upright else (0, 0, 0)
    bpy.context.scene.collection.objects.link(thing)
    return thing


def ball(name: str, middle: tuple[float, float, float], radius: float, material: bpy.types.Material) -> None:
    bpy.ops.mesh.primitive_uv_sphere_add(radius=radius, location=middle, segments=32, ring_count=16)
    thing = bpy.context.object
    thing.name = name
    thing.data.shade_smooth()
    thing.data.materials.append(material)


def rod(name: str, a: tuple[float, float, float], b: tuple[float, float, float], radius: float, color: Color) -> None:
    axis = Vector(b) - Vector(a)
    bpy.ops.mesh.primitive_cylinder_add(
        radius=radius, depth=axis.length, location=(Vector(a) + Vector(b)) / 2, vertices=24
    )
    thing = bpy.context.object
    thing.name = name
    thing.rotation_euler = axis.to_track_quat("Z", "Y").to_euler()
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    surface = material.node_tree.nodes["Principled BSDF"]
    surface.inputs["Base Color"].default_value = (*color, 1)
    surface.inputs["Metallic"].default_value = 0.8
    surface.inputs["Roughness"].default_value = 0.35
    thing.data.materials.append(material)


def _shell() -> None:
    plane("wall", (0, WALL_Y, 1.7), (12, 3.4), brick_material(), upright=True)
    plane("floor", (0, -2, 0), (12, 8), wood_material(), upright=False)
    skirting = Boxes()
    skirting.add((0, WALL_Y - 0.012, 0.06), (12, 0.03, 0.12), (0.36, 0.33, 0.28))
    skirting.build("skirting", bevel=0.006)
    rug = Boxes()
    rug.add((0.1, 0.1, 0.004), (2.7, 1.5, 0.012), (0.16, 0.035, 0.03))
    rug.add((0.1, 0.1, 0.0055), (2.45, 1.25, 0.012), (0.30, 0.24, 0.16))
    rug.add((0.1, 0.1, 0.007), (2.30, 1.10, 0.012), (0.10, 0.045, 0.05))
    rug.build("rug", bevel=0.002, roughness=0.95, weave=0.6)


def _prints() -> None:
    frames = Boxes()
    for index, (x, z, w, h) in enumerate(_PRINTS):
        frames.add((x, WALL_Y - 0.015, z), (w + 0.06, 0.03, h + 0.06), (0.03, 0.025, 0.02))
        plane(f"print{index}", (x, WALL_Y - 0.034, z), (w, h), print_material(index), upright=True)
    frames.build("frames", bevel=0.004, roughness=0.4)


def _shelves(random: np.random.Generator) -> None:
    wood, books = Boxes(), Boxes()
    brown: Color = (0.20, 0.105, 0.05)
    for x in (-3.62, -2.42):
        wood.add((x, WALL_Y - 0.17, 0.95), (0.035, 0.32, 1.9), brown)
    for level in range(6):
        z = 0.06 + level * 0.365
        wood.add((-3.02, WALL_Y - 0.17, z), (1.2, 0.32, 0.03), brown)
        x = -3.58
        while level < 5 and x < -2.62:
            width, height = random.uniform(0.022, 0.055), random.uniform(0.19, 0.30)
            color = np.array(_BOOK_COLORS[random.integers(len(_BOOK_COLORS))])
            lean = random.choice([0, 0, 0, 4])
            books.add((x + width / 2, WALL_Y - 0.16 - random.uniform(0, 0.03), z + 0.016 + height / 2),
                      (width, 0.20, height), tuple(color * random.uniform(0.7, 1.2)), lean)  # fmt: skip
            x += width + random.choice([0.002, 0.002, 0.003, 0.14], p=[0.4, 0.3, 0.2, 0.1])
    wood.build("shelves", bevel=0.004, roughness=0.5)
    books.build("books", bevel=0.003)


def _chair() -> None:
    cloth: Color = (0.38, 0.20, 0.035)
    chair = Boxes()
    chair.add((2.15, 1.15, 0.30), (0.62, 0.66, 0.22), cloth)
    chair.add((2.15, 1.12, 0.45), (0.56, 0.60, 0.13), (0.42, 0.225, 0.045))
    chair.add((2.15, 1.42, 0.62), (0.74, 0.17, 0.72), cloth)
    for x in (1.80, 2.50):
        chair.add((x, 1.15, 0.42), (0.14, 0.70, 0.40), cloth)
    chair.build("chair", bevel=0.05, roughness=0.9, weave=0.5)
    for x in (1.84, 2.46):
        for y in (0.86, 1.42):
            rod("chair leg", (x, y, 0), (x, y, 0.22), 0.018, (0.08, 0.05, 0.03))


def _plant(random: np.random.Generator) -> None:
    """Long leaves, each a bent strip."""
    bpy.ops.mesh.primitive_cone_add(radius1=0.15, radius2=0.20, depth=0.34, location=(3.25, 1.35, 0.17), vertices=40)
    pot = paint_material("pot", roughness=0.5)
    pot.node_tree.nodes["Attribute"].attribute_name = "none"
    pot.node_tree.links.clear()
    surface = pot.node_tree.nodes["Principled BSDF"]
    surface.inputs["Base Color"].default_value = (0.42, 0.13, 0.06, 1)
    pot.node_tree.links.new(surface.outputs[0], pot.node_tree.nodes["Material Output"].inputs[0])
    bpy.context.object.data.materials.append(pot)
    vertices, quads, colors = [], [], []
    along = np.linspace(0, 1, 9)
    for index in range(46):
        angle, length = random.uniform(0, 2 * np.pi), random.uniform(0.5, 1.05)
        out = np.array([np.cos(angle), np.sin(angle), 0])
        side = np.array([-np.sin(angle), np.cos(angle), 0])
        droop = random.uniform(0.25, 0.9)
        spine = np.array([3.25, 1.35, 0.33]) + length * (
            out * (0.55 * along**1.3)[:, None] + np.array([0, 0, 1]) * (along - droop * 0.6 * along**2.6)[:, None]
        )
        half = 0.030 * np.sin(np.pi * (0.06 + 0.94 * along)) ** 0.7
        vertices.append(np.stack([spine - side * half[:, None], spine + side * half[:, None]], 1).reshape(-1, 3))
        start = 18 * index + 2 * np.arange(8)
        quads.append(np.stack([start, start + 1, start + 3, start + 2], axis=1))
        colors.append(np.tile(np.array([0.05, 0.16, 0.035]) * random.uniform(0.6, 1.4), (18, 1)))
    make_mesh("plant", np.concatenate(vertices), np.concatenate(quads), np.concatenate(colors),
              paint_material("leaf", roughness=0.45))  # fmt: skip


def _lamps(random: np.random.Generator) -> None:
    """A globe on a stand, and a string of small bulbs along the wall: they are brighter than 1.0 in the picture."""
    rod("stand", (-1.32, 1.45, 0.02), (-1.32, 1.45, 1.36), 0.014, (0.30, 0.24, 0.12))
    rod("stand foot", (-1.32, 1.45, 0), (-1.32, 1.45, 0.03), 0.15, (0.30, 0.24, 0.12))
    ball("globe", (-1.32, 1.45, 1.47), 0.125, glow_material("globe", (20.0, 13.0, 6.6)))
    bulb = glow_material("bulb", (46.0, 31.0, 15.0))
    bulb.cycles.emission_sampling = "NONE"
    for index, x in enumerate(np.linspace(-3.9, 3.9, 16)):
        sag = 2.34 - 0.16 * np.sin(np.pi * ((index * 0.25) % 1.0)) + 0.01 * random.standard_normal()
        ball("bulb", (float(x), WALL_Y - 0.07, float(sag)), 0.024, bulb)
        rod(
            "cord",
            (float(x), WALL_Y - 0.07, float(sag) + 0.02),
            (float(x), WALL_Y - 0.05, 2.56),
            0.004,
            (0.02, 0.02, 0.02),
        )
    rod("line", (-5, WALL_Y - 0.05, 2.56), (5, WALL_Y - 0.05, 2.56), 0.006, (0.02, 0.02, 0.02))


def area_light(place: tuple[float, float, float], at: tuple[float, float, float], size: float, watts: float,
               color: Color, *, spread_deg: float = 180) -> None:  # fmt: skip
    light = bpy.data.lights.new("light", "AREA")
    light.shape, light.size, light.energy, light.color = "DISK", size, watts, color
    light.spread = np.radians(spread_deg)
    thing = bpy.data.objects.new("light", light)
    thing.location = place
    thing.rotation_euler = (Vector(at) - Vector(place)).to_track_quat("-Z", "Y").to_euler()
    thing.visible_camera = False
    bpy.context.scene.collection.objects.link(thing)


def _lights() -> None:
    area_light((-2.3, -3.0, 2.9), (0, 0, 1.1), 1.3, 165, (1.0, 0.93, 0.84))
    area_light((3.0, -2.4, 1.9), (0, 0, 1.1), 1.8, 45, (0.80, 0.90, 1.0))
    area_light((2.6, 1.3, 2.9), (0, 0, 1.2), 0.7, 60, (1.0, 0.82, 0.62), spread_deg=80)
    ambient(0.16)


def ambient(level: float) -> None:
    world = bpy.data.worlds.new("world")
    bpy.context.scene.world = world
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs[0].default_value = (level * 0.9, level, level * 1.12, 1)
