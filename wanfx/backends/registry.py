"""The backends there are: one explicit table. A new model is one new file and one line here."""

from __future__ import annotations

import difflib
import importlib
from typing import TYPE_CHECKING, Literal, cast

from wanfx.errors import OptionError

if TYPE_CHECKING:
    from wanfx.backends.protocols import Generator, Segmenter

Kind = Literal["segmenter", "generator"]
_BACKENDS: dict[Kind, dict[str, str]] = {
    "segmenter": {"lite": "wanfx.backends.lite:LiteSegmenter"},
    "generator": {
        "draft": "wanfx.backends.draft:DraftGenerator",
        "fake": "wanfx.backends.fake:FakeGenerator",
    },
}


def names(kind: Kind) -> tuple[str, ...]:
    """The backends of a kind."""
    return tuple(_BACKENDS[kind])


def find_segmenter(name: str) -> Segmenter:
    """A new segmenter, not yet loaded. Raises OptionError where there is none of this name."""
    return cast("Segmenter", _make("segmenter", name, key="matte.backend"))


def find_generator(name: str) -> Generator:
    """A new generator, not yet loaded. ``auto`` is the best that is installed. Raises OptionError."""
    return cast("Generator", _make("generator", "draft" if name == "auto" else name, key="generate.backend"))


def _make(kind: Kind, name: str, *, key: str) -> object:
    table = _BACKENDS[kind]
    if name not in table:
        near = difflib.get_close_matches(name, table, n=1)
        hint = f"did you mean {near[0]}?" if near else "there are: " + ", ".join(table)
        raise OptionError(f"there is no {kind} {name!r}", key=key, remedy=hint)
    module, _, attribute = table[name].partition(":")
    return getattr(importlib.import_module(module), attribute)()
