"""Promises as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from wanfx.qc.promises import Promise

_STYLES = {"held": "green", "broken": "bold red", "not-applicable": "dim"}


def promise_table(promises: Sequence[Promise]) -> Table:
    """A row a promise: its name, its state, its evidence."""
    table = Table(box=None, pad_edge=False)
    for title in ("promise", "state", "evidence"):
        table.add_column(title, no_wrap=title != "evidence")
    for promise in promises:
        table.add_row(promise.name, Text(promise.state, _STYLES[promise.state]), Text(promise.evidence))
    return table
