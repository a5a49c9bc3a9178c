"""The examples in the docstrings are true, and every module imports with the base install."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import wanfx
import wanfx_color

_MODULES = sorted(
    module.name
    for package in (wanfx, wanfx_color)
    for module in pkgutil.walk_packages(package.__path__, prefix=f"{package.__name__}.")
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", _MODULES)
def test_the_examples_in_a_module_are_true(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.failed == 0


def test_the_examples_are_found() -> None:
    """Guards the test above: it would pass if it looked at nothing."""
    assert "wanfx.frames" in _MODULES
    assert doctest.testmod(importlib.import_module("wanfx.frames")).attempted >= 5
