"""Band-limited resampling: exact in place, bits kept where nothing moves, no ringing on request."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest

from wanfx.frames import Box, Size
from wanfx.ops.crop import from_model, to_model
from wanfx.ops.lock_shift import Shift
from wanfx.ops.resample import Axis, fit_axes, resample

Array = npt.NDArray[np.float32]
SAME = Axis(1.0)


def _waves(size: Size, *, x: Axis = SAME, y: Axis = SAME) -> Array:
    """A smooth picture, sampled at the places that the axes lead to."""
    across = (np.arange(size.width) + 0.5) * x.scale + x.offset
    down = (np.arange(size.height) + 0.5) * y.scale + y.offset
    value = np.sin(across / 5)[None, :] * np.cos(down / 7)[:, None] + 0.02 * down[:, None]
    return np.stack([value, 2 * value, -value], axis=2).astype(np.float32)


@pytest.mark.parametrize("box", [Box(0, 0, 40, 30), Box(3, 5, 21, 30)])
def test_what_is_neither_shifted_nor_scaled_keeps_its_bits(box: Box) -> None:
    picture = np.random.default_rng(0).normal(size=(30, 40, 3)).astype(np.float32)
    assert resample(picture, box=box, x=SAME, y=SAME).tobytes() == picture[box.slices()].tobytes()


@pytest.mark.parametrize("scale", [0.37, 0.8, 1.0])
@pytest.mark.parametrize("offset", [0.0, 0.25, -1.4])
def test_a_smooth_picture_lies_where_it_should(scale: float, offset: float) -> None:
    source, out = Size(97, 61), Size(80, 50)
    x, y = Axis(scale, 8 + offset), Axis(scale, 8 - offset)
    found = resample(_waves(source), box=Box(0, 0, out.width, out.height), x=x, y=y, ring=True)
    inner = np.s_[: int((61 - 14) / scale) - 8, : int((97 - 14) / scale) - 8] if scale > 0.9 else np.s_[:, :]
    np.testing.assert_allclose(found[inner], _waves(out, x=x, y=y)[inner], atol=0.01)


def test_any_part_is_the_same_as_that_part_of_the_whole() -> None:
    picture = np.random.default_rng(1).normal(size=(45, 33, 3)).astype(np.float32)
    crop = Box(0, 0, 101, 77)
    x, y = fit_axes(crop, size=Size(33, 45))
    whole, part = resample(picture, box=crop, x=x, y=y), Box(13, 20, 80, 71)
    np.testing.assert_allclose(resample(picture, box=part, x=x, y=y), whole[part.slices()], atol=1e-6)


def test_a_lamp_casts_no_rings() -> None:
    picture = np.full((32, 32, 3), 0.18, np.float32)
    picture[12:18, 12:18] = 40.0
    x, y = fit_axes(Box(0, 0, 75, 75), size=Size(32, 32))
    ringing = resample(picture, box=Box(0, 0, 75, 75), x=x, y=y, ring=True)
    plain = resample(picture, box=Box(0, 0, 75, 75), x=x, y=y)
    assert ringing.min() < -1 and ringing.max() > 41
    assert plain.min() == np.float32(0.18) and plain.max() == np.float32(40.0)


def test_shrinking_leaves_no_alias_of_what_is_too_fine() -> None:
    stripes = np.tile(np.array([0.0, 1.0], np.float32), (64, 32))
    x, y = Axis(3.0), Axis(1.0)
    found = resample(stripes, box=Box(2, 0, 19, 64), x=x, y=y, ring=True)
    assert np.abs(found - 0.5).max() < 0.05


def test_a_matte_stays_a_matte_of_two_dimensions() -> None:
    matte = np.zeros((20, 30), np.float32)
    matte[5:15, 8:20] = 1
    found = from_model(matte, crop=Box(10, 10, 91, 71))
    assert found.shape == (61, 81)
    assert found.min() == 0 and found.max() == 1


@pytest.mark.parametrize("aspect", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("size", [Size(50, 40), Size(51, 43)])
def test_there_and_back_again_lies_in_the_same_place(size: Size, aspect: float) -> None:
    smooth = _waves(size)
    model = to_model(smooth, size=Size(round(size.width * aspect), size.height))
    back = from_model(model, crop=Box(7, 3, 7 + size.width, 3 + size.height))
    np.testing.assert_allclose(back[4:-4, 4:-4], smooth[4:-4, 4:-4], atol=0.07)
    assert abs(float((back - smooth)[4:-4, 4:-4].mean())) < 1e-3


def test_a_shift_is_undone_in_the_same_go() -> None:
    source = Size(60, 50)
    moved = _waves(source, x=Axis(1.0, -0.35), y=Axis(1.0, 0.25))
    crop = Box(0, 0, 90, 75)
    found = from_model(moved, crop=crop, shift=Shift(0.35, -0.25, 0.0))
    x, y = fit_axes(crop, size=source)
    np.testing.assert_allclose(found[6:-6, 6:-6], _waves(crop.size, x=x, y=y)[6:-6, 6:-6], atol=0.01)


def test_bits_do_not_depend_on_the_number_of_threads() -> None:
    program = (
        "import hashlib, numpy as np; from wanfx.frames import Box; from wanfx.ops.resample import Axis, resample; "
        "p = np.random.default_rng(0).normal(size=(201, 333, 3)).astype(np.float32); "
        "r = resample(p, box=Box(0, 0, 777, 451), x=Axis(333 / 777, 0.1), y=Axis(201 / 451)); "
        "print(hashlib.sha256(r.tobytes()).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True,
            env={**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads},
        ).stdout
        for threads in ("1", "2", "4")
    }  # fmt: skip
    assert len(found) == 1
