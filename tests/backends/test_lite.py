"""The segmenter without weights, on painted squares that move over a painted wall."""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
import pytest

from wanfx.backends.lite import LiteSegmenter
from wanfx.backends.protocols import BoxPrompt, PointPrompt, Prompts
from wanfx.errors import NothingFoundError
from wanfx.frames import FrameRange, Size

_WIDTH, _HEIGHT, _SIDE = 240, 136, 44


def _texture(seed: int, height: int, width: int, tint: tuple[float, float, float]) -> np.ndarray:
    noise = np.random.default_rng(seed).random((height, width, 3), np.float32)
    return np.clip(np.array(tint) + 1.6 * (cv2.GaussianBlur(noise, (0, 0), 1.5) - 0.5), 0, 1).astype(np.float32)


class _Squares:
    """Squares, back to front, each (left at the first frame, top, pixels a frame), before a wall that is panned."""

    def __init__(self, *squares: tuple[int, int, int], pan_px: int = 0, count: int = 20) -> None:
        self.frames, self.size = FrameRange(1001, 1000 + count), Size(_WIDTH, _HEIGHT)
        self._squares, self._pan_px = squares, pan_px
        self._wall = _texture(1, _HEIGHT, _WIDTH + 200, (0.45, 0.5, 0.4))
        tints = (0.65, 0.35, 0.3), (0.3, 0.35, 0.7)
        self._faces = [_texture(2 + i, _SIDE, _SIDE, tint) for i, tint in enumerate(tints[: len(squares)])]

    def _place(self, index: int, frame: int) -> tuple[slice, slice]:
        left, top, step = self._squares[index]
        x = left + step * (frame - 1001)
        return slice(top, top + _SIDE), slice(x, x + _SIDE)

    def truth(self, index: int, frame: int) -> np.ndarray:
        matte = np.zeros((_HEIGHT, _WIDTH), bool)
        matte[self._place(index, frame)] = True
        for before in range(index + 1, len(self._squares)):
            matte[self._place(before, frame)] = False
        return matte

    def read(self, frame: int) -> np.ndarray:
        x = self._pan_px * (frame - 1001)
        picture = self._wall[:, x : x + _WIDTH].copy()
        for index, face in enumerate(self._faces):
            picture[self._place(index, frame)] = face
        noise = 0.004 * np.random.default_rng(frame).standard_normal(picture.shape)
        return np.clip(picture + noise, 0, 1).astype(np.float32)

    def box(self, index: int, frame: int) -> BoxPrompt:
        rows, columns = self._place(index, frame)
        return BoxPrompt(frame, columns.start - 2, rows.start - 2, columns.stop + 2, rows.stop + 2)


def _overlap(matte: np.ndarray, truth: np.ndarray) -> float:
    lit = matte > 0.5
    return float((lit & truth).sum() / (lit | truth).sum())


def _mattes(shot: _Squares, prompts: Prompts) -> dict[int, np.ndarray]:
    return {frame: matte for frame, matte, _ in LiteSegmenter().segment(shot, prompts=prompts)}


def _worst(shot: _Squares, prompts: Prompts, *, index: int = 0) -> float:
    return min(_overlap(matte, shot.truth(index, frame)) for frame, matte in _mattes(shot, prompts).items())


@pytest.mark.parametrize("pan_px", [0, 2], ids=["locked", "panned"])
def test_a_boxed_square_is_held_through_the_shot(pan_px: int) -> None:
    shot = _Squares((20, 40, 5), pan_px=pan_px)
    assert _worst(shot, Prompts(boxes=(shot.box(0, 1001),))) > 0.9


@pytest.mark.parametrize("pan_px", [0, 2], ids=["locked", "panned"])
def test_with_nothing_given_it_is_what_moves(pan_px: int) -> None:
    assert _worst(_Squares((20, 40, 5), pan_px=pan_px), Prompts()) > 0.9


def test_a_point_on_the_square_is_enough() -> None:
    shot = _Squares((20, 40, 5))
    assert _worst(shot, Prompts(points=(PointPrompt(1001, 42.5, 62.5),))) > 0.9


@pytest.mark.parametrize("index", [0, 1], ids=["behind", "in front"])
def test_of_two_squares_that_cross_the_boxed_one_is_kept(index: int) -> None:
    shot = _Squares((20, 30, 6), (160, 55, -6))
    mattes = _mattes(shot, Prompts(boxes=(shot.box(index, 1001),)))
    for frame, matte in mattes.items():
        assert _overlap(matte, shot.truth(index, frame)) > 0.75
    assert _overlap(mattes[1020], shot.truth(index, 1020)) > 0.9


def test_a_box_in_the_middle_goes_both_ways() -> None:
    shot = _Squares((20, 40, 5))
    assert _worst(shot, Prompts(boxes=(shot.box(0, 1010),))) > 0.9


def test_a_later_box_takes_over() -> None:
    shot = _Squares((20, 10, 4), (160, 80, -4))
    mattes = _mattes(shot, Prompts(boxes=(shot.box(0, 1001), shot.box(1, 1012))))
    assert _overlap(mattes[1011], shot.truth(0, 1011)) > 0.9
    assert _overlap(mattes[1012], shot.truth(1, 1012)) > 0.9
    assert _overlap(mattes[1020], shot.truth(1, 1020)) > 0.9


def test_each_frame_comes_once_with_a_matte_and_confidence_in_range() -> None:
    shot = _Squares((20, 40, 5), count=9)
    found = list(LiteSegmenter().segment(shot, prompts=Prompts(boxes=(shot.box(0, 1005),))))
    assert Counter(frame for frame, _, _ in found) == Counter(shot.frames)
    for _frame, matte, confidence in found:
        assert (matte.shape, matte.dtype) == ((_HEIGHT, _WIDTH), np.float32)
        assert 0 <= matte.min() <= matte.max() <= 1
        assert 0 <= confidence <= 1


def test_a_single_frame_with_a_box_has_a_matte() -> None:
    shot = _Squares((60, 40, 0), count=1)
    assert _worst(shot, Prompts(boxes=(shot.box(0, 1001),))) > 0.75


@pytest.mark.parametrize("count", [1, 12])
def test_where_nothing_moves_it_asks_for_a_box(count: int) -> None:
    with pytest.raises(NothingFoundError) as caught:
        _mattes(_Squares((60, 40, 0), count=count), Prompts())
    assert "box" in caught.value.remedy


def test_points_only_off_the_subject_are_refused() -> None:
    with pytest.raises(NothingFoundError) as caught:
        _mattes(_Squares((20, 40, 5), count=4), Prompts(points=(PointPrompt(1001, 5, 5, keep=False),)))
    assert caught.value.key == "subjects[0].points"


def test_the_mattes_do_not_depend_on_the_run_or_the_threads() -> None:
    shot, threads = _Squares((20, 40, 5), pan_px=2, count=6), cv2.getNumThreads()
    prompts = Prompts(boxes=(shot.box(0, 1001),))
    try:
        runs = []
        for count in (1, 4, 4):
            cv2.setNumThreads(count)
            runs.append(_mattes(shot, prompts))
    finally:
        cv2.setNumThreads(threads)
    for frame in shot.frames:
        assert np.array_equal(runs[0][frame], runs[1][frame])
        assert np.array_equal(runs[1][frame], runs[2][frame])
