"""Frame ranges, boxes and timecodes."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wanfx.errors import InputError
from wanfx.frames import Box, FrameRange, Timecode, nominal_rate

_RATES = [(24, False), (25, False), (30, False), (30, True), (48, False), (60, False), (60, True)]
_rates = pytest.mark.parametrize(
    ("rate", "drop"), _RATES, ids=[f"{rate}{'df' if drop else ''}" for rate, drop in _RATES]
)
_DROPPED_A_DAY = {30: 2592, 60: 5184}  # SMPTE ST 12-1: 2 (or 4) numbers a minute, but not in every tenth

_integers = st.integers(-(10**6), 10**6)
_boxes = st.builds(
    lambda x, y, w, h: Box(x, y, x + w, y + h), *[st.integers(-500, 500)] * 2, *[st.integers(1, 500)] * 2
)


def _frames_a_day(rate: int, drop: bool) -> int:
    return 86400 * rate - (_DROPPED_A_DAY[rate] if drop else 0)


def _sampled_day(rate: int, drop: bool) -> list[int]:
    """Every frame of the first eleven minutes, then frames spread over the day, then the day's last."""
    a_day = _frames_a_day(rate, drop)
    return [*range(661 * rate), *range(661 * rate, a_day, 1009), a_day - 1]


@_rates
def test_every_frame_number_survives_being_written_and_parsed(rate: int, drop: bool) -> None:
    for count in _sampled_day(rate, drop):
        timecode = Timecode(count, rate, drop)
        assert Timecode.parse(str(timecode), rate=rate) == timecode


@_rates
def test_later_frames_have_later_numbers_and_no_two_are_the_same(rate: int, drop: bool) -> None:
    fields = [Timecode(count, rate, drop).fields for count in _sampled_day(rate, drop)]
    assert all(earlier < later for earlier, later in itertools.pairwise(fields))


@_rates
def test_fields_are_within_a_clock(rate: int, drop: bool) -> None:
    for count in _sampled_day(rate, drop):
        hours, minutes, seconds, frame = Timecode(count, rate, drop).fields
        assert 0 <= hours < 24 and 0 <= minutes < 60 and 0 <= seconds < 60 and 0 <= frame < rate


@_rates
def test_the_day_ends_one_frame_before_midnight_and_wraps(rate: int, drop: bool) -> None:
    a_day = _frames_a_day(rate, drop)
    assert Timecode(a_day - 1, rate, drop).fields == (23, 59, 59, rate - 1)
    assert Timecode(a_day, rate, drop).fields == (0, 0, 0, 0)
    assert (Timecode(0, rate, drop) + -1).fields == (23, 59, 59, rate - 1)


@pytest.mark.parametrize("rate", [30, 60])
def test_drop_frame_skips_the_first_numbers_of_a_minute_except_every_tenth(rate: int) -> None:
    skipped = {(m, f) for m in range(60) if m % 10 for f in range(rate // 15)}
    hour = _frames_a_day(rate, True) // 24
    at_second_0 = {(m, f) for _, m, s, f in (Timecode(c, rate, True).fields for c in range(hour)) if s == 0}
    assert at_second_0 == {(m, f) for m in range(60) for f in range(rate)} - skipped


def test_drop_frame_keeps_up_with_the_clock() -> None:
    """After an hour of 29.97 the timecode differs from the clock by less than 4 ms (plain 30 would be 3.6 s late)."""
    frames = 3600 * Fraction(30000, 1001)
    one_o_clock = Timecode.parse("01:00:00;00", rate=30)
    assert abs(one_o_clock.frames - frames) / Fraction(30000, 1001) < Fraction(4, 1000)


@given(start=st.integers(0, 10**6), a=_integers, b=_integers, kind=st.sampled_from(_RATES))
def test_adding_frames_is_adding(start: int, a: int, b: int, kind: tuple[int, bool]) -> None:
    timecode = Timecode(start, *kind)
    assert timecode + a + b == timecode + (a + b)
    assert timecode + 0 == timecode
    assert timecode + a + -a == timecode


@pytest.mark.parametrize("text", ["", "1:00:00:00", "01:00:00", "01:00:00:1000", "01-00-00-00", "aa:bb:cc:dd"])
def test_text_that_is_no_timecode_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(InputError, match="remedy: write it as HH:MM:SS:FF"):
        Timecode.parse(text, rate=24)


def test_a_semicolon_means_drop_frame_only_where_drop_frame_exists() -> None:
    assert Timecode.parse("00:01:00;02", rate=30).drop
    assert not Timecode.parse("00:01:00;02", rate=24).drop


@pytest.mark.parametrize(("fps", "rate"), [("24000/1001", 24), ("25", 25), ("30000/1001", 30), ("60000/1001", 60)])
def test_timecode_counts_in_the_nominal_rate(fps: str, rate: int) -> None:
    assert nominal_rate(Fraction(fps)) == rate


@given(first=_integers, length=st.integers(0, 10**4))
def test_a_range_survives_being_written_and_parsed(first: int, length: int) -> None:
    frames = FrameRange(first, first + length)
    assert FrameRange.parse(str(frames)) == frames
    assert len(frames) == length + 1


@given(a=st.integers(-50, 50), b=st.integers(0, 50), c=st.integers(-50, 50), d=st.integers(0, 50))
def test_clipping_a_range_keeps_the_frames_in_both(a: int, b: int, c: int, d: int) -> None:
    one, other = FrameRange(a, a + b), FrameRange(c, c + d)
    clipped = one.clip(other)
    assert (list(clipped) if clipped else []) == sorted(set(one) & set(other))


@pytest.mark.parametrize("text", ["", "first-last", "1001-1010x2", "1001,1002", "48-24"])
def test_a_range_that_cannot_be_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(InputError, match="remedy: write it as"):
        FrameRange.parse(text)


@given(box=_boxes)
def test_a_box_survives_being_written_as_an_inclusive_window(box: Box) -> None:
    assert Box.from_window(*box.window) == box


@given(one=_boxes, other=_boxes)
def test_clipping_and_joining_boxes_agree_with_the_pixels(one: Box, other: Box) -> None:
    union, clipped = one.union(other), one.clip(other)
    assert union.clip(one) == one and union.clip(other) == other
    assert clipped.is_empty or (one.clip(clipped) == clipped and other.clip(clipped) == clipped)
    assert clipped == other.clip(one) and union == other.union(one)


@given(box=_boxes, dx=_integers, dy=_integers, pixels=st.integers(0, 100))
def test_shifting_and_growing_a_box_can_be_taken_back(box: Box, dx: int, dy: int, pixels: int) -> None:
    assert box.shift(dx, dy).shift(-dx, -dy) == box
    assert box.shift(dx, dy).size == box.size
    assert box.grow(pixels).grow(-pixels) == box
