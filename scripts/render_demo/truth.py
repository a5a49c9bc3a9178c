"""Where a figure's joints are in the picture, as rows of COCO-WholeBody's 133 points: x, y, confidence, depth."""

from __future__ import annotations

import bpy
import numpy as np
from bpy_extras.object_utils import world_to_camera_view
from face import jaw_share
from face_points import face_points
from field import Array
from mathutils import Vector
from people import Figure
from skeleton import FINGERS

_BODY = ("upper_arm", "forearm", "hand", "thigh", "shin", "foot")
_HEAD_POINTS = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")


def pose_rows(figure: Figure, scene: bpy.types.Scene, camera: bpy.types.Object) -> list[list[float]]:
    """133 rows at the scene's current frame. Depth is in pixels at the hips' distance, 0 there."""
    figure.rig.update_tag()
    bpy.context.view_layer.update()
    places = np.concatenate([_head_points(figure), _body_points(figure), _foot_points(figure), _face(figure),
                             _hand_points(figure, "L"), _hand_points(figure, "R")])  # fmt: skip
    width, height = scene.render.resolution_x, scene.render.resolution_y
    seen = np.array([world_to_camera_view(scene, camera, Vector(p.tolist())) for p in places])
    hips = float(seen[11:13, 2].mean())
    corners = camera.data.view_frame(scene=scene)
    span = max(c.x for c in corners) - min(c.x for c in corners)
    pixels_per_metre = width / (span * hips / -corners[0].z)
    depth = (seen[:, 2] - hips) * pixels_per_metre
    return np.column_stack([seen[:, 0] * width, (1 - seen[:, 1]) * height, np.ones(len(seen)), depth]).tolist()


def _moved(figure: Figure, bone: str) -> Array:
    """The 4x4 that takes a point from where it rests to where the bone has brought it."""
    posed = figure.rig.pose.bones[bone]
    return np.array(posed.matrix @ posed.bone.matrix_local.inverted())


def _joint(figure: Figure, bone: str, *, tail: bool = False) -> Array:
    rest = figure.bones[bone].tail if tail else figure.bones[bone].head
    return (_moved(figure, bone) @ np.append(rest, 1))[:3]


def _on_head(figure: Figure, points: Array, jaw: Array) -> Array:
    rest = np.column_stack([figure.from_head(points), np.ones(len(points))])
    by_head, by_jaw = rest @ _moved(figure, "head").T, rest @ _moved(figure, "jaw").T
    return (by_head * (1 - jaw[:, None]) + by_jaw * jaw[:, None])[:, :3]


def _head_points(figure: Figure) -> Array:
    points = face_points(figure.head, figure.person.face)
    return _on_head(figure, np.array([points[name] for name in _HEAD_POINTS]), np.zeros(5))


def _face(figure: Figure) -> Array:
    points = np.array(face_points(figure.head, figure.person.face)["ibug"])
    return _on_head(figure, points, jaw_share(points))


def _body_points(figure: Figure) -> Array:
    return np.array([_joint(figure, f"{bone}.{side}") for bone in _BODY for side in "LR"])


def _foot_points(figure: Figure) -> Array:
    """Big toe, small toe, heel; left, then right."""
    found = []
    for side, sign in (("L", 1.0), ("R", -1.0)):
        toes, foot = figure.bones[f"toes.{side}"], figure.bones[f"foot.{side}"]
        forth = (toes.tail - foot.head) * (1, 1, 0)
        forth /= np.linalg.norm(forth)
        across = np.cross(forth, (0, 0, 1)) * -sign
        big, small = toes.tail - across * 0.016, toes.tail + across * 0.028 - forth * 0.035
        heel = foot.head - forth * 0.065 + (0, 0, -foot.head[2] + 0.025)
        for bone, point in ((f"toes.{side}", big), (f"toes.{side}", small), (f"foot.{side}", heel)):
            found.append((_moved(figure, bone) @ np.append(point, 1))[:3])
    return np.array(found)


def _hand_points(figure: Figure, side: str) -> Array:
    """Wrist, then each finger's three joints and tip."""
    found = [_joint(figure, f"hand.{side}")]
    for finger in FINGERS:
        found += [_joint(figure, f"{finger}{number}.{side}") for number in (1, 2, 3)]
        found.append(_joint(figure, f"{finger}3.{side}", tail=True))
    return np.array(found)
