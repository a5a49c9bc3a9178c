"""The backends there are: one explicit table. A new model is one new file and one line here."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from wanfx.backends.weights import is_installed
from wanfx.errors import MissingError, OptionError

if TYPE_CHECKING:
    from wanfx.backends.protocols import Generator, PoseEstimator, Segmenter
    from wanfx.options import Options

Kind = Literal["segmenter", "pose estimator", "generator"]
AUTO = "auto"


@dataclass(frozen=True)
class _Backend:
    """Where a backend's class is, and the models it needs. ``auto`` takes the first that is installed and offered."""

    place: str
    models: str | None = None
    is_offered: bool = True


_BACKENDS: dict[Kind, dict[str, _Backend]] = {
    "segmenter": {
        "lite": _Backend("wanfx.backends.lite:LiteSegmenter", "lite"),
        "flow": _Backend("wanfx.backends.flow:FlowSegmenter"),
    },
    "pose estimator": {
        "lite": _Backend("wanfx.backends.lite_pose:LitePoseEstimator", "lite"),
        "none": _Backend("wanfx.backends.no_pose:NoPoseEstimator"),
    },
    "generator": {
        "draft": _Backend("wanfx.backends.draft:DraftGenerator"),
        "fake": _Backend("wanfx.backends.fake:FakeGenerator", is_offered=False),
    },
}
_OPTIONS: dict[str, Kind] = {
    "matte.backend": "segmenter",
    "pose.backend": "pose estimator",
    "generate.backend": "generator",
}


def names(kind: Kind) -> tuple[str, ...]:
    """The backends of a kind."""
    return tuple(_BACKENDS[kind])


def resolve_backends(options: Options) -> Options:
    """``options`` with the best that is installed for every ``auto`` backend: once, when a shot is submitted."""
    values = options.as_dict()
    asked = {key: values[key.partition(".")[0]][key.partition(".")[2]] for key in _OPTIONS}
    chosen = {key: _best(_OPTIONS[key]) for key, name in asked.items() if name == AUTO}
    resolved = options.with_values(chosen, source="default")
    return dataclasses.replace(resolved, sources=options.sources)


def check_backends(options: Options) -> None:
    """Raise OptionError for an unknown backend, and MissingError for one whose models are not installed."""
    values = options.as_dict()
    for key, kind in _OPTIONS.items():
        stage, _, option = key.partition(".")
        if kind == "pose estimator" and options.condition.character == "card":
            continue
        models = _find(kind, values[stage][option], key=key).models
        if models is not None and not is_installed(models):
            what = f"{kind} {values[stage][option]} needs models or a module that are not here"
            raise MissingError(what, key=key, remedy=f"run `wanfx models list`, then `wanfx models fetch {models}`")


def find_segmenter(name: str) -> Segmenter:
    """A new segmenter, not yet loaded. Raises OptionError where there is none of this name."""
    return cast("Segmenter", _make("segmenter", name, key="matte.backend"))


def find_pose_estimator(name: str) -> PoseEstimator:
    """A new pose estimator, not yet loaded. Raises OptionError where there is none of this name."""
    return cast("PoseEstimator", _make("pose estimator", name, key="pose.backend"))


def find_generator(name: str) -> Generator:
    """A new generator, not yet loaded. Raises OptionError where there is none of this name."""
    return cast("Generator", _make("generator", name, key="generate.backend"))


def _best(kind: Kind) -> str:
    backends = _BACKENDS[kind].items()
    return next(name for name, one in backends if one.is_offered and (one.models is None or is_installed(one.models)))


def _find(kind: Kind, name: str, *, key: str) -> _Backend:
    table = _BACKENDS[kind]
    name = _best(kind) if name == AUTO else name
    if name not in table:
        near = difflib.get_close_matches(name, table, n=1)
        hint = f"did you mean {near[0]}?" if near else "there are: " + ", ".join(table)
        raise OptionError(f"there is no {kind} {name!r}", key=key, remedy=hint)
    return table[name]


def _make(kind: Kind, name: str, *, key: str) -> object:
    module, _, attribute = _find(kind, name, key=key).place.partition(":")
    return getattr(importlib.import_module(module), attribute)()
