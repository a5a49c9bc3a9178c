"""Poses over time: steady where a body rests, untouched where it is quick, faults put right."""

from __future__ import annotations

import numpy as np
import pytest

from wanfx.ops.pose import (
    BODY,
    LEFT_ANKLE,
    LEFT_WRIST,
    POINT_COUNT,
    RIGHT_ANKLE,
    RIGHT_KNEE,
    RIGHT_WRIST,
    Pose,
)
from wanfx.ops.pose_smooth import smooth_poses

_FRAMES = 60


def _standing() -> np.ndarray:
    """A resting body, 133 points in a box of 120 x 300 pixels, left and right 40 apart."""
    xy = np.random.default_rng(3).uniform((100, 50), (220, 350), (POINT_COUNT, 2))
    xy[1:17:2] = np.column_stack([np.full(8, 180.0), np.linspace(60, 340, 8)])
    xy[2:17:2] = np.column_stack([np.full(8, 140.0), np.linspace(60, 340, 8)])
    return xy


def _poses(paths: np.ndarray, *, confidence: np.ndarray | None = None) -> dict[int, Pose]:
    if confidence is None:
        confidence = np.full(paths.shape[:2], 0.9)
    return {1001 + i: Pose(xy, confidence[i], np.zeros(POINT_COUNT)) for i, xy in enumerate(paths)}


def _paths(poses: dict[int, Pose]) -> np.ndarray:
    return np.stack([poses[frame].xy for frame in sorted(poses)])


def _jitter(path: np.ndarray) -> float:
    return float(np.abs(np.diff(path, n=2, axis=0)).mean())


def _resting() -> np.ndarray:
    return np.repeat(_standing()[None], _FRAMES, axis=0)


def test_a_resting_body_jitters_a_fifth_of_what_it_did() -> None:
    noisy = _resting() + np.random.default_rng(1).normal(0, 0.6, (_FRAMES, POINT_COUNT, 2))
    steady = _paths(smooth_poses(_poses(noisy), smooth_frames=5))
    assert _jitter(steady[3:-3]) < 0.2 * _jitter(noisy[3:-3])


def test_a_steady_walk_neither_lags_nor_shrinks() -> None:
    walk = _resting() + np.arange(_FRAMES)[:, None, None] * np.array([3.0, -1.0])
    assert np.allclose(_paths(smooth_poses(_poses(walk), smooth_frames=7))[9:-9], walk[9:-9], atol=1e-6)


@pytest.mark.parametrize("period_frames", [10, 14, 20])
def test_a_waving_hand_keeps_its_amplitude_and_its_time(period_frames: int) -> None:
    wave = _resting()
    wave[:, LEFT_WRIST, 1] += 40 * np.sin(2 * np.pi * np.arange(_FRAMES) / period_frames)
    now = _paths(smooth_poses(_poses(wave), smooth_frames=5))[5:-5, LEFT_WRIST, 1]
    was = wave[5:-5, LEFT_WRIST, 1]
    assert np.ptp(now) > 0.95 * np.ptp(was)
    shifts = {lag: float(np.dot(now[4:-4] - now.mean(), np.roll(was - was.mean(), lag)[4:-4])) for lag in range(-3, 4)}
    assert max(shifts, key=lambda lag: shifts[lag]) == 0


def test_time_run_backwards_gives_the_same_poses_backwards() -> None:
    noisy = _resting() + np.random.default_rng(2).normal(0, 1, (_FRAMES, POINT_COUNT, 2))
    forth = _paths(smooth_poses(_poses(noisy), smooth_frames=4))
    back = _paths(smooth_poses(_poses(noisy[::-1]), smooth_frames=4))
    assert np.allclose(forth, back[::-1], atol=1e-9)


@pytest.mark.parametrize("length", [1, 2])
def test_a_point_that_leaps_away_and_comes_back_stays(length: int) -> None:
    leaping = _resting()
    leaping[30 : 30 + length, RIGHT_WRIST] += (60, -45)
    result = smooth_poses(_poses(leaping), smooth_frames=0)
    assert np.allclose(_paths(result), _resting())
    assert result[1031].confidence[RIGHT_WRIST] < result[1020].confidence[RIGHT_WRIST]


def test_legs_swapped_in_one_frame_are_changed_back() -> None:
    swapped = _resting()
    legs = [11, 13, 15, 17, 18, 19], [12, 14, 16, 20, 21, 22]
    swapped[30, legs[0]], swapped[30, legs[1]] = swapped[30, legs[1]].copy(), swapped[30, legs[0]].copy()
    assert np.allclose(_paths(smooth_poses(_poses(swapped), smooth_frames=0))[30], _standing())


def test_someone_who_turns_round_is_left_alone() -> None:
    turned = _resting()
    turned[30:, 1:17:2], turned[30:, 2:17:2] = turned[30:, 2:17:2].copy(), turned[30:, 1:17:2].copy()
    assert np.allclose(_paths(smooth_poses(_poses(turned), smooth_frames=0))[:, BODY], turned[:, BODY])


def test_a_short_gap_is_bridged_with_less_confidence_and_a_long_one_is_left_open() -> None:
    paths, confidence = _resting(), np.full((_FRAMES, POINT_COUNT), 0.9)
    paths[:, RIGHT_KNEE, 0] += np.arange(_FRAMES)
    truth = paths.copy()
    confidence[20:24, RIGHT_KNEE], confidence[20:40, LEFT_ANKLE] = 0, 0
    paths[20:24, RIGHT_KNEE] = 0
    result = smooth_poses(_poses(paths, confidence=confidence), smooth_frames=5)
    assert np.allclose(_paths(result)[20:24, RIGHT_KNEE], truth[20:24, RIGHT_KNEE], atol=0.2)
    assert all(0 < result[1001 + i].confidence[RIGHT_KNEE] < 0.9 for i in range(20, 24))
    assert all(result[1001 + i].confidence[LEFT_ANKLE] == 0 for i in range(20, 40))
    assert all(result[1001 + i].confidence[RIGHT_ANKLE] > 0.8 for i in range(_FRAMES))


def test_a_doubtful_frame_leans_on_its_sure_neighbours() -> None:
    paths, confidence = _resting(), np.full((_FRAMES, POINT_COUNT), 0.9)
    paths[30, LEFT_WRIST] += 3
    sure = _paths(smooth_poses(_poses(paths, confidence=confidence), smooth_frames=5))
    confidence[30, LEFT_WRIST] = 0.1
    doubtful = _paths(smooth_poses(_poses(paths, confidence=confidence), smooth_frames=5))
    away = [float(np.hypot(*(one[30, LEFT_WRIST] - _standing()[LEFT_WRIST]))) for one in (doubtful, sure)]
    assert away[0] < away[1]


def test_no_poses_give_none() -> None:
    assert smooth_poses({}, smooth_frames=5) == {}
