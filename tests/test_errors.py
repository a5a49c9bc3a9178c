"""The tree of errors and its exit codes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from wanfx import errors
from wanfx.errors import FrameReadError, WanfxError

_LINE = re.compile(r"^    (?P<branch>[│├└─ ]*)(?P<name>[A-Z]\w+)(?:\s+(?P<code>\d+)  |\s|$)")
# Exit statuses that others rely on (farm scripts, panels). They never change.
_CONTRACT = {"WanfxError": 1, "InputError": 2, "MissingError": 3, "SomeShotsFailedError": 4, "PromiseBrokenError": 5,
             "EnvironmentFailedError": 6, "CancelledError": 130}  # fmt: skip


def _classes(parent: type[WanfxError] = WanfxError) -> Iterator[type[WanfxError]]:
    """Those defined in wanfx.errors, in the order of their definition, each before its children."""
    yield parent
    for child in parent.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from _classes(child)


def _drawn(text: str) -> list[tuple[str, str, int]]:
    """Name, parent and exit code of every line of the tree in a docstring; a line without a code has its parent's."""
    tree: list[tuple[str, str, int]] = []
    above: dict[int, tuple[str, int]] = {}
    for match in filter(None, map(_LINE.match, text.splitlines())):
        depth = len(match["branch"]) // 4
        parent, code = above.get(depth - 1, ("Exception", 0))
        above[depth] = (match["name"], int(match["code"] or code))
        tree.append((match["name"], parent, above[depth][1]))
    return tree


def test_the_tree_in_the_docstring_is_the_tree_of_classes() -> None:
    assert errors.__doc__ is not None
    built = [(c.__name__, c.__bases__[0].__name__, c.exit_code) for c in _classes()]
    assert _drawn(errors.__doc__) == built


@pytest.mark.parametrize(("name", "code"), list(_CONTRACT.items()))
def test_exit_codes_are_the_documented_ones(name: str, code: int) -> None:
    assert getattr(errors, name).exit_code == code


@pytest.mark.parametrize("error", list(_classes()), ids=lambda error: error.__name__)
def test_every_error_says_what_it_stands_for_and_has_a_contract_exit_code(error: type[WanfxError]) -> None:
    assert error is WanfxError or (error.__doc__ and error.__doc__ != WanfxError.__doc__)
    assert error.exit_code in _CONTRACT.values()


def test_a_message_names_file_key_frame_fault_and_remedy_in_this_order() -> None:
    error = FrameReadError("cannot be read", path="a.exr", key="plate", frame=1042, remedy="copy it again")
    assert str(error) == "a.exr: plate: frame 1042: cannot be read\n  remedy: copy it again"


def test_frame_zero_is_named() -> None:
    assert str(FrameReadError("cannot be read", frame=0)) == "frame 0: cannot be read"


def test_a_message_without_a_place_is_only_the_fault() -> None:
    assert str(WanfxError("it broke")) == "it broke"
