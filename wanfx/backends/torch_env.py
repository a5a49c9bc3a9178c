"""torch and transformers, imported only when a backend loads, and never together with a broken torchvision.

transformers imports torchvision wherever it is installed; one built for another torch dies on import and would take
transformers with it, while transformers without torchvision has all that is needed here.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from typing import Any

from wanfx.errors import MissingError


def import_torch(*, extra: str) -> Any:
    """torch. Raises MissingError where it is not installed or cannot be loaded."""
    return _import("torch", extra=extra)


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
