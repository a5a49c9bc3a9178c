"""Whether a new world moves with the plate's camera: how far what most of it does has slipped from what the camera did.

Pixels have their centres at .5; both paths are in the same pixels. What is judged is the world's own dominant motion, a
homography a frame, so a world of some depth is judged by the layer that fills most of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.frames import Size
from wanfx.ops.camera import CameraPath

Matrix = npt.NDArray[np.float64]
LEAST_CONFIDENCE = 0.3
"""Below it a step of camera or world is not known, so nothing is said of that frame."""
_GRID = 8
_LEAST_PX_OF_WIDTH = 1.0 / 960.0
_LEAST_PX = 1.0
_SHARE_OF_TRAVEL = 0.2


@dataclass(frozen=True)
class WorldSlip:
    """By frame: how far the world is from where the camera would have it (RMS over the frame, pixels) since the first
    frame; how far, at most so far, the camera carried the picture from there (RMS, pixels); and how far the world's own
    motion is known (0 to 1). A frame where either motion is not known has no slip.
    """

    slip_px: Mapping[int, float]
    travel_px: Mapping[int, float]
    confidence: Mapping[int, float]

    def rows(self) -> dict[int, dict[str, float]]:
        """The measures of every frame by the names that reports know."""
        return {
            frame: {
                **({"world_slip_px": self.slip_px[frame]} if frame in self.slip_px else {}),
                "camera_travel_px": self.travel_px[frame],
                "world_confidence": self.confidence[frame],
            }
            for frame in self.travel_px
        }


def measure_slip(camera: CameraPath, world: CameraPath, *, size: Size) -> WorldSlip:
    """How far ``world`` (the motion of the world's pictures) slips from ``camera`` (the plate's), frame by frame.

    ``size`` is the frame's, in the paths' pixels. Where a step of either is not known the world is taken to have
    followed, so that what came before is still told after it.
    """
    frames = sorted(world.to_first)
    points = _grid(size)
    slip, travel, confidence = {frames[0]: 0.0}, {frames[0]: 0.0}, {frames[0]: 1.0}
    off: Matrix = np.eye(3)
    for before, frame in itertools.pairwise(frames):
        trust = world.confidence[frame]
        is_known = min(trust, camera.confidence[frame]) >= LEAST_CONFIDENCE
        step = camera.between(before, frame)
        # A pixel of this frame, one frame back by the world, forth by the camera: at rest where both are the same.
        off = step @ off @ (world if is_known else camera).between(frame, before)
        if is_known:
            slip[frame] = round(_rms_away(off, points), 4)
        carried = _rms_away(camera.between(frames[0], frame), points)
        travel[frame] = round(max(travel[before], carried), 4)
        confidence[frame] = trust
    return WorldSlip(slip, travel, confidence)


def allowed_px(travel_px: float, *, width: int) -> float:
    """The slip that is not called a fault in a frame of ``width`` pixels after so much travel of the camera.

    2 px at 1920 (what the eye misses and tracking may be off by), or a fifth of the travel: where the camera does not
    only turn, things at another distance than the old background's rightly move by another amount, and nobody knows the
    new world's distances. A world that stands still under a moving camera slips by all of the travel.

    >>> allowed_px(0.0, width=1920), allowed_px(300.0, width=1920)
    (2.0, 60.0)
    """
    return max(_LEAST_PX, _LEAST_PX_OF_WIDTH * width, _SHARE_OF_TRAVEL * travel_px)


@dataclass(frozen=True)
class Slipping:
    """The frames from ``first`` to ``last`` where the world slips by more than is allowed, most at ``worst``."""

    first: int
    last: int
    worst: int
    slip_px: float
    travel_px: float
    allowed_px: float

    def __str__(self) -> str:
        return (
            f"the world slips against the camera by up to {self.slip_px:.1f} px from frame {self.first} on (the camera "
            f"has carried the picture by {self.travel_px:.1f} px; {self.allowed_px:.1f} px of slip are taken for depth)"
        )


def find_slipping(rows: Mapping[int, Mapping[str, Any]], *, width: int) -> Slipping | None:
    """Where the world slips, of frames' measures (`WorldSlip.rows`); None where it does not."""
    over = {}
    for frame, row in rows.items():
        if "world_slip_px" in row and "camera_travel_px" in row:
            allowed = allowed_px(row["camera_travel_px"], width=width)
            if row["world_slip_px"] > allowed:
                over[frame] = (row["world_slip_px"], row["camera_travel_px"], allowed)
    if not over:
        return None
    worst = max(over, key=lambda frame: (over[frame][0], -frame))
    return Slipping(min(over), max(over), worst, *over[worst])


def _grid(size: Size) -> Matrix:
    """Points (N, 3), homogeneous, spread evenly over the frame."""
    x = (np.arange(_GRID * 2) + 0.5) * size.width / (_GRID * 2)
    y = (np.arange(_GRID) + 0.5) * size.height / _GRID
    across, down = np.meshgrid(x, y)
    return np.column_stack([across.ravel(), down.ravel(), np.ones(across.size)])


def _rms_away(matrix: Matrix, points: Matrix) -> float:
    """How far a homography moves the points, root mean square."""
    placed = points @ matrix.T
    return float(np.sqrt(((placed[:, :2] / placed[:, 2:] - points[:, :2]) ** 2).sum(axis=1).mean()))
