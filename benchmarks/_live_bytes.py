"""How many bytes of tensors are alive at once while a network runs on torch's meta device: shapes, and no numbers."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def measure_peak(run: Callable[[], object]) -> int:
    """The most bytes that tensors made in ``run`` take at once. What kernels need for themselves is not in it."""
    live = _Live()
    with torch.inference_mode(), _AttentionWithoutScores(), live:
        run()
    return live.peak


class _Live(TorchDispatchMode):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.peak = self._bytes = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor):
                self._note(tensor.untyped_storage())
        return result

    def _note(self, storage: torch.UntypedStorage) -> None:
        key, count = storage._cdata, storage.nbytes()
        if key not in self._known:
            self._known.add(key)
            self._bytes += count
            self.peak = max(self.peak, self._bytes)
            weakref.finalize(storage, self._forget, key, count)

    def _forget(self, key: int, count: int) -> None:
        self._known.discard(key)
        self._bytes -= count


class _AttentionWithoutScores(TorchFunctionMode):  # type: ignore[misc]
    """Attention as fused kernels do it: the scores of all tokens with all are never in memory."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.nn.functional.scaled_dot_product_attention:
            return torch.empty_like(args[0] if args else kwargs["query"])
        return func(*args, **(kwargs or {}))
