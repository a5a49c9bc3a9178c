"""The shot that a worker has open: its plate, its subjects, a clicker that is warm for the current frame."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

from wanfx.backends.protocols import Array, Clicker, Prompts, Segmenter
from wanfx.backends.registry import check_backends, find_clicker, find_segmenter, passed_over, resolve_backends
from wanfx.colors import color_errors
from wanfx.errors import InputError
from wanfx.frames import FrameRange
from wanfx.io.atomic import write_error
from wanfx.options import Options
from wanfx.shot import BoxInput, PointInput, Shot, SubjectInput
from wanfx.stages.ingest import open_plate, shot_frames, source_warnings
from wanfx.stages.matte import read_prompts
from wanfx.worker_plate import WorkerPlate
from wanfx.worker_requests import (
    Clear,
    Click,
    FileKind,
    Frame,
    Open,
    Redo,
    Request,
    SizeKind,
    Track,
    Undo,
)
from wanfx.worker_requests import Prompts as PromptsRequest
from wanfx.worker_subjects import Subject, add_subject, check_box, check_point, find_subject, is_on
from wanfx.worker_track import MatteFolder, Tell, track_subjects, write_click_matte
from wanfx_color.configs import load_config

Answer = dict[str, Any]


class OpenShot:
    """An open plate, the current frame, the subjects, and where results go.

    A request that fails changes nothing but the current frame.
    """

    def __init__(self, request: Open) -> None:
        shot = Shot("worker", "replace", request.plate, subjects=request.subjects, frames=request.frames)
        asked = Options().with_values(request.options, source="flag")
        options = resolve_backends(asked)
        self._passed_over = passed_over(asked)
        check_backends(options)
        matte = options.matte
        with color_errors(key="$OCIO"):
            color = load_config()
        source = open_plate(shot, options, color=color)
        frames = shot_frames(shot, source)
        with ExitStack() as stack:
            self._private = Path(stack.enter_context(_private_folder(request.work)))
            self._work = self._private if request.work is None else Path(request.work).absolute()
            self.plate = stack.enter_context(
                WorkerPlate(
                    source, frames=frames, width_px=options.matte.width_px, folder=self._private / "proxy", color=color
                )
            )
            self._options = options
            self._mattes = MatteFolder(self._work)
            self._subjects: dict[str, Subject] = {}
            for index, told in enumerate(request.subjects):
                read_prompts(told, self.plate.ingested, key=f"subjects[{index}]")
                add_subject(self._subjects, Subject.of(told, first_frame=frames.first))
            self._frame = self.plate.check(frames.first if request.frame is None else request.frame)
            self.plate.read(self._frame)
            self._clicker: Clicker = find_clicker(
                matte.backend, model=matte.model, engine=matte.engine, crop=matte.crop
            )
            self._clicker.load()
            self._segmenter: Segmenter | None = None
            self._embedded: int | None = None
            self._stack = stack.pop_all()

    def close(self) -> None:
        """Close the files and remove the private folder."""
        self._stack.close()

    def describe(self) -> Answer:
        """What was opened."""
        source = self.plate.source
        warnings = [text if frame is None else f"frame {frame}: {text}" for text, frame in source_warnings(source)]
        warnings += [self._passed_over] if self._passed_over else []
        return {
            "plate": source.path, "kind": source.kind, "frames": str(self.plate.frames), "fps": str(source.fps),
            "size": [source.display_window.width, source.display_window.height],
            "pixel_aspect": source.pixel_aspect, "colorspace": source.space.name,
            "colorspace_from": source.space.told_by, "backend": self._clicker.name, "work": str(self._work),
            "subjects": list(self._subjects), "warnings": warnings, **self._picture(),
        }  # fmt: skip

    def answer(self, request: Request) -> Answer:
        """Do what needs no progress."""
        match request:
            case Frame():
                self._go_to(self.plate.check(request.frame))
                return self._picture()
            case Click():
                return self._click(request)
            case Undo():
                subject = find_subject(self._subjects, request.subject)
                undo, redo = (subject.redo, subject.undo) if isinstance(request, Redo) else (subject.undo, subject.redo)
                frame = undo()
                return self._cut_or(redo, subject, frame, file=request.file, size=request.size)
            case Clear():
                return self._clear(request)
            case PromptsRequest():
                return {"subjects": [subject.input().as_dict() for subject in self._subjects.values()]}
        raise InputError("this cannot be asked here", key="do", remedy="see docs/worker.md")

    def warm_up(self) -> None:
        """Embed the current frame."""
        if self._embedded != self._frame:
            self._clicker.open(self.plate.read(self._frame))
            self._embedded = self._frame

    def _go_to(self, frame: int) -> None:
        self.plate.read(frame)
        self._frame = frame

    def _picture(self) -> Answer:
        """The current frame's picture for looking at, and where in the display window it lies."""
        size = self.plate.size
        return {
            "frame": self._frame, "picture": str(self.plate.write_picture(self._frame, self._private)),
            "picture_size": [size.width, size.height], "covers": self._covers(),
        }  # fmt: skip

    def _covers(self) -> list[int]:
        window = self.plate.source.display_window
        return self.plate.source.canvas.shift(-window.x0, -window.y0).as_list()

    def _click(self, request: Click) -> Answer:
        frame = self._frame if request.frame is None else self.plate.check(request.frame)
        window = self.plate.source.display_window
        prompt: PointInput | BoxInput
        if request.box is not None and request.x is None and request.y is None and request.on:
            check_box(request.box, window=window)
            prompt = BoxInput(request.box, frame)
        elif request.x is not None and request.y is not None and request.box is None:
            check_point(request.x, request.y, window=window)
            prompt = PointInput(request.x, request.y, frame, request.on)
        else:
            raise InputError("a click is a point or a box", key="x", remedy="give x and y (and on), or a box")
        self._go_to(frame)
        is_new = request.subject not in self._subjects
        if is_new:
            add_subject(self._subjects, Subject.of(SubjectInput(request.subject), first_frame=frame))
        subject = self._subjects[request.subject]
        future = list(subject.future)
        subject.change((*subject.prompts, prompt), frame=frame)

        def take_back() -> None:
            subject.undo()
            subject.future = future
            if is_new:
                del self._subjects[subject.name]

        return self._cut_or(take_back, subject, frame, file=request.file, size=request.size)

    def _clear(self, request: Clear) -> Answer:
        subject = find_subject(self._subjects, request.subject)
        frame = self._frame if request.frame is None else self.plate.check(request.frame)
        kept = () if request.frame is None else tuple(one for one in subject.prompts if one.frame != frame)
        subject.change(kept, frame=frame)
        return self._state(subject, frame)

    def _cut_or(
        self, take_back: Callable[[], object], subject: Subject, frame: int, *, file: FileKind, size: SizeKind
    ) -> Answer:
        """The subject's matte in a frame; where it fails the change is taken back."""
        start = time.perf_counter()
        try:
            answer = self._cut(subject, frame, file=file, size=size)
        except BaseException:
            take_back()
            raise
        return {**answer, "seconds": round(time.perf_counter() - start, 4)}

    def _cut(self, subject: Subject, frame: int, *, file: FileKind, size: SizeKind) -> Answer:
        self._go_to(frame)
        here = subject.input(frame=frame)
        if not is_on(here):
            return self._state(subject, frame)
        self.warm_up()
        matte, confidence = self._clicker.click(read_prompts(here, self.plate.ingested, key="subject"))
        path = self._work / "clicks" / f"{subject.file_name}.{frame:04d}.{file}"
        written = write_click_matte(path, matte, plate=self.plate, file=file, size=size)
        return {
            **self._state(subject, frame), "matte": str(path), "matte_size": [written.width, written.height],
            "covers": self._covers(), "confidence": round(float(confidence), 4),
        }  # fmt: skip

    def _state(self, subject: Subject, frame: int) -> Answer:
        """How a subject stands, with no matte."""
        return {
            "subject": subject.name, "frame": frame, "matte": None, "prompts": len(subject.prompts),
            "undo": len(subject.past), "redo": len(subject.future),
        }  # fmt: skip

    def track(self, request: Track, *, tell: Tell, cancelled: Event) -> Answer:
        """Follow subjects through frames."""
        frames = self.plate.frames if request.frames is None else FrameRange.parse(request.frames, key="frames")
        if self.plate.frames.clip(frames) != frames:
            raise InputError(
                f"{frames} is not within {self.plate.frames}", key="frames", remedy="give frames of the shot"
            )
        subjects = dict(self._tracked(request))
        for name in subjects:
            if not request.replace:
                self._mattes.check_free(self._subjects[name].file_name, frames)
        if self._segmenter is None:
            matte = self._options.matte
            segmenter = find_segmenter(matte.backend, model=matte.model, engine=matte.engine, crop=matte.crop)
            segmenter.load()
            self._segmenter = segmenter
        confidence = track_subjects(
            self.plate, self._segmenter, subjects, frames=frames, write=partial(self._write, request.size),
            cancelled=cancelled, tell=tell,
        )  # fmt: skip
        return {"frames": str(frames), "subjects": [self._tracking(name, confidence[name]) for name in subjects]}

    def _tracked(self, request: Track) -> Iterator[tuple[str, Prompts]]:
        """The subjects to track with all that was clicked on them."""
        names = list(self._subjects) if request.subject is None else [request.subject]
        for name in names:
            told = find_subject(self._subjects, name).input()
            if is_on(told):
                yield name, read_prompts(told, self.plate.ingested, key="subject")
            elif request.subject is not None:
                raise InputError(f"nothing was clicked on {name!r}", key="subject", remedy="click on it first")
        if not any(is_on(self._subjects[name].input()) for name in names):
            raise InputError("nothing was clicked on", key="subject", remedy="click on a subject first")

    def _write(self, size: SizeKind, name: str, frame: int, matte: Array) -> Path:
        path = self._mattes.pattern(self._subjects[name].file_name).path(frame)
        self._mattes.write(path, matte, plate=self.plate, size=size)
        return path

    def _tracking(self, name: str, confidence: Mapping[int, float]) -> Answer:
        least = min(confidence, key=lambda frame: (confidence[frame], frame))
        return {
            "subject": name, "pattern": self._mattes.pattern(self._subjects[name].file_name).text,
            "confidence": round(sum(confidence.values()) / len(confidence), 4),
            "least_sure": {"frame": least, "confidence": confidence[least]},
        }  # fmt: skip


def _private_folder(work: str | None) -> Any:
    """A folder of the worker's own, within the work folder where there is one, removed at the end."""
    try:
        if work is not None:
            Path(work).mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix=".wanfx-worker-", dir=work, ignore_cleanup_errors=True)
    except OSError as error:
        raise write_error(error, path=work or tempfile.gettempdir()) from error
