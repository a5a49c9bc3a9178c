"""Where the new character is in a picture that is new all over: where its own skeleton was drawn."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from wanfx.backends.protocols import BoxPrompt, PointPrompt, Prompts
from wanfx.frames import Box, Size
from wanfx.ops.pose import LEFT_HIP, LEFT_SHOULDER, RIGHT_HIP, RIGHT_SHOULDER, Pose

Array = npt.NDArray[np.float32]
_KNOWN = 0.5
_ROOM = 0.12
_TORSO = [LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP]


class PoseLooker:
    """Says where to look for the character; ``poses`` in canvas pixels, ``crops`` what pictures of ``size`` show."""

    instead = "no character was found, so it has no matte; paint one, or point rematte at a better segmenter"

    def __init__(self, poses: Mapping[int, Pose], crops: Mapping[int, Box], frames: list[int], size: Size) -> None:
        self._poses, self._crops, self._frames, self._size = poses, crops, frames, size

    def prompts(self) -> Prompts:
        """A box around the skeleton, with room for hair and clothes, and its torso, in a few frames; none unknown."""
        points, boxes = [], []
        for place in sorted({0, len(self._frames) // 2, len(self._frames) - 1}):
            frame = self._frames[place]
            pose = self._pose(frame)
            known = pose.xy[pose.confidence >= _KNOWN]
            if len(known) < 2:
                continue
            low, high = known.min(axis=0), known.max(axis=0)
            room = _ROOM * (high - low).max()
            limit = (self._size.width, self._size.height)
            (x0, y0), (x1, y1) = np.clip(low - room, 0, limit), np.clip(high + room, 0, limit)
            if x1 - x0 < 1 or y1 - y0 < 1:
                continue
            boxes.append(BoxPrompt(frame, float(x0), float(y0), float(x1), float(y1)))
            if pose.confidence[_TORSO].min() >= _KNOWN:
                x, y = pose.xy[_TORSO].mean(axis=0)
                if x0 < x < x1 and y0 < y < y1:
                    points.append(PointPrompt(frame, float(x), float(y)))
        return Prompts(tuple(points), tuple(boxes))

    def matte(self, frame: int, segment: Array | None) -> Array:  # noqa: ARG002
        """What was segmented, or nobody."""
        return np.zeros((self._size.height, self._size.width), np.float32) if segment is None else segment

    def _pose(self, frame: int) -> Pose:
        crop, size = self._crops[frame], self._size
        moved = self._poses[frame].moved(-crop.x0, -crop.y0)
        return moved.scaled(size.width / crop.width, size.height / crop.height)
