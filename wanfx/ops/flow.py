"""Optical flow between analysis pictures, and what it carries. Pictures are (H, W, 3) float32, display-encoded."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.ops.camera import Matrix

Array = npt.NDArray[np.float32]


def dense_flow(before: Array, after: Array) -> Array:
    """Where each pixel of ``before`` went in ``after``: (H, W, 2), pixels.

    Source: Kroeger et al., Fast Optical Flow using Dense Inverse Search, ECCV 2016.
    """
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    # Its stripes are as many as there are threads, and propagation stops at a stripe's end: without it the result is
    # the same on any machine.
    flow.setUseSpatialPropagation(False)
    # Under 16 px a side the pyramid has no level to start from.
    if min(before.shape[:2]) < 16:
        return np.zeros((*before.shape[:2], 2), np.float32)
    start = np.zeros((*before.shape[:2], 2), np.float32)
    return np.asarray(flow.calc(_gray(before), _gray(after), start), np.float32)


def carry(values: Array, flow: Array) -> Array:
    """``values`` (H, W) or (H, W, C) of the frame that ``flow`` points to, as they lie in the frame it starts from."""
    y, x = np.mgrid[0 : values.shape[0], 0 : values.shape[1]].astype(np.float32)
    carried = cv2.remap(values, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(carried, np.float32)


def own_motion(before: Array, after: Array, matrix: Matrix) -> Array:
    """How far each pixel of ``before`` moved beyond the camera's motion (``matrix``), (H, W), pixels."""
    height, width = before.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float64) + 0.5
    depth = matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2]
    by_camera_x = (matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]) / depth - x
    by_camera_y = (matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]) / depth - y
    flow = dense_flow(before, after)
    return np.asarray(np.hypot(flow[..., 0] - by_camera_x, flow[..., 1] - by_camera_y), np.float32)


def _gray(picture: Array) -> npt.NDArray[np.uint8]:
    return np.rint(picture @ np.array([0.299, 0.587, 0.114], np.float32) * 255).astype(np.uint8)
