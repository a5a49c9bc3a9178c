"""Where networks are while they work and while they wait, and what time it is on the way from noise to picture."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass
class Clock:
    """Which of the scheduler's times it is, 1000 to 0: caches ask."""

    time: float = 0.0


class Places:
    """Where networks are while they work and while they wait, by `wan.offload`."""

    def __init__(self, offload: str, *, torch: Any) -> None:
        self._torch = torch
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        # Without a GPU nothing can wait anywhere else.
        self._offload = "none" if self.device.type == "cpu" else offload

    def settle(self, transformer: Any, vae: Any) -> None:
        """Put both where they stay, or prepare them to come when they are called."""
        if self._offload == "none":
            transformer.to(self.device)
            vae.to(self.device)
        elif self._offload == "group":
            transformer.enable_group_offload(
                onload_device=self.device, offload_type="block_level", num_blocks_per_group=1, use_stream=True
            )
        elif self._offload == "sequential":
            import accelerate

            accelerate.cpu_offload(transformer, self.device)

    @contextmanager
    def parts_at_work(self, *parts: Any) -> Iterator[None]:
        """``parts`` of the transformer, called by themselves, on the GPU for a while.

        What lies outside its blocks comes with a group offloaded transformer's own call, and not with theirs.
        """
        moved = parts if self._offload == "group" else ()
        waiting = [(one, one.data) for part in moved for one in (*part.parameters(), *part.buffers())]
        for one, data in waiting:
            one.data = data.to(self.device)
        try:
            yield
        finally:
            # They are as they were, in the memory that was pinned for them.
            for one, data in waiting:
                one.data = data

    @contextmanager
    def at_work(self, network: Any, *, is_hooked: bool = False) -> Iterator[None]:
        """``network`` on the GPU for a while. One with hooks of its own (`is_hooked`) moves by them."""
        moves = self._offload == "model" or (self._offload in ("group", "sequential") and not is_hooked)
        if moves:
            network.to(self.device)
        try:
            yield
        finally:
            if moves:
                network.to("cpu")
                self._torch.cuda.empty_cache()
