"""Unknown pixels filled from what surrounds them."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from wanfx.ops.fill import fill_smooth

Array = npt.NDArray[np.float32]


def _scene(height: int = 90, width: int = 131) -> tuple[Array, Array]:
    rgb = np.random.default_rng(0).normal(0.3, 12, (height, width, 3)).astype(np.float32)
    known = np.ones((height, width), np.float32)
    known[20:70, 40:100] = 0
    return rgb, known


def test_known_pixels_keep_their_bits() -> None:
    rgb, known = _scene()
    rgb[0, 0], rgb[0, 1] = 40.0, -0.05
    assert fill_smooth(rgb, known)[known > 0].tobytes() == rgb[known > 0].tobytes()


def test_unknown_pixels_may_hold_anything() -> None:
    rgb, known = _scene()
    expected = fill_smooth(rgb, known)
    rgb[known == 0] = np.array([np.nan, np.inf, -1e30])
    np.testing.assert_array_equal(fill_smooth(rgb, known), expected)


@pytest.mark.parametrize("value", [0.18, 40.0, -0.05])
@pytest.mark.parametrize("size", [(90, 131), (5, 7), (64, 64)])
def test_a_constant_picture_is_filled_with_its_constant(value: float, size: tuple[int, int]) -> None:
    known = np.zeros(size, np.float32)
    known[:2] = 1
    known[3, 3:5] = 0.3
    filled = fill_smooth(np.full((*size, 3), value, np.float32), known)
    np.testing.assert_allclose(filled, value, rtol=1e-5)


def test_the_order_of_the_channels_does_not_matter() -> None:
    rgb, known = _scene()
    swapped = fill_smooth(np.ascontiguousarray(rgb[..., ::-1]), known)
    np.testing.assert_array_equal(swapped[..., ::-1], fill_smooth(rgb, known))


def test_filling_is_linear_in_the_picture() -> None:
    rgb, known = _scene()
    np.testing.assert_allclose(fill_smooth(-3 * rgb, known), -3 * fill_smooth(rgb, known), atol=1e-3)


def test_a_ramp_is_filled_within_its_ends_without_steps() -> None:
    ramp = np.linspace(0, 1, 128, dtype=np.float32)
    rgb = np.broadcast_to(ramp[None, :, None], (96, 128, 3)).copy()
    known = np.ones((96, 128), np.float32)
    known[10:86, 30:98] = 0
    filled = fill_smooth(rgb, known)
    assert rgb[0, 29, 0] - 1e-3 <= filled[10:86, 30:98].min() <= filled[10:86, 30:98].max() <= rgb[0, 98, 0] + 1e-3
    # 1/128 a pixel is the ramp's own slope.
    assert np.abs(np.diff(filled[40:56, 32:96], axis=1)).max() < 6 / 128


def test_where_nothing_is_known_nothing_is_made_up() -> None:
    rgb, known = _scene()
    assert not fill_smooth(rgb, np.zeros_like(known)).any()


def test_filling_does_not_depend_on_the_number_of_threads() -> None:
    rgb, known = _scene(300, 400)
    threads = cv2.getNumThreads()
    try:
        filled = []
        for count in (1, 2):
            cv2.setNumThreads(count)
            filled.append(fill_smooth(rgb, known).tobytes())
    finally:
        cv2.setNumThreads(threads)
    assert filled[0] == filled[1]
