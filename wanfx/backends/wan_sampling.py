"""From noise to latents: the steps that all of Wan's models share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wanfx.backends.wan_places import Clock


def sample(
    predict: Callable[[Any, Any], Any], *, scheduler: Any, noise: Any, steps: int, device: Any, clock: Clock,
    on_step: Callable[[int], None] | None = None,
) -> Any:  # fmt: skip
    """Latents, in float32, after ``steps`` of diffusers' ``scheduler``; ``predict`` is given latents and a time."""
    latents = noise.to(device)
    scheduler.set_timesteps(steps, device=device)
    for step, time in enumerate(scheduler.timesteps):
        clock.time = float(time)
        latents = scheduler.step(predict(latents, time), time, latents, return_dict=False)[0]
        if on_step is not None:
            on_step(step + 1)
    return latents


def guide(found: Any, away: Any, *, scale: float) -> Any:
    """Classifier-free guidance (Ho, Salimans, 2022): from ``away`` towards ``found``, ``scale`` times as far."""
    return away + scale * (found - away)


def draw_noise(shape: tuple[int, ...], *, seed: int, torch: Any) -> Any:
    """Noise drawn on the CPU, so that it is the same on every device."""
    return torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed), dtype=torch.float32)
