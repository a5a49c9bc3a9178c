"""matte: Plate and prompts -> the subject's matte at analysis size, tracked through the whole shot.

A shot unit, for tracking looks at every frame. An artist's roto (``subjects.matte``) comes in at refine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.backends.protocols import Array, BoxPrompt, ModelCard, PointPrompt, Prompts, Segmenter
from wanfx.backends.registry import find_segmenter
from wanfx.errors import ShotError
from wanfx.frames import Box
from wanfx.images import FramePattern, Plate
from wanfx.io import exr
from wanfx.io.atomic import sha256_file
from wanfx.names import layer_name, slug
from wanfx.shot import SubjectInput
from wanfx.stages.context import Made, RunContext, stage_key
from wanfx.stages.hand_matte import find_roto, read_hand_matte
from wanfx.stages.ingest import Ingested
from wanfx.stages.proxies import ProxySource, to_proxy_scale
from wanfx.units import Unit

STAGE = "matte"
VERSION = 1


@dataclass(frozen=True)
class Tracked:
    """A subject's mattes at analysis size, with the tracker's confidence and a hash for every frame."""

    subject: SubjectInput
    name: str
    layer: str
    pattern: FramePattern
    key: str
    confidence: Mapping[int, float]
    models: tuple[ModelCard, ...]


def run_matte(run: RunContext, ingested: Ingested) -> Tracked:
    """Track the shot's subject. Raises NothingFoundError, ShotError, OptionError."""
    subject = the_subject(run)
    prompts = read_prompts(subject, ingested)
    segmenter = find_segmenter(run.options.matte.backend)
    name = slug(subject.name)
    pattern = FramePattern(str(run.work / "track" / name / f"{name}.####.exr"))
    source = ProxySource(ingested)
    roto = find_roto(run.shot, subject, frames=source.frames)
    covers = len(roto) == len(source.frames)
    key = stage_key(
        STAGE, VERSION, segmenter.name, [asdict(card) for card in segmenter.models], asdict(prompts),
        [ingested.keys[frame] for frame in source.frames],
        [sha256_file(path) for path in roto.values()] if covers else None,
    )  # fmt: skip

    with run.stage(STAGE, units=len(source.frames) + 1) as progress:
        unit = Unit(STAGE, name, key)

        def make() -> Made:
            confidence: dict[str, float] = {}
            for frame, matte, certain in _shrunk(roto, ingested) if covers else _track(segmenter, source, prompts):
                exr.write_matte(pattern.path(frame), matte, data_window=_box_of(matte), durable=False)
                confidence[str(frame)] = round(float(certain), 4)
                progress.step(frame)
            return Made(tuple(pattern.path(frame) for frame in source.frames), {"confidence": confidence})

        record = progress.make(unit, make)
    confidence = {int(frame): value for frame, value in record.facts["confidence"].items()}
    confidence.update(dict.fromkeys(roto, 1.0))
    return Tracked(subject, name, layer_name(subject.name), pattern, key, confidence, segmenter.models)


def _track(segmenter: Segmenter, source: ProxySource, prompts: Prompts) -> Iterator[tuple[int, Array, float]]:
    segmenter.load()
    yield from segmenter.segment(source, prompts=prompts)


def _shrunk(roto: Mapping[int, Path], ingested: Ingested) -> Iterator[tuple[int, Array, float]]:
    """A roto of every frame needs no tracking: it is brought to analysis size."""
    plate, size = ingested.plate, (ingested.proxy_size.width, ingested.proxy_size.height)
    for frame, path in roto.items():
        matte = read_hand_matte(path, canvas=plate.canvas, display_window=plate.display_window, frame=frame)
        yield frame, np.asarray(cv2.resize(matte, size, interpolation=cv2.INTER_AREA), np.float32), 1.0


def _box_of(matte: npt.NDArray[np.float32]) -> Box:
    return Box(0, 0, matte.shape[1], matte.shape[0])


def the_subject(run: RunContext) -> SubjectInput:
    """The shot's one subject; with nothing said, the moving foreground."""
    subjects = run.shot.subjects or (SubjectInput(),)
    if len(subjects) > 1:
        raise ShotError(
            "only one subject a shot can be made yet", key="subjects[1]", remedy="make one shot file a subject"
        )
    return subjects[0]


def read_prompts(subject: SubjectInput, ingested: Ingested) -> Prompts:
    """The subject's points and box, from display-window pixels to analysis pixels. Raises ShotError."""
    plate = ingested.plate
    sx, sy = to_proxy_scale(plate.canvas, ingested.proxy_size)

    def place(x: float, y: float) -> tuple[float, float]:
        return (x + plate.display_window.x0 - plate.canvas.x0) * sx, (
            y + plate.display_window.y0 - plate.canvas.y0
        ) * sy

    points = tuple(
        PointPrompt(
            _frame(plate, point.frame, key=f"subjects[0].points[{i}].frame"), *place(point.x, point.y), point.on
        )
        for i, point in enumerate(subject.points)
    )
    boxes = []
    for key, frame, (x0, y0, x1, y1) in _boxes(subject):
        if x1 <= x0 or y1 <= y0:
            raise ShotError("ends before it starts", key=f"{key}.box", remedy="write it as [x0, y0, x1, y1]")
        boxes.append(BoxPrompt(_frame(plate, frame, key=f"{key}.frame"), *place(x0, y0), *place(x1, y1)))
    return Prompts(points, tuple(boxes))


def _boxes(subject: SubjectInput) -> Iterator[tuple[str, int | None, tuple[float, float, float, float]]]:
    """Where each box is in the shot file, its frame and corners."""
    if subject.box is not None:
        yield "subjects[0]", subject.frame, subject.box
    for index, other in enumerate(subject.boxes):
        yield f"subjects[0].boxes[{index}]", other.frame, other.box


def _frame(plate: Plate, frame: int | None, *, key: str) -> int:
    if frame is None:
        return plate.frames.first
    if frame not in plate.frames:
        raise ShotError(f"{frame} is not within {plate.frames}", key=key, remedy="give a frame of the shot")
    return frame
