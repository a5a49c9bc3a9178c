"""Stereo: ``%V`` in a shot's paths makes one shot a view, named ``<shot>_left`` and ``<shot>_right``."""

from __future__ import annotations

import dataclasses
from typing import Any

from wanfx.io import sequence
from wanfx.shot import Shot

_PATHS = ("path", "matte", "redistort", "undistort")


def expand_views(shot: Shot) -> list[Shot]:
    """The shot of each view; the shot itself where no path has ``%V`` (``left``) or ``%v`` (``l``).

    >>> from wanfx.shot import parse_shot
    >>> data = {"name": "sh010", "task": "replace", "plate": "sh010_%V.####.exr", "reference": "robot.png"}
    >>> [(view.name, view.plate.path) for view in expand_views(parse_shot(data))]
    [('sh010_left', 'sh010_left.####.exr'), ('sh010_right', 'sh010_right.####.exr')]
    """
    views = sequence.expand_views(shot.plate.path)
    if len(views) == 1:
        return [shot]
    return [dataclasses.replace(_fill(shot, view), name=f"{shot.name}_{view}") for view in views]


def _fill(table: Any, view: str) -> Any:
    """The table with the view put into every path below it."""
    changes: dict[str, Any] = {}
    for item in dataclasses.fields(table):
        value = getattr(table, item.name)
        if dataclasses.is_dataclass(value):
            changes[item.name] = _fill(value, view)
        elif isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
            changes[item.name] = tuple(_fill(one, view) for one in value)
        elif item.name in _PATHS and isinstance(value, str):
            changes[item.name] = sequence.expand_views(value).get(view, value)
    return dataclasses.replace(table, **changes)
