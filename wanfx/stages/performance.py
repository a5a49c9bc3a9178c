"""The actor's skeletons as the reference's character performs them in his own picture: for task ``animate``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np

from wanfx.backends.protocols import ModelCard
from wanfx.errors import NothingFoundError
from wanfx.frames import Box, Size
from wanfx.images import Plate
from wanfx.ops import skeleton as joints
from wanfx.ops.crop import model_size
from wanfx.ops.pose import BODY, LEFT_HAND, RIGHT_HAND, Points, Pose, empty_pose
from wanfx.ops.sizes import inner_box
from wanfx.ops.skeleton import Skeleton, make_skeleton
from wanfx.ops.skeleton_retarget import fit_skeleton, measured_frame, retarget_skeleton
from wanfx.stages.context import RunContext
from wanfx.stages.ingest import Ingested
from wanfx.stages.reference import Reference, run_reference
from wanfx.stages.reference_fit import FittedReference
from wanfx.stages.reference_pose import run_reference_pose
from wanfx.stages.refine import Refined
from wanfx.stages.retarget_edit import EditedPair, edit_pair

STAGE = "performance"
Retarget = Literal["off", "auto", "edited", "reference"]
# COCO's 17 points of the body among the skeleton's 20.
_BODY = (
    joints.NOSE, joints.LEFT_EYE, joints.RIGHT_EYE, joints.LEFT_EAR, joints.RIGHT_EAR, joints.LEFT_SHOULDER,
    joints.RIGHT_SHOULDER, joints.LEFT_ELBOW, joints.RIGHT_ELBOW, joints.LEFT_WRIST, joints.RIGHT_WRIST,
    joints.LEFT_HIP, joints.RIGHT_HIP, joints.LEFT_KNEE, joints.RIGHT_KNEE, joints.LEFT_ANKLE, joints.RIGHT_ANKLE,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Performance:
    """The skeletons to be drawn, on the model's picture; ``poses`` are the same in canvas pixels, the body's and hands'
    points only. ``retargeted`` says whether they have the character's proportions and place, ``why_not`` why not as
    asked for; ``edited`` how the two were posed alike, where they were.
    """

    skeletons: Mapping[int, Skeleton]
    poses: Mapping[int, Pose]
    retargeted: Retarget
    why_not: str
    models: tuple[ModelCard, ...] = ()
    edited: Mapping[str, Any] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """For the manifest."""
        told = {"retarget": self.retargeted, "why_not": self.why_not}
        return told | {"edited": dict(self.edited)} if self.edited else told

    def key(self, frame: int) -> list[Any]:
        """The frame's skeleton as rows."""
        found = self.skeletons[frame]
        table = np.nan_to_num(np.concatenate([found.body, found.left_hand, found.right_hand]))
        return [np.round(table, 6).tolist()]


def find_performance(
    run: RunContext, ingested: Ingested, refined: Refined, poses: Mapping[int, Pose], *, crops: Mapping[int, Box],
    size: Size, fitted: FittedReference | None = None,
) -> Performance:  # fmt: skip
    """The performance of ``poses`` (canvas pixels), in a model's picture of ``size`` that shows ``crops``.

    ``condition.retarget`` says how; where the character's pose or the actor's is not known, he is followed as he is.
    ``fitted`` is the reference where it stands on the plate, not in its own picture.
    """
    mode, plate = run.options.condition.retarget, ingested.plate
    plain = {frame: _in_model(pose, crop=crops[frame], size=size) for frame, pose in poses.items()}
    if mode == "off":
        return _finish(plain, crops, "off", "condition.retarget=off")
    reference = run_reference(run, plate_space=plate.color_space)
    found = run_reference_pose(run, reference, plate_space=plate.color_space)
    character, box = _character(reference, found.pose, crops, size=size, fitted=fitted)
    actor, pair = _actor(plate, poses), None
    try:
        if not found.pose.confidence.any():
            raise NothingFoundError(found.why_none or "the character's pose is not known", remedy="give reference.pose")
        frame = min(actor) if mode == "reference" else _most_shown(actor)
        if mode == "edited":
            area_px = size.width * size.height
            pair = edit_pair(run, ingested, refined, reference, actor=actor, frame=frame, area_px=area_px)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            fit = fit_skeleton(
                actor[frame], character=character, edited=None if pair is None else pair.skeletons,
                mode="reference" if mode == "reference" else "gated",
            )  # fmt: skip
        if not np.isfinite([fit.scale, *fit.offset_px, *fit.ratios]).all():
            # Wan's own way believes points that are not there.
            raise NothingFoundError(
                "the actor is not seen in the first frame", remedy="set condition.retarget=auto, or edit the poses"
            )
    except NothingFoundError as error:
        run.warn(STAGE, f"the performance keeps the actor's own proportions and place: {error.what}; {error.remedy}")
        return _finish(plain, crops, "off", error.what, found.models)
    moved = {
        frame: _moved(retarget_skeleton(one, fit=fit, is_first=frame == min(actor)), box, size=size)
        for frame, one in actor.items()
    }
    return _told(run, _finish(moved, crops, mode, "", found.models), pair)


def _told(run: RunContext, performance: Performance, pair: EditedPair | None) -> Performance:
    """The performance, and what came of the edited pair; where that was of no use, it is as with ``auto``."""
    if pair is None:
        return performance
    if pair.why_none:
        run.warn(
            STAGE, f"limbs are compared in the pictures as they are, as with condition.retarget=auto: {pair.why_none}"
        )
    return replace(
        performance, retargeted="auto" if pair.why_none else "edited", why_not=pair.why_none, edited=pair.facts,
        models=(*performance.models, *pair.models),
    )  # fmt: skip


def _character(
    reference: Reference, pose: Pose, crops: Mapping[int, Box], *, size: Size, fitted: FittedReference | None
) -> tuple[Skeleton, Box]:
    """The character's skeleton where its picture lies in the model's, counted from the corner of the box it lies in."""
    height, width = reference.rgba.shape[:2]
    if fitted is None:
        box = inner_box(Size(width, height), canvas=size)
        shown = pose.scaled(box.width / width, box.height / height)
    else:
        placed = fitted.in_crop(crops[fitted.placement.frame], size=size)
        box = Box(0, 0, size.width, size.height)
        corner = placed.x - width * placed.scale / 2, placed.y - height * placed.scale
        shown = pose.scaled(placed.scale, placed.scale).moved(*corner)
    return make_skeleton(_keypoints(shown), size=Size(box.width, box.height)), box


def _actor(plate: Plate, poses: Mapping[int, Pose]) -> dict[int, Skeleton]:
    """The actor's skeletons in square pixels of the whole plate."""
    square = model_size(plate.canvas, pixel_aspect=plate.pixel_aspect)
    across = square.width / plate.canvas.width
    return {frame: make_skeleton(_keypoints(pose.scaled(across, 1)), size=square) for frame, pose in poses.items()}


def _most_shown(actor: Mapping[int, Skeleton]) -> int:
    """The frame that shows most of the actor."""
    frames = sorted(actor)
    return frames[measured_frame(actor[frame] for frame in frames)]


def _in_model(pose: Pose, *, crop: Box, size: Size) -> Skeleton:
    moved = pose.moved(-crop.x0, -crop.y0).scaled(size.width / crop.width, size.height / crop.height)
    return make_skeleton(_keypoints(moved), size=size)


def _moved(skeleton: Skeleton, box: Box, *, size: Size) -> Skeleton:
    """From the reference's own picture to where that lies in the model's."""
    by = np.array([box.x0, box.y0, 0.0])
    parts = (skeleton.body, skeleton.left_hand, skeleton.right_hand)
    return Skeleton(size, *(np.asarray(part + by) for part in parts))


def _finish(
    skeletons: Mapping[int, Skeleton], crops: Mapping[int, Box], retargeted: Retarget, why_not: str,
    models: tuple[ModelCard, ...] = (),
) -> Performance:  # fmt: skip
    poses = {frame: _pose_of(one, crop=crops[frame]) for frame, one in skeletons.items()}
    return Performance(skeletons, poses, retargeted, why_not, models)


def _pose_of(skeleton: Skeleton, *, crop: Box) -> Pose:
    """The skeleton's points in canvas pixels."""
    pose = empty_pose()
    table = np.column_stack([pose.xy, pose.confidence])
    table[BODY], table[LEFT_HAND], table[RIGHT_HAND] = (
        skeleton.body[list(_BODY)],
        skeleton.left_hand,
        skeleton.right_hand,
    )
    table = np.nan_to_num(table)
    size = skeleton.size
    found = Pose(table[:, :2], np.clip(table[:, 2], 0, 1), pose.depth)
    return found.scaled(crop.width / size.width, crop.height / size.height).moved(crop.x0, crop.y0)


def _keypoints(pose: Pose) -> Points:
    return np.column_stack([pose.xy, pose.confidence])
