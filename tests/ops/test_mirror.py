"""A picture goes on beyond its edge as its own mirror image."""

from __future__ import annotations

from typing import Any

import numpy as np

from wanfx.ops.mirror import mirror_beyond

Array = np.ndarray[Any, np.dtype[np.float32]]


def _known(*, top: int = 8, bottom: int = 30) -> Any:
    hole = np.ones((40, 60), np.bool_)
    hole[top:bottom, 12:50] = False
    return hole


def test_around_a_window_it_is_numpys_symmetric_picture() -> None:
    inner = np.random.default_rng(1).normal(0.5, 2.0, (22, 38, 3)).astype(np.float32)
    hole = _known()
    linear = np.full((*hole.shape, 3), np.nan, np.float32)
    linear[~hole] = inner.reshape(-1, 3)
    out, left = mirror_beyond(linear, hole)
    # The pixel at the edge itself is the axis.
    assert np.array_equal(out, np.pad(inner, ((8, 10), (12, 10), (0, 0)), mode="reflect"))
    assert not left.any()


def test_a_hole_inside_the_picture_is_left() -> None:
    hole = _known()
    hole[15:20, 20:25] = True
    linear = np.random.default_rng(1).random((*hole.shape, 3), np.float32)
    out, left = mirror_beyond(linear, hole)
    assert left[15:20, 20:25].all() and left.sum() == 25
    assert np.array_equal(out[15:20, 20:25], linear[15:20, 20:25])


def test_nothing_is_taken_from_a_hole_nor_from_beyond_a_narrow_picture() -> None:
    hole = _known(top=18, bottom=22)
    hole[19:21, 14:20] = True
    linear = np.where(hole[..., None], np.float32(np.nan), np.float32(1.5)) * np.ones(3, np.float32)
    out, left = mirror_beyond(linear, hole)
    assert np.isfinite(out[~left]).all() and np.array_equal(np.isnan(out[..., 0]), left)


def test_where_nothing_or_all_is_known_nothing_changes() -> None:
    linear = np.ones((4, 4, 3), np.float32)
    for value in (True, False):
        hole = np.full((4, 4), value)
        out, left = mirror_beyond(linear, hole)
        assert out is linear and left is hole
