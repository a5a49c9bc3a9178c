"""Whether a new world moves with the plate's camera: how far what most of it does has slipped from what the camera did.

Pixels have their centres at .5; both paths are in the same pixels. What is judged is the world's own dominant motion, a
homography a frame, so a world of some depth is judged by the layer that fills most of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from wanfx.frames import Size
from wanfx.ops.camera import CameraPath
from wanfx.ops.camera_turn import frame_points, place_points, turn_error_px

Matrix = npt.NDArray[np.float64]
Move = Literal["unknown", "turn", "travel"]
LEAST_CONFIDENCE = 0.3
"""Below it a step of camera or world is not known, so nothing is said of that frame."""
_LEAST_PX_OF_WIDTH = 1.0 / 960.0
_LEAST_PX = 1.0
_SHARE_OF_TRAVEL: Mapping[Move, float] = {"turn": 0.1, "travel": 0.5, "unknown": 0.5}
_TOLD_OF_WIDTH = 0.02
_TURN_ERROR = 0.01
_FAR_OF_WIDTH = 0.25


@dataclass(frozen=True)
class WorldSlip:
    """By frame, in pixels: how far the world is from where the camera would have it since the first frame (RMS over the
    frame); how much of that is not called a fault; how far the camera has carried the picture so far (RMS).
    ``confidence``: how far the world's own motion is known (0 to 1). Where either motion is not, there is no slip.
    """

    slip_px: Mapping[int, float]
    allowed_px: Mapping[int, float]
    travel_px: Mapping[int, float]
    confidence: Mapping[int, float]

    def rows(self) -> dict[int, dict[str, float]]:
        """The measures of every frame by the names that reports know."""
        return {
            frame: {
                **({"world_slip_px": self.slip_px[frame]} if frame in self.slip_px else {}),
                "world_slip_allowed_px": self.allowed_px[frame],
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
    first, points = frames[0], frame_points(size)
    slip, travel, confidence = {first: 0.0}, {first: 0.0}, {first: 1.0}
    allowed = {first: allowed_px(0.0, move="unknown", width=size.width)}
    off: Matrix = np.eye(3)
    move: Move = "unknown"
    since, gone_px = first, 0.0
    for before, frame in itertools.pairwise(frames):
        trust = world.confidence[frame]
        is_known = min(trust, camera.confidence[frame]) >= LEAST_CONFIDENCE
        # A pixel of this frame, one frame back by the world, forth by the camera: at rest where both are the same.
        off = camera.between(before, frame) @ off @ (world if is_known else camera).between(frame, before)
        if is_known:
            slip[frame] = round(_rms_away(off, points, size), 4)
        carried = camera.between(since, frame)
        carried_px = _rms_away(carried, points, size)
        move = _tell_move(carried, carried_px, move, size=size)
        travel[frame] = round(max(travel[before], gone_px + carried_px), 4)
        if carried_px > _FAR_OF_WIDTH * size.width:
            since, gone_px = frame, gone_px + carried_px
        allowed[frame] = round(allowed_px(travel[frame], move=move, width=size.width), 4)
        confidence[frame] = trust
    return WorldSlip(slip, allowed, travel, confidence)


def allowed_px(travel_px: float, *, move: Move, width: int) -> float:
    """The slip that is not called a fault in a frame of ``width`` pixels after so much travel of the camera.

    2 px at 1920 (what the eye misses and tracking may be off by), or a share of the travel. Where the camera only
    turns, everything moves alike however far it is: a tenth, for lenses that bend. Where it travels (or zooms, which
    looks the same) what is at twice the old background's distance rightly moves by half, and nobody knows the new
    world's. A world that stands still under a moving camera slips by all of the travel.

    >>> [allowed_px(300.0, move=move, width=1920) for move in ("turn", "travel")]
    [30.0, 150.0]
    """
    return max(_LEAST_PX, _LEAST_PX_OF_WIDTH * width, _SHARE_OF_TRAVEL[move] * travel_px)


def _tell_move(carried: Matrix, carried_px: float, before: Move, *, size: Size) -> Move:
    """What the camera does, told once it has carried the picture far enough; what once travels has travelled."""
    if before == "travel" or carried_px < _TOLD_OF_WIDTH * size.width:
        return before
    return "turn" if turn_error_px(carried, size=size) <= _TURN_ERROR * carried_px else "travel"


@dataclass(frozen=True)
class Slipping:
    """The frames from ``first`` to ``last`` where the world slips by more than is allowed, most at ``worst``."""

    first: int
    last: int
    worst: int
    slip_px: float
    allowed_px: float
    travel_px: float

    def __str__(self) -> str:
        return (
            f"the world slips against the camera by up to {self.slip_px:.1f} px from frame {self.first} on (the camera "
            f"carries the picture by {self.travel_px:.1f} px; {self.allowed_px:.1f} px may be depth or tracking)"
        )


def find_slipping(rows: Mapping[int, Mapping[str, Any]]) -> Slipping | None:
    """Where the world slips, of frames' measures (`WorldSlip.rows`); None where it does not."""
    names = ("world_slip_px", "world_slip_allowed_px", "camera_travel_px")
    told = {frame: [row[name] for name in names] for frame, row in rows.items() if all(name in row for name in names)}
    over = {frame: values for frame, values in told.items() if values[0] > values[1]}
    if not over:
        return None
    worst = max(over, key=lambda frame: (over[frame][0], -frame))
    return Slipping(min(over), max(over), worst, *over[worst])


def _rms_away(matrix: Matrix, points: Matrix, size: Size) -> float:
    """How far a homography moves the points, root mean square; what leaves the frame has gone as far as it is wide."""
    away = np.full(len(points), float(size.width))
    is_before = points @ matrix[2] > 1e-6
    placed = place_points(matrix, points[is_before])
    away[is_before] = np.minimum(np.linalg.norm(placed - points[is_before, :2], axis=1), size.width)
    return float(np.sqrt((away**2).mean()))
