"""A puppet drawn as it performs in a frame."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.pose import Points
from wanfx.ops.puppet import Layer, Puppet
from wanfx.ops.puppet_face import move_face
from wanfx.ops.puppet_parts import BODY
from wanfx.ops.puppet_raster import draw_map
from wanfx.ops.puppet_skin import place_corners
from wanfx.ops.retarget import Motion

Array = npt.NDArray[np.float32]


def draw_puppet(puppet: Puppet, motion: Motion, *, box: Box, pixel_aspect: float) -> Array:
    """The puppet (H, W, 4) as it lies in ``box`` of the canvas: premultiplied, linear, unclamped.

    Each layer is averaged by a filter that changes smoothly with the scale, then sampled through its mesh, with its
    own soft alpha, and laid over those behind it. (Motion blur would be the mean of drawings at times within the
    shutter, of motions interpolated between frames, made here.)
    """
    out = np.zeros((box.height, box.width, 4), np.float32)
    layers = {layer.name: layer for layer in puppet.layers}
    for name in motion.order:
        layer = layers[name]
        corners = place_corners(puppet, layer, motion) / (pixel_aspect, 1.0)
        place = _bounds(corners).clip(box)
        if not place.is_empty:
            drawn = _draw_layer(puppet, layer, motion, corners, place, pixel_aspect)
            view = out[place.slices(box)]
            view *= 1 - drawn[..., 3:]
            view += drawn
    return out


def puppet_box(puppet: Puppet, motion: Motion, *, pixel_aspect: float) -> Box:
    """The canvas box that the puppet covers; empty where there is nothing to draw."""
    box = Box(0, 0, 0, 0)
    for layer in puppet.layers:
        bounds = _bounds(place_corners(puppet, layer, motion) / (pixel_aspect, 1.0))
        box = bounds if box.is_empty else box.union(bounds)
    return box


def _bounds(corners: Points) -> Box:
    if len(corners) == 0:
        return Box(0, 0, 0, 0)
    low, high = np.floor(corners.min(axis=0)).astype(int), np.ceil(corners.max(axis=0)).astype(int)
    return Box(int(low[0]), int(low[1]), int(high[0]), int(high[1]))


def _draw_layer(
    puppet: Puppet, layer: Layer, motion: Motion, corners: Points, place: Box, pixel_aspect: float
) -> Array:
    across, down = motion.scale / pixel_aspect, motion.scale
    halvings = int(np.clip(np.floor(-np.log2(max(min(across, down), 1e-6))), 0, len(layer.levels) - 1))
    step = 2**halvings
    picture = layer.levels[halvings]
    if layer.limb == BODY and puppet.face is not None:
        picture = move_face(picture, puppet.face, box=layer.box, step=step, doing=motion.face)
    picture = _softened(picture, across=across * step, down=down * step)
    source = (layer.mesh.vertices - (layer.box.x0, layer.box.y0)) / step - 0.5
    there = draw_map(source, corners, layer.mesh.triangles, box=place)
    x, y = np.ascontiguousarray(there[..., 0]), np.ascontiguousarray(there[..., 1])
    drawn = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(drawn, np.float32)


def _softened(picture: Array, *, across: float, down: float) -> Array:
    taps_x, taps_y = _rest_taps(across), _rest_taps(down)
    return np.asarray(cv2.sepFilter2D(picture, -1, taps_x, taps_y, borderType=cv2.BORDER_REPLICATE), np.float32)


def _rest_taps(scale: float) -> Array:
    """The taps that make a pixel, once drawn, as wide as one at scale 1: variance (1 / scale^2 - 1) / 4.

    A quarter of a pixel squared is the box of a halving (1/12) and the tent of bilinear sampling (1/6).
    """
    half = min(max(1.0 / scale**2 - 1.0, 0.0) / 4, 1.0) / 2
    taps = np.array([half / 2, 1 - half, half / 2])
    return np.convolve(taps, taps).astype(np.float32)
