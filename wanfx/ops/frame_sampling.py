"""A movie's frames at another rate, as Wan2.2-Animate's own preprocessing picks them.

wanfx itself keeps the plate's rate, one frame for one; this is for comparing with the reference.
"""

from __future__ import annotations

import numpy as np

from wanfx.errors import InputError

REFERENCE_FPS = 30.0
_TRUSTED = 0.1


def sample_frames(
    frame_count: int, *, source_fps: float, fps: float | None = REFERENCE_FPS, duration_s: float | None = None
) -> tuple[int, ...]:
    """The indices that stand for a movie at ``fps`` (None: its own rate); nearest, ties to even, some twice or never.

    ``duration_s`` is the end of the last frame: where it and ``frame_count`` differ by more than a tenth, it counts.
    Raises InputError for a rate or count that is not positive.

    >>> sample_frames(8, source_fps=24)
    (0, 1, 2, 2, 3, 4, 5, 6, 6, 7)
    """
    fps = source_fps if fps is None else fps
    if frame_count <= 0 or source_fps <= 0 or fps <= 0:
        raise InputError(
            f"{frame_count} frames at {source_fps} cannot be sampled at {fps}", remedy="give a count and rates above 0"
        )
    if duration_s is not None:
        expected = int(duration_s * source_fps + 0.5)
        if abs((frame_count - expected) / frame_count) > _TRUSTED:
            frame_count = expected
    times = np.arange(0, int(frame_count / source_fps * fps)) / fps
    indices = np.clip(np.round(times * source_fps).astype(int), 0, frame_count - 1)
    return tuple(int(index) for index in indices)
