"""pose: Plate, Matte -> the actor's pose in every frame, smoothed over time; editable (``work/pose/<subject>.json``).

A shot unit, for smoothing looks at all frames. The matte tells whose pose it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.backends.pose_protocol import PoseEstimator
from wanfx.backends.protocols import FrameSource, ModelCard
from wanfx.backends.registry import find_pose_estimator
from wanfx.errors import ShotError
from wanfx.images import Plate
from wanfx.io import exr
from wanfx.io.pose_file import read_poses, write_poses
from wanfx.ops.pose import Pose
from wanfx.ops.pose_smooth import smooth_poses
from wanfx.stages.context import Made, RunContext, StageProgress, paintable, stage_key
from wanfx.stages.ingest import Ingested
from wanfx.stages.matte import Tracked
from wanfx.stages.plate_pictures import PlatePictures
from wanfx.stages.proxies import ProxySource, to_proxy_scale
from wanfx.units import Unit

STAGE = "pose"
VERSION = 1


@dataclass(frozen=True)
class Posed:
    """The actor's pose in every frame, in canvas pixels, and what found it."""

    poses: Mapping[int, Pose]
    models: tuple[ModelCard, ...]


def run_pose(run: RunContext, ingested: Ingested, tracked: Tracked) -> Posed:
    """The actor's poses. Raises MissingError, OptionError, and ShotError for an edited file that cannot be read."""
    estimator = find_pose_estimator(run.options.pose)
    plate = ingested.plate
    path = run.work / "pose" / f"{tracked.name}.json"
    folder = paintable(run, "pose")
    key = stage_key(
        STAGE, VERSION, estimator.name, [asdict(card) for card in estimator.models], tracked.key,
        estimator.settings, run.options.pose.smooth_frames,
    )  # fmt: skip

    with run.stage(STAGE, units=len(plate.frames) + 1) as progress:

        def make() -> Made:
            folder.write(path, lambda target: _write(target, _find(run, progress, ingested, tracked, estimator), plate))
            return Made((path,))

        progress.make(Unit(STAGE, tracked.name, key), make)
    return Posed(_read(path, plate), estimator.models)


def _find(
    run: RunContext, progress: StageProgress, ingested: Ingested, tracked: Tracked, estimator: PoseEstimator
) -> dict[int, Pose]:
    """Smoothed poses in canvas pixels."""
    source: FrameSource = ProxySource(ingested)
    if estimator.pictures == "plate":
        source = PlatePictures(ingested, color=run.color)

    def matte(frame: int) -> npt.NDArray[np.float32]:
        found = exr.read_matte(tracked.pattern.path(frame))
        if (found.shape[1], found.shape[0]) == (source.size.width, source.size.height):
            return found
        return np.asarray(cv2.resize(found, (source.size.width, source.size.height)), np.float32)

    estimator.load()
    found = {}
    for frame, pose in estimator.track(source, matte=matte):
        found[frame] = pose
        progress.step(frame)
    sx, sy = to_proxy_scale(ingested.plate.canvas, source.size)
    smoothed = smooth_poses(found, smooth_frames=run.options.pose.smooth_frames)
    return {frame: pose.scaled(1 / sx, 1 / sy) for frame, pose in smoothed.items()}


def _offset(plate: Plate) -> tuple[int, int]:
    """From canvas pixels to display-window pixels, which files are in."""
    return plate.canvas.x0 - plate.display_window.x0, plate.canvas.y0 - plate.display_window.y0


def _write(path: Path, poses: Mapping[int, Pose], plate: Plate) -> None:
    x, y = _offset(plate)
    moved = {frame: pose.moved(x, y) for frame, pose in poses.items()}
    write_poses(path, moved, size=plate.display_window.size)


def _read(path: Path, plate: Plate) -> dict[int, Pose]:
    poses, size = read_poses(path, key="pose")
    x, y = _offset(plate)
    missing = [frame for frame in plate.frames if frame not in poses]
    if missing or size != plate.display_window.size:
        what = f"lacks frame {missing[0]}" if missing else f"is of a {size.width}x{size.height} picture"
        raise ShotError(what, key="pose", path=path, remedy="mend the file, or remove it and it is made anew")
    return {frame: poses[frame].moved(-x, -y) for frame in plate.frames}
