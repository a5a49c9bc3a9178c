"""``wanfx plan SHOT``."""

from __future__ import annotations

import argparse
import dataclasses

from rich.console import Console
from rich.table import Table

from wanfx.cli.request import read_request
from wanfx.session import RunRequest, plan_shot
from wanfx.views import expand_views


def run_command(parsed: argparse.Namespace) -> int:
    """Print what a run would do. Nothing is written."""
    request = read_request(parsed)
    for shot in expand_views(request.shot):
        _print_plan(dataclasses.replace(request, shot=shot))
    return 0


def _print_plan(request: RunRequest) -> None:
    plan, shot_frames, last = plan_shot(request)
    table = Table(box=None, show_header=False, pad_edge=False)
    rows = (
        ("shot", request.shot.name),
        ("shot frames", f"{shot_frames} ({len(shot_frames)})"),
        ("frames to make", f"{plan.frames} ({len(plan.frames)})"),
        ("size", str(plan.size)),
        ("segmenter", plan.segmenter),
        ("pose estimator", plan.pose_estimator),
        ("generator", plan.generator),
        ("windows", f"{plan.windows} of {plan.window_frames} frames"),
        ("memory", f"about {plan.memory_bytes / 1e9:.1f} GB"),
        ("disk", f"about {plan.disk_bytes / 1e9:.2f} GB; {plan.free_bytes / 1e9:.1f} GB are free"),
        ("last version", last or "none"),
    )
    for name, value in rows:
        table.add_row(name, value)
    Console().print(table)
