"""``wanfx report DELIVERY``: the report drawn again."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from wanfx.stages.report import redraw_report


def run_command(parsed: argparse.Namespace) -> int:
    """Draw the report of a delivery again, from its own files, and print where it is."""
    console = Console()
    page = redraw_report(Path(parsed.delivery))
    console.print(str(page), markup=False, highlight=False, soft_wrap=True)
    return 0
