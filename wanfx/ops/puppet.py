"""The reference character as a puppet: its cut-out in layers, meshed and skinned to the bones of its pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.pose import Pose
from wanfx.ops.puppet_depth import depths_of, rest_order
from wanfx.ops.puppet_face import Face, find_face
from wanfx.ops.puppet_joints import LIMBS, RestPose, find_rest_pose
from wanfx.ops.puppet_layers import LayerPicture, cut_layers, shrink_levels
from wanfx.ops.puppet_mesh import Mesh, body_weights, grid_mesh, limb_weights
from wanfx.ops.puppet_parts import BODY, Part, find_parts, label_pixels, soft_shares
from wanfx.ops.puppet_seams import give_back_clothes

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Layer:
    """A part of the puppet that moves as one sheet.

    ``levels`` is its premultiplied RGBA (h, w, 4), plate-linear, unclamped, as it lies at ``box`` of the reference,
    and halved again and again; ``limb`` is ``body`` or one of the limbs.
    """

    name: str
    limb: str
    box: Box
    levels: tuple[Array, ...]
    mesh: Mesh


@dataclass(frozen=True, eq=False)
class Puppet:
    """A character that can perform.

    ``rgba`` is the reference (H, W, 4): premultiplied, plate-linear. ``layers`` are back to front as in the picture;
    ``face`` is None where it shows none; ``missing`` names what else it does not show, which is not drawn.
    """

    rgba: Array
    pose: Pose
    rest: RestPose
    layers: tuple[Layer, ...]
    face: Face | None
    missing: tuple[str, ...]

    def chain(self, limb: str) -> tuple[str, ...]:
        """The joints of a limb that the picture shows, from the body outwards; empty where it shows no such limb."""
        shown = self.rest.limbs[limb]
        return LIMBS[limb][:shown] if shown else ()


def build_puppet(reference: Array, pose: Pose) -> Puppet:
    """The puppet of a cut-out (H, W, 4; premultiplied, linear) whose character stands in ``pose``, in its pixels.

    Raises NothingFoundError, saying why, where the pose does not tell how the body lies.
    """
    alpha = np.clip(reference[..., 3], 0, 1)
    rest = find_rest_pose(alpha, pose)
    parts = find_parts(alpha, rest)
    labels = give_back_clothes(label_pixels(alpha, rest, parts), reference, rest, parts)
    shares = soft_shares(alpha, labels, parts)
    order = rest_order(depths_of(pose, [BODY, *(part.name for part in parts)]), size_px=rest.torso_px)
    pictures = cut_layers(reference, shares, parts, rest, order=order)
    by_name = {part.name: part for part in parts}
    layers = tuple(_layer(picture, by_name.get(picture.name), rest) for picture in pictures.values())
    return Puppet(reference, pose, rest, layers, find_face(pose), rest.missing)


def _layer(picture: LayerPicture, part: Part | None, rest: RestPose) -> Layer:
    vertices, triangles = grid_mesh(picture.rgba[..., 3], picture.box)
    if part is None:
        weights, limb = body_weights(vertices, rest), BODY
    else:
        weights, limb = limb_weights(vertices, part, LIMBS[part.limb][: rest.limbs[part.limb]], rest), part.limb
    return Layer(picture.name, limb, picture.box, shrink_levels(picture.rgba), Mesh(vertices, triangles, weights))
