"""Where a video model draws around a kept actor, and where somebody is to be gone."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from wanfx.ops.kept_area import find_drawn, find_hole

Array = npt.NDArray[np.float32]


def _disc(radius_px: float, *, x: float = 40.0) -> Array:
    v, u = np.mgrid[0:80, 0:80].astype(np.float32)
    return np.asarray(np.clip(radius_px - np.hypot(u - x, v - 40) + 0.5, 0, 1), np.float32)


def _radius_px(mask: npt.NDArray[np.bool_]) -> float:
    return float(np.sqrt(np.count_nonzero(mask) / np.pi))


@pytest.mark.parametrize("paint_over_px", [0.0, 2.0, 5.0])
def test_the_model_draws_over_the_actors_edge_by_as_much_as_is_asked_for(paint_over_px: float) -> None:
    matte = _disc(20)
    drawn = find_drawn(matte, before=matte, after=matte, paint_over_px=paint_over_px)
    assert set(np.unique(drawn)) == {0.0, 1.0}
    assert _radius_px(drawn == 0) == pytest.approx(20 - paint_over_px, abs=0.5)


def test_what_is_the_actors_in_one_frame_alone_is_drawn() -> None:
    matte, beside = _disc(20), _disc(20, x=44)
    drawn = find_drawn(matte, before=beside, after=beside, paint_over_px=0)
    assert (drawn[matte >= 0.5] == 1).sum() == ((matte >= 0.5) & (beside < 0.5)).sum() > 0


@pytest.mark.parametrize("grow_px", [0.0, 6.0])
def test_a_hole_holds_everything_that_was_his_before_and_after_and_what_is_around_it(grow_px: float) -> None:
    mattes = [_disc(12, x=x) for x in (36, 40, 44)]
    hole = find_hole(mattes[1], before=mattes[0], after=mattes[2], grow_px=grow_px)
    away = cv2.distanceTransform((np.max(mattes, axis=0) <= 0).astype(np.uint8), cv2.DIST_L2, 5)
    assert (hole[away <= max(grow_px - 1, 0)] == 1).all()
    assert not hole[away > grow_px + 1.5].any()
