"""lite: a segmenter for people. Small networks say where the person is and which pixels are theirs; flow, colours and
the shot's background draw what those leave open, and keep to the person that was pointed at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from wanfx.backends.blaze_body import BodyNets
from wanfx.backends.blaze_mask import MaskNets
from wanfx.backends.flow import FlowSegmenter, asked_frames
from wanfx.backends.lite_pose import model_cards
from wanfx.backends.lite_shot import Seen, follow_along, hides, look_along, meeting_frame
from wanfx.backends.lite_starts import Start, found_start, prompted_start
from wanfx.backends.protocols import Array, FrameSource, ModelCard, Prompts, Segment
from wanfx.ops.camera import CameraPath, track_camera
from wanfx.ops.follow import draw_matte, start_track
from wanfx.ops.motion import Background, find_background, sample_frames

_FILES = ("pose_detection.tflite", "pose_landmark_full.tflite", "selfie_segmentation.tflite")


class LiteSegmenter:
    """Box or points on a person, or the one who moves; whatever is no person is left to flow and colours alone."""

    name = "lite"
    models: tuple[ModelCard, ...] = (*model_cards(*_FILES), *FlowSegmenter.models)
    settings: tuple[str, ...] = ()
    learns_from_masks = False

    def load(self) -> None:
        """Raises MissingError where the files or what runs them are not there."""
        self._bodies = BodyNets()
        self._masks = MaskNets(self._bodies)

    def used(self, _subject: str) -> tuple[ModelCard, ...]:
        """All its models."""
        return self.models

    def segment(self, source: FrameSource, *, subjects: Mapping[str, Prompts]) -> Iterator[Segment]:
        """One subject after the other. Raises NothingFoundError."""
        for name, prompts in subjects.items():
            for frame, matte, sure in self.follow(source, prompts=prompts):
                yield Segment(name, frame, matte, sure)

    def follow(self, source: FrameSource, *, prompts: Prompts) -> Iterator[tuple[int, Array, float]]:
        """One subject: frame, matte and confidence, each frame once. Raises NothingFoundError."""
        starts = self._starts(source, prompts)
        if not starts:
            yield from FlowSegmenter().follow(source, prompts=prompts)
            return
        hidden: dict[int, Array] = {}
        with ThreadPoolExecutor(1, thread_name_prefix="wanfx-camera") as beside:
            tracked = beside.submit(track_camera, source, exclude=lambda _frame: None)
            seen = self._look(source, starts, hidden)
            camera = tracked.result()
        size = (source.size.width, source.size.height)
        background = find_background(
            source, camera, hidden=lambda frame: np.asarray(cv2.resize(hidden[frame], size), np.float32)
        )
        for start, frames, known in _runs(source, starts, seen):
            yield from self._follow(source, start, frames, known, camera, background)

    def _starts(self, source: FrameSource, prompts: Prompts) -> list[Start]:
        if prompts.is_empty:
            found = found_start(self._bodies, source)
            return [] if found is None else [found]
        starts = []
        for frame in asked_frames(source, prompts):
            start = prompted_start(self._bodies, source, prompts, frame)
            if start is None:
                return []
            starts.append(start)
        return starts

    def _look(self, source: FrameSource, starts: list[Start], hidden: dict[int, Array]) -> list[dict[int, Seen]]:
        """What each start sees on its way to the starts beside it; ``hidden`` gets what hides the background."""
        sampled = set(sample_frames(list(source.frames)))

        def note(frame: int, people: Array) -> None:
            if frame in sampled:
                hidden[frame] = np.maximum(hides(people), hidden.get(frame, np.float32(0)))

        reaches = []
        for index, start in enumerate(starts):
            low, high = _neighbours(source, starts, index)
            seen: dict[int, Seen] = {}
            for frames in (range(start.frame, high + 1), range(start.frame - 1, low - 1, -1)):
                seen.update(look_along(self._bodies, source, start, frames, note=note))
            reaches.append(seen)
        return reaches

    def _follow(
        self,
        source: FrameSource,
        start: Start,
        frames: range,
        seen: dict[int, Seen],
        camera: CameraPath,
        background: Background,
    ) -> Iterator[tuple[int, Array, float]]:
        shape = source.size.height, source.size.width

        def behind(frame: int) -> Array:
            return background.seen_from(camera, frame, shape=shape)

        picture, known = source.read(start.frame), behind(start.frame)
        first = start_track(picture, start.matte, known)
        off = start_track(picture, start.off, known) if start.off.any() else None
        forth = range(start.frame, frames.stop)
        back = range(start.frame - 1, frames.start - 1, -1)
        for path in (forth, back):
            for frame, track, sure in follow_along(self._masks, source, first, off, path, seen=seen, behind=behind):
                yield frame, draw_matte(track, fit="tight"), round(sure, 4)


def _neighbours(source: FrameSource, starts: list[Start], index: int) -> tuple[int, int]:
    """The frames between the starts before and after one, or the shot's ends."""
    low = starts[index - 1].frame + 1 if index else source.frames.first
    high = starts[index + 1].frame - 1 if index + 1 < len(starts) else source.frames.last
    return low, high


def _runs(
    source: FrameSource, starts: list[Start], seen: list[dict[int, Seen]]
) -> Iterator[tuple[Start, range, dict[int, Seen]]]:
    """Each start with the frames that are taken from its side."""
    first = source.frames.first
    for index, start in enumerate(starts):
        last = source.frames.last
        if index + 1 < len(starts):
            between = range(start.frame + 1, starts[index + 1].frame)
            last = meeting_frame(seen[index], seen[index + 1], between) if between else start.frame
        yield start, range(first, last + 1), seen[index]
        first = last + 1
