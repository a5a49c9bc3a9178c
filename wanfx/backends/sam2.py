"""sam2: SAM 2.1 finds the subjects that were pointed at and carries them through the shot, both ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from wanfx.ahead import make_ahead
from wanfx.backends.protocols import Array, FrameSource, ModelCard, Prompts, Segment
from wanfx.backends.sam2_network import Sam2Network, model_card
from wanfx.backends.sam2_plan import Direction, make_plan
from wanfx.backends.sam2_starts import find_prompts, start_cards
from wanfx.backends.sam2_subject import SubjectRun
from wanfx.backends.sam2_track import SubjectTrack
from wanfx.backends.weights import ModelSet


class Sam2Segmenter:
    """Points, boxes and hand-made mattes at any frame; several subjects share the look at each frame.

    The shot is walked through once forwards and, where a subject comes from a later prompt, once backwards. Memory
    does not grow with its length, only with the number of prompts and subjects.
    """

    name = "sam2"
    learns_from_masks = True

    def __init__(self, models: ModelSet) -> None:
        self._set = models
        self.models: tuple[ModelCard, ...] = (model_card(models), *start_cards())

    def load(self) -> None:
        """Raises MissingError where the weights or what runs them are not there."""
        self._network = Sam2Network(self._set)

    def segment(self, source: FrameSource, *, subjects: Mapping[str, Prompts]) -> Iterator[Segment]:
        """Each subject in each frame, once, in any order. Raises NothingFoundError."""
        features = self._network.new_features()
        runs = []
        for name, asked in subjects.items():
            prompts = find_prompts(source) if asked.is_empty and not asked.masks else asked
            plan = make_plan(prompts, source.frames)
            track = SubjectTrack(self._network, features, size=source.size)
            runs.append(SubjectRun(name, plan, track, frames=source.frames, size=source.size))
        for run in runs:
            yield from run.given()
        yield from self._walk(source, runs, direction="forward")
        for run in runs:
            run.turn()
        yield from self._walk(source, runs, direction="backward")

    def _walk(self, source: FrameSource, runs: Sequence[SubjectRun], *, direction: Direction) -> Iterator[Segment]:
        order = list(source.frames)[:: 1 if direction == "forward" else -1]
        frames = [frame for frame in order if any(run.needs(frame, direction) for run in runs)]

        def prepare(frame: int) -> Array:
            return self._network.prepare(source.read(frame))

        for frame, picture in zip(frames, make_ahead(frames, prepare, name="sam2", workers=1), strict=True):
            for run in runs:
                if run.needs(frame, direction):
                    yield from run.step(frame, picture, direction)
