"""Run by Blender's Python: ``pick_in_blender.py JOB.json``. Picks mattes from Cryptomattes with Blender's own node.

The job holds ``file``, ``size``, ``working_space``, ``picks`` (name to the EXR that the matte is written to) and
``answer``, the JSON file for what Blender says of the file.
"""

import json
import os
import sys
from pathlib import Path

import bpy


def _layers(node):
    """The layers that Blender offers; its list is made anew for each file, and only its complaint tells it."""
    try:
        node.layer_name = "no such layer"
    except TypeError as error:
        return str(error).partition("not found in ")[2]
    return "no such layer"


def _build(picture):
    """A compositor in which the picked matte is the picture that is rendered."""
    tree = bpy.data.node_groups.new("pick", "CompositorNodeTree")
    bpy.context.scene.compositing_node_group = tree
    tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    node = tree.nodes.new("CompositorNodeCryptomatteV2")
    node.source = "IMAGE"
    node.image = picture
    tree.links.new(node.outputs["Matte"], tree.nodes.new("NodeGroupOutput").inputs[0])
    return node


def _prepare(scene, size):
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)
    scene.camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(scene.camera)
    render = scene.render
    render.engine = "BLENDER_WORKBENCH"
    render.resolution_x, render.resolution_y = size
    render.resolution_percentage = 100
    render.compositor_device = "CPU"
    render.image_settings.file_format = "OPEN_EXR"
    render.image_settings.color_mode = "RGB"
    render.image_settings.color_depth = "32"


def main(job):
    scene = bpy.context.scene
    _prepare(scene, job["size"])
    bpy.ops.wm.set_working_color_space(working_space=job["working_space"], convert_colors=True)
    picture = bpy.data.images.load(job["file"])
    node = _build(picture)
    answer = {
        "version": bpy.app.version_string,
        "working_space": bpy.data.colorspace.working_space,
        "is_data": picture.colorspace_settings.is_data,
        "layers": _layers(node),
        "found": {},
    }
    for name, target in job["picks"].items():
        node.matte_id = name
        answer["found"][name] = [entry.name for entry in node.entries]
        scene.render.filepath = target
        bpy.ops.render.render(write_still=True)
    Path(job["answer"]).write_text(json.dumps(answer), encoding="utf-8")


main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
sys.stdout.flush()
# Blender may hang in its own destructors.
os._exit(0)
