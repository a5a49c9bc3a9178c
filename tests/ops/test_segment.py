"""A first cut at a box or points."""

from __future__ import annotations

import numpy as np

from wanfx.backends.protocols import BoxPrompt, PointPrompt
from wanfx.ops.segment import cut_prompted

_NOTHING = np.zeros((90, 160), np.float32)
_BOX = BoxPrompt(1, 40, 20, 100, 80)


def _picture() -> np.ndarray:
    picture = np.random.default_rng(1).uniform(0.3, 0.5, (90, 160, 3)).astype(np.float32)
    picture[30:70, 50:90] = (0.9, 0.1, 0.1)
    return picture


def test_a_boxed_thing_is_cut_along_its_edge() -> None:
    cut = cut_prompted(_picture(), _NOTHING, _NOTHING, box=_BOX, points=())
    wanted = np.zeros((90, 160), bool)
    wanted[30:70, 50:90] = True
    assert ((cut > 0.5) & wanted).sum() / ((cut > 0.5) | wanted).sum() > 0.95


def test_a_box_is_never_empty_even_where_nothing_can_be_told_apart() -> None:
    plain = np.full((90, 160, 3), 0.4, np.float32)
    cut = cut_prompted(plain, _NOTHING, np.ones_like(_NOTHING), box=_BOX, points=())
    assert cut.sum() > 100
    assert not cut[:15].any()


def test_a_point_off_the_subject_is_off_it() -> None:
    points = (PointPrompt(1, 70.5, 50.5, keep=False),)
    cut = cut_prompted(_picture(), _NOTHING, _NOTHING, box=_BOX, points=points)
    assert cut[50, 70] == 0


def test_a_point_on_the_subject_is_on_it() -> None:
    cut = cut_prompted(_picture(), _NOTHING, _NOTHING, box=None, points=(PointPrompt(1, 60.5, 40.5),))
    assert cut[40, 60] == 1
