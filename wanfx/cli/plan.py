"""``wanfx plan SHOT``."""

from __future__ import annotations

import argparse
import dataclasses

from rich.console import Console
from rich.table import Table

from wanfx.backends.wan_plan import describe_quality, find_gpu, plan_qualities
from wanfx.cli.request import read_request
from wanfx.plan import Plan
from wanfx.session import RunRequest, plan_shot, resolve_options
from wanfx.views import expand_views
from wanfx.wan_options import WanOptions


def run_command(parsed: argparse.Namespace) -> int:
    """Print what a run would do. Nothing is written."""
    request = read_request(parsed)
    for shot in expand_views(request.shot):
        _print_plan(dataclasses.replace(request, shot=shot))
    return 0


def _print_plan(request: RunRequest) -> None:
    plan, shot_frames, last = plan_shot(request)
    table = Table(box=None, show_header=False, pad_edge=False)
    for lacking in plan.lacking:
        Console(stderr=True).print(f"not yet: {lacking}", markup=False, highlight=False, soft_wrap=True)
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
    subjects = [subject.name for subject in request.shot.subjects]
    passes = [("passes", f"{', '.join(subjects)}: back to front, one each")] if len(subjects) > 1 else []
    joins = [("joins", f"{plan.joins}; or the shot's windows are taken, where they are there")] if plan.joins else []
    options = resolve_options(request.shot, flags=request.flags).wan
    for name, value in (*rows, *joins, *passes, *_wan_rows(plan, options), *_clean_rows(plan, options)):
        table.add_row(name, value)
    Console().print(table)


def _clean_rows(plan: Plan, options: WanOptions) -> list[tuple[str, str]]:
    """What the pass takes that makes the clean plate, if one does; its LoRAs are not those of the shot."""
    clean = plan.clean
    if clean is None:
        return []
    rows = [("clean plate by", clean.generator), ("windows", f"{clean.windows} of {clean.window_frames} frames")]
    return [*rows, *_wan_rows(clean, dataclasses.replace(options, lora=None, relight_lora=None))]


def _wan_rows(plan: Plan, options: WanOptions) -> list[tuple[str, str]]:
    """What each quality of a Wan model takes, and which fits the GPU; torch is asked only then."""
    if not plan.network:
        return []
    gpu = find_gpu()
    plans = plan_qualities(plan.network, options, gpu=gpu, window_frames=plan.window_frames)
    best = next((one.quality for one in plans if one.fits), "none of them")
    told = "none here that torch knows" if gpu is None else f"{gpu.name}, {gpu.free_bytes / 1e9:.0f} GB free"
    rows = [("model's picture", plan.picture), ("gpu", told)]
    rows += [(f"quality {one.quality}", describe_quality(one, gpu=gpu, windows=plan.windows)) for one in plans]
    if gpu is not None:
        rows.append(("fits the gpu", best))
    return [*rows, ("", "memory and time of the model are estimated for 16:9, not measured")]
