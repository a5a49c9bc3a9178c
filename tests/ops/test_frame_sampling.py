"""Which frames stand for a movie at another rate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wanfx.errors import InputError
from wanfx.ops.frame_sampling import sample_frames

_RATES = st.sampled_from([12.0, 23.976, 24.0, 25.0, 29.97, 30.0, 60.0])


def test_the_reference_doubles_every_fourth_or_fifth_frame_of_24_at_30() -> None:
    assert sample_frames(10, source_fps=24) == (0, 1, 2, 2, 3, 4, 5, 6, 6, 7, 8, 9)
    assert len(sample_frames(164, source_fps=24)) == 205


@given(count=st.integers(1, 400), source=_RATES, fps=_RATES)
def test_frames_never_go_back_and_are_all_there(count: int, source: float, fps: float) -> None:
    found = sample_frames(count, source_fps=source, fps=fps)
    assert list(found) == sorted(found)
    assert all(0 <= index < count for index in found)
    assert abs(len(found) - count * fps / source) <= 1


@given(count=st.integers(1, 400), source=_RATES)
def test_at_its_own_rate_every_frame_comes_once(count: int, source: float) -> None:
    found = sample_frames(count, source_fps=source, fps=None)
    assert found == tuple(range(len(found)))
    assert count - len(found) <= 1


def test_a_count_far_off_the_duration_gives_way_to_it() -> None:
    assert len(sample_frames(100, source_fps=25, fps=None, duration_s=2.0)) == 50
    assert len(sample_frames(100, source_fps=25, fps=None, duration_s=3.8)) == 100


@pytest.mark.parametrize(("count", "source", "fps"), [(0, 25.0, 30.0), (5, 0.0, 30.0), (5, 25.0, -1.0)])
def test_nothing_can_be_sampled_from_nothing(count: int, source: float, fps: float) -> None:
    with pytest.raises(InputError):
        sample_frames(count, source_fps=source, fps=fps)
