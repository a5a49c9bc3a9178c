"""An artist's points, boxes and mattes as SAM 2 is asked them through a window."""

from __future__ import annotations

import cv2
import numpy as np

from wanfx.backends.protocols import Array
from wanfx.backends.sam2_engine import Asked
from wanfx.backends.sam2_plan import Anchor
from wanfx.backends.sam2_window import Window, cut_window
from wanfx.frames import Box

_ON, _OFF, _CORNER, _OTHER_CORNER = 1, 0, 2, 3


def ask(anchor: Anchor, window: Window, *, side_px: int) -> Asked | None:
    """What is asked of a window; None where nothing that was asked is in it. Points elsewhere are left out."""
    if anchor.mask is not None:
        return ask_by_mask(anchor.mask.read(), window, side_px=side_px)
    inside = [point for point in anchor.points if _has(window, point.x, point.y)]
    places = [(point.x, point.y) for point in inside]
    labels = [_ON if point.keep else _OFF for point in inside]
    if anchor.box is not None:
        box = anchor.box
        places = [(box.x0, box.y0), (box.x1, box.y1), *places]
        labels = [_CORNER, _OTHER_CORNER, *labels]
    if not places:
        return None
    scale = np.array([side_px / window.box.width, side_px / window.box.height])
    # The network adds half a pixel: to it, a pixel's centre is its index.
    points = (np.array(places) - (window.box.x0, window.box.y0)) * scale - 0.5
    return Asked(anchor.kind, np.asarray(points, np.float32), np.array(labels, np.int32))


def ask_by_mask(matte: Array, window: Window, *, side_px: int) -> Asked:
    """A start by a matte of the frame (H, W) in [0, 1]. SAM 2 was taught with masks of 0 and 1, so this is one."""
    part = cv2.resize(cut_window(matte, window), (side_px, side_px), interpolation=cv2.INTER_AREA)
    mask = np.asarray(part >= 0.5, np.float32)
    return Asked("start", np.zeros((0, 2), np.float32), np.zeros(0, np.int32), mask)


def is_inside(anchor: Anchor, window: Window) -> bool:
    """Whether all points on the subject are in a window."""
    return all(_has(window, point.x, point.y) for point in anchor.points if point.keep)


def prompted_box(anchor: Anchor, found: Box | None, frame: Box) -> Box | None:
    """Where the subject of a start is: its box, its matte, or what was found, and all points on it."""
    points = [(point.x, point.y) for point in anchor.points if point.keep]
    if anchor.mask is not None:
        on = np.argwhere(anchor.mask.read() >= 0.5)
        points = [] if not len(on) else [(on[:, 1].min(), on[:, 0].min()), (on[:, 1].max(), on[:, 0].max())]
    elif anchor.box is not None:
        points += [(anchor.box.x0, anchor.box.y0), (anchor.box.x1 - 1, anchor.box.y1 - 1)]
    elif found is not None:
        points += [(found.x0, found.y0), (found.x1 - 1, found.y1 - 1)]
    if not points:
        return None
    low, high = np.floor(np.min(points, axis=0)).astype(int), np.floor(np.max(points, axis=0)).astype(int) + 1
    box = Box(int(low[0]), int(low[1]), int(high[0]), int(high[1])).clip(frame)
    return None if box.is_empty else box


def _has(window: Window, x: float, y: float) -> bool:
    return window.box.x0 <= x < window.box.x1 and window.box.y0 <= y < window.box.y1
