"""A rough matte's edge goes where the colours change; where they do not, it stays."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from wanfx.ops.edge_colors import redraw_edge


def _disc(radius: float, *, size: tuple[int, int] = (180, 320)) -> np.ndarray:
    fine = cv2.circle(np.zeros((4 * size[0], 4 * size[1]), np.float32), (640, 360), round(4 * radius), 1.0, -1)
    return np.asarray(cv2.resize(fine, size[::-1], interpolation=cv2.INTER_AREA), np.float32)


def _picture(matte: np.ndarray) -> np.ndarray:
    noise = 0.03 * np.random.default_rng(2).standard_normal((*matte.shape, 3))
    blue, wall = np.array([0.2, 0.3, 0.7]), np.array([0.55, 0.6, 0.5])
    picture = matte[..., None] * blue + (1 - matte[..., None]) * wall + noise
    return np.clip(picture, 0, 1).astype(np.float32)


@pytest.mark.parametrize("off_px", [-1.5, 0.0, 1.5])
def test_a_matte_that_is_too_large_or_too_small_comes_to_the_edge(off_px: float) -> None:
    truth = _disc(40)
    rough = np.asarray(cv2.GaussianBlur(_disc(40 + off_px), (0, 0), 1.5), np.float32)
    redrawn = redraw_edge(_picture(truth), rough)
    assert np.abs(redrawn - truth).sum() < 0.5 * np.abs(_disc(41.5) - truth).sum()
    assert redrawn.dtype == np.float32 and redrawn.min() >= 0 and redrawn.max() <= 1


def test_where_nothing_tells_the_sides_apart_the_edge_stays() -> None:
    matte = _disc(40)
    redrawn = redraw_edge(np.full((180, 320, 3), 0.5, np.float32), matte)
    assert np.array_equal(redrawn > 0.5, matte > 0.5)


def test_an_empty_matte_stays_empty() -> None:
    nothing = np.zeros((90, 160), np.float32)
    assert not redraw_edge(np.zeros((90, 160, 3), np.float32), nothing).any()
