"""The mattes of a shot alone: one editable sequence a subject, which a later run of the shot takes up as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wanfx.backends.registry import check_backends
from wanfx.frames import FrameRange
from wanfx.images import FramePattern
from wanfx.ops.matting import check_method
from wanfx.stages.context import RunContext
from wanfx.stages.ingest import open_plate, run_ingest, shot_frames
from wanfx.stages.inputs import check_rotos
from wanfx.stages.matte import run_matte
from wanfx.stages.matte_sheet import draw_sheet
from wanfx.stages.refine import run_refine


@dataclass(frozen=True)
class SubjectMattes:
    """A subject's mattes: the files, how sure each frame is, which an artist painted, and a picture of them."""

    name: str
    pattern: FramePattern
    frames: FrameRange
    confidence: Mapping[int, float]
    painted: tuple[int, ...]
    sheet: Path

    @property
    def doubtful(self) -> list[int]:
        """Up to five frames to look at first: the least sure of those below 0.6, the worst first."""
        doubted = [frame for frame, sure in self.confidence.items() if sure < 0.6 and frame not in self.painted]
        return sorted(doubted, key=lambda frame: (self.confidence[frame], frame))[:5]


def make_mattes(run: RunContext) -> list[SubjectMattes]:
    """The mattes of all subjects, tracked and refined. Raises what these stages raise."""
    check_backends(run.options)
    source = open_plate(run.shot, run.options, color=run.color)
    check_rotos(run.shot, source, frames=shot_frames(run.shot, source))
    check_method(run.options.refine.method)
    ingested = run_ingest(run, source)
    made = []
    for tracked in run_matte(run, ingested):
        refined = run_refine(run, ingested, tracked)
        sheet = run.work / "sheet" / f"{tracked.name}.png"
        draw_sheet(sheet, ingested, refined, color=run.color)
        frames = ingested.plate.frames
        name, pattern, sure = tracked.subject.name, refined.matte.pattern, tracked.confidence
        made.append(SubjectMattes(name, pattern, frames, sure, refined.painted, sheet))
    return made
