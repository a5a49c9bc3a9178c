"""The reference as the draft performs it: a puppet where poses are found, else a card that follows the actor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from wanfx.errors import NothingFoundError, ShotError
from wanfx.frames import Box
from wanfx.images import Plate
from wanfx.ops.card import Placement, SubjectMeasure, card_box, draw_card, place_cards
from wanfx.ops.pose import BODY, Pose
from wanfx.ops.puppet import Puppet, build_puppet
from wanfx.ops.puppet_draw import draw_puppet, puppet_box
from wanfx.ops.puppet_joints import KNOWN
from wanfx.ops.retarget import Motion, distances, perform
from wanfx.stages.context import RunContext
from wanfx.stages.matte import Tracked
from wanfx.stages.pose import Posed
from wanfx.stages.reference import Reference
from wanfx.stages.reference_pose import ReferencePose
from wanfx.stages.refine import Refined

Array = npt.NDArray[np.float32]
_FALLBACK_CONFIDENCE = 0.3
"""Of a card that stands in for a puppet: the framing is right, the performance is not there."""
_LEAST_POSED = 0.25
_LEAST_AWAY = 3


class Character(Protocol):
    """The reference in every frame of the plate, in canvas pixels."""

    @property
    def kind(self) -> Literal["puppet", "card"]: ...

    @property
    def missing(self) -> tuple[str, ...]:
        """What the picture does not show."""
        ...

    @property
    def why_card(self) -> str:
        """Why it is no puppet, where one was asked for."""
        ...

    def box(self, frame: int) -> Box:
        """What it covers; may lie beyond the canvas."""
        ...

    def draw(self, frame: int, *, box: Box) -> Array:
        """(h, w, 4) premultiplied, plate-linear, as it lies in ``box``."""
        ...

    def key(self, frame: int) -> Any:
        """What the drawing depends on, besides the reference picture."""
        ...

    def confidence(self, frame: int) -> float:
        """How far the performance can be trusted, in [0, 1]."""
        ...

    def measures(self, frame: int) -> Mapping[str, float]:
        """Named figures of a frame, for the report."""
        ...


@dataclass(frozen=True, eq=False)
class CardCharacter:
    """A cut-out that follows the actor."""

    rgba: Array
    placements: Mapping[int, Placement]
    pixel_aspect: float
    why_card: str = ""
    missing: tuple[str, ...] = ()
    kind: Literal["puppet", "card"] = "card"

    def box(self, frame: int) -> Box:
        """What the card covers."""
        height, width = self.rgba.shape[:2]
        return card_box(self.placements[frame], width=width, height=height, pixel_aspect=self.pixel_aspect)

    def draw(self, frame: int, *, box: Box) -> Array:
        """The card in ``box``."""
        return draw_card(self.rgba, self.placements[frame], box=box, pixel_aspect=self.pixel_aspect)

    def key(self, frame: int) -> Any:
        """Where the card lies."""
        return self.kind, asdict(self.placements[frame])

    def confidence(self, frame: int) -> float:
        """1 where a card was asked for, low where it stands in for a puppet."""
        return _FALLBACK_CONFIDENCE if self.why_card else 1.0

    def measures(self, frame: int) -> Mapping[str, float]:
        """A card has none."""
        return {}


@dataclass(frozen=True, eq=False)
class PuppetCharacter:
    """A cut-out that performs; not there in the frames in which the actor is ``away``."""

    puppet: Puppet
    motions: Mapping[int, Motion]
    poses: Mapping[int, Pose]
    pixel_aspect: float
    reference_pose_sha256: str
    away: frozenset[int] = frozenset()
    why_card: str = ""
    kind: Literal["puppet", "card"] = "puppet"

    @property
    def missing(self) -> tuple[str, ...]:
        """What the picture does not show."""
        return self.puppet.missing

    def box(self, frame: int) -> Box:
        """What the puppet covers, or would."""
        return puppet_box(self.puppet, self.motions[frame], pixel_aspect=self.pixel_aspect)

    def draw(self, frame: int, *, box: Box) -> Array:
        """The puppet in ``box``."""
        if frame in self.away:
            return np.zeros((box.height, box.width, 4), np.float32)
        return draw_puppet(self.puppet, self.motions[frame], box=box, pixel_aspect=self.pixel_aspect)

    def key(self, frame: int) -> Any:
        """How the puppet moves."""
        return self.kind, self.reference_pose_sha256, asdict(self.motions[frame]), frame in self.away

    def confidence(self, frame: int) -> float:
        """That of the actor's pose."""
        return round(float(self.motions[frame].confidence), 4)

    def measures(self, frame: int) -> Mapping[str, float]:
        """How far wrists and ankles are from the actor's, px."""
        found = distances(self.puppet, self.motions[frame], self.poses[frame], pixel_aspect=self.pixel_aspect)
        return {f"{name}_px": round(float(value), 3) for name, value in found.items()}


def make_character(
    run: RunContext, plate: Plate, refined: Refined, tracked: Tracked, posed: Posed, reference: Reference,
    pose: ReferencePose, *, card: Mapping[int, Placement] | None = None,
) -> Character:  # fmt: skip
    """A puppet, or a card where no pose is found; the user is told why. ``card`` is where that lies, if it does not
    follow the actor.

    Raises ShotError where a puppet was asked for and cannot be.
    """
    try:
        return _make_puppet(run, plate, refined, posed, reference, pose)
    except NothingFoundError as error:
        why, remedy = error.what, error.remedy
    if run.options.condition.character == "puppet":
        raise ShotError(f"no puppet can be made: {why}", key="condition.character", remedy=remedy)
    run.warn("condition", f"the character is a card that does not perform: {why}; {remedy}")
    if card is not None:
        return CardCharacter(reference.rgba, card, plate.pixel_aspect, why)
    return make_card(plate, refined, tracked, reference, why=why)


def _remedy(run: RunContext) -> str:
    if run.options.pose.backend == "none":
        return "`wanfx models fetch lite` gets what finds poses, pose.backend=lite uses it"
    return "give a picture that shows the character from the front, or its pose as reference.pose"


def _make_puppet(
    run: RunContext, plate: Plate, refined: Refined, posed: Posed, reference: Reference, pose: ReferencePose
) -> PuppetCharacter:
    there = [frame for frame, one in posed.poses.items() if float(one.confidence[BODY].max()) > 0]
    if not there and run.options.pose.backend == "none":
        raise NothingFoundError("poses are not looked for (pose.backend is none)", remedy=_remedy(run))
    if len(there) < _LEAST_POSED * len(posed.poses):
        what = f"the actor's pose is found in {len(there)} of {len(posed.poses)} frames"
        raise NothingFoundError(what, remedy="box the actor where he is seen best, or set condition.character=card")
    if pose.why_none:
        raise NothingFoundError(f"in the reference, {pose.why_none}", remedy=_remedy(run))
    puppet = build_puppet(reference.rgba, pose.pose)
    canvas = Box(0, 0, plate.canvas.width, plate.canvas.height)
    motions = perform(puppet, posed.poses, canvas=canvas, pixel_aspect=plate.pixel_aspect)
    if puppet.missing:
        run.warn("condition", "the reference does not show, so the puppet lacks: " + ", ".join(puppet.missing))
    away = _away(refined, posed)
    if away:
        run.warn("condition", f"nobody is seen in {len(away)} frames; the character is not there", frame=min(away))
    return PuppetCharacter(puppet, motions, posed.poses, plate.pixel_aspect, pose.sha256, away)


def _away(refined: Refined, posed: Posed) -> frozenset[int]:
    """The frames without a matte and without a pose, three or more in a row: fewer are a blink of those who look."""
    found: list[int] = []
    run: list[int] = []
    for frame in sorted(posed.poses):
        is_seen = float(posed.poses[frame].confidence[BODY].max()) > KNOWN
        if is_seen or SubjectMeasure(**refined.measures[frame]).is_there:
            run = []
            continue
        run.append(frame)
        if len(run) >= _LEAST_AWAY:
            found += run
    return frozenset(found)


def make_card(
    plate: Plate, refined: Refined, tracked: Tracked, reference: Reference, *, why: str = ""
) -> CardCharacter:
    """A card; ``why`` says what kept it from being a puppet."""
    measures = {frame: SubjectMeasure(**measure) for frame, measure in refined.measures.items()}
    placed = place_cards(
        measures,
        confidence=tracked.confidence,
        reference_alpha=reference.rgba[..., 3],
        canvas=Box(0, 0, plate.canvas.width, plate.canvas.height),
        pixel_aspect=plate.pixel_aspect,
    )
    placements = {placement.frame: placement for placement in placed}
    return CardCharacter(reference.rgba, placements, plate.pixel_aspect, why)
