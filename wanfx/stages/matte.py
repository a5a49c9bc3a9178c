"""matte: Plate and prompts -> the subject's matte at analysis size, tracked through the whole shot.

A shot unit, for tracking looks at every frame. An artist's roto (``subjects.matte``) comes in at refine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from wanfx.backends.protocols import Array, BoxPrompt, MaskPrompt, ModelCard, PointPrompt, Prompts, Segment
from wanfx.backends.registry import find_segmenter
from wanfx.errors import ShotError
from wanfx.frames import Box
from wanfx.images import FramePattern, Plate
from wanfx.io import exr
from wanfx.io.atomic import sha256_file
from wanfx.names import character_folder, layer_name, slug
from wanfx.shot import Shot, SubjectInput
from wanfx.stages.context import Made, RunContext, StageProgress, stage_key
from wanfx.stages.hand_matte import find_roto, read_hand_matte
from wanfx.stages.ingest import Ingested
from wanfx.stages.proxies import ProxySource, to_proxy_scale
from wanfx.units import Unit

STAGE = "matte"
VERSION = 3


@dataclass(frozen=True)
class Tracked:
    """A subject's mattes at analysis size, with the tracker's confidence for every frame; ``models`` are those that
    found it.
    """

    subject: SubjectInput
    name: str
    layer: str
    pattern: FramePattern
    key: str
    confidence: Mapping[int, float]
    models: tuple[ModelCard, ...]


def run_matte(run: RunContext, ingested: Ingested) -> list[Tracked]:
    """Track the shot's subjects, those that are not there yet together. Raises NothingFoundError, ShotError."""
    tracker = _Tracker(run, ingested)
    with run.stage(STAGE, units=len(tracker.jobs) * (len(tracker.source.frames) + 1)) as progress:
        return [tracker.track(job, progress) for job in tracker.jobs]


@dataclass(frozen=True)
class _Job:
    """A subject to track: what is known of it, its unit, and where its mattes go."""

    subject: SubjectInput
    name: str
    prompts: Prompts
    roto: Mapping[int, Path]
    pattern: FramePattern
    unit: Unit


class _Tracker:
    """Tracks the subjects of a shot."""

    def __init__(self, run: RunContext, ingested: Ingested) -> None:
        self._run, self._ingested = run, ingested
        matte = run.options.matte
        self._segmenter = find_segmenter(matte.backend, model=matte.model, engine=matte.engine, crop=matte.crop)
        self.source = ProxySource(ingested)
        self.jobs = [self._job(index, subject) for index, subject in enumerate(subjects_of(run.shot))]
        self._confidence: dict[str, dict[str, float]] = {}

    def _job(self, index: int, subject: SubjectInput) -> _Job:
        name = slug(subject.name)
        prompts = read_prompts(subject, self._ingested, key=f"subjects[{index}]")
        roto = find_roto(self._run.shot, subject, frames=self.source.frames)
        is_told = self._segmenter.learns_from_masks or len(roto) == len(self.source.frames)
        key = stage_key(
            STAGE, VERSION, self._segmenter.name, self._segmenter.settings,
            [asdict(card) for card in self._segmenter.models],
            asdict(prompts), [self._ingested.keys[frame] for frame in self.source.frames],
            [(frame, sha256_file(path)) for frame, path in roto.items()] if is_told else None,
        )  # fmt: skip
        masks = tuple(MaskPrompt(frame, partial(self._shrunk, frame, path)) for frame, path in roto.items())
        pattern = FramePattern(str(self._run.work / "track" / name / f"{name}.####.exr"))
        return _Job(subject, name, replace(prompts, masks=masks), roto, pattern, Unit(STAGE, name, key))

    def track(self, job: _Job, progress: StageProgress) -> Tracked:
        """The subject's mattes: those there are, or new ones."""
        record = progress.make(job.unit, lambda: self._make(job, progress))
        confidence = {int(frame): value for frame, value in record.facts["confidence"].items()}
        confidence.update(dict.fromkeys(job.roto, 1.0))
        return Tracked(
            job.subject, job.name, layer_name(job.subject.name), job.pattern, job.unit.key, confidence,
            tuple(ModelCard(**card) for card in record.facts["models"]),
        )  # fmt: skip

    def _make(self, job: _Job, progress: StageProgress) -> Made:
        if len(job.roto) == len(self.source.frames):
            # A roto of every frame needs no tracking: it is brought to analysis size.
            segments = (Segment(job.name, mask.frame, mask.read(), 1.0) for mask in job.prompts.masks)
            self._write(segments, progress)
        elif job.name not in self._confidence:
            self._segmenter.load()
            missing = {one.name: one.prompts for one in self.jobs if self._is_missing(one)}
            self._write(self._segmenter.segment(self.source, subjects=missing), progress)
        files = tuple(job.pattern.path(frame) for frame in self.source.frames)
        is_drawn = len(job.roto) == len(self.source.frames)
        used = () if is_drawn else self._segmenter.used(job.name)
        return Made(files, {"confidence": self._confidence[job.name], "models": [asdict(card) for card in used]})

    def _is_missing(self, job: _Job) -> bool:
        if job.name in self._confidence or len(job.roto) == len(self.source.frames):
            return False
        return self._run.fresh or self._run.store.find(job.unit) is None

    def _write(self, segments: Iterable[Segment], progress: StageProgress) -> None:
        patterns = {job.name: job.pattern for job in self.jobs}
        for one in segments:
            box = Box(0, 0, one.matte.shape[1], one.matte.shape[0])
            exr.write_matte(patterns[one.subject].path(one.frame), one.matte, data_window=box, durable=False)
            self._confidence.setdefault(one.subject, {})[str(one.frame)] = round(float(one.confidence), 4)
            progress.step(one.frame)

    def _shrunk(self, frame: int, path: Path) -> Array:
        """A hand-made matte at analysis size."""
        plate, size = self._ingested.plate, self._ingested.proxy_size
        matte = read_hand_matte(path, canvas=plate.canvas, display_window=plate.display_window, frame=frame)
        return np.asarray(cv2.resize(matte, (size.width, size.height), interpolation=cv2.INTER_AREA), np.float32)


def subjects_of(shot: Shot) -> tuple[SubjectInput, ...]:
    """The shot's subjects; with nothing said, the moving foreground.

    Raises ShotError for two whose files or layers would have one name on any system.
    """
    subjects = shot.subjects or (SubjectInput(),)
    for names_of in (_folders_of, _layers_of):
        names = [names_of(subject.name) for subject in subjects]
        for index, own in enumerate(names):
            for other in range(index):
                if own & names[other]:
                    raise ShotError(
                        f"makes the same names as that of subjects[{other}]",
                        key=f"subjects[{index}].name", remedy="give every subject a name of its own, in Latin letters",
                    )  # fmt: skip
    return subjects


def _folders_of(subject: str) -> set[str]:
    """The folders of a subject's mattes, its own and the new one, where case does not count."""
    name = slug(subject)
    return {name.casefold(), character_folder(name).casefold()}


def _layers_of(subject: str) -> set[str]:
    return {layer_name(subject).casefold()}


def read_prompts(subject: SubjectInput, ingested: Ingested, *, key: str) -> Prompts:
    """The subject's points and boxes, from display-window pixels to analysis pixels.

    Raises ShotError for a frame outside the shot, and for what lies outside the plate.
    """
    plate = ingested.plate
    sx, sy = to_proxy_scale(plate.canvas, ingested.proxy_size)

    def place(x: float, y: float) -> tuple[float, float]:
        return (x + plate.display_window.x0 - plate.canvas.x0) * sx, (
            y + plate.display_window.y0 - plate.canvas.y0
        ) * sy

    points = tuple(
        PointPrompt(_frame(plate, point.frame, key=f"{key}.points[{i}].frame"), *place(point.x, point.y), point.on)
        for i, point in enumerate(subject.points)
    )
    boxes = []
    for where, frame, (x0, y0, x1, y1) in _boxes(subject, key=key):
        if x1 <= x0 or y1 <= y0:
            raise ShotError("ends before it starts", key=f"{where}.box", remedy="write it as [x0, y0, x1, y1]")
        _check_inside(plate, (x0, y0, x1, y1), key=f"{where}.box")
        boxes.append(BoxPrompt(_frame(plate, frame, key=f"{where}.frame"), *place(x0, y0), *place(x1, y1)))
    for index, point in enumerate(subject.points):
        _check_inside(plate, (point.x, point.y, point.x, point.y), key=f"{key}.points[{index}]")
    return Prompts(points, tuple(boxes))


def _check_inside(plate: Plate, corners: tuple[float, float, float, float], *, key: str) -> None:
    """Raise ShotError for a box (display-window pixels) no part of which is on the plate."""
    canvas, origin = plate.canvas, plate.display_window
    x0, y0, x1, y1 = corners
    left, top = canvas.x0 - origin.x0, canvas.y0 - origin.y0
    right, bottom = left + canvas.width, top + canvas.height
    if x1 < left or y1 < top or x0 >= right or y0 >= bottom:
        raise ShotError(
            f"lies outside the plate, which is {left} to {right} across and {top} to {bottom} down",
            key=key, remedy="give it in pixels of the plate's full resolution, from its top left",
        )  # fmt: skip


def _boxes(subject: SubjectInput, *, key: str) -> Iterator[tuple[str, int | None, tuple[float, float, float, float]]]:
    """Where each box is in the shot file, its frame and corners."""
    if subject.box is not None:
        yield key, subject.frame, subject.box
    for index, other in enumerate(subject.boxes):
        yield f"{key}.boxes[{index}]", other.frame, other.box


def _frame(plate: Plate, frame: int | None, *, key: str) -> int:
    if frame is None:
        return plate.frames.first
    if frame not in plate.frames:
        raise ShotError(f"{frame} is not within {plate.frames}", key=key, remedy="give a frame of the shot")
    return frame
