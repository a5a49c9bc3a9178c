"""Each frame comes from the nearest prompt, and no track ever learns from a later one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wanfx.backends.protocols import BoxPrompt, MaskPrompt, PointPrompt, Prompts
from wanfx.backends.sam2_plan import Plan, make_plan
from wanfx.errors import NothingFoundError
from wanfx.frames import FrameRange

_FRAMES = FrameRange(1, 60)


def _box(frame: int) -> BoxPrompt:
    return BoxPrompt(frame, 0, 0, 9, 9)


def _prompts(boxes: set[int], on: set[int], off: set[int], masks: set[int]) -> Prompts:
    points = [PointPrompt(frame, 4, 4) for frame in sorted(on)]
    points += [PointPrompt(frame, 1, 1, keep=False) for frame in sorted(off)]
    made = tuple(MaskPrompt(frame, lambda: None) for frame in sorted(masks))  # type: ignore[arg-type, return-value]
    return Prompts(tuple(points), tuple(_box(frame) for frame in sorted(boxes)), made)


_few = st.sets(st.integers(_FRAMES.first, _FRAMES.last), max_size=4)


@given(_few, _few, _few, st.sets(st.integers(_FRAMES.first, _FRAMES.last), max_size=30))
def test_every_frame_is_given_or_tracked_with_all_that_its_share_needs(
    boxes: set[int], on: set[int], off: set[int], masks: set[int]
) -> None:
    prompts = _prompts(boxes, on, off, masks)
    if not boxes and not on - masks and not masks:
        with pytest.raises(NothingFoundError):
            make_plan(prompts, _FRAMES)
        return
    plan = make_plan(prompts, _FRAMES)
    for frame in set(_FRAMES) - masks:
        forward = plan.share(frame, "forward")
        assert 0 <= forward <= 1 and plan.share(frame, "backward") == 1 - forward
        if frame in plan.anchors:
            assert forward in (0, 1) and (forward == 0) == plan.is_corrected_backwards(frame)
            continue
        assert (forward > 0) <= (frame in plan.forward) and (forward < 1) <= (frame in plan.backward)
    _check_ways(plan)


def _check_ways(plan: Plan) -> None:
    """A track runs from its anchor without a gap, and a start needs nothing before it."""
    for way, step in ((plan.forward, -1), (plan.backward, 1)):
        for frame, origin in way.items():
            assert origin in plan.anchors and (frame - origin) * step < 0
            before = frame + step
            assert before == origin or way.get(before) == origin or before in plan.given


@given(_few, st.integers(2, 60))
def test_a_later_prompt_changes_nothing_that_comes_from_an_earlier_one(boxes: set[int], later: int) -> None:
    earlier = {frame for frame in boxes if frame < later} | {1}
    before = make_plan(_prompts(earlier, set(), set(), set()), _FRAMES)
    after = make_plan(_prompts(earlier | {later}, set(), set(), set()), _FRAMES)
    for frame in earlier:
        assert after.known[frame] == before.known[frame]


def test_the_middle_between_two_prompts_is_mixed_and_the_rest_is_the_nearest() -> None:
    plan = make_plan(_prompts({10, 30}, set(), set(), set()), _FRAMES)
    assert [plan.share(frame, "forward") for frame in range(17, 24)] == [1, 1, 0.75, 0.5, 0.25, 0, 0]
    near = make_plan(_prompts({10, 14}, set(), set(), set()), _FRAMES)
    assert [near.share(frame, "forward") for frame in range(10, 15)] == [1, 1, 1, 0, 1]


def test_of_a_run_of_mattes_the_first_the_last_and_some_between_are_looked_at() -> None:
    plan = make_plan(_prompts(set(), set(), set(), {*range(1, 51), 55}), _FRAMES)
    assert list(plan.anchors) == [1, 25, 49, 50, 55]
    assert plan.known[1] == (1, 25, 49, 50)  # one run is known as a whole, and nothing after it
    assert plan.known[50] == (1, 25, 49, 50)
    assert set(plan.forward) | set(plan.backward) == {*range(51, 55), *range(56, 61)}
