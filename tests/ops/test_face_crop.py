"""Boxes and crops of faces. Expected boxes are what Wan2.2's own preprocessing gives."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from wan_figure import make_figure

from wanfx.frames import Box, Size
from wanfx.ops.face_crop import FACE_PX, bridge_faces, crop_face, face_box, find_face
from wanfx.ops.skeleton import face_points

SIZE = Size(1280, 720)
_NONE = Box(0, 0, 0, 0)


@pytest.mark.parametrize(
    ("size", "figure", "expected"),
    [
        (SIZE, {}, Box(611, 0, 668, 74)),
        (Size(832, 464), {"hips": (0.9, 0.8), "leg": 0.7, "jitter": 0.03}, Box(681, 0, 818, 65)),
        (Size(464, 832), {"hips": (0.1, 0.2), "leg": 0.3, "jitter": 0.05}, Box(0, 0, 121, -59)),
        (Size(1920, 1072), {"jitter": 0.02}, Box(887, 0, 1033, 125)),
    ],
)
def test_a_box_is_the_references(size: Size, figure: Any, expected: Box) -> None:
    assert face_box(face_points(make_figure(size, **figure), size=size), size=size) == expected


def test_a_box_in_the_open_is_root_of_1_3_larger_with_three_quarters_of_the_rest_above() -> None:
    points = np.array([(400.0, 300.0, 1.0), (480.0, 400.0, 1.0)])
    grown = np.sqrt(1.3) - 1
    box = face_box(points, size=SIZE)
    expected = (400 - 80 * grown / 2, 300 - 100 * grown * 0.75, 480 + 80 * grown / 2, 400 + 100 * grown * 0.25)
    assert box == Box(*(int(edge) for edge in expected))


@pytest.mark.parametrize(("x", "y"), [(-400, 100), (3000, 100), (100, -900), (100, 900)])
def test_a_face_outside_the_picture_has_no_box(x: float, y: float) -> None:
    points = face_points(make_figure(SIZE), size=SIZE)
    points[:, :2] += (x - points[0, 0], y - points[0, 1])
    assert face_box(points, size=SIZE).is_empty


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_face_that_is_no_place_has_no_box(bad: float) -> None:
    points = face_points(make_figure(SIZE), size=SIZE)
    points[7, 0] = bad
    assert face_box(points, size=SIZE).is_empty
    assert face_box(np.full((68, 3), 5.0), size=SIZE).is_empty


def test_an_unsure_face_is_no_face() -> None:
    points = face_points(make_figure(SIZE, confidence=0.25), size=SIZE)
    assert find_face(points, size=SIZE) == _NONE
    assert find_face(points, size=SIZE, known_from=0.2) == face_box(points, size=SIZE)


def test_a_crop_is_the_box_stretched_to_a_square_whatever_the_type() -> None:
    frame = np.random.default_rng(3).integers(0, 256, (90, 160, 3), dtype=np.uint8)
    box = Box(20, 10, 61, 83)
    crop = crop_face(frame, box=box)
    assert np.array_equal(crop, cv2.resize(frame[10:83, 20:61], (FACE_PX, FACE_PX), interpolation=cv2.INTER_LINEAR))
    assert crop_face(frame.astype(np.float32) * 3, box=box, size_px=64).max() > 255


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_no_face_is_black(dtype: type) -> None:
    crop = crop_face(np.ones((40, 40, 3), dtype), box=_NONE)
    assert crop.shape == (FACE_PX, FACE_PX, 3)
    assert crop.dtype == dtype
    assert not crop.any()


def test_a_box_that_leaves_the_frame_is_cropped_to_it() -> None:
    frame = np.full((40, 40, 3), 9, np.uint8)
    assert (crop_face(frame, box=Box(-10, -10, 20, 20)) == 9).all()
    assert not crop_face(frame, box=Box(50, 50, 60, 60)).any()


def test_a_short_gap_glides_and_a_long_one_stays_open() -> None:
    boxes = dict.fromkeys(range(1001, 1031), _NONE)
    boxes[1001], boxes[1006], boxes[1030] = Box(0, 0, 10, 10), Box(10, 20, 30, 40), Box(5, 5, 9, 9)
    bridged = bridge_faces(boxes, gap_frames=4)
    assert [bridged[frame].x0 for frame in range(1001, 1007)] == [0, 2, 4, 6, 8, 10]
    assert all(bridged[frame].is_empty for frame in range(1007, 1030))
    assert all(bridged[frame] == boxes[frame] for frame in (1001, 1006, 1030))


def test_a_short_gap_at_either_end_holds_its_neighbour() -> None:
    face = Box(1, 2, 3, 4)
    bridged = bridge_faces({1: _NONE, 2: _NONE, 3: face, 4: _NONE}, gap_frames=2)
    assert set(bridged.values()) == {face}
    assert bridge_faces({1: _NONE, 2: _NONE, 3: face}, gap_frames=1)[1].is_empty


def test_a_shot_without_a_face_has_none_and_all_faces_stay() -> None:
    nothing = dict.fromkeys(range(5), _NONE)
    assert bridge_faces(nothing) == nothing
    faces = {frame: Box(frame, 0, frame + 5, 5) for frame in range(5)}
    assert bridge_faces(faces) == faces
    assert bridge_faces({}) == {}
