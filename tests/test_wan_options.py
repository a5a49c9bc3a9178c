"""What a quality means is what the models' makers run them with, unless the user says otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from wanfx.errors import OptionError
from wanfx.wan_options import QUALITIES, WanOptions, resolve_quality

# Wan2.2's generate.py and VACE's own: steps, guidance, shift (None: as diffusers converted it, 5 for Animate).
_MAKERS: dict[str, tuple[int, float | None, float | None, str]] = {
    "wan-animate": (20, None, None, "720p"),
    "wan-vace-14b": (50, 5.0, 16.0, "720p"),
    "wan-vace-1.3b": (50, 5.0, 16.0, "480p"),
}


@pytest.mark.parametrize("network", list(_MAKERS))
def test_final_is_what_the_makers_do_without_a_shortcut(network: str) -> None:
    found = resolve_quality(WanOptions(), "final", network=network)
    assert (found.steps, found.guidance_scale, found.flow_shift, found.size) == _MAKERS[network]
    assert found.cache == "off" and not found.fp8 and found.lora is None and found.relight_lora is None


@pytest.mark.parametrize("network", list(_MAKERS))
def test_a_lower_quality_never_takes_longer_and_has_the_same_shift_and_guidance(network: str) -> None:
    final, fast, preview = (
        resolve_quality(WanOptions(), name, network=network) for name in ("final", "fast", "preview")
    )
    steps = [one.steps or 0 for one in (preview, fast, final)]
    assert steps == sorted(steps) and preview.cache == fast.cache == "attention"
    assert {(one.guidance_scale, one.flow_shift) for one in (final, fast, preview)} == {_MAKERS[network][1:3]}
    assert preview.size == "480p"


@pytest.mark.parametrize("asked", [{"steps": 7}, {"guidance_scale": 1.0}, {"flow_shift": 3.0}, {"size": "480p"},
                                   {"cache": "off"}])  # fmt: skip
def test_what_the_user_asks_for_stays(asked: dict[str, Any]) -> None:
    ((name, value),) = asked.items()
    for network in _MAKERS:
        assert all(
            getattr(resolve_quality(WanOptions(**asked), quality, network=network), name) == value
            for quality in QUALITIES
        )


def test_a_quality_of_other_generators_is_refused() -> None:
    with pytest.raises(OptionError, match="draft"):
        resolve_quality(WanOptions(), "draft")
