"""What a segmenter is pointed at."""

from __future__ import annotations

import numpy as np
import pytest
from wan_figure import make_figure

from wanfx.frames import Size
from wanfx.ops import skeleton as joints
from wanfx.ops.mask_prompts import chunks, prompt_points, prompted_frames
from wanfx.ops.skeleton import make_skeleton

SIZE = Size(1280, 720)


@pytest.mark.parametrize("count", [1, 399, 400, 401, 800, 1000])
def test_chunks_hold_every_frame_once_and_none_is_empty(count: int) -> None:
    found = chunks(count)
    assert [frame for chunk in found for frame in chunk] == list(range(count))
    assert all(0 < len(chunk) <= 400 for chunk in found)


@pytest.mark.parametrize(
    ("count", "frames"),
    [(1, (0,)), (4, (0,)), (5, (0, 1, 2, 3, 4)), (7, tuple(range(7))), (8, (0, 2, 4, 6)), (77, (0, 19, 38, 57, 76))],
)
def test_the_frames_pointed_at_are_the_references(count: int, frames: tuple[int, ...]) -> None:
    assert prompted_frames(count) == frames


def test_points_are_whole_pixels_of_eight_joints_in_order() -> None:
    skeleton = make_skeleton(make_figure(SIZE), size=SIZE)
    points = prompt_points(skeleton)
    assert points.dtype == np.int32
    assert len(points) == 8
    assert points[0].tolist() == [int(value) for value in skeleton.body[joints.NOSE, :2]]
    assert points[-1].tolist() == [int(value) for value in skeleton.body[joints.LEFT_ANKLE, :2]]


def test_unsure_points_are_left_out_unless_all_are_asked_for() -> None:
    figure = make_figure(SIZE)
    figure[[15, 16], 2] = 0.2
    skeleton = make_skeleton(figure, size=SIZE)
    assert len(prompt_points(skeleton)) == 6
    assert len(prompt_points(skeleton, known_from=0)) == 8
