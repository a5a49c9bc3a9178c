"""torch and transformers, imported only when a backend loads, and never together with a broken torchvision.

transformers imports torchvision wherever it is installed; one built for another torch dies on import and would take
transformers with it, while transformers without torchvision has all that is needed here.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.errors import MissingError

CPU_THREADS = 2
"""Fixed, because what a CPU adds up depends in its last bits on how the work is shared out."""


class TorchDevice:
    """Where networks run: the GPU where torch sees one, else a CPU.

    On a GPU what may be half precision (bfloat16) is; on a CPU everything is float32.
    """

    def __init__(self, *, extra: str) -> None:
        """Raises MissingError where torch is not there."""
        self.torch = import_torch(extra=extra)
        self.name = "cuda" if self.torch.cuda.is_available() else "cpu"
        self.precision: str = "bfloat16" if self.name == "cuda" else "float32"
        self.torch.set_num_threads(CPU_THREADS)

    def place(self, network: Any) -> Any:
        """A network, ready to be asked and never trained."""
        return network.eval().requires_grad_(requires_grad=False).to(self.name)

    def tensor(self, values: npt.NDArray[Any]) -> Any:
        """An array on the device."""
        return self.torch.from_numpy(np.ascontiguousarray(values)).to(self.name)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Around every call of a network."""
        is_half = self.precision == "bfloat16"
        half = self.torch.autocast(self.name, dtype=self.torch.bfloat16, enabled=is_half)
        with self.torch.inference_mode(), half:
            yield


def has_gpu() -> bool:
    """Whether torch is there and sees a GPU that it can use."""
    try:
        return bool(importlib.import_module("torch").cuda.is_available())
    except (ImportError, OSError):
        return False


def import_torch(*, extra: str) -> Any:
    """torch. Raises MissingError where it is not installed or cannot be loaded."""
    return _import("torch", extra=extra)


def import_for(module: str, *, extra: str) -> Any:
    """A module of the libraries that an extra installs. Raises MissingError."""
    return _import(module, extra=extra)


def import_from_transformers(module: str, *, extra: str) -> Any:
    """A module of transformers, which is told never to reach for a network. Raises MissingError."""
    import_torch(extra=extra)
    hide_broken_torchvision()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    return _import(f"transformers.{module}", extra=extra)


def hide_broken_torchvision() -> bool:
    """Whether a torchvision that cannot be imported is there; for this process it is then as if it were not."""
    if sys.modules.get("torchvision") is not None or importlib.util.find_spec("torchvision") is None:
        return False
    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError, OSError, AttributeError):
        # RuntimeError: its operators are not those of this torch; OSError: a library that is not there.
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        # With None here an import fails and find_spec answers None: that is how Python says "not there".
        sys.modules["torchvision"] = None  # type: ignore[assignment]
        return True
    return False


def _import(name: str, *, extra: str) -> Any:
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:
        raise MissingError(
            f"{name.partition('.')[0]} cannot be imported ({error})", remedy=f'run `pip install "wanfx[{extra}]"`'
        ) from error
