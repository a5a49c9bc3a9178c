"""``wanfx worker``: clicks to mattes for a panel, over stdin and stdout."""

from __future__ import annotations

import argparse
import logging

from wanfx.worker import run_worker


def run_command(_parsed: argparse.Namespace) -> int:
    """Answer requests until stdin ends."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    return run_worker()
