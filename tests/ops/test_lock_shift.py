"""How far a generated picture lies beside its plate."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from wanfx.frames import Box, Size
from wanfx.ops.lock_shift import NO_SHIFT, Shift, clear_of, measure_shift, smooth_shifts, undo_shift
from wanfx.ops.resample import resample

Array = npt.NDArray[np.float32]
SIZE = Size(240, 160)
CLEAR = np.ones((SIZE.height, SIZE.width), np.bool_)


def _plate(seed: int = 0) -> Array:
    random = np.random.default_rng(seed)
    picture = np.zeros((SIZE.height, SIZE.width, 3), np.float32)
    for cell, strength in ((24, 0.25), (9, 0.12), (4, 0.06)):
        shape = (SIZE.height // cell + 2, SIZE.width // cell + 2, 3)
        noise = random.normal(0, strength, shape).astype(np.float32)
        picture += cv2.resize(noise, (SIZE.width, SIZE.height), interpolation=cv2.INTER_CUBIC)
    return picture


def _moved(picture: Array, shift: Shift) -> Array:
    """``picture`` as it is seen when it lies ``shift`` beside itself."""
    back = 1 / (1 + shift.scale)
    undone = Shift(-shift.x_px * back, -shift.y_px * back, back - 1)
    x, y = undone.axes(SIZE)
    return resample(picture, box=Box(0, 0, SIZE.width, SIZE.height), x=x, y=y, ring=True)


@pytest.mark.parametrize(
    "shift", [Shift(0.35, -0.25), Shift(0.05, 0.1), Shift(1.6, -2.1), Shift(0.2, 0.1, 0.003), Shift(0.0, 0.0, -0.002)]
)
@pytest.mark.parametrize("grain", [0.0, 0.02])
def test_a_shift_is_found_to_a_fiftieth_of_a_pixel_whatever_the_cast_and_grain(shift: Shift, grain: float) -> None:
    plate = _plate()
    generated = _moved(plate, shift) * np.float32(1.08) + np.float32(0.04)
    noisy = plate + np.random.default_rng(1).normal(0, grain, plate.shape).astype(np.float32)
    found = measure_shift(generated, noisy, CLEAR)
    assert abs(found.x_px - shift.x_px) < 0.02
    assert abs(found.y_px - shift.y_px) < 0.02
    assert abs(found.scale - shift.scale) * SIZE.width / 2 < 0.03


def test_a_soft_picture_is_not_taken_for_a_shifted_one() -> None:
    plate = _plate()
    found = measure_shift(np.asarray(cv2.GaussianBlur(plate, (0, 0), 0.8), np.float32), plate, CLEAR)
    assert not found.is_noticeable(SIZE)


def test_what_differs_inside_the_edit_does_not_count() -> None:
    plate, edit = _plate(), np.zeros((SIZE.height, SIZE.width), np.float32)
    edit[40:130, 90:150] = 1
    generated = np.where(edit[..., None] > 0, _plate(9), _moved(plate, Shift(0.3, 0.2)))
    found = measure_shift(generated, plate, clear_of(edit, guard_px=4))
    assert (abs(found.x_px - 0.3), abs(found.y_px - 0.2)) < (0.02, 0.02)


def test_a_perfect_picture_and_one_without_texture_are_not_shifted() -> None:
    plate = _plate()
    assert measure_shift(plate, plate, CLEAR) == NO_SHIFT
    assert undo_shift(plate, NO_SHIFT) is plate
    assert measure_shift(np.zeros_like(plate), np.full_like(plate, 0.1), CLEAR) == NO_SHIFT
    assert measure_shift(_moved(plate, Shift(0.3, 0.3)), plate, ~CLEAR) == NO_SHIFT


def test_undoing_a_shift_brings_the_picture_back() -> None:
    plate = _plate()
    back = undo_shift(_moved(plate, Shift(0.35, -0.25)), Shift(0.35, -0.25))
    assert np.abs(back - plate)[6:-6, 6:-6].mean() < 0.25 * np.abs(_moved(plate, Shift(0.35, -0.25)) - plate).mean()


def test_a_windows_shifts_are_steadied_and_odd_ones_do_not_count() -> None:
    random = np.random.default_rng(2)
    found = {frame: Shift(0.3 + random.normal(0, 0.01), -0.1, 0.0, 0.01) for frame in range(12)}
    found[5] = Shift(2.0, 1.0, 0.0, 0.01)
    del found[8]
    steady = smooth_shifts(found, frames=range(12), size=SIZE)
    assert all(abs(shift.x_px - 0.3) < 0.01 and abs(shift.y_px + 0.1) < 0.005 for shift in steady.values())
    assert smooth_shifts({}, frames=[1], size=SIZE) == {1: NO_SHIFT}
