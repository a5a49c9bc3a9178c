"""What every benchmark prints and, with --json, writes: named figures with units, the machine, the commit."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """One measured number."""

    name: str
    value: float
    unit: str


def parse_arguments(description: str, *, more: Sequence[tuple[str, type, object, str]] = ()) -> argparse.Namespace:
    """``--json FILE`` and the benchmark's own options: (name, type, default, help)."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON")
    for name, kind, default, text in more:
        parser.add_argument(f"--{name}", type=kind, default=default, help=f"{text} (default: %(default)s)")
    return parser.parse_args()


def report(figures: Sequence[Figure], *, json_file: str | None) -> None:
    """Print a table and write the JSON."""
    width = max(len(figure.name) for figure in figures)
    for figure in figures:
        print(f"{figure.name:<{width}}  {figure.value:12.4g} {figure.unit}")
    if json_file:
        data = {"figures": [asdict(figure) for figure in figures], "machine": _machine(), "commit": _commit()}
        Path(json_file).write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def _machine() -> dict[str, object]:
    return {"system": platform.platform(), "python": platform.python_version(), "cores": os.cpu_count()}


def _commit() -> str:
    here = Path(__file__).parent
    done = subprocess.run(["git", "-C", str(here), "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip()
