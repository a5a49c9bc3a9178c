"""``wanfx demo``: the small shot that comes with wanfx, run and verified."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from wanfx.cli.progress import ProgressDisplay
from wanfx.cli.run import print_outcome
from wanfx.demo import make_demo_shot
from wanfx.session import RunRequest, run_shot
from wanfx.shot import load_shot


def run_command(parsed: argparse.Namespace) -> int:
    """Copy the demo's plate and reference, run the shot, and print where everything is."""
    out = Path(parsed.out)
    console = Console(stderr=True)
    shot_file = out / "shot" / "shot.toml"
    if not shot_file.exists():
        console.print("copying the demo's plate and reference picture", highlight=False)
        shot_file = make_demo_shot(out / "shot")
    with ProgressDisplay(console) as display:
        outcome = run_shot(RunRequest(load_shot(shot_file), out), listeners=(display,))
    print_outcome(outcome)
    console.print(f"  {'shot':<9} {shot_file}", markup=False, highlight=False, soft_wrap=True)
    return 0
