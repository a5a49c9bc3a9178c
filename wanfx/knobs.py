"""What an option may be and how it is shown: knobs, their limits, and text parsed to an option's type.

Standard library only, Python 3.9 and later.
"""

import dataclasses
import typing
from dataclasses import dataclass
from typing import Any, Literal, Optional, Tuple, Union

from wanfx.errors import OptionError

Kind = Literal["bool", "int", "float", "str", "choice"]


@dataclass(frozen=True)
class Knob:
    """How an option is shown: help text, unit, and its limits (both inclusive).

    ``is_path`` is true of text that names a file: relative to the shot or studio file that says it, or, on the command
    line, to the folder one is in.
    """

    help: str
    unit: str = ""
    min: Optional[float] = None
    max: Optional[float] = None
    is_path: bool = False


@dataclass(frozen=True)
class OptionSpec:
    """One option as user interfaces and the schema need it."""

    stage: str
    name: str
    kind: Kind
    optional: bool
    choices: Tuple[str, ...]
    default: Any
    knob: Knob

    @property
    def key(self) -> str:
        return f"{self.stage}.{self.name}"

    @property
    def expects(self) -> str:
        """What the option may be, in words."""
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        words = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "text"}[self.kind]
        if self.knob.min is not None and self.knob.max is not None:
            words += f" from {self.knob.min:g} to {self.knob.max:g}"
        return words + (" or none" if self.optional else "")

    def parse(self, value: Any) -> Any:
        """``value`` (of the option's type, or text) as the option's type; OptionError where it cannot be."""
        if self.optional and (value is None or value == "none"):
            return None
        parsed = _PARSERS[self.kind](value)
        if parsed is None or (self.kind == "choice" and parsed not in self.choices) or not self._within(parsed):
            raise OptionError(f"{value!r} is not {self.expects}", key=self.key, remedy=f"set it to {self.expects}")
        return parsed

    def _within(self, value: Any) -> bool:
        if self.kind not in ("int", "float"):
            return True
        low = self.knob.min is None or value >= self.knob.min
        return low and (self.knob.max is None or value <= self.knob.max)


def _parse_bool(value: Any) -> Optional[bool]:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


def _parse_float(value: Any) -> Optional[float]:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if number - number == 0 else None


def _parse_int(value: Any) -> Optional[int]:
    number = _parse_float(value)
    return int(number) if number is not None and number == int(number) else None


def _parse_str(value: Any) -> Optional[str]:
    return value if isinstance(value, str) else None


_PARSERS = {"bool": _parse_bool, "int": _parse_int, "float": _parse_float, "str": _parse_str, "choice": _parse_str}


def make_spec(stage: str, item: "dataclasses.Field[Any]", hint: Any) -> OptionSpec:
    """The spec of a field ``item`` whose type hint is ``hint``."""
    kind, knob = typing.get_args(hint)
    optional = typing.get_origin(kind) is Union
    if optional:
        kind = next(arg for arg in typing.get_args(kind) if arg is not type(None))
    is_choice = typing.get_origin(kind) is Literal
    choices = typing.get_args(kind) if is_choice else ()
    name: Kind = "choice" if is_choice else kind.__name__
    return OptionSpec(stage, item.name, name, optional, choices, item.default, knob)
