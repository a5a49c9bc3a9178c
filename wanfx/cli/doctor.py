"""``wanfx doctor``: what this machine has."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import shutil
from pathlib import Path

from rich.console import Console
from rich.table import Table

from wanfx import __version__
from wanfx.backends.weights import MODEL_SETS, fetch_command
from wanfx.cli.models import describe_state
from wanfx.colors import color_errors
from wanfx_color.configs import load_config

_NEEDED = ("numpy", "opencolorio", "openexr", "openimageio", "av", "opencv-contrib-python-headless", "fileseq", "rich")
_OPTIONAL = ("ai-edge-litert", "onnxruntime", "torch", "diffusers", "transformers", "sam2", "pyside6-essentials")


def run_command(_parsed: argparse.Namespace) -> int:
    """Print versions, OCIO config, disk, models and GPU. Raises ColorSpaceError where the config is broken."""
    with color_errors(key="$OCIO"):
        config = load_config()
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row("wanfx", __version__)
    table.add_row("python", f"{platform.python_version()} on {platform.platform()}")
    table.add_row("cpu cores", str(os.cpu_count()))
    table.add_row("free disk here", f"{shutil.disk_usage(Path.cwd()).free / 1e9:.1f} GB")
    table.add_row("ocio config", f"{config.name} ({config.source})")
    table.add_row("scene_linear", config.scene_linear)
    table.add_row("default view", f"{config.display} / {config.view}")
    for name in _NEEDED:
        table.add_row(name, _version(name) or "MISSING: pip install wanfx")
    for name in _OPTIONAL:
        table.add_row(name, _version(name) or "not installed (not needed for draft)")
    for one in MODEL_SETS.values():
        state = describe_state(one)
        remedy = "" if state == "here" else f" (not needed for a card): {fetch_command(one)}"
        table.add_row(f"{one.name} models", state + remedy)
    table.add_row("nvidia driver", "found" if shutil.which("nvidia-smi") else "not found (not needed for draft)")
    Console().print(table)
    return 0


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
