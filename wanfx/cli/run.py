"""``wanfx run SHOT``."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from wanfx.cli.progress import ProgressDisplay
from wanfx.cli.promises import promise_table
from wanfx.cli.request import read_request
from wanfx.sealing import Outcome
from wanfx.session import run_shot
from wanfx.views import expand_views


def run_command(parsed: argparse.Namespace) -> int:
    """Make the shot, or one a view, and print what was made."""
    request = read_request(parsed)
    console = Console(stderr=True)
    for shot in expand_views(request.shot):
        with ProgressDisplay(console, quiet=parsed.quiet) as display:
            outcome = run_shot(dataclasses.replace(request, shot=shot), listeners=(display,))
        print_outcome(outcome)
    return 0


def print_outcome(outcome: Outcome) -> None:
    """The delivery, its files and its promises."""
    console = Console()
    manifest, folder = outcome.manifest, outcome.version.folder
    if not outcome.is_new:
        console.print(
            f"{folder} is up to date; nothing was made (use --fresh to make it again)", soft_wrap=True, markup=False
        )
        return
    console.print(promise_table(outcome.promises))
    console.print(f"{manifest['shot']}: {manifest['task']} by {manifest['backend']}, quality {manifest['quality']}, "
                  f"frames {manifest['frames']}", markup=False, highlight=False)  # fmt: skip
    if manifest.get("character"):
        console.print(f"  {'character':<9} {_describe(manifest['character'])}", markup=False, highlight=False)
    for title, path in (
        ("comp", folder / manifest["comp"]["pattern"]),
        *(("review", folder / e["path"]) for e in manifest["files"] if e["path"].startswith("review/")),
        *((("report", outcome.version.report),) if outcome.version.report.is_file() else ()),
        ("manifest", outcome.version.manifest),
    ):
        console.print(f"  {title:<9} {path}", soft_wrap=True, markup=False, highlight=False)


def _describe(character: Mapping[str, Any]) -> str:
    """How the draft's character was made, in words."""
    if character["why_card"]:
        return f"a card that does not perform: {character['why_card']}"
    lacks = f"; the picture does not show: {', '.join(character['missing'])}" if character["missing"] else ""
    return f"{character['kind']}{lacks}"
