"""Laws of where a matte is ragged as hair makes it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from wanfx.ops.matting_hair import find_hair

Array = npt.NDArray[np.float32]
_RADIUS_PX = 6.0


def _disc(radius_px: float, *, side: int = 240) -> Array:
    y, x = np.mgrid[0:side, 0:side] + 0.5
    return np.asarray(np.clip(radius_px - np.hypot(x - side / 2, y - side / 2) + 0.5, 0, 1), np.float32)


def _ragged_disc() -> Array:
    """A disc with spikes on its upper half, as a mask of a head with hair has."""
    y, x = np.mgrid[0:240, 0:240] + 0.5
    angle = np.arctan2(y - 120, x - 120)
    reach = 60 + np.where(angle < 0, 12 * (np.sin(60 * angle) > 0), 0)
    return np.asarray(np.hypot(x - 120, y - 120) < reach, np.float32)


@pytest.mark.parametrize("matte", [_disc(60), (_disc(60) > 0.5).astype(np.float32), np.zeros((240, 240), np.float32)])
def test_a_matte_with_a_clean_outline_has_no_hair(matte: Array) -> None:
    band = find_hair(matte, radius_px=_RADIUS_PX)
    assert (band.radius_px == _RADIUS_PX).all()
    assert (band.trust == 0).all()


def test_the_band_is_wide_where_the_matte_is_ragged_and_nowhere_else() -> None:
    wide = find_hair(_ragged_disc(), radius_px=_RADIUS_PX).radius_px > _RADIUS_PX
    assert wide[50:60, 110:130].all()
    assert not wide[170:].any()


def test_the_matte_is_believed_more_the_farther_its_edge_is() -> None:
    trust = find_hair(_ragged_disc(), radius_px=_RADIUS_PX).trust
    above = trust[30:48:4, 120]
    assert (np.diff(above) < 0).all()


def test_what_moves_quickly_needs_to_be_more_ragged() -> None:
    matte = _ragged_disc()
    counts = [
        (find_hair(matte, radius_px=_RADIUS_PX, motion_px=np.full_like(matte, speed)).radius_px > _RADIUS_PX).sum()
        for speed in (0, 10, 100)
    ]
    assert counts[0] >= counts[1] > counts[2] == 0


def test_a_matte_twice_as_large_has_hair_in_the_same_places() -> None:
    matte = _ragged_disc()
    large = np.kron(matte, np.ones((2, 2), np.float32))
    one = find_hair(matte, radius_px=_RADIUS_PX).radius_px > _RADIUS_PX
    other = find_hair(large, radius_px=2 * _RADIUS_PX).radius_px[::2, ::2] > 2 * _RADIUS_PX
    assert (one != other).mean() < 0.03
