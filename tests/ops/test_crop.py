"""The tracked crop."""

from __future__ import annotations

import numpy as np
import pytest

from wanfx.frames import Box
from wanfx.ops.crop import crop_path, from_model, model_size, smooth, to_model

CANVAS = Box(0, 0, 1920, 1080)


def _walk(frames: int) -> dict[int, Box]:
    return {frame: Box(100 + 20 * frame, 300, 300 + 20 * frame, 900) for frame in range(frames)}


def test_every_crop_holds_its_box_stays_in_the_canvas_and_has_one_size() -> None:
    boxes = {frame: box.clip(CANVAS) for frame, box in _walk(90).items()}
    path = crop_path(boxes, canvas=CANVAS, margin=0.1)
    assert len({crop.size for crop in path.values()}) == 1
    for frame, crop in path.items():
        assert crop.clip(CANVAS) == crop
        assert crop.union(boxes[frame]) == crop


def test_a_steady_walk_is_followed_without_lag() -> None:
    path = crop_path(_walk(60), canvas=CANVAS, margin=0.25)
    steps = {path[frame + 1].x0 - path[frame].x0 for frame in range(10, 59)}
    assert steps == {20}


def test_frames_without_a_subject_follow_their_neighbours() -> None:
    boxes = _walk(30)
    boxes[15] = Box(0, 0, 0, 0)
    path = crop_path(boxes, canvas=CANVAS, margin=0.25)
    assert abs(path[15].x0 - (path[14].x0 + path[16].x0) / 2) <= 1


def test_a_shot_without_a_subject_gets_the_whole_canvas() -> None:
    assert crop_path({1: Box(0, 0, 0, 0)}, canvas=CANVAS, margin=0.25) == {1: CANVAS}


def test_a_subject_larger_than_the_canvas_gets_the_whole_canvas() -> None:
    assert crop_path({1: Box(-50, -50, 3000, 2000)}, canvas=CANVAS, margin=0.25) == {1: CANVAS}


@pytest.mark.parametrize("count", [1, 2, 3, 50])
def test_smoothing_keeps_straight_lines_of_any_length(count: int) -> None:
    line = [3.0 * i - 7.0 for i in range(count)]
    frames = list(range(count))
    np.testing.assert_allclose(smooth(line, at=frames, frames=frames)[: count // 3], line[: count // 3], atol=30)
    constant = smooth([5.0] * count, at=frames, frames=frames)
    np.testing.assert_allclose(constant, 5.0)


def test_a_crop_of_square_pixels_goes_there_and_back_untouched() -> None:
    crop = Box(3, 4, 20, 15)
    pixels = np.random.default_rng(0).normal(size=(11, 17, 3)).astype(np.float32)
    size = model_size(crop, pixel_aspect=1.0)
    assert from_model(to_model(pixels, size=size), crop=crop).tobytes() == pixels.tobytes()


def test_an_anamorphic_crop_is_unsqueezed() -> None:
    assert model_size(Box(0, 0, 100, 80), pixel_aspect=2.0).width == 200
