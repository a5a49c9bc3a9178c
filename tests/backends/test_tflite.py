"""Networks in tflite files: the same bits in every run, and a clear word where one cannot be run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from wanfx.backends.blaze import Roi, put_back, take_crop
from wanfx.backends.tflite import Net, logistic
from wanfx.backends.weights import LITE, find_file
from wanfx.errors import MissingError


@pytest.mark.usefixtures("lite_models")
@pytest.mark.parametrize("file", sorted(LITE.files))
def test_two_interpreters_give_the_same_bits(file: str) -> None:
    nets = [Net(find_file(LITE, file)) for _run in range(2)]
    side = nets[0].side_px
    picture = np.random.default_rng(5).random((side, side, 3)).astype(np.float32)
    first, second = (net.run(picture) for net in nets)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert all(np.isfinite(a).all() for a in first)


def test_a_file_that_is_no_network_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.tflite"
    path.write_bytes(b"not a network")
    with pytest.raises(MissingError) as caught:
        Net(path)
    assert str(path) in str(caught.value)


def test_the_logistic_function_does_not_overflow() -> None:
    values = logistic(np.array([-1e6, -2.0, 0.0, 2.0, 1e6]))
    assert np.allclose(values, [0, 0.11920292, 0.5, 0.88079708, 1])


@pytest.mark.parametrize("turn", [0.0, 0.7, -2.0])
def test_a_regions_points_come_back_to_the_picture(turn: float) -> None:
    roi = Roi(40, 30, 50, turn)
    points = np.random.default_rng(2).uniform(0, 80, (9, 2))
    matrix = roi.to_crop(64)
    assert np.allclose(roi.from_crop(points @ matrix[:, :2].T + matrix[:, 2], 64), points)


def test_a_crop_of_the_whole_picture_is_the_picture() -> None:
    picture = np.random.default_rng(3).random((32, 32, 3)).astype(np.float32)
    assert np.allclose(take_crop(picture, Roi(16, 16, 32), side_px=32), picture, atol=1e-6)


def test_what_is_put_back_lies_where_it_was_taken() -> None:
    ramp = np.tile(np.linspace(0, 1, 80, dtype=np.float32), (60, 1))
    roi = Roi(40, 30, 36, 0.4)
    back = put_back(take_crop(np.dstack([ramp] * 3), roi, side_px=72)[..., 0], roi, shape=(60, 80))
    assert np.allclose(back[24:36, 34:46], ramp[24:36, 34:46], atol=5e-3)


def test_a_region_moves_along_its_own_axis() -> None:
    moved = Roi(10, 10, 20, np.pi / 2).moved(0.5, scale=2)
    assert np.allclose([moved.x, moved.y, moved.size_px], [0, 10, 40])
    around = Roi.around(np.array([[0.0, 0.0], [10.0, 4.0]]))
    assert (around.x, around.y, around.size_px) == (5, 2, 10)
