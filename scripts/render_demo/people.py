"""The two figures of the demo, and how either is put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import bpy
import face as faces
import hair
import numpy as np
from face import FaceShape
from field import Array, Solid
from figure import arm, hand, nail_share, neck, shoe
from hair import HairCut
from rig import bind, hang, make_armature, make_mesh, paint_material
from skeleton import SIDES, Bone, Build, rest_skeleton
from wardrobe import Outfit, shirt, shirt_color, shoe_color, trousers


@dataclass(frozen=True)
class Person:
    name: str
    build: Build
    face: FaceShape
    hair: HairCut
    outfit: Outfit


ACTOR = Person(
    "actor",
    Build(
        height=1.78, shoulder_half=0.178, hip_half=0.088, girth=1.0, chest=(0.152, 0.104), waist=(0.133, 0.094),
        hips=(0.150, 0.100), bust=0.0, neck=1.0, head=0.245, hand=1.02,
    ),
    FaceShape(
        jaw=1.0, chin=1.05, nose=1.0, lips=1.0, eyes=1.08, brow_thickness=1.25, skin=(0.54, 0.295, 0.19),
        lip_color=(0.40, 0.125, 0.10), brow_color=(0.028, 0.016, 0.010), iris=(0.06, 0.11, 0.10), lashes=0.8,
        stubble=0.22,
    ),
    HairCut("short", (0.045, 0.024, 0.013), strands=7000, locks=260, seed=7),
    Outfit(
        "stripes", sleeve=0.40, hem=0.500, top_color=(0.62, 0.60, 0.54), accent=(0.028, 0.075, 0.20),
        trousers=(0.085, 0.072, 0.060), shoe=(0.42, 0.055, 0.035), sole=(0.72, 0.70, 0.66), shirt=(0.6, 0.6, 0.6),
    ),
)  # fmt: skip
REFERENCE = Person(
    "reference",
    Build(
        height=1.70, shoulder_half=0.156, hip_half=0.090, girth=0.86, chest=(0.126, 0.092), waist=(0.104, 0.080),
        hips=(0.150, 0.102), bust=0.020, neck=0.80, head=0.238, hand=0.94,
    ),
    FaceShape(
        jaw=0.86, chin=0.8, nose=0.82, lips=1.12, eyes=1.2, brow_thickness=1.05, skin=(0.68, 0.43, 0.32),
        lip_color=(0.52, 0.12, 0.115), brow_color=(0.12, 0.035, 0.015), iris=(0.06, 0.20, 0.10), lashes=1.0,
        stubble=0.0,
    ),
    HairCut("long", (0.36, 0.075, 0.018), strands=15000, locks=420, seed=3),
    Outfit(
        "jacket", sleeve=0.90, hem=0.500, top_color=(0.030, 0.175, 0.080), accent=(0.012, 0.075, 0.036),
        trousers=(0.030, 0.040, 0.085), shoe=(0.62, 0.60, 0.56), sole=(0.30, 0.10, 0.04), shirt=(0.74, 0.70, 0.60),
    ),
)  # fmt: skip


@dataclass(eq=False)
class Figure:
    person: Person
    bones: dict[str, Bone]
    rig: bpy.types.Object
    head: Solid
    things: list[bpy.types.Object]

    def from_head(self, points: Array) -> Array:
        """The head's own axes to where the figure rests."""
        build = self.person.build
        scale = build.head / 0.24
        return np.asarray(points, np.float32) * scale + np.array([0, 0, build.height - 0.241 * scale], np.float32)


def make_figure(person: Person, *, fineness: float = 1.0) -> Figure:
    """A posable figure; ``fineness`` below 1 coarsens its meshes, for trials."""
    bones = rest_skeleton(person.build)
    rig = make_armature(person.name, bones)
    figure = Figure(person, bones, rig, faces.head_solid(person.face), [])
    skin = paint_material(f"{person.name}.skin", roughness=0.48, subsurface=0.12)
    _add_head(figure, skin, fineness)
    _add_hair(figure, fineness)
    _add_skin(figure, skin, fineness)
    _add_clothes(figure, fineness)
    return figure


def _add(figure: Figure, name: str, solid: Solid, voxel: float, material: bpy.types.Material, softness: float,
         color) -> None:  # fmt: skip
    vertices, quads = solid.mesh(voxel)
    thing = make_mesh(f"{figure.person.name}.{name}", vertices, quads, color(vertices), material)
    bind(thing, figure.rig, solid.weights(vertices, softness))
    figure.things.append(thing)


def _add_head(figure: Figure, skin: bpy.types.Material, fineness: float) -> None:
    person = figure.person
    vertices, quads = figure.head.mesh(0.0015 / fineness)
    color = faces.skin_color(vertices, person.face)
    scalp = hair.on_scalp(vertices)[:, None] * (np.abs(vertices[:, :1]) < 0.079)
    color = color * (1 - 0.9 * scalp) + np.array(person.hair.color) * 0.6 * 0.9 * scalp
    thing = make_mesh(f"{person.name}.head", figure.from_head(vertices), quads, color, skin)
    jaw = faces.jaw_share(vertices)
    bind(thing, figure.rig, {"head": 1 - jaw, "jaw": jaw})
    figure.things.append(thing)
    wet = paint_material(f"{person.name}.eye", roughness=0.25, clear=True)
    for sign in (1, -1):
        ball, faces_of, paint = faces.eyeball(person.face, sign)
        eye = make_mesh(f"{person.name}.eye", figure.from_head(ball), faces_of, paint, wet)
        bind(eye, figure.rig, {"head": np.ones(len(ball))})
        figure.things.append(eye)
    teeth, quads = faces.teeth().mesh(0.0015)
    tooth = make_mesh(f"{person.name}.teeth", figure.from_head(teeth), quads, np.full((len(teeth), 3), 0.72), wet)
    bind(tooth, figure.rig, {"head": np.ones(len(teeth))})
    figure.things.append(tooth)


def _add_hair(figure: Figure, fineness: float) -> None:
    cut = figure.person.hair
    name = f"{figure.person.name}.hair"
    strands = figure.from_head(hair.grow(figure.head, cut))
    thing = hair.make_hair(name, strands, cut.color, radius=0.00042 if cut.style == "long" else 0.00050)
    hang(thing, figure.rig, "head")
    figure.things.append(thing)
    mass = hair.hair_volume(cut)
    if mass is not None:
        vertices, quads = mass.mesh(0.004 / fineness)
        color = np.tile(np.array(cut.color) * 0.45, (len(vertices), 1))
        thing = make_mesh(f"{name}.mass", figure.from_head(vertices), quads, color, paint_material(name, roughness=0.8))
        bind(thing, figure.rig, {"head": np.ones(len(vertices))})
        figure.things.append(thing)


def _add_skin(figure: Figure, skin: bpy.types.Material, fineness: float) -> None:
    person, bones = figure.person, figure.bones
    tone = np.array(person.face.skin, np.float32)

    def plain(points: Array) -> Array:
        return np.tile(tone, (len(points), 1))

    _add(figure, "neck", Solid(neck(person.build, bones)), 0.004 / fineness, skin, 0.02, plain)
    for side, _ in SIDES:

        def hand_paint(points: Array, side: str = side) -> Array:
            nails = nail_share(points, bones, side)[:, None]
            return plain(points) * (1 - 0.5 * nails) + tone * (1.15, 0.95, 0.95) * 0.5 * nails

        _add(figure, f"hand.{side}", hand(person.build, bones, side), 0.002 / fineness, skin, 0.0035, hand_paint)
        if person.outfit.sleeve < 0.8:
            bare = Solid(arm(person.build, bones, side), cuts=[_under_sleeve(bones, side, person.outfit.sleeve)])
            _add(figure, f"arm.{side}", bare, 0.004 / fineness, skin, 0.012, plain)


def _under_sleeve(bones: dict[str, Bone], side: str, sleeve: float) -> Callable[[Array], Array]:
    """What of an arm no one sees, and would only poke out at the armpit."""
    shoulder, wrist = bones[f"upper_arm.{side}"].head, bones[f"forearm.{side}"].tail
    axis = wrist - shoulder
    return lambda p: (sleeve - 0.10 - (p - shoulder) @ axis / (axis @ axis)) * np.linalg.norm(axis)


def _add_clothes(figure: Figure, fineness: float) -> None:
    person, bones = figure.person, figure.bones
    build, outfit = person.build, person.outfit
    cloth = paint_material(f"{person.name}.cloth", roughness=0.85, weave=0.25, sheen=0.15)
    leather = paint_material(f"{person.name}.shoes", roughness=0.5)
    _add(figure, "top", shirt(build, bones, outfit), 0.004 / fineness, cloth, 0.014,
         lambda p: shirt_color(p, build, bones, outfit))  # fmt: skip
    _add(figure, "trousers", trousers(build, bones), 0.004 / fineness, cloth, 0.018,
         lambda p: np.tile(np.array(outfit.trousers), (len(p), 1)))  # fmt: skip
    for side, _ in SIDES:
        _add(
            figure, f"shoe.{side}", shoe(bones, side), 0.003 / fineness, leather, 0.010, lambda p: shoe_color(p, outfit)
        )
