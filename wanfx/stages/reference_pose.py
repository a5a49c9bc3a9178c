"""The reference character's pose: given, or found once, editable (``work/reference_pose/reference_pose.json``)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from wanfx.backends.protocols import ModelCard
from wanfx.backends.registry import find_pose_estimator
from wanfx.errors import NothingFoundError
from wanfx.frames import Size
from wanfx.io.atomic import sha256_file
from wanfx.io.pose_file import check_pose_size, read_poses, write_poses
from wanfx.ops.pose import Pose, empty_pose
from wanfx.stages.context import Made, RunContext, paintable, stage_key
from wanfx.stages.reference import Reference
from wanfx.units import Unit
from wanfx_color.transforms import to_linear_rec709, to_srgb_display

STAGE = "reference_pose"
VERSION = 1


@dataclass(frozen=True)
class ReferencePose:
    """The character's pose in the reference's pixels; ``why_none`` says why it is empty, where it is."""

    pose: Pose
    sha256: str
    why_none: str
    models: tuple[ModelCard, ...]


def run_reference_pose(run: RunContext, reference: Reference, *, plate_space: str) -> ReferencePose:
    """The pose of the reference's character. Raises ShotError for a given pose that does not fit the picture."""
    given = run.shot.reference
    assert given is not None
    height, width = reference.rgba.shape[:2]
    size = Size(width, height)
    pose = given_pose(run, size=size)
    if pose is not None and given.pose is not None:
        return ReferencePose(pose, sha256_file(Path(run.shot.resolve(given.pose))), "", ())
    estimator = find_pose_estimator(run.options.pose)
    path = run.work / STAGE / "reference_pose.json"
    folder = paintable(run, STAGE)
    key = stage_key(
        STAGE, VERSION, estimator.name, [asdict(card) for card in estimator.models],
        estimator.settings, reference.sha256,
    )  # fmt: skip

    def make() -> Made:
        try:
            pose, why = find_still_pose(run, reference.rgba, plate_space=plate_space), ""
        except NothingFoundError as error:
            pose, why = empty_pose(), error.what
        digest = folder.write(path, lambda target: write_poses(target, {0: pose}, size=size))
        return Made((path,), {"why_none": "" if digest is None else why})

    with run.stage(STAGE, units=1) as progress:
        record = progress.make(Unit(STAGE, "reference_pose", key), make)
    pose = _read(path, size=size, key=STAGE)
    return ReferencePose(pose, next(iter(record.files.values())), record.facts["why_none"], estimator.models)


def given_pose(run: RunContext, *, size: Size) -> Pose | None:
    """The pose that the shot gives with its reference picture of ``size``; None where it gives none."""
    given = run.shot.reference
    if given is None or given.pose is None:
        return None
    return _read(Path(run.shot.resolve(given.pose)), size=size, key="reference.pose")


def find_still_pose(run: RunContext, rgba: npt.NDArray[np.float32], *, plate_space: str) -> Pose:
    """The pose of a cut-out (H, W, 4; plate-linear), looked for over gray, as it is displayed.

    Raises NothingFoundError.
    """
    estimator = find_pose_estimator(run.options.pose)
    alpha = np.clip(rgba[..., 3], 0, 1)
    over_gray = rgba[..., :3] + np.float32(0.18) * (1 - alpha[..., None])
    display = to_srgb_display(to_linear_rec709(run.color, plate_space)(np.ascontiguousarray(over_gray)))
    estimator.load()
    return estimator.find(np.clip(display, 0, 1), alpha=alpha)


def _read(path: Path, *, size: Size, key: str) -> Pose:
    poses, of = read_poses(path, key=key)
    check_pose_size(of, size, key=key, path=path)
    return poses[min(poses)]
