"""The face that Wan2.2-Animate copies expressions from: its box, its 512x512 crop, and what to do without one.

The box is the reference's (Wan2.2, commit 42bf4cfa): 1.3 times the area that the 68 points span, three quarters of the
extra height above, so that the forehead is in; not square, though the crop is. The reference crops whatever the points
enclose, however unsure; here a face must be known, short gaps are bridged, and long ones are black, which is what the
model was trained to take for "no face".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import Box, Size
from wanfx.ops.pose import Points

FACE_PX = 512
NO_BOX = Box(0, 0, 0, 0)
_AREA_FACTOR = 1.3
KNOWN_FROM = 0.3
BRIDGE_FRAMES = 12


def face_box(points: Points, *, size: Size) -> Box:
    """The box around a face's ``points`` (68, 2 or 3: x, y in pixels) in a picture of ``size``, however unsure.

    It is empty (`Box.is_empty`) where the face is outside the picture, has no width or height, or is not finite.
    """
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    width, height = high - low
    if not (np.isfinite(low).all() and np.isfinite(high).all() and width > 0 and height > 0):
        return NO_BOX
    area = width * height * _AREA_FACTOR
    beside = (np.sqrt(area * (width / height)) - width) / 2
    below = (np.sqrt(area * (height / width)) - height) / 4
    return Box(
        int(max(low[0] - beside, 0)),
        int(max(low[1] - 3 * below, 0)),
        int(min(high[0] + beside, size.width)),
        int(min(high[1] + below, size.height)),
    )


def find_face(points: Points, *, size: Size, known_from: float = KNOWN_FROM) -> Box:
    """`face_box` of ``points`` (68, 3); empty as well where their mean confidence is below ``known_from``."""
    if not points[:, 2].mean() >= known_from:
        return NO_BOX
    return face_box(points, size=size)


def bridge_faces(boxes: Mapping[int, Box], *, gap_frames: int = BRIDGE_FRAMES) -> dict[int, Box]:
    """A shot's boxes by frame, with gaps of up to ``gap_frames`` filled; longer ones stay empty.

    A gap between two faces gets boxes that glide from one to the other; one at the shot's end holds its neighbour.
    """
    frames = sorted(boxes)
    known = [index for index, frame in enumerate(frames) if not boxes[frame].is_empty]
    out = {frame: boxes[frame] for frame in frames}
    if not known:
        return out
    for before, after in zip([-1, *known], [*known, len(frames)], strict=True):
        if not 0 < after - before - 1 <= gap_frames:
            continue
        sides = [boxes[frames[index]].as_list() for index in (before, after) if 0 <= index < len(frames)]
        for index in range(before + 1, after):
            share = (index - before) / (after - before)
            corners = zip(sides[0], sides[-1], strict=True)
            out[frames[index]] = Box(*(round(a + share * (b - a)) for a, b in corners))
    return out


def crop_face(frame: npt.NDArray[Any], *, box: Box, size_px: int = FACE_PX) -> npt.NDArray[Any]:
    """The pixels of ``box``, stretched to a square; black where the box is empty.

    ``frame`` is (H, W, 3), uint8 or float32, display-encoded with black at 0; the crop is of its type. OpenCV's
    bilinear filter, which does not antialias, is what the model saw.
    """
    inside = box.clip(Box(0, 0, frame.shape[1], frame.shape[0]))
    if inside.is_empty:
        return np.zeros((size_px, size_px, *frame.shape[2:]), frame.dtype)
    crop = np.ascontiguousarray(frame[inside.slices()])
    return np.asarray(cv2.resize(crop, (size_px, size_px), interpolation=cv2.INTER_LINEAR))
