"""What the stages measured of every frame, gathered from their records and facts for ``measures.jsonl``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from wanfx.io.pose_file import read_poses
from wanfx.ops.pose import LEFT_HAND, LEFT_WRIST, RIGHT_HAND, RIGHT_WRIST, Pose
from wanfx.ops.puppet_joints import KNOWN
from wanfx.qc.measures import FRAME, NOTES, Row
from wanfx.stages import camera, clean, pose, refine, rematte
from wanfx.stages.comp_frame import FinishInputs
from wanfx.stages.context import RunContext, unit_name
from wanfx.stages.finish import Finished, is_copied
from wanfx.stages.matte import Tracked
from wanfx.stages.retake import MANIFEST_KEY

_PAINTED = {refine.STAGE: "the matte is painted", rematte.STAGE: "the character's matte is painted",
            clean.STAGE: "the clean plate is painted"}  # fmt: skip
ROTO_NOTE = "the matte is the shot's roto"
_NAMES = {"drift_before": "drift_before_de", "drift_after": "drift_after_de"}
_DIGITS = 6


def told_of(fact: Mapping[str, Any]) -> dict[str, float]:
    """What a frame's entry in the manifest tells of how character and world move, of lock, registration and grain.

    >>> told_of({"match": {"drift_after": 0.4}, "grain": {"model": "m", "own_char": [0.1, 0.2, 0.3]}})
    {'drift_after_de': 0.4, 'grain_own_share': 0.2}
    """
    found = {**fact.get("performance", {}), **fact.get("world_motion", {})}
    found |= {_NAMES.get(name, name): value for name, value in (fact.get("match") or {}).items()}
    grain = fact.get("grain") or {}
    for name, key in (("grain_own_share", "own_char"), ("clean_grain_share", "own_clean")):
        if key in grain:
            found[name] = round(sum(grain[key]) / len(grain[key]), _DIGITS)
    return found


def gather_measures(
    run: RunContext, tracked: Tracked, finished: Finished, inputs: FinishInputs, *,
    told: Mapping[int, Mapping[str, float]], seen: Mapping[int, Mapping[str, float]], earlier: Mapping[int, Row],
) -> list[dict[str, Any]]:  # fmt: skip
    """A row for every delivered frame, as `wanfx.qc.measures` has them.

    ``told`` is what the manifest tells of a frame (`told_of`), ``seen`` what verify measured of its comp and plate.
    ``earlier`` are the rows of the last version: those of the frames that were copied from it.
    """
    reader = _Reader(run, tracked, finished, inputs)
    rows = []
    for frame in finished.frames:
        is_kept = is_copied(finished.facts[frame]) and frame in earlier
        row = dict(earlier[frame]) if is_kept else reader.row(frame, told.get(frame, {}))
        rows.append(row | {name: round(value, _DIGITS) for name, value in seen.get(frame, {}).items()})
    return rows


class _Reader:
    """Reads what was measured of a frame where each stage left it."""

    def __init__(self, run: RunContext, tracked: Tracked, finished: Finished, inputs: FinishInputs) -> None:
        self._run, self._tracked, self._finished, self._inputs = run, tracked, finished, inputs
        self._camera = self._facts(camera.STAGE, "camera").get("confidence", {})
        subject = tracked.name
        self._poses = _read_poses(run, subject)
        self._stages = {refine.STAGE: subject, clean.STAGE: "", rematte.STAGE: subject}
        if inputs.conditioning.is_world:
            self._stages = {refine.STAGE: subject}
        elif inputs.conditioning.is_whole:
            del self._stages[clean.STAGE]

    def row(self, frame: int, told: Mapping[str, float]) -> dict[str, Any]:
        """The frame's measures, those that there are, and notes."""
        records = {stage: self._facts(stage, unit_name(frame, subject=of)) for stage, of in self._stages.items()}
        fact = self._finished.facts[frame]
        generated = self._inputs.generated.measures.get(frame, {})
        low, high = fact.get("range_linear") or (None, None)
        values: dict[str, Any] = {
            "matte_confidence": self._tracked.confidence.get(frame),
            **self._matte(frame, records[refine.STAGE]),
            "camera_confidence": self._camera.get(str(frame)),
            "clean_seen_share": records.get(clean.STAGE, {}).get("seen"),
            "pose_confidence": self._pose(frame),
            **told,
            "hand_confidence": self._hands(frame),
            "edit_share": fact["edited_pixels"] / max(1, fact["edited_pixels"] + fact["kept_pixels"]),
            "plate_error_model": generated.get("plate_error"),
            "at_ceiling_share": generated.get("at_ceiling"),
            "clipped_share": fact["ceiling_pixels"] / max(1, fact["edited_pixels"]),
            "comp_min_linear": low,
            "comp_max_linear": high,
        }
        row = {name: round(value, _DIGITS) for name, value in values.items() if value is not None}
        notes = [text for stage, text in _PAINTED.items() if records.get(stage, {}).get("painted")]
        if records[refine.STAGE].get("roto"):
            notes.append(ROTO_NOTE)
        joined = fact.get(MANIFEST_KEY, {})
        if "toward" in joined:
            notes.append(
                f"{joined['new_share']:.0%} of the take of {joined['frames']}, dissolved into {joined['joins']}"
            )
        return {FRAME: frame, **row, **({NOTES: notes} if notes else {})}

    def _matte(self, frame: int, facts: Mapping[str, Any]) -> dict[str, float]:
        """Area, and how far the box's centre moved since the frame before."""
        measure = facts.get("measure")
        if measure is None:
            return {}
        found = {"matte_area_px": measure["area_px"]}
        before = self._facts(refine.STAGE, unit_name(frame - 1, subject=self._tracked.name)).get("measure")
        if before is not None and min(before["area_px"], measure["area_px"]) > 0:
            found["matte_jump_px"] = math.dist(_center(measure["box"]), _center(before["box"]))
        return found

    def _pose(self, frame: int) -> float | None:
        """How far the actor's pose is trusted, where a character performs it."""
        character = self._inputs.conditioning.character
        return character.confidence(frame) if character is not None and character.kind == "puppet" else None

    def _hands(self, frame: int) -> float | None:
        """How far the worse hand's pose is trusted, of those whose wrist is seen."""
        found = self._poses.get(frame)
        if found is None:
            return None
        hands = ((LEFT_WRIST, LEFT_HAND), (RIGHT_WRIST, RIGHT_HAND))
        seen = [float(found.confidence[hand].mean()) for wrist, hand in hands if found.confidence[wrist] > KNOWN]
        return min(seen, default=None)

    def _facts(self, stage: str, name: str) -> Mapping[str, Any]:
        record = self._run.store.read(stage, name)
        return {} if record is None else record.facts


def _read_poses(run: RunContext, subject: str) -> Mapping[int, Pose]:
    """The actor's poses, which an artist may have edited; none where none were looked for."""
    path = run.work / "pose" / f"{subject}.json"
    is_used = run.store.read(pose.STAGE, subject) is not None and path.is_file()
    return read_poses(path, key="pose")[0] if is_used and run.options.pose.backend != "none" else {}


def _center(box: list[int]) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
