"""A skeleton as the picture Wan2.2-Animate was trained on, to the pixel.

Every number here is part of what the model learned: colours (full for joints, six tenths for limbs), order, whole
degrees, coordinates cut and not rounded, no antialiasing. They are Wan2.2's own preprocessing's (commit 42bf4cfa).
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.errors import InputError
from wanfx.frames import Size
from wanfx.ops.channels import ChannelOrder, in_order
from wanfx.ops.pose import Points
from wanfx.ops.skeleton import LIMBS, Skeleton

Drawing = npt.NDArray[np.uint8]
Rgb = tuple[int, int, int]
DRAWN_FROM = 0.5
# Limbs and joints share the list by position, so the toes' limbs have not the colours of their joints.
_COLORS: tuple[Rgb, ...] = (
    (255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0), (0, 255, 0), (0, 255, 85),
    (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255), (0, 0, 255), (85, 0, 255), (170, 0, 255), (255, 0, 255),
    (255, 0, 170), (255, 0, 85), (200, 200, 0), (100, 100, 0),
)  # fmt: skip
_LIMB_SHARE = 0.6
_FINGERS = tuple((0 if joint == 1 else start + joint - 1, start + joint) for start in (0, 4, 8, 12, 16)
                 for joint in (1, 2, 3, 4))  # fmt: skip
# Twenty hues round the circle, as the reference's colours come out in 8 bits.
_BONE_COLORS: tuple[Rgb, ...] = (
    (255, 0, 0), (255, 77, 0), (255, 153, 0), (255, 229, 0), (204, 255, 0), (128, 255, 0), (51, 255, 0), (0, 255, 25),
    (0, 255, 102), (0, 255, 179), (0, 255, 255), (0, 178, 255), (0, 102, 255), (0, 25, 255), (51, 0, 255),
    (128, 0, 255), (204, 0, 255), (255, 0, 230), (255, 0, 153), (255, 0, 77),
)  # fmt: skip
_KNUCKLE: Rgb = (0, 0, 255)
_FARTHEST_PX = 1e6


def stick_width_px(canvas: Size) -> int:
    """Half the width of a limb and a joint's radius on a canvas; hands have half of it, 1 at least.

    >>> [stick_width_px(Size(1280, height)) for height in (480, 720, 1080)]
    [1, 2, 4]
    """
    return max(int(min(canvas.width, canvas.height) / 200) - 1, 1)


def draw_skeleton(skeleton: Skeleton, *, order: ChannelOrder = "rgb") -> Drawing:
    """The skeleton on black, (H, W, 3) uint8 of its own size: body, then left hand, then right.

    Points with confidence under 0.5 and limbs that end in one are left out; the face is never drawn. Points outside
    the canvas are drawn and cut off, but a hand's in or beyond the first row or column are left out. ``order`` is that
    of the channels; the model takes rgb. Raises InputError for a point to be drawn that is not finite, or a million
    pixels away.
    """
    points = np.concatenate([skeleton.body, skeleton.left_hand, skeleton.right_hand])
    drawn = points[points[:, 2] >= DRAWN_FROM, :2]
    if not (np.abs(drawn) < _FARTHEST_PX).all():
        raise InputError("a skeleton's point is nowhere near the picture", remedy="give such points confidence 0")
    canvas = np.zeros((skeleton.size.height, skeleton.size.width, 3), np.uint8)
    width_px = stick_width_px(skeleton.size)
    _draw_body(canvas, skeleton.body, width_px)
    for hand in (skeleton.left_hand, skeleton.right_hand):
        _draw_hand(canvas, hand, max(width_px // 2, 1))
    return np.asarray(in_order(canvas, order), np.uint8)


def _draw_body(canvas: Drawing, body: Points, width_px: int) -> None:
    for (parent, child), color in zip(LIMBS, _COLORS, strict=False):
        if body[parent, 2] >= DRAWN_FROM and body[child, 2] >= DRAWN_FROM:
            outline = _limb_outline(body[parent], body[child], width_px)
            cv2.fillConvexPoly(canvas, outline, [int(value * _LIMB_SHARE) for value in color])
    for (x, y, confidence), color in zip(body, _COLORS, strict=True):
        if confidence >= DRAWN_FROM:
            cv2.circle(canvas, (int(x), int(y)), width_px, color, thickness=-1)


def _limb_outline(a: Points, b: Points, width_px: int) -> npt.NDArray[np.int32]:
    center = int((a[0] + b[0]) / 2), int((a[1] + b[1]) / 2)
    across, down = a[0] - b[0], a[1] - b[1]
    half_px = int((down**2 + across**2) ** 0.5 / 2)
    degrees = int(math.degrees(math.atan2(down, across)))
    return np.asarray(cv2.ellipse2Poly(center, (half_px, width_px), degrees, 0, 360, 1), np.int32)


def _draw_hand(canvas: Drawing, hand: Points, width_px: int) -> None:
    places: list[tuple[int, int] | None] = []
    for x, y, confidence in hand:
        place = (int(x), int(y)) if confidence >= DRAWN_FROM else (0, 0)
        places.append(place if min(place) >= 1 else None)
    for (start, end), color in zip(_FINGERS, _BONE_COLORS, strict=True):
        a, b = places[start], places[end]
        if a is not None and b is not None:
            cv2.line(canvas, a, b, color, thickness=width_px)
    for knuckle in places:
        if knuckle is not None:
            cv2.circle(canvas, knuckle, width_px, _KNUCKLE, thickness=-1)
