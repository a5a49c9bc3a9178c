"""The kept actor before his new world: his own bits where he is whole, no old background where he is soft."""

from __future__ import annotations

import numpy as np

from wanfx.pixels import to_float
from wanfx.stages.comp_actor import NewWorld, keep_actor
from wanfx.stages.integrate import Integration

_SIZE = (60, 80)
_ACTOR, _BEHIND = np.array([2.5, 0.1, 0.1], np.float32), np.array([0.05, 1.5, 0.05], np.float32)


def test_the_old_background_is_gone_from_the_actors_edge_and_his_inside_is_the_plates_bits() -> None:
    u = np.arange(_SIZE[1], dtype=np.float32)
    alpha = np.broadcast_to(np.clip((50 - u) / 8, 0, 1), _SIZE).copy()
    grain = np.random.default_rng(1).uniform(0.98, 1.02, (*_SIZE, 1)).astype(np.float32)
    plate = ((alpha[..., None] * _ACTOR + (1 - alpha[..., None]) * _BEHIND) * grain).astype(np.float16)
    world = NewWorld(np.full((*_SIZE, 3), 0.3, np.float32), np.zeros(_SIZE, np.bool_))
    layers = keep_actor(plate, alpha, world, integration=Integration())
    char, solid = layers.char, alpha >= 1
    assert char[..., :3][solid].tobytes() == plate[solid].tobytes()
    assert (layers.mattes.edit[solid] == 0).all() and (layers.mattes.edit[~solid] > 0).all()
    soft = (alpha > 0.2) & (alpha < 0.8)
    straight = to_float(char[..., :3])[soft] / to_float(char[..., 3:])[soft]
    off, spilled = np.abs(straight - _ACTOR).mean(), np.abs(to_float(plate)[soft] - _ACTOR).mean()
    assert off < 0.15 * spilled
