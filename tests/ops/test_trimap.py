"""What is known of alpha, and what has to be found."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.ops.trimap import UNKNOWN, edge_motion, make_trimap

Array = npt.NDArray[np.float32]


def _disc(radius: int = 50) -> Array:
    drawn = np.zeros((160, 200), np.float32)
    cv2.circle(drawn, (100, 80), radius, 1.0, -1)
    return drawn


def _distance(matte: Array) -> Array:
    hard = (matte >= 0.5).astype(np.uint8)
    inside, outside = (cv2.distanceTransform(part, cv2.DIST_L2, 5) for part in (hard, 1 - hard))
    return np.asarray(inside + outside, np.float32)


def test_the_band_is_as_wide_as_asked_on_both_sides() -> None:
    matte = _disc()
    unknown = make_trimap(matte, radius_px=6) == UNKNOWN
    assert unknown[_distance(matte) <= 6].all()
    assert not unknown[_distance(matte) > 6].any()


def test_beyond_the_band_the_trimap_is_the_matte() -> None:
    matte = _disc()
    trimap = make_trimap(matte, radius_px=6)
    known = trimap != UNKNOWN
    assert np.array_equal(trimap[known], matte[known])


def test_a_thin_thing_keeps_its_middle() -> None:
    matte = np.zeros((160, 200), np.float32)
    matte[20:140, 98:103] = 1
    trimap = make_trimap(matte, radius_px=8)
    assert (trimap[40:120, 100] == 1).all()
    assert (trimap[40:120, 98] == UNKNOWN).all()


def test_a_quick_edge_has_a_wider_band_than_a_slow_one() -> None:
    matte, motion = _disc(), np.zeros((160, 200), np.float32)
    motion[:, 100:] = 12
    motion[:, 140:] = 500
    unknown = make_trimap(matte, radius_px=4, motion_px=motion) == UNKNOWN
    assert unknown[80, 150 + 7]
    assert not unknown[80, 150 + 9]
    assert not unknown[80, 50 - 7]


def test_what_the_tracker_doubts_is_unknown() -> None:
    matte = _disc()
    matte[80, 100 + 50 : 100 + 57] = 0.3
    trimap = make_trimap(matte, radius_px=4)
    assert trimap[80, 156] == UNKNOWN
    assert trimap[70, 156] == 0


def test_an_empty_and_a_full_matte_are_known_all_over() -> None:
    for value in (0.0, 1.0):
        flat = np.full((40, 50), value, np.float32)
        assert np.array_equal(make_trimap(flat, radius_px=5), flat)


def test_the_edge_moves_as_its_subject_does_and_a_moving_background_does_not_count() -> None:
    matte = _disc(40)
    flow = np.zeros((160, 200, 2), np.float32)
    flow[matte > 0.5] = (6, 8)
    flow[:, :20] = (90, 0)
    motion = edge_motion(flow, matte, reach_px=10)
    assert motion[80, 100 + 45] == 10
    assert motion[80, 5] == 0
