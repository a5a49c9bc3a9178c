"""What a video segmenter is told about the actor: which frames to point at, and which of the skeleton's points.

Wan2.2's own preprocessing (commit 42bf4cfa) prompts SAM2 in chunks of 400 frames, on every quarter of one, with eight
points however unsure; here unsure points can be left out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wanfx.ops import skeleton as points
from wanfx.ops.skeleton import Skeleton

CHUNK_FRAMES = 400
_PROMPTED = (
    points.NOSE, points.NECK, points.RIGHT_SHOULDER, points.LEFT_SHOULDER, points.RIGHT_HIP, points.LEFT_HIP,
    points.RIGHT_ANKLE, points.LEFT_ANKLE,
)  # fmt: skip
_QUARTERS = 4


def chunks(frame_count: int, *, chunk_frames: int = CHUNK_FRAMES) -> tuple[range, ...]:
    """A shot's frames in the chunks that are segmented by themselves.

    >>> chunks(900)
    (range(0, 400), range(400, 800), range(800, 900))
    """
    return tuple(range(start, min(start + chunk_frames, frame_count)) for start in range(0, frame_count, chunk_frames))


def prompted_frames(frame_count: int) -> tuple[int, ...]:
    """The frames of a chunk that are pointed at: each quarter's first, and mostly one more.

    >>> prompted_frames(77), prompted_frames(8), prompted_frames(3)
    ((0, 19, 38, 57, 76), (0, 2, 4, 6), (0,))
    """
    count = _QUARTERS if frame_count > _QUARTERS else 1
    return tuple(range(0, frame_count, max(frame_count // count, 1)))


def prompt_points(skeleton: Skeleton, *, known_from: float = 0.5) -> npt.NDArray[np.int32]:
    """(N, 2) whole pixels on the actor: nose, neck, shoulders, hips, ankles, right before left.

    Points with confidence under ``known_from`` are left out; at 0 none is, as in the reference.
    """
    body = skeleton.body[list(_PROMPTED)]
    return body[body[:, 2] >= known_from, :2].astype(np.int32)
