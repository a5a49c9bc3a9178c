"""sam2: SAM 2.1 finds the subjects that were pointed at and carries them through the shot, both ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from wanfx.ahead import make_ahead
from wanfx.backends.protocols import FrameSource, ModelCard, Prompts, Segment
from wanfx.backends.sam2_engines import AUTO, choose_engine, load_engine, model_card
from wanfx.backends.sam2_plan import Direction, make_plan
from wanfx.backends.sam2_starts import find_prompts, start_cards
from wanfx.backends.sam2_subject import SubjectRun
from wanfx.backends.sam2_track import SubjectTrack, View
from wanfx.backends.sam2_window import Crop, Framing
from wanfx.backends.weights import ModelSet


class Sam2Segmenter:
    """Points, boxes and hand-made mattes at any frame; several subjects share the look at each frame.

    The shot is walked through once forwards and, where a subject comes from a later prompt, once backwards. Memory
    does not grow with its length, only with the number of prompts and subjects.
    """

    name = "sam2"
    learns_from_masks = True

    def __init__(self, models: ModelSet, *, engine: str = AUTO, crop: Crop = "subject") -> None:
        """``engine`` runs the network; ``crop`` is whether a subject that is small in the frame is looked at nearer."""
        self._set, self._engine_name, self._crop = models, choose_engine(engine), crop
        self._card = model_card(models)
        self.models: tuple[ModelCard, ...] = (self._card, *start_cards())
        self.settings = (self._engine_name, f"crop {crop}")
        self._used: dict[str, tuple[ModelCard, ...]] = {}

    def load(self) -> None:
        """Raises MissingError where the weights or what runs them are not there."""
        self._engine = load_engine(self._set, self._engine_name)

    def used(self, subject: str) -> tuple[ModelCard, ...]:
        """The models that found a subject."""
        return self._used[subject]

    def segment(self, source: FrameSource, *, subjects: Mapping[str, Prompts]) -> Iterator[Segment]:
        """Each subject in each frame, once, in any order. Raises NothingFoundError."""
        runs = [self._run(source, name, asked) for name, asked in subjects.items()]
        for run in runs:
            yield from run.given()
        yield from self._walk(source, runs, direction="forward")
        for run in runs:
            run.turn()
        yield from self._walk(source, runs, direction="backward")

    def _run(self, source: FrameSource, name: str, asked: Prompts) -> SubjectRun:
        self._used[name] = (self._card,)
        if asked.is_empty and not asked.masks:
            asked, found_by = find_prompts(source)
            self._used[name] = (self._card, *found_by)
        plan = make_plan(asked, source.frames)
        track = SubjectTrack(self._engine, Framing(source.size, cells=self._engine.cells, crop=self._crop))
        return SubjectRun(name, plan, track, frames=source.frames)

    def _walk(self, source: FrameSource, runs: Sequence[SubjectRun], *, direction: Direction) -> Iterator[Segment]:
        order = list(source.frames)[:: 1 if direction == "forward" else -1]
        frames = [frame for frame in order if any(run.needs(frame, direction) for run in runs)]
        for frame, picture in zip(frames, make_ahead(frames, source.read, name="sam2", workers=1), strict=True):
            view = View(self._engine, picture)
            for run in runs:
                if run.needs(frame, direction):
                    yield from run.step(frame, view, direction)
