"""The libraries that run SAM 2.1, from the same files: transformers, or the package ``sam2``."""

from __future__ import annotations

import importlib.util

from wanfx.backends.protocols import ModelCard
from wanfx.backends.sam2_engine import WEIGHTS, Engine, EngineName
from wanfx.backends.weights import ModelSet
from wanfx.errors import OptionError

AUTO = "auto"


def model_card(models: ModelSet) -> ModelCard:
    """The set as the manifest names it."""
    return ModelCard(models.source.project, models.revision, models.licence, models.files[WEIGHTS])


def choose_engine(name: str) -> EngineName:
    """The engine of this name; for ``auto`` transformers, or else the package where only that is installed."""
    if name == AUTO:
        has_transformers = importlib.util.find_spec("transformers") is not None
        return "transformers" if has_transformers or importlib.util.find_spec("sam2") is None else "package"
    if name == "transformers":
        return "transformers"
    if name == "package":
        return "package"
    raise OptionError(f"there is no engine {name!r}", key="matte.engine", remedy="there are: transformers, package")


def load_engine(models: ModelSet, name: str = AUTO) -> Engine:
    """SAM 2.1 in memory. Raises MissingError where the files or what runs them are not there or damaged."""
    if choose_engine(name) == "package":
        from wanfx.backends.sam2_package import PackageEngine

        return PackageEngine(models)
    from wanfx.backends.sam2_transformers import TransformersEngine

    return TransformersEngine(models)
