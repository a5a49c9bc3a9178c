"""``wanfx matte SHOT``."""

from __future__ import annotations

import argparse
import dataclasses

from rich.console import Console

from wanfx.cli.progress import ProgressDisplay
from wanfx.cli.request import read_request
from wanfx.mattes import SubjectMattes
from wanfx.session import matte_shot
from wanfx.views import expand_views


def run_command(parsed: argparse.Namespace) -> int:
    """Make the mattes of all subjects, and say where they are and which frames to look at first."""
    request = read_request(parsed)
    console = Console(stderr=True)
    for shot in expand_views(request.shot):
        with ProgressDisplay(console, quiet=parsed.quiet) as display:
            made = matte_shot(dataclasses.replace(request, shot=shot), listeners=(display,))
        for subject in made:
            _print(subject)
    return 0


def _print(subject: SubjectMattes) -> None:
    console = Console()
    rows = [("mattes", f"{subject.pattern.text}, frames {subject.frames}"), ("picture", str(subject.sheet))]
    if subject.painted:
        rows.append(("painted", f"{len(subject.painted)} frames are an artist's, and stay"))
    if subject.doubtful:
        rows.append(("look at", ", ".join(f"{f} ({subject.confidence[f]:.2f})" for f in subject.doubtful)))
    console.print(subject.name, markup=False, highlight=False)
    for title, text in rows:
        console.print(f"  {title:<9} {text}", soft_wrap=True, markup=False, highlight=False)
