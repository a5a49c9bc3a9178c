"""lite: a segmenter without weights. The subject is what was boxed or clicked, or what moves; optical flow carries it
through the shot, colour and the difference to the shot's background redraw its edge in every frame.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from wanfx.backends.protocols import Array, BoxPrompt, FrameSource, ModelCard, PointPrompt, Prompts
from wanfx.errors import NothingFoundError
from wanfx.ops.camera import CameraPath, track_camera
from wanfx.ops.edges import bounding_box
from wanfx.ops.motion import Background, carry_matte, difference, find_background, own_motion, sample_frames
from wanfx.ops.segment import ColorModel, Evidence, cut_subject, learn_colors

_LEAST_AREA = 0.002
_MOST_AREA = 0.6
_MOVED_PX = 1.0
_REMEDY = "give a box around the subject: [[subjects]] box = [x0, y0, x1, y1], frame = N"


class LiteSegmenter:
    """Box or points, or the moving foreground; carried by flow, forwards and backwards from the prompted frames."""

    name = "lite"
    models: tuple[ModelCard, ...] = (ModelCard("wanfx-lite-flow", "1", "Apache-2.0"),)

    def load(self) -> None:
        """Nothing to load."""

    def segment(self, source: FrameSource, *, prompts: Prompts) -> Iterator[tuple[int, Array, float]]:
        """Frame, matte and confidence, each frame once. Raises NothingFoundError."""
        camera = track_camera(source, exclude=lambda _frame: None)
        background = find_background(source, camera)
        shot = _Shot(source, camera, background)
        starts = shot.starts(prompts)
        yield from _carry_all(shot, starts)


class _Shot:
    """One shot's pictures and what is known of its background."""

    def __init__(self, source: FrameSource, camera: CameraPath, background: Background) -> None:
        self.source, self.camera, self.background = source, camera, background
        self.shape = (source.size.height, source.size.width)

    def evidence(self, frame: int, picture: Array) -> Array:
        """How unlike the background the frame is."""
        behind = self.background.seen_from(self.camera, frame, shape=self.shape)
        return difference(picture, behind, noise=self.background.noise)

    def starts(self, prompts: Prompts) -> dict[int, tuple[Array, tuple[PointPrompt, ...]]]:
        """The subject in the prompted frames, or in the frame where it moves most."""
        if prompts.is_empty:
            frame, matte = self._find_moving()
            return {frame: (matte, ())}
        frames = sorted({box.frame for box in prompts.boxes} | {point.frame for point in prompts.points})
        starts = {}
        for frame in frames:
            box = next((box for box in prompts.boxes if box.frame == frame), None)
            points = tuple(point for point in prompts.points if point.frame == frame)
            if box is None and not any(point.keep for point in points):
                continue
            starts[frame] = (self._start_at(frame, box, points), points)
        if not starts:
            raise NothingFoundError("no point is on the subject", key="subjects[0].points", remedy=_REMEDY)
        return starts

    def _start_at(self, frame: int, box: BoxPrompt | None, points: tuple[PointPrompt, ...]) -> Array:
        picture = self.source.read(frame)
        away = self.evidence(frame, picture)
        prior = _box_prior(box, points, self.shape)
        matte = cut_subject(picture, Evidence(prior, away, None, points, is_start=True))
        if bounding_box(matte, above=0.5).is_empty:
            raise NothingFoundError("nothing was found at the box or points", frame=frame, remedy=_REMEDY)
        return matte

    def _find_moving(self) -> tuple[int, Array]:
        """The frame with the largest thing that moves other than the camera does."""
        frames = list(self.source.frames)
        best: tuple[float, int, Array] | None = None
        for frame in sample_frames(frames[:-1] or frames, count=13):
            after = min(frame + max(1, min(4, len(frames) // 8)), frames[-1])
            if after == frame:
                continue
            found = self._moving_at(frame, after)
            area = float(found.mean())
            if _LEAST_AREA < area < _MOST_AREA and (best is None or area > best[0]):
                best = (area, frame, found)
        if best is None:
            raise NothingFoundError("nothing moves in the shot but the camera", remedy=_REMEDY)
        return best[1], best[2]

    def _moving_at(self, frame: int, after: int) -> Array:
        picture = self.source.read(frame)
        moved = own_motion(picture, self.source.read(after), self.camera.between(frame, after))
        still = float(np.median(moved))
        away = self.evidence(frame, picture)
        moving = ((moved > still + _MOVED_PX) | (away > 3.0)).astype(np.float32)
        prior = _body_of(moving)
        if prior.mean() < _LEAST_AREA:
            return prior
        return cut_subject(picture, Evidence(prior, away, None, (), is_start=True))


def _box_prior(box: BoxPrompt | None, points: tuple[PointPrompt, ...], shape: tuple[int, int]) -> Array:
    """1 where the subject may be: the box, or a disc around each point on it."""
    prior = np.zeros(shape, np.float32)
    if box is not None:
        x0, y0, x1, y1 = (round(value) for value in (box.x0, box.y0, box.x1, box.y1))
        prior[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)] = 1
        return prior
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]] + 0.5
    for point in points:
        if point.keep:
            prior[np.hypot(x - point.x, y - point.y) < 0.2 * shape[0]] = 1
    return prior


def _body_of(moving: Array) -> Array:
    """The largest thing that moves, its gaps closed."""
    import cv2

    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    opened = cv2.morphologyEx(moving, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, kernel, iterations=3)
    count, labels, stats, _centers = cv2.connectedComponentsWithStats((closed > 0.5).astype(np.uint8))
    if count < 2:
        return np.zeros_like(moving)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return np.asarray(labels == largest, np.float32)


def _carry_all(
    shot: _Shot, starts: dict[int, tuple[Array, tuple[PointPrompt, ...]]]
) -> Iterator[tuple[int, Array, float]]:
    """From each start forwards to the next one, and from the first one backwards."""
    frames = shot.source.frames
    order = sorted(starts)
    for index, frame in enumerate(order):
        matte = starts[frame][0]
        colors = learn_colors(shot.source.read(frame), matte)
        yield frame, matte, 1.0
        end = order[index + 1] if index + 1 < len(order) else frames.last + 1
        yield from _carry(shot, matte, colors, frame, range(frame + 1, end))
        if index == 0:
            yield from _carry(shot, matte, colors, frame, range(frame - 1, frames.first - 1, -1))


def _carry(
    shot: _Shot, matte: Array, colors: ColorModel, start: int, path: range
) -> Iterator[tuple[int, Array, float]]:
    before, first_area = shot.source.read(start), float(matte.sum())
    confidence = 1.0
    for frame in path:
        picture = shot.source.read(frame)
        carried = carry_matte(matte, before, picture)
        found = cut_subject(picture, Evidence(carried, shot.evidence(frame, picture), colors, (), is_start=False))
        trust = _agreement(carried, found)
        if trust < 0.5 or not 0.2 * first_area < found.sum() < 4.0 * first_area:
            found = carried
        confidence = 0.9 * confidence + 0.1 * trust
        colors = colors.updated(picture, found) if trust > 0.8 else colors
        yield frame, found, confidence
        matte, before = found, picture


def _agreement(a: Array, b: Array) -> float:
    """Intersection over union of soft mattes."""
    union = np.maximum(a, b).sum()
    return float(np.minimum(a, b).sum() / union) if union > 0 else 0.0
