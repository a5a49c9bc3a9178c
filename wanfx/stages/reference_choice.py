"""Of several pictures of the character, the one whose pose is most like the actor's: video models take one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from wanfx.backends.registry import find_pose_estimator
from wanfx.errors import NothingFoundError
from wanfx.frames import Size
from wanfx.ops.pose import Pose
from wanfx.ops.pose_distance import pose_distance
from wanfx.stages.context import Made, RunContext, stage_key
from wanfx.stages.reference import cut_reference, reference_hashes
from wanfx.stages.reference_pose import find_still_pose, given_pose
from wanfx.units import Unit

STAGE = "reference_choice"
VERSION = 1


@dataclass(frozen=True)
class ReferenceChoice:
    """The run with the chosen picture as its shot's only one, and what the manifest says of it."""

    run: RunContext
    facts: Mapping[str, Any]


def choose_reference(run: RunContext, *, actor: Pose | None, plate_space: str) -> ReferenceChoice:
    """The picture to use; ``actor`` is his pose in the frame that the reference is fitted to, where it is known.

    A picture in which no pose is found comes last; where none can be compared the first is taken, and the user told.
    Raises what reading a picture raises.
    """
    given = run.shot.reference
    assert given is not None
    runs = [replace(run, shot=replace(run.shot, reference=one)) for one in given.pictures]
    if len(runs) == 1:
        return ReferenceChoice(run, _facts(runs, 0, []))
    distances: list[float | None] = [None] * len(runs) if actor is None else _distances(run, runs, actor, plate_space)
    known = [(distance, index) for index, distance in enumerate(distances) if distance is not None]
    if not known:
        run.warn(STAGE, "no picture of the character can be compared with the actor's pose: the first is used")
    index = min(known)[1] if known else 0
    return ReferenceChoice(runs[index], _facts(runs, index, distances))


def _distances(run: RunContext, runs: list[RunContext], actor: Pose, plate_space: str) -> list[float | None]:
    estimator = find_pose_estimator(run.options.pose)
    found: list[float | None] = []
    with run.stage(STAGE, units=len(runs)) as progress:
        for index, one in enumerate(runs):
            key = stage_key(
                STAGE, VERSION, estimator.name, [asdict(card) for card in estimator.models], estimator.settings,
                actor.as_rows(), reference_hashes(one), plate_space, run.color.sha256,
            )  # fmt: skip

            def make(one: RunContext = one) -> Made:
                return Made(facts={"distance": _distance(one, actor, plate_space)})

            found.append(progress.make(Unit(STAGE, f"picture.{index}", key), make).facts["distance"])
    return found


def _distance(run: RunContext, actor: Pose, plate_space: str) -> float | None:
    try:
        rgba = cut_reference(run, plate_space=plate_space)
        pose = given_pose(run, size=Size(rgba.shape[1], rgba.shape[0]))
        return pose_distance(actor, find_still_pose(run, rgba, plate_space=plate_space) if pose is None else pose)
    except NothingFoundError:
        return None


def _facts(runs: list[RunContext], index: int, distances: list[float | None]) -> dict[str, Any]:
    given = runs[index].shot.reference
    assert given is not None
    return {"picture": Path(given.path).name, "index": index, "pictures": len(runs), "distances": distances}
