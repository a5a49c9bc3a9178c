"""Ranks: every object's coverage is there, in order, and all sum to 1."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wanfx.errors import WanfxError
from wanfx.ops.ranks import Array, rank_coverages

REST = 99.0


def _overlapping(seed: int, count: int) -> dict[float, Array]:
    """Coverages of ``count`` objects: many of 0 and of 1, and everything between."""
    random = np.random.default_rng(seed)
    left = np.ones((7, 5), np.float32)
    found = {}
    for index in range(count):
        mask = random.uniform(-0.5, 1.5, left.shape).clip(0, 1).astype(np.float16).astype(np.float32)
        found[float(index + 1)] = mask * left
        left = left * (1 - mask)
    return found


_any_objects = given(st.integers(0, 2**32 - 1), st.integers(1, 5))


@_any_objects
def test_every_objects_coverage_is_given_back_to_the_bit(seed: int, count: int) -> None:
    coverages = _overlapping(seed, count)
    ranks = rank_coverages(coverages, rest=REST)
    for identifier, coverage in coverages.items():
        assert ranks.coverage(identifier).tobytes() == coverage.tobytes()


@_any_objects
def test_coverages_sum_to_1_and_come_in_order(seed: int, count: int) -> None:
    ranks = rank_coverages(_overlapping(seed, count), rest=REST)
    assert ranks.ids.shape == ranks.coverages.shape == (count + 1, 7, 5)
    np.testing.assert_allclose(ranks.coverages.sum(axis=0), 1, rtol=0, atol=(count + 1) * np.finfo(np.float32).eps)
    assert (ranks.coverages[1:] <= ranks.coverages[:-1]).all()
    assert (ranks.coverages >= 0).all()


@_any_objects
def test_an_empty_rank_has_the_id_0_and_no_other_has(seed: int, count: int) -> None:
    ranks = rank_coverages(_overlapping(seed, count), rest=REST)
    assert ((ranks.ids == 0) == (ranks.coverages == 0)).all()


@given(st.integers(0, 2**32 - 1))
def test_a_half_matte_and_its_background_sum_to_exactly_1(seed: int) -> None:
    matte = np.random.default_rng(seed).integers(0, 0x3C00, (8, 8)).astype(np.uint16).view(np.float16)
    ranks = rank_coverages({1.0: matte.astype(np.float32)}, rest=REST)
    assert (ranks.coverage(1.0) + ranks.coverage(REST) == 1).all()
    assert (ranks.coverages.sum(axis=0) == 1).all()


def test_the_order_of_the_objects_does_not_matter_but_for_ties() -> None:
    coverages = {1.0: np.full((1, 1), 0.25, np.float32), 2.0: np.full((1, 1), 0.5, np.float32)}
    there = rank_coverages(coverages, rest=REST)
    back = rank_coverages(dict(reversed(coverages.items())), rest=REST)
    assert there.ids[:, 0, 0].tolist() == [2.0, 1.0, REST]
    assert back.ids[:, 0, 0].tolist() == [2.0, 1.0, REST]


@pytest.mark.parametrize("bad", [(-0.25, 0.0), (0.75, 0.75), (float("nan"), 0.0), (0.0, float("inf"))])
def test_what_cannot_be_a_coverage_is_refused(bad: tuple[float, float]) -> None:
    planes = {float(index + 1): np.full((2, 2), value, np.float32) for index, value in enumerate(bad)}
    with pytest.raises(WanfxError, match="coverages"):
        rank_coverages(planes, rest=REST)
