"""What an image editor is asked for."""

from __future__ import annotations

import pytest
from wan_figure import make_figure

from wanfx.frames import Size
from wanfx.ops.edit_prompts import edit_prompt, shown_limbs
from wanfx.ops.skeleton import make_skeleton

SIZE = Size(1280, 720)


def test_legs_in_any_frame_count_before_arms_and_arms_before_neither() -> None:
    legs = make_skeleton(make_figure(SIZE), size=SIZE)
    arms = make_skeleton(make_figure(SIZE, hips=(0.5, 0.99), leg=0.5), size=SIZE)
    unsure = make_skeleton(make_figure(SIZE, confidence=0.7), size=SIZE)
    assert shown_limbs([unsure]) == "neither"
    assert shown_limbs([unsure, arms]) == "arms"
    assert shown_limbs([arms, unsure, legs]) == "legs"
    assert shown_limbs([]) == "neither"


@pytest.mark.parametrize(
    ("size", "start"), [(Size(1280, 720), "standard T-pose"), (Size(720, 720), "extending straight down")]
)
def test_a_wide_picture_asks_for_arms_out(size: Size, start: str) -> None:
    assert start in edit_prompt("arms", size=size)
    assert "Feet" not in edit_prompt("arms", size=size)
    assert edit_prompt("legs", size=size).endswith("The person is standing. Feet and Hands are visible in the image.")
