"""``wanfx inspect FILE``: what wanfx reads from a file, in the words of a shot."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from wanfx.cli.promises import promise_table
from wanfx.delivery import Version
from wanfx.errors import ColorSpaceError, InputError
from wanfx.io import exr
from wanfx.io.cryptomatte import id_text, is_cryptomatte, read_cryptomatte
from wanfx.manifest import find_faults, read_manifest
from wanfx.qc.promises import Promise
from wanfx.stages.source import Source, Wanted, open_source
from wanfx_color.configs import load_config

Row = tuple[str, str]


def run_command(parsed: argparse.Namespace) -> int:
    """Print a table of facts."""
    path = Path(parsed.file)
    console = Console()
    if path.name == "manifest.json" or (path / "manifest.json").is_file():
        version = Version(path.parent if path.name == "manifest.json" else path)
        manifest = read_manifest(version.manifest)
        if faults := find_faults(manifest):
            raise InputError("; ".join(faults), path=version.manifest, remedy="copy the delivery again")
        console.print(_table(_manifest_rows(manifest)))
        console.print(promise_table([Promise(**promise) for promise in manifest["promises"]]))
        return 0
    if path.suffix.lower() == ".exr" and path.is_file() and is_cryptomatte(path):
        console.print(_table(_crypto_rows(path)))
        return 0
    console.print(_table([*_source_rows(parsed.file), *_header_rows(path)]))
    return 0


def _table(rows: list[Row]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in rows:
        table.add_row(name, value)
    return table


def _manifest_rows(manifest: dict[str, Any]) -> list[Row]:
    plain = ("schema", "wanfx", "shot", "task", "backend", "quality", "frames", "cut", "seed")
    models = ", ".join(f"{model['name']} {model['revision']} ({model['licence']})" for model in manifest["models"])
    return [
        *((key, str(manifest[key])) for key in plain),
        ("plate", f"{manifest['plate']['source']}, {manifest['plate']['colorspace']}, {manifest['plate']['fps']} fps"),
        ("comp", manifest["comp"]["pattern"]),
        ("parts", ", ".join(manifest["comp"]["parts"])),
        ("models", models),
        ("files", str(len(manifest["files"]))),
    ]


def _crypto_rows(path: Path) -> list[Row]:
    found = read_cryptomatte(path)
    return [
        ("kind", f"Cryptomatte {found.layer}"),
        ("objects", ", ".join(f"{name} ({id_text(identifier)})" for name, identifier in found.names.items())),
        ("ranks", str(len(found.ranks.ids))),
        ("size", f"{found.display_window.size}"),
        ("data window", str(found.data_window.as_list())),
    ]


def _source_rows(text: str) -> list[Row]:
    config = load_config()
    try:
        source = open_source(
            Wanted(key="plate", path=text, colorspace=None, variable_rate="conform", gaps="hold"), color=config
        )
        space = f"{source.space.name}, told by {source.space.told_by}"
    except ColorSpaceError as error:
        source = open_source(
            Wanted(key="plate", path=text, colorspace=config.scene_linear, variable_rate="conform", gaps="hold"),
            color=config,
        )
        space = f"not known: {error.what}"
    return list(_rows_of(source, space))


def _rows_of(source: Source, space: str) -> Iterator[Row]:
    yield "kind", source.kind
    yield "frames", f"{source.frames} ({len(source.frames)})"
    if source.held:
        yield "missing frames", ", ".join(map(str, source.held))
    yield "size", f"{source.display_window.size}"
    yield "data window", str(source.canvas.as_list())
    yield "pixel aspect", f"{source.pixel_aspect:g}"
    yield "frame rate", f"{source.fps} ({source.fps_from})"
    yield "timecode", str(source.timecode or "none")
    yield "colour space", space
    if source.movie is not None:
        movie = source.movie
        yield "codec", f"{movie.codec}, {movie.pixel_format}, {movie.range} range, matrix {movie.matrix}"
        yield "rotation", f"{movie.rotation} degrees"
        yield "variable rate", movie.rate_evidence if movie.is_variable_rate else "no"
        yield "sound", "none" if movie.audio is None else f"{movie.audio.codec}, {movie.audio.sample_rate_hz} Hz"


def _header_rows(path: Path) -> Iterator[Row]:
    if path.suffix.lower() != ".exr" or not path.is_file():
        return
    header = exr.read_header(path)
    yield "parts", ", ".join(name or "(unnamed)" for name in header.parts)
    yield "rgb", f"{', '.join(header.rgb)} ({header.pixel_type}, {header.compression})"
    yield "other channels", ", ".join(header.extras) or "none"
    for name, value in header.attributes.items():
        yield name, str(value)
