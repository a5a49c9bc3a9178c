"""``wanfx report FOLDER``: a delivery's report drawn again, or the index of a folder of shots."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from wanfx.stages.report import redraw_report
from wanfx.stages.report_index import draw_shot_index, find_shots


def run_command(parsed: argparse.Namespace) -> int:
    """Draw the report of a delivery, or the index of the shots in a folder, from their own files; print where it is."""
    console = Console()
    folder = Path(parsed.folder)
    page = draw_shot_index(folder) if find_shots(folder) else redraw_report(folder)
    console.print(str(page), markup=False, highlight=False, soft_wrap=True)
    return 0
