"""How long ``wanfx --help`` takes, beside a Python that does nothing, in turn; medians."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
from _report import Figure, parse_arguments, report


def main() -> None:
    """Measure both."""
    given = parse_arguments(__doc__ or "", more=[("times", int, 15, "starts of each")])
    ours, bare = [], []
    for _ in range(given.times):
        ours.append(_seconds([sys.executable, "-m", "wanfx", "--help"]))
        bare.append(_seconds([sys.executable, "-c", "pass"]))
    help_s, bare_s = float(np.median(ours)), float(np.median(bare))
    figures = [
        Figure("wanfx --help", help_s, "s"), Figure("python -c pass", bare_s, "s"),
        Figure("wanfx --help / python -c pass", help_s / bare_s, "ratio"),
    ]  # fmt: skip
    report(figures, json_file=given.json)


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
