"""flow: a segmenter without weights. The subject is what was boxed or clicked, or what moves; optical flow carries it
through the shot, its colours and the difference to the shot's background redraw it in every frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import cv2
import numpy as np

from wanfx.backends.protocols import Array, FrameSource, ModelCard, Prompts, Segment
from wanfx.errors import NothingFoundError
from wanfx.frames import FrameRange, Size
from wanfx.ops.camera import CameraPath, track_camera
from wanfx.ops.edges import grow_matte
from wanfx.ops.follow import Track, draw_matte, follow, start_track
from wanfx.ops.motion import Background, Motion, difference, find_background, find_motion, sample_frames
from wanfx.ops.segment import cut_moving, cut_prompted

Doubt = Literal["inside", "around"]
_LEAST_AREA = 0.003
_MOST_AREA = 0.6
_COARSE = 0.5
REMEDY = "give a box around the subject: [[subjects]] box = [x0, y0, x1, y1], frame = N"


class FlowSegmenter:
    """Box or points, or the moving foreground; carried by flow, forwards and backwards from the prompted frames."""

    name = "flow"
    models: tuple[ModelCard, ...] = (ModelCard("wanfx-flow", "2", "Apache-2.0"),)
    settings: tuple[str, ...] = ()
    learns_from_masks = False

    def load(self) -> None:
        """Nothing to load."""

    def used(self, _subject: str) -> tuple[ModelCard, ...]:
        """All its models."""
        return self.models

    def segment(self, source: FrameSource, *, subjects: Mapping[str, Prompts]) -> Iterator[Segment]:
        """One subject after the other. Raises NothingFoundError."""
        for name, prompts in subjects.items():
            for frame, matte, sure in self.follow(source, prompts=prompts):
                yield Segment(name, frame, matte, sure)

    def follow(self, source: FrameSource, *, prompts: Prompts) -> Iterator[tuple[int, Array, float]]:
        """One subject: frame, matte and confidence, each frame once. Raises NothingFoundError.

        The shot is followed twice: coarsely, to learn where the subject hides the background, and then, the background
        known, at full size.
        """
        camera = track_camera(source, exclude=lambda _frame: None)
        hidden = _find_moving_parts(source, camera)
        guess = find_background(source, camera, hidden=lambda frame: _resized(hidden[frame], source.size))
        starts = _find_starts(source, camera, guess, prompts)
        for frame, track in _Shot.halved(source, camera, guess, starts).tracks(doubt="around"):
            if frame in hidden:
                hidden[frame] = _hides(track, hidden[frame])
        background = find_background(source, camera, hidden=lambda frame: _resized(hidden[frame], source.size))
        starts = {frame: _cut_again(source, camera, background, prompts, frame) for frame in starts}
        for frame, track in _Shot(source, camera, background, starts).tracks(doubt="inside"):
            yield frame, draw_matte(track), round(track.confidence, 4)


def _find_moving_parts(source: FrameSource, camera: CameraPath) -> dict[int, Array]:
    """What moves in the sampled frames, at half size."""
    half = _Halved(source)
    path = camera.scaled(half.size.width / source.size.width, half.size.height / source.size.height)
    parts = {}
    for frame in sample_frames(list(source.frames)):
        moving = (find_motion(half, path, frame).moved > 0.4).astype(np.float32)
        parts[frame] = moving if moving.mean() < _MOST_AREA else np.zeros_like(moving)
    return parts


def _hides(track: Track, moving: Array) -> Array:
    """What is not background in a coarse frame: the subject with a margin, and what moves beside it."""
    unit = track.subject.shape[1] / 320
    subject = (track.subject > 0.25).astype(np.float32)
    beside = moving * grow_matte(subject, radius_px=10 * unit)
    return np.asarray(np.maximum(beside, grow_matte(subject, radius_px=5 * unit)))


def _resized(matte: Array, size: Size) -> Array:
    return np.asarray(cv2.resize(matte, (size.width, size.height), interpolation=cv2.INTER_LINEAR), np.float32)


class _Halved:
    """A source at half its size."""

    def __init__(self, source: FrameSource) -> None:
        self._source = source
        self.frames: FrameRange = source.frames
        self.size = Size(max(16, round(source.size.width * _COARSE)), max(16, round(source.size.height * _COARSE)))

    def read(self, frame: int) -> Array:
        return _shrunk(self._source.read(frame), self.size)


def _shrunk(values: Array, size: Size) -> Array:
    return np.asarray(cv2.resize(values, (size.width, size.height), interpolation=cv2.INTER_AREA), np.float32)


class _Shot:
    """A shot followed from the frames where its subject is known."""

    def __init__(
        self, source: FrameSource, camera: CameraPath, background: Background, starts: dict[int, Array]
    ) -> None:
        self.source, self.camera, self.background, self.starts = source, camera, background, starts
        self.shape = source.size.height, source.size.width

    @classmethod
    def halved(cls, source: FrameSource, camera: CameraPath, background: Background, starts: dict[int, Array]) -> _Shot:
        half = _Halved(source)
        sx, sy = half.size.width / source.size.width, half.size.height / source.size.height
        place = background.place @ np.diag([1 / sx, 1 / sy, 1.0])
        small = {frame: (_shrunk(matte, half.size) > 0.5).astype(np.float32) for frame, matte in starts.items()}
        return cls(half, camera.scaled(sx, sy), Background(background.layers, place), small)

    def tracks(self, *, doubt: Doubt) -> Iterator[tuple[int, Track]]:
        """Every frame's track: from each start forwards to the next one, and from the first one backwards.

        ``doubt``: where the background's picture may hold the subject: in the place it starts from, or around it too.
        """
        order = sorted(self.starts)
        frames = self.source.frames
        for index, frame in enumerate(order):
            picture, matte = self.source.read(frame), self.starts[frame]
            view = self._with_doubt(frame, _doubted(picture, matte, self.behind(frame), doubt=doubt))
            track = start_track(picture, matte, view(frame))
            yield frame, track
            end = order[index + 1] if index + 1 < len(order) else frames.last + 1
            yield from self._along(track, range(frame + 1, end), view)
            if index == 0:
                yield from self._along(track, range(frame - 1, frames.first - 1, -1), view)

    def behind(self, frame: int) -> Array:
        return self.background.seen_from(self.camera, frame, shape=self.shape)

    def _with_doubt(self, start: int, doubted: Array) -> Callable[[int], Array]:
        """The background as a frame sees it, not known where it is doubted in the start frame."""
        half = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])

        def view(frame: int) -> Array:
            layers = self.behind(frame)
            matrix = np.linalg.inv(half) @ self.camera.between(start, frame) @ half
            moved = cv2.warpPerspective(doubted, matrix, (self.shape[1], self.shape[0]), flags=cv2.INTER_LINEAR)
            layers[..., 4] *= 1 - moved
            return layers

        return view

    def _along(self, track: Track, path: range, view: Callable[[int], Array]) -> Iterator[tuple[int, Track]]:
        for frame in path:
            track = follow(track, self.source.read(frame), view(frame))
            yield frame, track


def _doubted(picture: Array, matte: Array, behind: Array, *, doubt: Doubt) -> Array:
    """Where the background picture may hold the subject: it is like the subject where that is, or unlike the frame
    around it.
    """
    away = difference(picture, behind)
    unit = picture.shape[1] / 640
    near = grow_matte(matte, radius_px=40 * unit if doubt == "around" else 0) > 0.5
    doubted = np.where(matte > 0.5, away < 3.0, (away > 2.5) & near).astype(np.uint8)
    # Single pixels are noise: a subject's colours cross the background's somewhere.
    opened = cv2.morphologyEx(doubted, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    return np.asarray(cv2.dilate(opened, np.ones((5, 5), np.uint8)), np.float32)


def _find_starts(source: FrameSource, camera: CameraPath, background: Background, prompts: Prompts) -> dict[int, Array]:
    """The subject's cut in the prompted frames, or in the frame where it moves best."""
    if prompts.is_empty:
        return _find_moving(source, camera)
    return {frame: _cut_again(source, camera, background, prompts, frame) for frame in asked_frames(source, prompts)}


def asked_frames(source: FrameSource, prompts: Prompts) -> list[int]:
    """The frames in which the subject was pointed at, in order. Raises NothingFoundError where it nowhere was."""
    asked = {box.frame for box in prompts.boxes} | {point.frame for point in prompts.points if point.keep}
    if not asked:
        raise NothingFoundError("no point is on the subject", key="subjects[0].points", remedy=REMEDY)
    for frame in sorted(asked):
        if frame not in source.frames:
            raise NothingFoundError("a box or point is outside the shot's frames", frame=frame, remedy=REMEDY)
    return sorted(asked)


def _cut_again(source: FrameSource, camera: CameraPath, background: Background, prompts: Prompts, frame: int) -> Array:
    """The subject's cut in a frame, by what is known of the background now."""
    picture = source.read(frame)
    behind = background.seen_from(camera, frame, shape=picture.shape[:2])
    away, known = difference(picture, behind), behind[..., 4]
    if prompts.is_empty:
        return cut_moving(picture, find_motion(source, camera, frame), away=away, known=known)
    box = next((box for box in prompts.boxes if box.frame == frame), None)
    points = tuple(point for point in prompts.points if point.frame == frame)
    matte = cut_prompted(picture, away, known, box=box, points=points)
    if matte.sum() < 20:
        raise NothingFoundError("nothing was found at the box or points", frame=frame, remedy=REMEDY)
    return matte


def find_moving_start(source: FrameSource) -> tuple[int, Array]:
    """The frame in which what moves looks most like one thing, and its cut (H, W). Raises NothingFoundError."""
    return next(iter(_find_moving(source, track_camera(source, exclude=lambda _frame: None)).items()))


def _find_moving(source: FrameSource, camera: CameraPath) -> dict[int, Array]:
    """The frame in which the motion and the picture agree best on what moves; looked for at half size."""
    half = _Halved(source)
    path = camera.scaled(half.size.width / source.size.width, half.size.height / source.size.height)
    frames = list(source.frames)
    # Motion is surest where there are frames on both sides.
    frames = frames[4:-4] if len(frames) > 12 else frames
    best = max((_moving_well(half, path, frame), -frame) for frame in sample_frames(frames, count=13))
    if best[0] <= 0:
        raise NothingFoundError("nothing moves in the shot but the camera", remedy=REMEDY)
    frame = -best[1]
    motion = find_motion(source, camera, frame)
    nothing = np.zeros_like(motion.moved)
    return {frame: cut_moving(source.read(frame), motion, away=nothing, known=nothing)}


def _moving_well(source: FrameSource, camera: CameraPath, frame: int) -> float:
    """How good a frame is to start from: much moves, and it looks like one thing. 0: not at all."""
    motion = find_motion(source, camera, frame)
    moving = (motion.moved > 0.5).astype(np.float32)
    if not _LEAST_AREA < moving.mean() < _MOST_AREA:
        return 0.0
    nothing = np.zeros_like(moving)
    cut = cut_moving(source.read(frame), Motion(motion.moved * 2, motion.same), away=nothing, known=nothing)
    if not _LEAST_AREA < cut.mean() < _MOST_AREA:
        return 0.0
    both, either = float(np.minimum(cut, moving).sum()), float(np.maximum(cut, moving).sum())
    return both / either * float(np.sqrt(cut.sum()))
