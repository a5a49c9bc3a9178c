"""lite keeps to the person that was pointed at, and says where it is not sure."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_person import DrawnShot

from wanfx.backends.lite import LiteSegmenter
from wanfx.backends.protocols import BoxPrompt, PointPrompt, Prompts

pytestmark = pytest.mark.usefixtures("lite_models")
_HERO_BOX = BoxPrompt(1, 40, 10, 110, 172)
_OTHER_BOX = BoxPrompt(1, 205, 16, 290, 170)


@pytest.fixture(scope="module")
def segmenter(lite_models: None) -> LiteSegmenter:  # noqa: ARG001
    made = LiteSegmenter()
    made.load()
    return made


def _segment(
    segmenter: LiteSegmenter, shot: DrawnShot, prompts: Prompts
) -> tuple[dict[int, np.ndarray], dict[int, float]]:
    mattes, confidence = {}, {}
    for frame, matte, sure in segmenter.follow(shot, prompts=prompts):
        assert frame not in mattes
        mattes[frame], confidence[frame] = matte, sure
    assert set(mattes) == set(shot.frames)
    return mattes, confidence


def _likeness(matte: np.ndarray, truth: np.ndarray) -> float:
    return float(np.minimum(matte, truth).sum() / np.maximum(matte, truth).sum())


@pytest.mark.parametrize("prompts", [Prompts(), Prompts(boxes=(_HERO_BOX,)), Prompts((PointPrompt(6, 94, 70),))])
def test_a_walker_is_found_in_every_frame(segmenter: LiteSegmenter, prompts: Prompts) -> None:
    shot = DrawnShot()
    mattes, confidence = _segment(segmenter, shot, prompts)
    assert min(_likeness(mattes[frame], shot.truth(frame)) for frame in shot.frames) > 0.8
    assert min(confidence.values()) > 0.6
    assert all(matte.dtype == np.float32 and matte.min() >= 0 and matte.max() <= 1 for matte in mattes.values())


@pytest.mark.parametrize("box", [_HERO_BOX, _OTHER_BOX])
def test_the_boxed_person_is_never_left_for_another(segmenter: LiteSegmenter, box: BoxPrompt) -> None:
    shot = DrawnShot(frames=34, others=True)
    mattes, confidence = _segment(segmenter, shot, Prompts(boxes=(box,)))
    for frame in shot.frames:
        hero, other = shot.hero(frame), shot.other(frame)
        if abs(hero.x - other.x) < 60 or mattes[frame].max() < 0.5 or confidence[frame] < 0.5:
            continue
        ours, theirs = (hero, other) if box is _HERO_BOX else (other, hero)
        middle = float((mattes[frame].sum(axis=0) * (np.arange(320) + 0.5)).sum() / mattes[frame].sum())
        assert abs(middle - ours.x) < 15, (frame, middle, ours.x, theirs.x)
    assert sum(value > 0.5 for value in confidence.values()) > 20


def test_a_ball_beside_the_body_is_left_out(segmenter: LiteSegmenter) -> None:
    shot = DrawnShot(ball=True)
    mattes, _confidence = _segment(segmenter, shot, Prompts(boxes=(_HERO_BOX,)))
    for frame in shot.frames:
        disc = np.zeros((180, 320), np.float32)
        x, y, radius = shot.ball(frame)
        cv2.circle(disc, (round(x), round(y)), round(radius), 1.0, -1)
        if not (cv2.dilate(shot.truth(frame), np.ones((9, 9), np.uint8)) * disc).any():
            assert (mattes[frame] * disc).sum() < 0.1 * disc.sum(), frame


def test_behind_a_post_confidence_falls_and_comes_back(segmenter: LiteSegmenter) -> None:
    shot = DrawnShot(frames=36, post=True)
    _mattes, confidence = _segment(segmenter, shot, Prompts(boxes=(_HERO_BOX,)))
    assert confidence[2] > 0.7
    assert min(confidence[frame] for frame in range(22, 28)) < confidence[2] - 0.05


def test_a_later_box_corrects_from_there(segmenter: LiteSegmenter) -> None:
    shot = DrawnShot(frames=34, others=True)
    hero = shot.hero(30)
    later = BoxPrompt(30, hero.x - 40, hero.y - 4, hero.x + 40, hero.y + hero.height + 4)
    mattes, _confidence = _segment(segmenter, shot, Prompts(boxes=(_HERO_BOX, later)))
    assert all(_likeness(mattes[frame], shot.truth(frame)) > 0.75 for frame in (1, 2, 28, 30, 34))


def test_the_same_bits_in_every_run_and_with_any_thread_count(segmenter: LiteSegmenter) -> None:
    runs = []
    for threads in (1, 2, 1):
        cv2.setNumThreads(threads)
        runs.append(_segment(segmenter, DrawnShot(frames=5, others=True), Prompts(boxes=(_HERO_BOX,))))
    cv2.setNumThreads(1)
    for mattes, confidence in runs[1:]:
        assert confidence == runs[0][1]
        assert all(np.array_equal(mattes[frame], runs[0][0][frame]) for frame in mattes)


class _Blob:
    """Nobody: a red disc that slides over a wall."""

    def __init__(self) -> None:
        empty = DrawnShot()
        self.frames, self.size, self._shot = empty.frames, empty.size, empty

    def read(self, frame: int) -> np.ndarray:
        picture = self._shot.read(1)[:, ::-1].copy()
        picture[:, 160:] = picture[:, :160][:, ::-1]
        picture[:] = 0.3 * picture.mean(axis=(0, 1)) + 0.05 * np.sin(np.arange(320) / 5)[None, :, None]
        cv2.circle(picture, (60 + 8 * frame, 90), 28, (0.8, 0.15, 0.1), -1)
        return np.clip(picture, 0, 1).astype(np.float32)


def test_what_is_no_person_is_left_to_flow_and_colours(segmenter: LiteSegmenter) -> None:
    shot = _Blob()
    for frame, matte, _sure in segmenter.follow(shot, prompts=Prompts(boxes=(BoxPrompt(1, 36, 58, 100, 122),))):
        truth = np.zeros((180, 320), np.float32)
        cv2.circle(truth, (60 + 8 * frame, 90), 28, 1.0, -1)
        assert _likeness(matte, truth) > 0.6, frame


def test_a_point_off_the_subject_keeps_what_it_is_on_out(segmenter: LiteSegmenter) -> None:
    class _Held(DrawnShot):
        """The ball is carried before the chest."""

        def ball(self, frame: int) -> tuple[float, float, float]:
            return 72.0 + 4 * frame, 68.0, 13.0

    shot = _Held(frames=8, ball=True)
    x, y, _radius = shot.ball(1)
    off = PointPrompt(1, x, y, keep=False)
    mattes, _confidence = _segment(segmenter, shot, Prompts((off,), (_HERO_BOX,)))
    for frame in shot.frames:
        x, y, _radius = shot.ball(frame)
        disc = np.zeros((180, 320), np.float32)
        cv2.circle(disc, (round(x), round(y)), 8, 1.0, -1)
        assert (mattes[frame] * disc).sum() < 0.15 * disc.sum(), frame
        assert _likeness(mattes[frame], shot.truth(frame)) > 0.75, frame
