"""flow holds the subject through a shot: painted figures over a panning wall."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from wanfx.backends.flow import FlowSegmenter
from wanfx.backends.protocols import BoxPrompt, PointPrompt, Prompts
from wanfx.errors import NothingFoundError
from wanfx.frames import FrameRange, Size

_WIDTH, _HEIGHT, _FRAMES = 320, 180, 20


def _texture(seed: int, *, size: tuple[int, int], around: tuple[float, float, float], swing: float) -> np.ndarray:
    random = np.random.default_rng(seed)
    noise = sum(
        cv2.GaussianBlur(random.standard_normal((*size, 3)).astype(np.float32), (0, 0), sigma) * sigma
        for sigma in (1.2, 4.0)
    )
    return np.clip(np.array(around, np.float32) + swing * noise, 0, 1).astype(np.float32)


class _Painted:
    """A red figure that walks right, a blue one that walks left and is passed, before a wall the camera pans over."""

    def __init__(self, *, figures: int = 1, pan_px: float = 0.0, still: bool = False) -> None:
        self.frames, self.size = FrameRange(1, _FRAMES), Size(_WIDTH, _HEIGHT)
        self._wall = _texture(1, size=(_HEIGHT, 2 * _WIDTH), around=(0.5, 0.55, 0.45), swing=0.12)
        self._figures = [
            _texture(2, size=(100, 48), around=(0.75, 0.2, 0.2), swing=0.1),
            _texture(3, size=(80, 40), around=(0.15, 0.25, 0.8), swing=0.1),
        ][:figures]
        self._pan_px, self._still = pan_px, still

    def _place(self, index: int, frame: int) -> tuple[int, int]:
        step = 0 if self._still else 4
        x = 60 + step * frame if index == 0 else 230 - step * frame
        return x, 50 + 30 * index + (0 if self._still else round(4 * np.sin(frame)))

    def truth(self, frame: int) -> np.ndarray:
        x, y = self._place(0, frame)
        matte = np.zeros((_HEIGHT, _WIDTH), np.float32)
        matte[y : y + 100, x : x + 48] = 1
        return matte

    def read(self, frame: int) -> np.ndarray:
        move = np.array([[1.0, 0.0, -20 - self._pan_px * frame], [0.0, 1.0, 0.0]])
        picture = cv2.warpAffine(self._wall, move, (_WIDTH, _HEIGHT), flags=cv2.INTER_CUBIC)
        for index in reversed(range(len(self._figures))):
            (x, y), figure = self._place(index, frame), self._figures[index]
            picture[y : y + figure.shape[0], x : x + figure.shape[1]] = figure[: _HEIGHT - y]
        noise = 0.004 * np.random.default_rng(frame).standard_normal(picture.shape)
        return np.clip(picture + noise, 0, 1).astype(np.float32)

    def box(self, frame: int) -> BoxPrompt:
        x, y = self._place(0, frame)
        return BoxPrompt(frame, x - 4, y - 4, x + 52, y + 104)


def _mattes(source: _Painted, prompts: Prompts) -> dict[int, tuple[np.ndarray, float]]:
    found = [(frame, (matte, trust)) for frame, matte, trust in FlowSegmenter().follow(source, prompts=prompts)]
    assert len(found) == len({frame for frame, _ in found}), "a frame came twice"
    return dict(found)


def _overlap(matte: np.ndarray, truth: np.ndarray) -> float:
    return float(np.minimum(matte, truth).sum() / np.maximum(matte, truth).sum())


@pytest.mark.parametrize("pan_px", [0.0, 1.5], ids=["locked camera", "panning camera"])
def test_what_moves_is_found_and_held_in_every_frame(pan_px: float) -> None:
    source = _Painted(pan_px=pan_px)
    found = _mattes(source, Prompts())
    assert sorted(found) == list(source.frames)
    assert min(_overlap(found[frame][0], source.truth(frame)) for frame in source.frames) > 0.85
    assert np.mean([_overlap(found[frame][0], source.truth(frame)) for frame in source.frames]) > 0.9


def test_a_boxed_subject_is_not_lost_to_one_it_passes() -> None:
    source = _Painted(figures=2, pan_px=0.7)
    found = _mattes(source, Prompts(boxes=(source.box(1),)))
    assert sorted(found) == list(source.frames)
    assert min(_overlap(found[frame][0], source.truth(frame)) for frame in source.frames) > 0.8


def test_a_box_in_the_middle_is_carried_both_ways() -> None:
    source = _Painted(figures=2)
    found = _mattes(source, Prompts(boxes=(source.box(10),)))
    assert sorted(found) == list(source.frames)
    assert min(_overlap(found[frame][0], source.truth(frame)) for frame in (1, 10, 20)) > 0.8


def test_a_point_on_the_subject_is_enough() -> None:
    source = _Painted()
    found = _mattes(source, Prompts(points=(PointPrompt(1, 85.0, 100.0),)))
    assert min(_overlap(found[frame][0], source.truth(frame)) for frame in source.frames) > 0.8


def test_mattes_are_within_0_and_1_and_confidence_too() -> None:
    for matte, trust in _mattes(_Painted(), Prompts()).values():
        assert matte.dtype == np.float32
        assert matte.min() >= 0
        assert matte.max() <= 1
        assert 0 <= trust <= 1


def test_mattes_do_not_depend_on_the_run_or_the_threads() -> None:
    before = cv2.getNumThreads()
    try:
        runs = []
        for threads in (1, 4):
            cv2.setNumThreads(threads)
            runs.append(_mattes(_Painted(pan_px=1.5), Prompts()))
    finally:
        cv2.setNumThreads(before)
    for frame, (matte, trust) in runs[0].items():
        assert np.array_equal(matte, runs[1][frame][0])
        assert trust == runs[1][frame][1]


@pytest.mark.parametrize("pan_px", [0.0, 1.5], ids=["locked camera", "panning camera"])
def test_a_shot_in_which_nothing_moves_asks_for_a_box(pan_px: float) -> None:
    with pytest.raises(NothingFoundError, match="box"):
        _mattes(_Painted(figures=0, pan_px=pan_px), Prompts())


def test_a_shot_of_one_frame_asks_for_a_box_and_takes_one() -> None:
    source = _Painted()
    source.frames = FrameRange(1, 1)
    with pytest.raises(NothingFoundError, match="box"):
        _mattes(source, Prompts())
    found = _mattes(source, Prompts(boxes=(source.box(1),)))
    assert _overlap(found[1][0], source.truth(1)) > 0.8


def test_a_box_outside_the_shot_names_its_frame() -> None:
    with pytest.raises(NothingFoundError, match="frame 99"):
        _mattes(_Painted(), Prompts(boxes=(BoxPrompt(99, 0, 0, 50, 50),)))
