"""wan.cache = attention: self-attention's answer of the step before taken every second step.

Pyramid Attention Broadcast (Zhao et al., 2024) by diffusers' hooks; a hook of ours gives each text a memory of its own,
for guidance asks the transformer twice a step, and diffusers' (0.42) would answer one text with the other's attention.
Caches of diffusers that skip whole blocks do not know Wan-Animate's transformer, whose face adapters lie between them.
"""

from __future__ import annotations

from typing import Any

from wanfx.backends.wan_load import import_from_diffusers
from wanfx.backends.wan_places import Clock

CACHE_TIMES = (100.0, 800.0)
"""The scheduler's times between which answers are taken again."""
_EVERY = 2
_NAME = "wanfx_attention"
_SELF_ATTENTION = "attn1"


def cache_attention(transformer: Any, clock: Clock) -> None:
    """Let every self-attention of ``transformer`` remember, by `cache_context`; ``clock`` says what time it is."""
    hooks = import_from_diffusers("hooks.hooks")
    hook = _make_hook()
    for name, module in transformer.named_modules():
        if name.rpartition(".")[2] == _SELF_ATTENTION:
            registry = hooks.HookRegistry.check_if_exists_or_initialize(module)
            registry.register_hook(hook(CACHE_TIMES, _EVERY, lambda: clock.time), _NAME)
    hooks.HookRegistry.check_if_exists_or_initialize(transformer).invalidate_child_registries_cache()


def forget_steps(transformer: Any) -> None:
    """Let all hooks forget the steps they saw: no window knows of others."""
    hooks = import_from_diffusers("hooks.hooks")
    hooks.HookRegistry.check_if_exists_or_initialize(transformer).reset_stateful_hooks()


def _make_hook() -> Any:
    """diffusers' hook, with a state for each cache context."""
    pyramid = import_from_diffusers("hooks.pyramid_attention_broadcast")
    manager = import_from_diffusers("hooks.hooks").StateManager

    class PerTextHook(pyramid.PyramidAttentionBroadcastHook):  # type: ignore[misc, name-defined]
        def initialize_hook(self, module: Any) -> Any:
            self.states = manager(pyramid.PyramidAttentionBroadcastState)
            return module

        @property
        def state(self) -> Any:
            return self.states.get_state()

        def reset_state(self, module: Any) -> Any:
            self.states.reset()
            return module

    return PerTextHook
