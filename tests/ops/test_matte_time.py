"""Alpha is steadied along the motion."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.ops.matte_time import Neighbor, enlarge_flow, steady_alpha

Array = npt.NDArray[np.float32]


def _texture() -> Array:
    noise = np.random.default_rng(2).random((180, 260, 3)).astype(np.float32)
    return np.asarray(np.clip((cv2.GaussianBlur(noise, (0, 0), 3) - 0.5) * 5 + 0.5, 0, 1), np.float32)


def _frame(shift: int) -> tuple[Array, Array]:
    """A textured disc that moves over a textured wall: its alpha and the picture."""
    disc = np.zeros((180, 260), np.float32)
    cv2.circle(disc, (100 + shift, 90), 45, 1.0, -1)
    alpha = np.asarray(cv2.GaussianBlur(disc, (0, 0), 2), np.float32)
    front = np.roll(_texture()[::-1], shift, axis=1) * np.array([1.0, 0.6, 0.4], np.float32)
    return alpha, np.asarray(alpha[..., None] * front + (1 - alpha[..., None]) * _texture(), np.float32)


def _with_flicker(alpha: Array, seed: int) -> Array:
    edge = (alpha > 0.02) & (alpha < 0.98)
    noise = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 0.3, alpha.shape), (0, 0), 1.5)
    return np.asarray(np.clip(alpha + noise * edge, 0, 1), np.float32)


def test_flicker_is_evened_out_on_a_moving_edge() -> None:
    frames = [_frame(shift) for shift in (-4, 0, 4)]
    seen = [Neighbor(_with_flicker(alpha, seed), picture) for seed, (alpha, picture) in enumerate(frames)]
    steadied = steady_alpha(seen[1].alpha, seen[1].picture, neighbors=[seen[0], seen[2]], strength=1.0)
    truth = frames[1][0]
    assert np.abs(steadied - truth).mean() < 0.85 * np.abs(seen[1].alpha - truth).mean()


def test_an_edge_that_moves_is_not_smeared() -> None:
    alpha, picture = _frame(0)
    neighbors = [Neighbor(*_frame(shift)) for shift in (-6, 6)]
    steadied = steady_alpha(alpha, picture, neighbors=neighbors, strength=1.0)
    assert np.abs(steadied - alpha).max() < 0.1
    assert np.abs(steadied - alpha).mean() < 0.001


def test_what_appears_in_one_frame_stays_there_alone() -> None:
    alpha, picture = _frame(0)
    empty = Neighbor(np.zeros_like(alpha), _texture())
    solid = alpha > 0.9
    assert np.abs(steady_alpha(alpha, picture, neighbors=[empty], strength=1.0) - alpha)[solid].max() < 1e-3


def test_no_strength_and_no_neighbours_change_nothing() -> None:
    alpha, picture = _frame(0)
    assert np.array_equal(steady_alpha(alpha, picture, neighbors=[], strength=1.0), alpha)
    assert np.array_equal(steady_alpha(alpha, picture, neighbors=[Neighbor(*_frame(3))], strength=0.0), alpha)


def test_flow_at_another_size_is_in_that_sizes_pixels() -> None:
    flow = np.full((10, 20, 2), (3, -2), np.float32)
    assert np.array_equal(enlarge_flow(flow, (40, 30)), np.full((30, 40, 2), (6, -6), np.float32))


def test_the_result_does_not_depend_on_the_number_of_threads() -> None:
    alpha, picture = _frame(0)
    before, made = cv2.getNumThreads(), []
    try:
        for threads in (1, 2, 4):
            cv2.setNumThreads(threads)
            made.append(steady_alpha(alpha, picture, neighbors=[Neighbor(*_frame(3))], strength=0.7).tobytes())
    finally:
        cv2.setNumThreads(before)
    assert made[0] == made[1] == made[2]
