"""The backends there are: one explicit table. A new model is one new file and one line here."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from wanfx.backends.hub_sets import EDITOR
from wanfx.backends.lacking import find_missing
from wanfx.backends.weights import SAM2_SETS, ModelSet, find_set, is_installed
from wanfx.errors import MissingError, OptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wanfx.backends.pose_protocol import PoseEstimator
    from wanfx.backends.protocols import Clicker, Generator, Segmenter
    from wanfx.options import Options, PoseOptions

Kind = Literal["segmenter", "clicker", "pose estimator", "generator"]
Crop = Literal["subject", "frame"]
AUTO = "auto"


@dataclass(frozen=True)
class _Backend:
    """Where a backend's class is, and the model sets of which it needs one, the best first.

    ``auto`` takes the first backend that is installed and offered, and of its sets the first that is installed; one
    that is heavy only where there is a GPU.
    ``tasks`` are those it is for, all where none is named; ``needs_poses`` says that poses are found for it always, and
    ``is_for_driven`` of a pose estimator that ``auto`` takes it for such generators alone.
    """

    place: str
    models: tuple[str, ...] = ()
    is_offered: bool = True
    is_heavy: bool = False
    tasks: tuple[str, ...] = ()
    needs_poses: bool = False
    is_for_driven: bool = False


_SAM2 = tuple(one.name for one in SAM2_SETS)
_BACKENDS: dict[Kind, dict[str, _Backend]] = {
    "segmenter": {
        "sam2": _Backend("wanfx.backends.sam2:Sam2Segmenter", _SAM2, is_heavy=True),
        "lite": _Backend("wanfx.backends.lite:LiteSegmenter", ("lite",)),
        "flow": _Backend("wanfx.backends.flow:FlowSegmenter"),
    },
    "clicker": {
        "sam2": _Backend("wanfx.backends.sam2_click:Sam2Clicker", _SAM2, is_heavy=True),
        "lite": _Backend("wanfx.backends.lite_click:LiteClicker", ("lite",)),
        "flow": _Backend("wanfx.backends.flow_click:FlowClicker"),
    },
    "pose estimator": {
        # It knows nothing of depth, which the draft's puppet lives on.
        "vitpose": _Backend("wanfx.backends.vitpose:VitposeEstimator", ("vitpose-wholebody",), is_for_driven=True),
        "lite": _Backend("wanfx.backends.lite_pose:LitePoseEstimator", ("lite",)),
        "none": _Backend("wanfx.backends.no_pose:NoPoseEstimator"),
    },
    "generator": {
        "wan-animate": _Backend(
            "wanfx.backends.wan_animate:WanAnimateGenerator",
            ("wan-animate",),
            is_heavy=True,
            tasks=("replace", "animate"),
            needs_poses=True,
        ),
        "wan-vace": _Backend(
            "wanfx.backends.wan_vace:WanVaceGenerator",
            ("wan-vace-14b", "wan-vace-1.3b"),
            # It draws by words: who gives a picture of the new world may want that very picture.
            is_offered=False,
            is_heavy=True,
            tasks=("background",),
        ),
        "draft": _Backend("wanfx.backends.draft:DraftGenerator"),
        "fake": _Backend("wanfx.backends.fake:FakeGenerator", is_offered=False),
    },
}
_ADDED: dict[str, Callable[[], Generator]] = {}
_OPTIONS: dict[str, Kind] = {
    "matte.backend": "segmenter",
    "pose.backend": "pose estimator",
    "generate.backend": "generator",
}


def names(kind: Kind) -> tuple[str, ...]:
    """The backends of a kind."""
    return tuple(_BACKENDS[kind])


def resolve_backends(options: Options, *, task: str = "replace") -> Options:
    """``options`` with the best that is installed for every ``auto`` backend: once, when a shot is submitted."""
    values = options.as_dict()
    asked = {key: values[key.partition(".")[0]][key.partition(".")[2]] for key in _OPTIONS}
    for key, name in asked.items():
        if name != AUTO:
            _find(_OPTIONS[key], name, key=key)
    generator = _find("generator", asked["generate.backend"], key="generate.backend", task=task)
    chosen = {
        key: _best(_OPTIONS[key], task=task, is_driven=generator.needs_poses)
        for key, name in asked.items() if name == AUTO
    }  # fmt: skip
    segmenter = _find("segmenter", chosen.get("matte.backend", options.matte.backend), key="matte.backend")
    if len(segmenter.models) > 1 and options.matte.model == AUTO:
        chosen["matte.model"] = _choose_set(segmenter, AUTO).name.partition("-")[2]
    if len(segmenter.models) > 1 and options.matte.engine == AUTO:
        chosen["matte.engine"] = importlib.import_module("wanfx.backends.sam2_engines").choose_engine(AUTO)
    resolved = options.with_values(chosen, source="default")
    return dataclasses.replace(resolved, sources=options.sources)


def passed_over(options: Options) -> str:
    """Why `resolve_backends` does not take what is best, in words for the user; empty where it does."""
    if options.matte.backend != AUTO:
        return ""
    chosen = _best("segmenter")
    for name, one in _BACKENDS["segmenter"].items():
        if name == chosen:
            break
        if one.is_offered and _is_installed(one):
            return (
                f"matte.backend = auto takes {chosen}: {name} is installed, but there is no GPU, and on a CPU it takes"
                f" seconds a frame; matte.backend = {name} takes it all the same"
            )
        if not one.is_heavy:
            command = f"wanfx models fetch {one.models[0]}"
            return f"matte.backend = auto takes {chosen}: {name}, which knows people, is not installed (`{command}`)"
    return ""


def choice_of_pose(asked: Options, resolved: Options) -> str:
    """What finds the poses that a generator is driven by where ``auto`` was ``asked`` for, and why nothing better;
    empty where nothing was left to `resolve_backends`, or no generator hangs on it.
    """
    if asked.pose.backend != AUTO or not _are_poses_needed(resolved):
        return ""
    name = resolved.pose.backend
    best = next(iter(_BACKENDS["pose estimator"]))
    text = f"pose.backend = auto takes {name}"
    if name == best:
        return text
    command = f"wanfx models fetch {_BACKENDS['pose estimator'][best].models[0]}"
    return f"{text}: {best}, which follows hands and feet better, is not installed (`{command}`)"


def check_backends(options: Options, *, task: str | None = None) -> None:
    """Raise OptionError for an unknown backend, and MissingError for one whose models or modules are not installed.

    ``task`` leaves out what that one does not use.
    """
    for lacking in find_lacking(options, task=task):
        raise lacking


def find_lacking(options: Options, *, task: str | None = None) -> Iterator[MissingError]:
    """What is not installed of all that the options ask for, as the errors it would be. Raises OptionError."""
    values = options.as_dict()
    for key, kind in _OPTIONS.items():
        stage, _, option = key.partition(".")
        if kind == "pose estimator" and options.condition.character == "card" and not _are_poses_needed(options):
            continue
        backend = _find(kind, values[stage][option], key=key)
        if not backend.models:
            continue
        models = _choose_set(backend, options.wan.model if kind == "generator" else options.matte.model)
        more = _asked_modules(options) if kind == "generator" else ()
        yield from find_missing(models, f"{kind} {values[stage][option]}", key=key, modules=more)
        if values[stage][option] == "vitpose":
            yield from _find_detector(options.pose.detector)
    yield from _find_editor(options, task=task)


def find_segmenter(name: str, *, model: str = AUTO, engine: str = AUTO, crop: Crop = "subject") -> Segmenter:
    """A new segmenter, not yet loaded; what follows its name matters where there are several sizes of it: the size,
    what runs it, and whether it looks nearer at a small subject. Raises OptionError.
    """
    return cast("Segmenter", _make("segmenter", name, key="matte.backend", model=model, engine=engine, crop=crop))


def find_clicker(name: str, *, model: str = AUTO, engine: str = AUTO, crop: Crop = "subject") -> Clicker:
    """A new clicker, not yet loaded: the one that goes with the segmenter of this name. Raises OptionError."""
    return cast("Clicker", _make("clicker", name, key="matte.backend", model=model, engine=engine, crop=crop))


def find_pose_estimator(options: PoseOptions) -> PoseEstimator:
    """The pose estimator that the options ask for, configured by them, not yet loaded. Raises OptionError."""
    estimator = cast("PoseEstimator", _make("pose estimator", options.backend, key="pose.backend"))
    estimator.configure(options)
    return estimator


def find_generator(options: Options) -> Generator:
    """The generator that the options ask for, configured by them, not yet loaded. Raises OptionError, MissingError."""
    name = options.generate.backend
    made = (
        _ADDED[name]() if name in _ADDED else _make("generator", name, key="generate.backend", model=options.wan.model)
    )
    generator = cast("Generator", made)
    generator.configure(options)
    return generator


def add_generator(name: str, make: Callable[[], Generator]) -> None:
    """Let this process know one more generator by ``name``: for programs that bring their own, as a benchmark does.

    Raises OptionError where wanfx has one of this name itself.
    """
    if name in _BACKENDS["generator"] and name not in _ADDED:
        raise OptionError(f"there is a generator {name!r} already", remedy="give yours another name")
    _ADDED[name] = make
    _BACKENDS["generator"][name] = _Backend("", is_offered=False)


def _are_poses_needed(options: Options) -> bool:
    return _find("generator", options.generate.backend, key="generate.backend").needs_poses


def _asked_modules(options: Options) -> tuple[str, ...]:
    """The modules that a video model needs for what is asked of it, beside those it always needs."""
    wan = options.wan
    moved = ("accelerate",) if wan.offload in ("auto", "sequential") else ()
    return (*moved, *(("peft",) if wan.lora is not None or wan.relight_lora is not None else ()))


def _find_editor(options: Options, *, task: str | None) -> Iterator[MissingError]:
    """What is missing of the image editor, where one is asked for; nobody is retargeted but in task animate."""
    condition = options.condition
    asked = {
        "condition.reference": ("onto-plate", condition.reference == "edit"),
        "condition.retarget": ("auto", condition.retarget == "edited" and task in (None, "animate")),
    }
    for key, (instead, is_asked) in asked.items():
        if is_asked and find_generator(options).is_driven:
            yield from find_missing(find_set(EDITOR), "the image editor", key=key, instead=f"set {key}={instead}")


def _find_detector(name: str) -> Iterator[MissingError]:
    """What is missing of a person detector."""
    models = {"lite": "lite", "yolov10": "yolov10m"}.get(name)
    if models is not None:
        who, instead = f"person detector {name}", "set pose.detector=matte"
        yield from find_missing(find_set(models), who, key="pose.detector", instead=instead)


def _best(kind: Kind, *, task: str = "replace", is_driven: bool = False) -> str:
    fitting = {
        name: one for name, one in _BACKENDS[kind].items()
        if (not one.tasks or task in one.tasks) and (is_driven or not one.is_for_driven)
    }  # fmt: skip
    return next(name for name, one in fitting.items() if one.is_offered and _is_ready(one))


def _is_ready(backend: _Backend) -> bool:
    return _is_installed(backend) and not (backend.is_heavy and not _has_gpu())


def _has_gpu() -> bool:
    return bool(importlib.import_module("wanfx.backends.torch_env").has_gpu())


def _is_installed(backend: _Backend) -> bool:
    return not backend.models or any(is_installed(models) for models in backend.models)


def _choose_set(backend: _Backend, model: str) -> ModelSet:
    """The set of this size; for ``auto`` the best that is installed, or else the one to get."""
    named = [name for name in backend.models if name.endswith(f"-{model}")]
    installed = [name for name in backend.models if is_installed(name)]
    return find_set(next(iter(named or installed), backend.models[len(backend.models) // 3]))


def _find(kind: Kind, name: str, *, key: str, task: str = "replace") -> _Backend:
    table = _BACKENDS[kind]
    name = _best(kind, task=task) if name == AUTO else name
    if name not in table:
        near = difflib.get_close_matches(name, table, n=1)
        hint = f"did you mean {near[0]}?" if near else "there are: " + ", ".join(table)
        raise OptionError(f"there is no {kind} {name!r}", key=key, remedy=hint)
    return table[name]


def _make(kind: Kind, name: str, *, key: str, model: str = AUTO, **how: str) -> object:
    backend = _find(kind, name, key=key)
    module, _, attribute = backend.place.partition(":")
    made = getattr(importlib.import_module(module), attribute)
    return made(_choose_set(backend, model), **how) if len(backend.models) > 1 else made()
