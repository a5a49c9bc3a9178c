"""Dataclasses from plain data, with errors that point to the key, and their JSON schema.

Fields are ``Annotated[type, Key(help)]``; types are str, bool, int, float, Literal, Optional, Tuple[X, ...],
Tuple[X, X, X, X], nested dataclasses and Mapping (kept as it is). Standard library only, Python 3.9 and later.
"""

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Literal, Mapping, Optional, Tuple, Type, TypeVar, Union

from wanfx.errors import ShotError

T = TypeVar("T")
# What Python 3.10 makes of `str | None`.
_UNIONS = (Union, getattr(types, "UnionType", Union))
_JSON_NAMES: Dict[type, str] = {str: "string", bool: "boolean", int: "integer", float: "number"}


@dataclass(frozen=True)
class Key:
    """What a key of a file means.

    ``shorthand`` names the one key that a bare string stands for, ``rest`` the one that takes a list's items from the
    second on, where a list may be written: the first is the table itself.
    """

    help: str
    shorthand: str = ""
    rest: str = ""


def read_table(kind: Type[T], data: Any, *, key: str = "", ignore: Iterable[str] = ()) -> T:
    """``data`` (a mapping) as an instance of the dataclass ``kind``; ``ignore`` names keys that are read elsewhere.

    Raises ShotError naming the dotted key.
    """
    if not isinstance(data, MappingType):
        raise ShotError(f"{data!r} is not a table", key=key, remedy="write it as a table of keys")
    fields = {item.name: item for item in dataclasses.fields(typing.cast(Any, kind)) if item.init}
    hints = typing.get_type_hints(kind, include_extras=True)
    known = {name for name in fields if typing.get_origin(hints[name]) is typing.Annotated}
    refuse_unknown(data, known | set(ignore), key=key)
    values: Dict[str, Any] = {}
    for name in known:
        hint, meta = typing.get_args(hints[name])[:2]
        if name in data:
            values[name] = _read(hint, data[name], key=_join(key, name), meta=meta)
        elif fields[name].default is dataclasses.MISSING and fields[name].default_factory is dataclasses.MISSING:
            raise ShotError("is missing", key=_join(key, name), remedy=f"set it: {meta.help}")
    return kind(**values)


def refuse_unknown(data: Mapping[str, Any], known: Iterable[str], *, key: str) -> None:
    """Raise ShotError for the first key of ``data`` that is not in ``known``."""
    names = sorted(known)
    for name in data:
        if name not in names:
            near = difflib.get_close_matches(str(name), names, n=2)
            hint = "did you mean " + " or ".join(near) + "?" if near else "known keys: " + ", ".join(names)
            raise ShotError("there is no such key", key=_join(key, str(name)), remedy=hint)


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _read(hint: Any, value: Any, *, key: str, meta: Key) -> Any:
    origin = typing.get_origin(hint)
    if origin in _UNIONS:
        inner = next(arg for arg in typing.get_args(hint) if arg is not type(None))
        return None if value is None else _read(inner, value, key=key, meta=meta)
    if origin is Literal:
        return _read_choice(typing.get_args(hint), value, key=key)
    if origin is tuple:
        return _read_tuple(typing.get_args(hint), value, key=key, meta=meta)
    if origin is not None and issubclass(origin, MappingType):
        if not isinstance(value, MappingType):
            raise ShotError(f"{value!r} is not a table", key=key, remedy="write it as a table of keys")
        return dict(value)
    if dataclasses.is_dataclass(hint):
        return read_table(typing.cast(Any, hint), _as_table(value, key=key, meta=meta), key=key)
    return _read_scalar(hint, value, key=key)


def _as_table(value: Any, *, key: str, meta: Key) -> Any:
    """A table written shorter, as a string or a list, as a table."""
    if meta.shorthand and isinstance(value, str):
        return {meta.shorthand: value}
    if not meta.rest or not isinstance(value, (list, tuple)):
        return value
    if not value:
        raise ShotError("is an empty list", key=key, remedy=f"give at least one: {meta.help}")
    first = _as_table(value[0], key=f"{key}[0]", meta=Key(meta.help, meta.shorthand))
    if not isinstance(first, MappingType):
        raise ShotError(f"{first!r} is not a table", key=f"{key}[0]", remedy="write it as a table of keys")
    return {**first, meta.rest: list(value[1:])} if len(value) > 1 else first


def _read_choice(choices: Tuple[Any, ...], value: Any, *, key: str) -> Any:
    if value not in choices:
        names = ", ".join(repr(choice) for choice in choices)
        raise ShotError(f"{value!r} is not one of {names}", key=key, remedy=f"set it to one of {names}")
    return value


def _read_tuple(args: Tuple[Any, ...], value: Any, *, key: str, meta: Key) -> Tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise ShotError(f"{value!r} is not a list", key=key, remedy=f"write it as a list: {meta.help}")
    if args[-1] is Ellipsis:
        return tuple(_read(args[0], item, key=f"{key}[{i}]", meta=meta) for i, item in enumerate(value))
    if len(value) != len(args):
        raise ShotError(f"has {len(value)} values, not {len(args)}", key=key, remedy=f"write {meta.help}")
    return tuple(_read(arg, item, key=f"{key}[{i}]", meta=meta) for i, (arg, item) in enumerate(zip(args, value)))


def _read_scalar(kind: type, value: Any, *, key: str) -> Any:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_number and not math.isfinite(value):
        raise ShotError(f"{value!r} is not a finite number", key=key, remedy=f"give a {_JSON_NAMES[kind]}")
    if kind is float and is_number:
        return float(value)
    if kind is int and is_number and value == int(value):
        return int(value)
    if kind in (str, bool) and isinstance(value, kind):
        return value
    raise ShotError(f"{value!r} is not a {_JSON_NAMES[kind]}", key=key, remedy=f"give a {_JSON_NAMES[kind]}")


def json_schema(kind: Type[Any]) -> Dict[str, Any]:
    """The JSON schema (draft 2020-12) of the dataclass ``kind``."""
    hints = typing.get_type_hints(kind, include_extras=True)
    properties: Dict[str, Any] = {}
    required: List[str] = []
    for item in dataclasses.fields(kind):
        if typing.get_origin(hints[item.name]) is not typing.Annotated:
            continue
        hint, meta = typing.get_args(hints[item.name])[:2]
        properties[item.name] = {**_hint_schema(hint, meta), "description": meta.help}
        if item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
            required.append(item.name)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _hint_schema(hint: Any, meta: Optional[Key]) -> Dict[str, Any]:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in _UNIONS:
        inner = next(arg for arg in args if arg is not type(None))
        return {"anyOf": [_hint_schema(inner, meta), {"type": "null"}]}
    if origin is Literal:
        return {"enum": list(args)}
    if origin is tuple and args[-1] is Ellipsis:
        return {"type": "array", "items": _hint_schema(args[0], meta)}
    if origin is tuple:
        return {"type": "array", "items": _hint_schema(args[0], meta), "minItems": len(args), "maxItems": len(args)}
    if origin is not None:
        return {"type": "object"}
    if dataclasses.is_dataclass(hint):
        table = json_schema(typing.cast(Any, hint))
        forms = [{"type": "string"}, table] if meta and meta.shorthand else [table]
        if meta and meta.rest:
            forms.append({"type": "array", "minItems": 1, "items": {"anyOf": list(forms)}})
        return forms[0] if len(forms) == 1 else {"anyOf": forms}
    return {"type": _JSON_NAMES[hint]}
