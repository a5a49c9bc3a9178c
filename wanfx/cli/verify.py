"""``wanfx verify DELIVERY``."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.progress import track

from wanfx.cli.promises import promise_table
from wanfx.delivery import Version
from wanfx.errors import InputError, PromiseBrokenError
from wanfx.io.atomic import write_json
from wanfx.manifest import read_manifest
from wanfx.qc.verify import verify_delivery


def run_command(parsed: argparse.Namespace) -> int:
    """Print every promise; exit status 5 where one is broken."""
    version = Version(Path(parsed.delivery))
    try:
        manifest = read_manifest(version.manifest)
    except InputError as error:
        if version.manifest.is_file():
            raise PromiseBrokenError(f"provenance: {error.what}", path=version.manifest, remedy=error.remedy) from error
        raise
    console = Console(stderr=True)
    frames = iter(
        track(manifest.get("frame_facts", ()), description="verify", console=console, disable=not console.is_terminal)
    )
    promises = verify_delivery(version.folder, manifest, on_frame=lambda _frame: next(frames, None) and None)
    Console().print(promise_table(promises))
    if parsed.json:
        write_json(Path(parsed.json), {"promises": [promise.as_dict() for promise in promises]})
    broken = [promise.name for promise in promises if promise.state == "broken"]
    if broken:
        raise PromiseBrokenError(
            f"broken: {', '.join(broken)}",
            path=version.folder,
            remedy="copy the delivery again, or make the shot again",
        )
    return 0
