"""What a video model is shown beside the video: one white around all that was cut out."""

from __future__ import annotations

import numpy as np
import pytest

from wanfx.frames import Size
from wanfx.ops.reference_canvas import cover_canvas, find_white, fit_on_white, on_white


def _figure() -> tuple[
    np.ndarray[tuple[int, ...], np.dtype[np.float32]], np.ndarray[tuple[int, ...], np.dtype[np.float32]]
]:
    alpha = np.zeros((40, 30), np.float32)
    alpha[10:30, 8:22] = 1
    picture = np.where(alpha[..., None] > 0, np.float32([0.2, 0.6, 0.1]), np.float32(1))
    return picture.astype(np.float32), alpha


def test_a_picture_cut_out_on_white_is_found_to_be_what_its_alpha_would_say() -> None:
    picture, alpha = _figure()
    found = find_white(picture)
    assert found is not None and np.array_equal(found, alpha)


def test_white_that_the_figure_encloses_is_its_own() -> None:
    picture, _alpha = _figure()
    picture[15:20, 12:16] = 1
    found = find_white(picture)
    assert found is not None and found[15:20, 12:16].all()


@pytest.mark.parametrize("rim", [0.9, 0.5, 0.0])
def test_a_picture_with_anything_else_around_is_whole(rim: float) -> None:
    picture, _alpha = _figure()
    picture[:, :3] = rim
    assert find_white(picture) is None


def test_around_a_cut_out_and_its_canvas_is_one_white() -> None:
    picture, alpha = _figure()
    # In model space white paint is far from the largest value.
    shown = fit_on_white(on_white(0.4 * picture, alpha), size=Size(64, 40))
    assert (shown[:, :15] == 1).all() and (shown[:9] == 1).all() and (shown[20, 32] < 0.3).all()


def test_what_fills_the_frame_leaves_no_canvas() -> None:
    assert (cover_canvas(np.zeros((10, 30, 3), np.float32), size=Size(32, 32)) == 0).all()
