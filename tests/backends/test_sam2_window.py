"""Where SAM 2 looks: windows that go with a small subject, and what comes back from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pytest
from sam2_tiny import MovingDiscs, require_torch, tiny_models

from wanfx.backends.protocols import Array, BoxPrompt, PointPrompt, Prompts
from wanfx.backends.sam2 import Sam2Segmenter
from wanfx.backends.sam2_engine import Answer, Asked, EngineName, Remembered
from wanfx.backends.sam2_plan import Anchor
from wanfx.backends.sam2_track import Look, SubjectTrack, View
from wanfx.backends.sam2_transformers import TransformersEngine
from wanfx.backends.sam2_window import Crop, Framing, Window, cut_window, place_logits
from wanfx.backends.weights import ModelSet
from wanfx.frames import Box, FrameRange, Size

require_torch()
__all__ = ["tiny_models"]
_SIZE = Size(640, 360)


def test_a_window_has_the_frames_shape_and_moves_by_whole_cells() -> None:
    size, cells = Size(1920, 1080), 64
    framing = Framing(size, cells=cells, crop="subject")
    subject = Box(300, 500, 400, 640)
    zoom = framing.zoom_for(subject)
    window = framing.around(subject, zoom=zoom)
    assert zoom == 2
    assert window.box.clip(subject) == subject
    moved = framing.around(subject.shift(200, 40), zoom=zoom)
    right, down = framing.cells_between(window, moved)
    assert (right, down) != (0, 0)
    assert (moved.box.x0 - window.box.x0) * cells == right * window.box.width
    assert (moved.box.y0 - window.box.y0) * cells == down * window.box.height
    assert framing.zoom_for(Box(100, 100, 1500, 1000)) == 0
    assert Framing(size, cells=cells, crop="frame").zoom_for(subject) == 0


def test_a_window_holds_its_subject_wherever_that_is_and_covers_every_corner() -> None:
    framing = Framing(_SIZE, cells=16, crop="subject")
    for x in (*range(0, 600, 37), 600):
        for y in (*range(0, 330, 29), 330):
            subject = Box(x, y, x + 40, y + 30)
            window = framing.around(subject, zoom=framing.zoom_for(subject))
            assert window.zoom > 0 and window.box.clip(subject) == subject
            assert window.box.x1 < _SIZE.width + window.box.width // 16
            assert framing.follow(window, subject).box.clip(subject) == subject


def test_how_near_a_subject_is_looked_at_changes_unwillingly() -> None:
    framing = Framing(Size(1280, 720), cells=64, crop="subject")

    def box(part: float) -> Box:
        return Box(0, 0, round(1280 * part), round(720 * part))

    assert [framing.zoom_for(box(part)) for part in (0.5, 0.26, 0.24, 0.14, 0.11)] == [0, 0, 1, 1, 2]
    assert [framing.zoom_for(box(part), now=0) for part in (0.24, 0.19)] == [0, 1]
    assert [framing.zoom_for(box(part), now=1) for part in (0.36, 0.4, 0.11, 0.08)] == [1, 0, 1, 2]


def test_logits_of_a_window_lie_where_they_were_seen() -> None:
    framing = Framing(_SIZE, cells=16, crop="subject")
    for subject in (Box(420, 200, 480, 280), Box(600, 320, 640, 360), Box(0, 0, 30, 40)):
        window = framing.around(subject, zoom=framing.zoom_for(subject))
        truth = np.full((360, 640), -8.0, np.float32)
        truth[subject.slices()] = 8.0
        logits = cv2.resize(cut_window(truth, window), (256, 256), interpolation=cv2.INTER_AREA)
        placed = place_logits(logits, window, _SIZE) > 0
        assert (placed & (truth > 0)).sum() > 0.97 * (placed | (truth > 0)).sum()


def test_what_is_remembered_moves_with_the_window() -> None:
    import torch

    scene = torch.arange(10 * 12, dtype=torch.float32).reshape(1, 1, 10, 12)
    before, after = scene[..., 3:7, 2:6], scene[..., 4:8, 4:8]
    moved = Remembered(None, before).moved(2, 1).maps
    assert torch.equal(moved[..., :3, :2], after[..., :3, :2])
    assert torch.equal(moved[..., :3, 3], before[..., 1:, 3])  # what was not seen is as the edge was
    assert torch.equal(Remembered(None, before).moved(0, 0).maps, before)


class _Held(Framing):
    """One window, come what may."""

    def __init__(self, window: Window, size: Size, *, cells: int) -> None:
        super().__init__(size, cells=cells, crop="subject")
        self._window = window

    def zoom_for(self, _box: Box, **_now: int | None) -> int:
        return self._window.zoom

    def around(self, _box: Box, **_zoom: int) -> Window:
        return self._window

    def follow(self, *_seen: Any) -> Window:
        return self._window


def test_a_window_of_a_frame_gives_the_bits_of_a_plate_that_is_that_window(models: ModelSet) -> None:
    shot, engine = MovingDiscs(10), TransformersEngine(models)
    size, box = Size(384, 256), Box(96, 64, 288, 192)
    window = Window(box, 1)
    seen = [cv2.resize(shot.read(frame), (192, 128), interpolation=cv2.INTER_CUBIC).clip(0, 1) for frame in shot.frames]
    x, y = (2 * value for value in shot.center(1001))

    def walk(framing: Framing, pictures: list[Array], at: tuple[float, float]) -> list[Look]:
        track = SubjectTrack(engine, framing)
        anchor = Anchor(1001, "start", (PointPrompt(1001, *at),))
        views = [View(engine, picture) for picture in pictures]
        looks = [track.prompt(0, views[0], anchor, direction="forward")]
        track.start(0, [0])
        return looks + [track.follow(index, views[index], direction="forward") for index in range(1, 10)]

    frames = [np.full((256, 384, 3), 0.3, np.float32) for _ in seen]
    for frame, part in zip(frames, seen, strict=True):
        frame[box.slices()] = part
    inside = walk(_Held(window, size, cells=engine.cells), frames, (x + 96, y + 64))
    alone = walk(Framing(Size(192, 128), cells=engine.cells, crop="frame"), seen, (x, y))
    for one, other in zip(inside, alone, strict=True):
        assert one.window == window
        assert np.array_equal(one.logits, other.logits) and one.score == other.score
        assert np.array_equal(one.placed()[box.slices()], other.placed())
        outside = one.placed()
        outside[box.slices()] = -32
        assert (outside == -32).all()


@dataclass
class _Shot:
    """A red disc (where ``path`` says: x, y, radius; None where it is hidden) before a grey wall."""

    path: Callable[[int], tuple[float, float, float] | None]
    count: int

    def __post_init__(self) -> None:
        self.frames, self.size = FrameRange(1, self.count), _SIZE

    def truth(self, frame: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        place = self.path(frame)
        if place is None:
            return np.zeros((360, 640), bool)
        rows, columns = np.mgrid[:360, :640] + 0.5
        return np.asarray(np.hypot(columns - place[0], rows - place[1]) < place[2])

    def read(self, frame: int) -> Array:
        picture = np.full((360, 640, 3), 0.4, np.float32)
        picture[self.truth(frame)] = (1, 0, 0)
        return picture

    def box(self, frame: int) -> BoxPrompt:
        place = self.path(frame)
        assert place is not None
        x, y, radius = place
        return BoxPrompt(frame, x - radius, y - radius, x + radius, y + radius)


class _RedEngine:
    """Finds what is red, and wants to know what it is: an engine whose every mistake would be one of the windows."""

    name: EngineName = "transformers"
    side_px, cells, memory_frames, pointer_frames = 128, 8, 7, 16

    def __init__(self) -> None:
        self.looks = 0

    def see(self, picture: Array) -> Any:
        """How red a picture is."""
        self.looks += 1
        red = picture[0] - picture[1:].mean(axis=0)
        return np.asarray(cv2.resize(red, (64, 64), interpolation=cv2.INTER_AREA), np.float32)

    def look(self, seen: Any, *, asked: Asked | None, known: Mapping[int, Remembered], **_rest: Any) -> Answer:
        assert asked is not None or known, "nobody said what it looks for"
        logits = (seen - (seen.max() + seen.min()) / 2) * 8 if np.ptp(seen) > 1 else np.full_like(seen, -8)
        return Answer(logits, 8.0 if (logits > 0).any() else -8.0, Remembered(None, None))


def _follow(shot: _Shot, *, crop: Crop, at: int = 1) -> tuple[list[float], list[int], int]:
    """How well the disc is found in every frame (1: exactly), from how near, and how many times was looked."""
    engine = _RedEngine()
    track = SubjectTrack(engine, Framing(shot.size, cells=engine.cells, crop=crop))
    anchor = Anchor(at, "start", box=shot.box(at))
    looks = [track.prompt(at, View(engine, shot.read(at)), anchor, direction="forward")]
    track.start(at, [at])
    for frame in range(at + 1, shot.frames.last + 1):
        looks.append(track.follow(frame, View(engine, shot.read(frame)), direction="forward"))
    quality = []
    for frame, look in enumerate(looks, start=at):
        found, truth = (look.placed() > 0) & (look.score > 0), shot.truth(frame)
        quality.append(1.0 if not (found | truth).any() else float((found & truth).sum() / (found | truth).sum()))
    return quality, [look.window.zoom for look in looks], engine.looks


def test_a_small_subject_is_drawn_finer_wherever_it_goes() -> None:
    shot = _Shot(lambda frame: (30 + 14.0 * frame, 180 + 150 * np.sin(frame / 6), 18.0), 40)
    near, zooms, _looks = _follow(shot, crop="subject")
    far, whole, _looks = _follow(shot, crop="frame")
    assert set(zooms) == {2} and set(whole) == {0}
    assert min(near) > max(far)
    assert 1 - np.mean(near) < 0.1 * (1 - np.mean(far))


def test_a_subject_that_comes_nearer_and_goes_away_again_is_seen_from_further_and_from_nearer() -> None:
    shot = _Shot(lambda frame: (320.0, 180.0, 15 + 130 * np.sin(np.pi * frame / 61) ** 2), 60)
    quality, zooms, _looks = _follow(shot, crop="subject")
    assert min(quality) > 0.9
    changes = [zoom for index, zoom in enumerate(zooms) if index == 0 or zoom != zooms[index - 1]]
    assert changes == [2, 1, 0, 1, 2]


def test_a_subject_that_was_hidden_is_found_anywhere_in_the_frame() -> None:
    shot = _Shot(lambda frame: None if 10 < frame < 20 else (100.0, 80, 18) if frame < 15 else (560.0, 300, 18), 30)
    quality, zooms, looks = _follow(shot, crop="subject")
    assert zooms[:10] == [2] * 10 and zooms[10:20] == [0] * 10 and zooms[20:] == [2] * 10
    assert min(quality[:10] + quality[20:]) > 0.93 and min(quality[10:19]) == 1
    assert (
        looks == 30 + 1 + 1 + 1
    )  # the start, the first frame without it, and the one where it is found, are seen twice


def test_a_large_subject_is_looked_at_as_if_there_were_no_windows(models: ModelSet) -> None:
    shot = MovingDiscs(8)
    x, y = shot.center(1003)
    prompts = Prompts(boxes=(BoxPrompt(1003, x - 30, y - 20, x + 30, y + 20),))
    found = []
    crops: tuple[Crop, ...] = ("subject", "frame")
    for crop in crops:
        segmenter = Sam2Segmenter(models, engine="transformers", crop=crop)
        segmenter.load()
        found.append({one.frame: one.matte for one in segmenter.segment(_Twice(shot), subjects={"red": prompts})})
    assert set(found[0]) == set(found[1]) == set(shot.frames)
    assert all(np.array_equal(found[0][frame], found[1][frame]) for frame in shot.frames)


@pytest.mark.parametrize("crop", ["subject", "frame"])
def test_points_and_corrections_through_windows_are_those_of_the_frame(crop: Crop) -> None:
    shot = _Shot(lambda frame: (40 + 14.0 * frame, 100.0, 18.0), 30)
    engine = _RedEngine()
    track = SubjectTrack(engine, Framing(shot.size, cells=engine.cells, crop=crop))
    place = shot.path(1)
    assert place is not None
    looks = [
        track.prompt(
            1, View(engine, shot.read(1)), Anchor(1, "start", (PointPrompt(1, *place[:2]),)), direction="forward"
        )
    ]
    track.start(1, [1])
    for frame in range(2, 31):
        view = View(engine, shot.read(frame))
        if frame == 15:
            off = Anchor(15, "correction", (PointPrompt(15, 5, 300, keep=False),))
            looks.append(track.prompt(15, view, off, direction="forward"))
            track.start(15, [1, 15])
        else:
            looks.append(track.follow(frame, view, direction="forward"))
    boxes = [look.box for look in looks]
    for frame, box in enumerate(boxes, start=1):
        assert box is not None
        asked = shot.box(frame)
        assert np.abs(np.array([box.x0, box.y0, box.x1, box.y1]) - (asked.x0, asked.y0, asked.x1, asked.y1)).max() < 12
    assert {look.window.zoom for look in looks} == ({2} if crop == "subject" else {0})


class _Twice:
    """A shot at twice its size."""

    def __init__(self, shot: MovingDiscs) -> None:
        self.frames, self.size, self._shot = shot.frames, Size(192, 128), shot

    def read(self, frame: int) -> Array:
        return np.asarray(cv2.resize(self._shot.read(frame), (192, 128), interpolation=cv2.INTER_LINEAR), np.float32)
