"""A figure in Blender: its armature, and its meshes with their weights, colours and materials."""

from __future__ import annotations

import bpy
import numpy as np
from field import Array
from mathutils import Matrix, Vector
from skeleton import Bone


def make_armature(name: str, bones: dict[str, Bone]) -> bpy.types.Object:
    armature = bpy.data.armatures.new(name)
    rig = bpy.data.objects.new(name, armature)
    bpy.context.scene.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    for bone in bones.values():
        edit = armature.edit_bones.new(bone.name)
        edit.head, edit.tail = Vector(bone.head.tolist()), Vector(bone.tail.tolist())
        if bone.parent:
            edit.parent = armature.edit_bones[bone.parent]
    bpy.ops.object.mode_set(mode="OBJECT")
    rig.hide_render = False
    return rig


def make_mesh(name: str, vertices: Array, quads: Array, color: Array, material: bpy.types.Material) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(len(vertices))
    mesh.vertices.foreach_set("co", vertices.astype(np.float32).ravel())
    mesh.loops.add(quads.size)
    mesh.loops.foreach_set("vertex_index", quads.astype(np.int32).ravel())
    mesh.polygons.add(len(quads))
    mesh.polygons.foreach_set("loop_start", np.arange(0, quads.size, 4, dtype=np.int32))
    mesh.update(calc_edges=True)
    mesh.validate()
    mesh.shade_smooth()
    attribute = mesh.color_attributes.new("paint", "FLOAT_COLOR", "POINT")
    attribute.data.foreach_set("color", np.c_[color, np.ones(len(vertices))].astype(np.float32).ravel())
    mesh.materials.append(material)
    thing = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(thing)
    return thing


def bind(thing: bpy.types.Object, rig: bpy.types.Object, weights: dict[str, Array]) -> None:
    """Skins a mesh to an armature; weights below a hundredth are left out."""
    for bone, shares in weights.items():
        group = thing.vertex_groups.new(name=bone)
        steps = np.round(shares * 50).astype(int)
        for step in np.unique(steps[steps > 0]):
            group.add(np.flatnonzero(steps == step).tolist(), step / 50, "REPLACE")
    thing.parent = rig
    modifier = thing.modifiers.new("armature", "ARMATURE")
    modifier.object = rig


def hang(thing: bpy.types.Object, rig: bpy.types.Object, bone: str) -> None:
    """Fastens a thing made at its resting place to one bone."""
    constraint = thing.constraints.new("ARMATURE")
    target = constraint.targets.new()
    target.target, target.subtarget = rig, bone


def set_pose(rig: bpy.types.Object, turns: dict[str, Array], shift: Array, frame: float) -> None:
    """Keys a pose: each bone's rotation about its own head relative to its parent, in the armature's axes."""
    for bone in rig.pose.bones:
        rest = bone.bone.matrix_local.to_3x3()
        local = rest.inverted() @ Matrix(turns.get(bone.name, np.eye(3)).tolist()) @ rest
        bone.rotation_mode = "QUATERNION"
        previous = bone.rotation_quaternion.copy()
        quaternion = local.to_quaternion()
        quaternion.make_compatible(previous)
        bone.rotation_quaternion = quaternion
        bone.keyframe_insert("rotation_quaternion", frame=frame)
    root = rig.pose.bones["pelvis"]
    root.location = root.bone.matrix_local.to_3x3().inverted() @ Vector(shift.tolist())
    root.keyframe_insert("location", frame=frame)


def paint_material(name: str, *, roughness: float, subsurface: float = 0.0, weave: float = 0.0, sheen: float = 0.0,
                   clear: bool = False) -> bpy.types.Material:  # fmt: skip
    """A surface of the mesh's own colours. ``weave`` is the bump of a cloth's thread."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    surface = nodes["Principled BSDF"]
    paint = nodes.new("ShaderNodeAttribute")
    paint.attribute_name = "paint"
    links.new(paint.outputs["Color"], surface.inputs["Base Color"])
    surface.inputs["Roughness"].default_value = roughness
    surface.inputs["Sheen Weight"].default_value = sheen
    if subsurface:
        surface.inputs["Subsurface Weight"].default_value = subsurface
        surface.inputs["Subsurface Radius"].default_value = (0.010, 0.0035, 0.0018)
        surface.inputs["Subsurface Scale"].default_value = 1.0
    if clear:
        surface.inputs["Coat Weight"].default_value = 1.0
        surface.inputs["Coat Roughness"].default_value = 0.03
    if weave:
        noise, bump = nodes.new("ShaderNodeTexNoise"), nodes.new("ShaderNodeBump")
        place = nodes.new("ShaderNodeTexCoord")
        links.new(place.outputs["Generated"], noise.inputs["Vector"])
        noise.inputs["Scale"].default_value = 260
        bump.inputs["Strength"].default_value = weave
        bump.inputs["Distance"].default_value = 0.002
        links.new(noise.outputs["Fac"], bump.inputs["Height"])
        links.new(bump.outputs["Normal"], surface.inputs["Normal"])
    return material
