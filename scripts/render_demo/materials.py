"""The set's procedural materials."""

from __future__ import annotations

import bpy

_PRINT_COLORS = (
    ((0.62, 0.55, 0.40), (0.50, 0.07, 0.04), (0.05, 0.09, 0.15)),
    ((0.70, 0.66, 0.55), (0.05, 0.16, 0.20), (0.10, 0.28, 0.30)),
    ((0.72, 0.68, 0.58), (0.60, 0.22, 0.05), (0.045, 0.15, 0.19)),
    ((0.30, 0.06, 0.10), (0.75, 0.55, 0.35), (0.04, 0.10, 0.10)),
)


class Nodes:
    """Short names for making and linking a material's nodes."""

    def __init__(self, name: str) -> None:
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.surface = self.tree.nodes["Principled BSDF"]

    def new(self, kind: str, **values: object) -> bpy.types.Node:
        node = self.tree.nodes.new(kind)
        for key, value in values.items():
            name = key.replace("_", " ")
            if name in node.inputs:
                node.inputs[name].default_value = value
            else:
                setattr(node, key, value)
        return node

    def link(self, source: bpy.types.NodeSocket, target: bpy.types.NodeSocket) -> None:
        self.tree.links.new(source, target)

    def bump(self, height: bpy.types.NodeSocket, *, strength: float, distance: float) -> None:
        node = self.new("ShaderNodeBump", Strength=strength, Distance=distance)
        self.link(height, node.inputs["Height"])
        self.link(node.outputs["Normal"], self.surface.inputs["Normal"])


def brick_material() -> bpy.types.Material:
    n = Nodes("brick")
    place = n.new("ShaderNodeTexCoord")
    warp = n.new("ShaderNodeTexNoise", Scale=3.0, Detail=4.0)
    mix = n.new("ShaderNodeMix", data_type="VECTOR")
    mix.inputs[0].default_value = 0.012
    n.link(place.outputs["Object"], warp.inputs["Vector"])
    n.link(place.outputs["Object"], mix.inputs[4])
    n.link(warp.outputs["Color"], mix.inputs[5])
    brick = n.new(
        "ShaderNodeTexBrick", Scale=1.0, Mortar_Size=0.007, Mortar_Smooth=0.3, Brick_Width=0.235, Row_Height=0.078
    )
    brick.inputs["Color1"].default_value = (0.27, 0.098, 0.060, 1)
    brick.inputs["Color2"].default_value = (0.16, 0.056, 0.040, 1)
    brick.inputs["Mortar"].default_value = (0.28, 0.25, 0.21, 1)
    n.link(mix.outputs[1], brick.inputs["Vector"])
    noise = n.new("ShaderNodeTexNoise", Scale=22.0, Detail=8.0, Roughness=0.65)
    n.link(place.outputs["Object"], noise.inputs["Vector"])
    stain = n.new("ShaderNodeMix", data_type="RGBA", blend_type="OVERLAY")
    stain.inputs[0].default_value = 0.75
    n.link(brick.outputs["Color"], stain.inputs[6])
    n.link(noise.outputs["Fac"], stain.inputs[7])
    n.link(stain.outputs[2], n.surface.inputs["Base Color"])
    n.surface.inputs["Roughness"].default_value = 0.9
    n.bump(brick.outputs["Fac"], strength=-0.8, distance=0.008)
    return n.material


def wood_material() -> bpy.types.Material:
    n = Nodes("wood")
    place = n.new("ShaderNodeTexCoord")
    planks = n.new("ShaderNodeTexBrick", Scale=1.0, Mortar_Size=0.0025, Brick_Width=1.35, Row_Height=0.13)
    planks.inputs["Color1"].default_value = (0.30, 0.155, 0.070, 1)
    planks.inputs["Color2"].default_value = (0.19, 0.092, 0.042, 1)
    planks.inputs["Mortar"].default_value = (0.03, 0.015, 0.008, 1)
    n.link(place.outputs["Object"], planks.inputs["Vector"])
    stretch = n.new("ShaderNodeMapping", Scale=(3.0, 55.0, 1.0))
    grain = n.new("ShaderNodeTexNoise", Scale=1.0, Detail=6.0)
    n.link(place.outputs["Object"], stretch.inputs["Vector"])
    n.link(stretch.outputs["Vector"], grain.inputs["Vector"])
    mix = n.new("ShaderNodeMix", data_type="RGBA", blend_type="OVERLAY")
    mix.inputs[0].default_value = 0.8
    n.link(planks.outputs["Color"], mix.inputs[6])
    n.link(grain.outputs["Fac"], mix.inputs[7])
    n.link(mix.outputs[2], n.surface.inputs["Base Color"])
    n.surface.inputs["Roughness"].default_value = 0.42
    n.bump(grain.outputs["Fac"], strength=0.15, distance=0.003)
    return n.material


def print_material(index: int) -> bpy.types.Material:
    """A picture of flat shapes: rings, cells, waves or checks in three colours."""
    n = Nodes(f"print{index}")
    place = n.new("ShaderNodeTexCoord")
    shapes = (
        ("ShaderNodeTexWave", "Fac", {"Scale": 4.0, "Distortion": 3.0, "wave_type": "RINGS"}),
        ("ShaderNodeTexVoronoi", "Distance", {"Scale": 6.0}),
        ("ShaderNodeTexWave", "Fac", {"Scale": 3.0, "Distortion": 9.0, "Detail": 1.0}),
        ("ShaderNodeTexVoronoi", "Distance", {"Scale": 9.0, "distance": "MANHATTAN"}),
    )
    kind, output, values = shapes[index]
    texture = n.new(kind, **values)
    n.link(place.outputs["Object"], texture.inputs["Vector"])
    ramp = n.new("ShaderNodeValToRGB")
    ramp.color_ramp.interpolation = "CONSTANT"
    first, second, third = _PRINT_COLORS[index]
    ramp.color_ramp.elements[0].color = (*first, 1)
    ramp.color_ramp.elements[1].position, ramp.color_ramp.elements[1].color = 0.62, (*third, 1)
    ramp.color_ramp.elements.new(0.36).color = (*second, 1)
    n.link(texture.outputs[output], ramp.inputs["Fac"])
    n.link(ramp.outputs["Color"], n.surface.inputs["Base Color"])
    n.surface.inputs["Roughness"].default_value = 0.35
    return n.material


def glow_material(name: str, radiance: tuple[float, float, float]) -> bpy.types.Material:
    """A surface that gives off so much scene-linear Rec.709 light."""
    n = Nodes(name)
    glow = n.new("ShaderNodeEmission", Strength=1.0)
    glow.inputs["Color"].default_value = (*radiance, 1)
    n.link(glow.outputs[0], n.tree.nodes["Material Output"].inputs["Surface"])
    return n.material
