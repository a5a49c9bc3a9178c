"""Light wrap adds the world's light at the actor's edge, and nothing anywhere else."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from wanfx.ops.light_wrap import wrap_light

Array = npt.NDArray[np.float32]
SIZE = (48, 64)


def _alpha() -> Array:
    """An actor with a soft edge from column 20 to 24, solid from there."""
    ramp = np.clip((np.arange(SIZE[1]) - 19) / 5, 0, 1)
    return np.broadcast_to(ramp, SIZE).astype(np.float32)


def _world(seed: int = 2) -> Array:
    return np.random.default_rng(seed).gamma(0.7, 1.0, (*SIZE, 3)).astype(np.float32)


def test_no_strength_adds_nothing() -> None:
    light, reach = wrap_light(_world(), _alpha(), strength=0.0, radius_px=9.0)
    assert not light.any() and not reach.any()


def test_nothing_is_added_deeper_than_the_radius_or_beside_the_actor() -> None:
    alpha = _alpha()
    light, reach = wrap_light(_world(), alpha, strength=2.0, radius_px=9.0)
    assert not light[:, 24 + 9 :].any() and not reach[:, 24 + 9 :].any()
    assert not light[alpha == 0].any()
    assert (light[:, 24:28] > 0).all()


@pytest.mark.parametrize("factor", [0.25, 3.0])
def test_it_is_linear_in_the_worlds_light_and_in_its_strength(factor: float) -> None:
    once = wrap_light(_world(), _alpha(), strength=1.0, radius_px=6.0)[0]
    brighter = wrap_light(_world() * np.float32(factor), _alpha(), strength=1.0, radius_px=6.0)[0]
    stronger = wrap_light(_world(), _alpha(), strength=factor, radius_px=6.0)[0]
    assert np.allclose(brighter, once * factor, rtol=1e-5)
    assert np.allclose(stronger, once * factor, rtol=1e-5)


def test_the_world_behind_the_actor_gives_no_light() -> None:
    alpha, world = _alpha(), _world()
    hidden = world.copy()
    hidden[alpha >= 1] = 1000.0
    ours, theirs = (wrap_light(one, alpha, strength=1.0, radius_px=8.0)[0] for one in (world, hidden))
    assert ours.tobytes() == theirs.tobytes()


def test_bad_pixels_of_the_world_do_not_spread() -> None:
    world = _world()
    world[10, 5], world[11, 6] = np.nan, np.inf
    assert np.isfinite(wrap_light(world, _alpha(), strength=1.0, radius_px=8.0)[0]).all()
