"""What SAM 2 is asked where nothing was said: the person who moves, by the points of their pose; else what moves.

Never blindly: points count only where the network is sure that they are seen, and what moves only where it looks like
one thing.
"""

from __future__ import annotations

import numpy as np

from wanfx.backends.blaze_body import Body, BodyNets
from wanfx.backends.flow import FlowSegmenter, find_moving_start
from wanfx.backends.lite_pose import model_cards
from wanfx.backends.lite_starts import found_start
from wanfx.backends.protocols import Array, BoxPrompt, FrameSource, ModelCard, PointPrompt, Prompts
from wanfx.backends.weights import LITE, is_installed

SURE = 0.8
"""Least confidence of a pose point that is asked for."""
_BODY = (0, 11, 12, 23, 24, 25, 26)
"""Nose, shoulders, hips, knees: inside the body, where hands and feet are at its edge."""
_FILES = ("pose_detection.tflite", "pose_landmark_full.tflite")


def start_cards() -> tuple[ModelCard, ...]:
    """The models that may say where to start."""
    return (*(model_cards(*_FILES) if is_installed(LITE.name) else ()), *FlowSegmenter.models)


def find_prompts(source: FrameSource) -> tuple[Prompts, tuple[ModelCard, ...]]:
    """A box and points on the person who fills most of the shot and moves most, else a box around what moves; and the
    models that were asked.

    Raises NothingFoundError where nothing moves but the camera.
    """
    asked: tuple[ModelCard, ...] = ()
    if is_installed(LITE.name):
        asked = model_cards(*_FILES)
        start = found_start(BodyNets(), source)
        if start is not None:
            points = body_points(start.body, start.frame, inside=start.matte)
            return Prompts(points, (box_around(start.matte, start.frame),)), asked
    frame, matte = find_moving_start(source)
    return Prompts(boxes=(box_around(matte, frame),)), (*asked, *FlowSegmenter.models)


def body_points(body: Body, frame: int, *, inside: Array) -> tuple[PointPrompt, ...]:
    """The points of a body that are surely seen, and that lie on its matte ``inside`` (H, W)."""
    sure = np.minimum(body.visible, body.present)
    points = []
    for index in _BODY:
        x, y = (float(value) for value in body.points[index, :2])
        is_here = 0 <= x < inside.shape[1] and 0 <= y < inside.shape[0]
        if sure[index] >= SURE and is_here and inside[int(y), int(x)] > 0.5:
            points.append(PointPrompt(frame, x, y))
    return tuple(points)


def box_around(matte: Array, frame: int) -> BoxPrompt:
    """The box around a matte (H, W) that is not empty."""
    rows, columns = np.flatnonzero((matte > 0.5).any(axis=1)), np.flatnonzero((matte > 0.5).any(axis=0))
    return BoxPrompt(frame, float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))
