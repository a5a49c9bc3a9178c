"""What is not installed: a set's files, which are fetched, apart from the modules that run them, which pip installs."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

from wanfx.backends.weights import ModelSet, fetch_command, has_files
from wanfx.errors import MissingError

# By extra: what runs its sets beside the module that a set names.
_MODULES = {"wan": ("torch", "transformers", "safetensors"), "sam2": ("torch", "safetensors")}


def find_missing(
    models: ModelSet, who: str, *, key: str, modules: tuple[str, ...] = (), instead: str = ""
) -> Iterator[MissingError]:
    """What is not there of a set's files and of the modules that run them, each with its own command."""
    otherwise = f", or {instead}" if instead else ""
    lacking = [name for name in (*_MODULES.get(models.extra, ()), *modules) if importlib.util.find_spec(name) is None]
    if not models.can_run:
        lacking = list(dict.fromkeys([models.module, *lacking]))
    install = f'`pip install "wanfx[{models.extra}]"`'
    if not has_files(models):
        what, first = f"{who} needs models that are not here", f"run `{fetch_command(models)}`"
        if lacking:
            what, first = f"{what}, and {_name_modules(lacking)}", f"{first}, and {install}"
        yield MissingError(what, key=key, remedy=f"{first}{otherwise}")
    elif lacking:
        yield MissingError(f"{who} needs {_name_modules(lacking)}", key=key, remedy=f"run {install}{otherwise}")


def _name_modules(names: list[str]) -> str:
    listed = ", ".join(name.replace("_", "-") for name in names)
    return f"Python's {listed}, which {'is' if len(names) == 1 else 'are'} not installed"
