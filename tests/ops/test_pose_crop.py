"""Crops for a pose network, and its heat maps read. Figures are what Wan2.2's own preprocessing gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wanfx.errors import InputError
from wanfx.frames import Box, Size
from wanfx.ops.person_box import Person
from wanfx.ops.pose_crop import decode_heatmaps, pose_crop, pose_input

SIZE = Size(1280, 720)
PERSON = Person(101, 50, 403, 600, 0.9)


def heatmaps(places: list[tuple[float, float]], *, peak: float = 0.8) -> np.ndarray:
    down, across = np.mgrid[:64, :48]
    return np.stack(
        [peak * np.exp(-((across - x) ** 2 + (down - y) ** 2) / 8).astype(np.float32) for x, y in places]
    ).astype(np.float32)


def test_the_crop_is_the_references() -> None:
    crop = pose_crop(PERSON, size=SIZE)
    assert crop.center == (252, 325)
    assert (crop.width, crop.height) == (515.625, 687.5)
    assert crop.window == Box(-6, -19, 510, 669)


@pytest.mark.parametrize(
    "person", [Person(5, 5, 300, 300, -1), Person(5, 5, 14, 300, 0.9), Person(5, 5, 300, 14.9, 0.9)]
)
def test_without_a_person_of_some_size_it_is_around_the_whole_picture(person: Person) -> None:
    assert pose_crop(person, size=SIZE) == pose_crop(Person(0, 0, 1280, 720, 1), size=SIZE)


@given(
    x=st.integers(-50, 1200), y=st.integers(-50, 700), width=st.integers(10, 900), height=st.integers(10, 700)
)  # fmt: skip
def test_a_crop_has_the_networks_shape_and_a_quarter_of_room(x: int, y: int, width: int, height: int) -> None:
    crop = pose_crop(Person(x, y, x + width, y + height, 0.5), size=SIZE)
    assert crop.width / crop.height == pytest.approx(192 / 256)
    assert crop.width >= 1.25 * width - 1e-6
    assert crop.height >= 1.25 * height - 1e-6
    assert abs(crop.window.width - crop.width) <= 1
    assert abs((crop.window.x0 + crop.window.x1) / 2 - crop.center[0]) <= 1


def test_the_networks_picture_is_normalised_and_black_outside() -> None:
    crop = pose_crop(PERSON, size=SIZE)
    white = pose_input(np.full((720, 1280, 3), 255, np.uint8), crop=crop)
    assert white.shape == (1, 3, 256, 192)
    assert white.dtype == np.float32
    np.testing.assert_allclose(white[0, :, 128, 96], (1 - np.array([0.485, 0.456, 0.406])) / (0.229, 0.224, 0.225))
    np.testing.assert_allclose(white[0, :, 0, 0], -np.array([0.485, 0.456, 0.406]) / (0.229, 0.224, 0.225), rtol=1e-6)


def test_floats_in_0_to_1_and_bytes_are_the_same_picture() -> None:
    picture = np.random.default_rng(7).integers(0, 256, (720, 1280, 3), dtype=np.uint8)
    crop = pose_crop(PERSON, size=SIZE)
    np.testing.assert_allclose(
        pose_input(picture.astype(np.float32) / 255, crop=crop), pose_input(picture, crop=crop), atol=1e-5
    )


def test_bgr_turns_the_picture_but_not_the_normalisation() -> None:
    picture = np.zeros((720, 1280, 3), np.uint8)
    picture[:] = (200, 100, 50)
    crop = pose_crop(PERSON, size=SIZE)
    turned = pose_input(np.ascontiguousarray(picture[..., ::-1]), crop=crop)
    assert np.array_equal(pose_input(picture, crop=crop, order="bgr"), turned)
    assert not np.array_equal(pose_input(picture, crop=crop), turned)


def test_a_crop_wholly_outside_the_picture_is_black() -> None:
    crop = pose_crop(Person(5000, 5000, 5100, 5100, 0.9), size=SIZE)
    outside = pose_input(np.full((720, 1280, 3), 255, np.uint8), crop=crop)
    assert (outside[0, 0] == outside[0, 0, 0, 0]).all()


@given(x=st.floats(3, 44), y=st.floats(3, 60))
def test_a_round_peak_is_found_between_the_pixels(x: float, y: float) -> None:
    crop = pose_crop(PERSON, size=SIZE)
    ((found_x, found_y, confidence),) = decode_heatmaps(heatmaps([(x, y)]), crop=crop)
    scale = crop.width / 48
    assert abs((found_x - crop.center[0] + crop.width / 2) / scale - x) < 0.3
    assert abs((found_y - crop.center[1] + crop.height / 2) / scale - y) < 0.3
    assert confidence == pytest.approx(0.8, abs=0.06)


def test_points_are_the_references() -> None:
    draw = np.random.default_rng(0)
    maps = []
    for _ in range(2):
        place = (draw.uniform(2, 45), draw.uniform(2, 61))
        maps.append(heatmaps([place], peak=draw.uniform(0.2, 1.2))[0])
    found = decode_heatmaps(np.stack(maps)[None], crop=pose_crop(PERSON, size=SIZE))
    expected = [(309.891, 173.72266, 0.23624872), (24.184326, 518.1763, 1.1011338)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_a_peak_at_the_edge_is_not_refined() -> None:
    crop = pose_crop(PERSON, size=SIZE)
    maps = np.zeros((1, 64, 48), np.float32)
    maps[0, 30, 1] = 1
    ((x, _, _),) = decode_heatmaps(maps, crop=crop)
    assert x == pytest.approx(crop.width / 48 + crop.center[0] - crop.width / 2, abs=1e-3)


def test_maps_without_anything_give_a_point_off_the_crops_corner_without_confidence() -> None:
    crop = pose_crop(PERSON, size=SIZE)
    flat, negative = decode_heatmaps(np.stack([np.zeros((64, 48)), np.full((64, 48), -0.3)]), crop=crop)
    assert flat[:2].tolist() == negative[:2].tolist()
    assert flat[0] < crop.center[0] - crop.width / 2
    assert flat[2] == 0
    assert negative[2] < 0


def test_one_positive_pixel_in_a_negative_map_is_a_point() -> None:
    maps = np.full((1, 64, 48), -1, np.float32)
    maps[0, 30, 20] = 0.01
    assert np.isfinite(decode_heatmaps(maps, crop=pose_crop(PERSON, size=SIZE))).all()


@pytest.mark.parametrize("bad", [np.zeros((64, 48)), np.zeros((2, 133, 64, 48)), np.full((1, 64, 48), np.nan)])
def test_maps_that_are_no_persons_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(InputError):
        decode_heatmaps(bad, crop=pose_crop(PERSON, size=SIZE))
