"""``wanfx clean SHOT_FOLDER``."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from wanfx.clean import find_removable, remove
from wanfx.delivery import ShotFolder
from wanfx.lease import hold_lease
from wanfx.session import environment_errors


def run_command(parsed: argparse.Namespace) -> int:
    """Remove the work folder's contents but for what an artist painted; deliveries are never touched."""
    folder = ShotFolder(Path(parsed.shot_folder))
    console = Console()
    with environment_errors(folder.root):
        found = find_removable(folder)
        if not parsed.dry_run:
            with hold_lease(folder.lease):
                remove(found := find_removable(folder))
    verb = "would remove" if parsed.dry_run else "removed"
    size = f"{found.size_bytes / 1e6:.1f} MB"
    console.print(f"{verb} {len(found.files)} files, {size}; kept {len(found.painted)} painted files", highlight=False)
    for path in found.painted:
        console.print(f"  kept {path}", markup=False, highlight=False, soft_wrap=True)
    for path in found.foreign:
        console.print(f"  kept {path}, which wanfx did not make", markup=False, highlight=False, soft_wrap=True)
    return 0
