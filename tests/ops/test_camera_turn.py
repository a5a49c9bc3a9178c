"""Laws of telling a camera that turns from one that travels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from wanfx.frames import Size
from wanfx.ops.camera_turn import frame_points, place_points, rms_px, turn_error_px

_SIZE = Size(640, 360)
Matrix = np.ndarray


def _turn(focal_px: float, degrees: tuple[float, float, float]) -> Matrix:
    inner = np.array([[focal_px, 0, 320], [0, focal_px, 180], [0, 0, 1]])
    return np.asarray(inner @ cv2.Rodrigues(np.radians(degrees))[0] @ np.linalg.inv(inner))


def _share(matrix: Matrix) -> float:
    points = frame_points(_SIZE)
    return turn_error_px(matrix, size=_SIZE) / rms_px(place_points(matrix, points) - points[:, :2])


@pytest.mark.parametrize("focal_px", [400.0, 622.0, 900.0, 1200.0])
@pytest.mark.parametrize("degrees", [(0, 6, 0), (-4, 2, 0), (1, 8, 3)])
def test_a_turn_of_any_common_lens_is_told_as_one(focal_px: float, degrees: tuple[float, float, float]) -> None:
    assert _share(_turn(focal_px, degrees)) < 0.01


@pytest.mark.parametrize("kind", ["past a wall", "towards a wall", "along a floor"])
def test_a_travel_before_something_flat_is_no_turn(kind: str) -> None:
    matrix = {
        "past a wall": np.array([[1.0, 0, 60], [0, 1, 0], [0, 0, 1]]),
        "towards a wall": np.array([[1.2, 0, -64], [0, 1.2, -36], [0, 0, 1]]),
        "along a floor": np.array([[1.0, 0.3, -20], [0, 1, 0], [0, 0, 1]]),
    }[kind]
    assert _share(matrix) > 0.015


def test_no_motion_is_a_turn_by_nothing() -> None:
    assert turn_error_px(np.eye(3), size=_SIZE) == 0


def test_the_figure_grows_with_the_picture() -> None:
    matrix = np.array([[1.0, 0, 60], [0, 1, 0], [0, 0, 1]])
    large = np.diag([2.0, 2, 1]) @ matrix @ np.diag([0.5, 0.5, 1])
    assert turn_error_px(large, size=Size(1280, 720)) == pytest.approx(2 * turn_error_px(matrix, size=_SIZE), rel=1e-3)
