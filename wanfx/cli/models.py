"""``wanfx models list|fetch|verify|bundle``. Only ``fetch`` reaches for a network, and only without ``--from``."""

from __future__ import annotations

import argparse
import shlex
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from wanfx.backends.bundle import write_bundle, write_bundle_folder
from wanfx.backends.fetch import fetch_set, unready_files, wanted_bytes
from wanfx.backends.hub_fetch import Fetched, Placing, download_hub_set, fetch_hub_set
from wanfx.backends.hub_sets import HUB_SETS
from wanfx.backends.seen_files import SeenFiles, quick_states
from wanfx.backends.weights import MODEL_SETS, ModelSet, fetch_command, file_states, find_set, set_folder
from wanfx.errors import InputError, MissingError


def run_command(parsed: argparse.Namespace) -> int:
    """Run the action. Exit status 3 where files are missing or damaged, or cannot be fetched."""
    actions = {"list": _list, "fetch": _fetch, "verify": _verify, "bundle": _bundle}
    return actions[parsed.action](parsed)


def describe_state(models: ModelSet) -> str:
    """How many of the set's files are here, missing, damaged; their hashes are checked, those of the hub's sets only
    where that needs no reading.
    """
    states = list((quick_states if models.name in HUB_SETS else file_states)(models).values())
    if set(states) <= {"missing"}:
        return "missing"
    counts = [f"{states.count(state)} {state}" for state in ("missing", "damaged", "unread") if state in states]
    return ", ".join(counts) or "here"


def describe_runner(models: ModelSet) -> str:
    """What runs the set, and the command that installs it where it is not installed."""
    name = models.module.replace("_", "-")
    return name if models.can_run else f'{name} (pip install "wanfx[{models.extra}]")'


def _list(_parsed: argparse.Namespace) -> int:
    table = Table(box=None, pad_edge=False)
    for title in ("set", "revision", "licence", "commercial use", "files", "size", "runs with"):
        table.add_column(title, no_wrap=title != "runs with")
    sets = _all_sets()
    for one in sets:
        row = (one.name, one.revision, one.licence, one.commercial, describe_state(one), _describe_size(one))
        table.add_row(*row, describe_runner(one))
    Console().print(table, markup=False)
    for one in sets:
        _say(f"{one.name}: {one.source.project}; in {set_folder(one)}; fetched by `{fetch_command(one)}`")
        if one.name in HUB_SETS and HUB_SETS[one.name].warning:
            _say(f"  mind: {HUB_SETS[one.name].warning}")
    return 0


def _describe_size(models: ModelSet) -> str:
    if not models.contents:
        return f"about {HUB_SETS[models.name].about_bytes / 1e9:.1f} GB"
    return f"{models.size_bytes / 1e9:.1f} GB" if models.size_bytes >= 1e9 else f"{models.size_bytes / 1e6:.1f} MB"


def _all_sets() -> list[ModelSet]:
    return [*MODEL_SETS.values(), *(find_set(name) for name in HUB_SETS)]


def _fetch(parsed: argparse.Namespace) -> int:
    given = None if parsed.source is None else Path(parsed.source)
    # A fetch that is told to end is cancelled like one that is interrupted: pip is stopped and nothing is left.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for one in [find_set(name) for name in parsed.sets]:
        left_out: tuple[str, ...] = ()
        if one.name in HUB_SETS:
            fetched = _fetch_hub(one, parsed, given=given)
            one, names, left_out = fetched.models, list(fetched.names), fetched.left_out
        else:
            names = _fetch_shown(one, given=given) if unready_files(one) else []
        known = "nothing was fetched" if one.name not in HUB_SETS or given is None else f"and the same as in {given}"
        _say(f"{one.name}: {_count(names)} fetched" if names else f"{one.name}: already here, {known}")
        _say(f"  files    {len(one.contents)}, {_describe_size(one)}, hashes checked")
        for name in left_out:
            _say(f"  left out {name}: of a kind that is never read")
        _say(f"  licence  {one.licence} ({one.source.project} {one.source.version})")
        _say(f"  folder   {set_folder(one)}")
        if not one.can_run:
            _say(f"  to run   {describe_runner(one)}")
    return 0


def _fetch_hub(models: ModelSet, parsed: argparse.Namespace, *, given: Path | None) -> Fetched:
    spec = HUB_SETS[models.name]
    if spec.warning and parsed.accepted != spec.licence:
        raise InputError(
            spec.warning, key=spec.name, remedy=f"if that is all right, add --accept-licence {spec.licence}"
        )
    if given is None:
        return download_hub_set(models.name, revision=parsed.revision)
    placing: Placing = "link" if parsed.link else "in place" if parsed.in_place else "copy"
    with _bar(f"fetching {models.name}: {given}", total=None) as advance:
        return fetch_hub_set(models.name, given=given, revision=parsed.revision, placing=placing, on_bytes=advance)


def _fetch_shown(models: ModelSet, *, given: Path | None) -> list[str]:
    source = str(given) if given else f"{models.source.project} {models.source.version} from your package index"
    with _bar(f"fetching {models.name}: {source}", total=wanted_bytes(models, given=given)) as advance:
        return fetch_set(models, given=given, on_bytes=advance)


@contextmanager
def _bar(text: str, *, total: int | None) -> Iterator[Callable[[int], None]]:
    """A line that says what is done, and where there is a terminal how far it is; gives who is told of bytes."""
    console = Console(stderr=True)
    console.print(text, markup=False, highlight=False, soft_wrap=True)
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=32), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bars:
        task = bars.add_task("", total=total)
        yield lambda count: bars.advance(task, count)


def _verify(parsed: argparse.Namespace) -> int:
    sets = [find_set(name) for name in parsed.sets] or _sets_here()
    unready = []
    for one in sets:
        states = file_states(one)
        for name, state in states.items():
            _say(f"{one.name}: {name}: {state}")
        if set(states.values()) != {"here"}:
            unready.append((one, [name for name, state in states.items() if state != "here"]))
        elif one.name in HUB_SETS:
            _note_hashes(one)
    if unready:
        first, names = unready[0]
        what = f"{_count(names)} of the {first.name} models missing or damaged" if names else f"no {first.name} models"
        raise MissingError(
            what,
            path=set_folder(first),
            remedy=f"run `wanfx models fetch {' '.join(one.name for one, _names in unready)}`",
        )
    return 0


def _note_hashes(models: ModelSet) -> None:
    """Let runs know that every byte was just read."""
    seen = SeenFiles(models.name)
    for name, sha256 in models.files.items():
        seen.note(set_folder(models) / name, sha256)
    seen.save()


def _bundle(parsed: argparse.Namespace) -> int:
    path = Path(parsed.to)
    is_zip = path.suffix.lower() == ".zip"
    if is_zip and (path.is_dir() or parsed.link):
        remedy = "leave out --link" if parsed.link else "give the file to write, as models.zip"
        raise InputError("is a zip file" if parsed.link else "is a folder", path=path, key="--to", remedy=remedy)
    # A set that is named twice is bundled once.
    sets = list(dict.fromkeys(find_set(name) for name in parsed.sets)) or _sets_here()
    if is_zip:
        write_bundle(path, sets)
    else:
        write_bundle_folder(path, sets, is_linked=parsed.link)
    names = " ".join(one.name for one in sets)
    _say(f"{path}: {names}, {sum(one.size_bytes for one in sets) / 1e6:.1f} MB")
    _say(f"  on the other machine: wanfx models fetch {names} --from {shlex.quote(path.name)}")
    return 0


def _sets_here() -> list[ModelSet]:
    """The sets of which any file is here. Raises MissingError where there is none."""
    sets = [one for one in _all_sets() if any((set_folder(one) / name).exists() for name in one.files)]
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
