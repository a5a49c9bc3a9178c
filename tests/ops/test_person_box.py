"""A detector's picture, its rows, and the person that is chosen."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from wanfx.errors import InputError
from wanfx.frames import Size
from wanfx.ops.person_box import Person, choose_person, detector_input, people

SIZE = Size(1280, 720)


def rows(*found: tuple[float, ...]) -> np.ndarray:
    """x0, y0, x1, y1, score, class in 640 by 640, filled up to 300 rows."""
    table = np.zeros((1, 300, 6), np.float32)
    for index, row in enumerate(found):
        table[0, index] = row
    return table


def test_the_picture_is_stretched_and_in_0_to_1() -> None:
    picture = np.random.default_rng(5).integers(0, 256, (72, 128, 3), dtype=np.uint8)
    given = detector_input(picture)
    assert given.shape == (1, 3, 640, 640)
    assert given.dtype == np.float32
    expected = (cv2.resize(picture, (640, 640)) / 255.0).astype(np.float32)
    assert np.array_equal(given[0], expected.transpose(2, 0, 1))
    assert np.array_equal(detector_input(picture, order="bgr"), given[:, ::-1])
    np.testing.assert_allclose(detector_input(picture.astype(np.float32) / 255), given, atol=0.004)


def test_boxes_are_scaled_to_the_picture_and_cut_to_whole_pixels() -> None:
    (person,) = people(rows((10.3, 20.9, 110.3, 220.9, 0.75, 0)), size=SIZE)
    assert person == Person(20, 23, 220, 248, 0.75)


def test_rows_of_a_score_for_each_class_say_the_same() -> None:
    table = np.zeros((1, 84, 50), np.float32)
    table[0, :5, 7] = (60, 120, 100, 200, 0.75)
    table[0, 4 + 16, 8], table[0, :4, 8] = 0.9, (400, 400, 50, 50)
    assert people(table, size=SIZE) == people(rows((10, 20, 110, 220, 0.75, 0)), size=SIZE)
    assert people(table[0], size=SIZE) == people(table, size=SIZE)


def test_only_people_of_some_score_are_found_the_surest_first() -> None:
    table = rows(
        (0, 0, 50, 50, 0.3, 0), (100, 0, 150, 50, 0.9, 0), (200, 0, 250, 50, 0.95, 16), (300, 0, 350, 50, 0.04, 0)
    )
    assert [round(person.score, 2) for person in people(table, size=SIZE)] == [0.9, 0.3]


def test_a_surer_dog_over_a_person_takes_him_away() -> None:
    assert people(rows((0, 0, 100, 100, 0.5, 0), (0, 0, 100, 95, 0.6, 16)), size=SIZE) == ()


def test_the_largest_is_chosen() -> None:
    small, large = Person(0, 0, 50, 100, 0.9), Person(0, 0, 80, 100, 0.2)
    assert choose_person((small, large), size=SIZE) is large
    assert choose_person((large, small), size=SIZE) is large


def test_of_equals_the_surer_is_chosen() -> None:
    first, second = Person(0, 0, 50, 100, 0.9), Person(9, 0, 59, 100, 0.2)
    assert choose_person((first, second), size=SIZE) is first


def test_one_much_shorter_than_the_longest_is_passed_over_even_if_surest() -> None:
    stub, tall = Person(0, 0, 39, 39, 0.9), Person(0, 0, 10, 100, 0.2)
    assert choose_person((stub, tall), size=SIZE) is tall


def test_nobody_is_the_whole_picture_at_score_minus_one() -> None:
    assert choose_person(people(rows(), size=SIZE), size=SIZE) == Person(0, 0, 1280, 720, -1)


def test_output_of_another_shape_is_refused() -> None:
    with pytest.raises(InputError):
        people(np.zeros((1, 300, 7), np.float32), size=SIZE)
