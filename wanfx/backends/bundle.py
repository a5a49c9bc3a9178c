"""Model files as one zip file, for a machine without a network; the same files always make the same bytes."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

from wanfx.backends.weights import ModelSet, find_file
from wanfx.io.atomic import atomic_path

SCHEMA = "wanfx-models/1"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LICENCE_TEXTS = {"Apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0"}


def write_bundle(path: Path, sets: Sequence[ModelSet]) -> None:
    """Write the sets' files, stored as they are, with ``manifest.json`` (hashes) and ``LICENCES.txt``.

    An existing file is replaced when the new one is whole. Raises MissingError where a file is not here or damaged,
    EnvironmentFailedError where the bundle cannot be written.
    """
    found = {f"{one.name}/{one.revision}/{name}": find_file(one, name) for one in sets for name in sorted(one.files)}
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_entry("manifest.json"), _manifest(sets))
        archive.writestr(_entry("LICENCES.txt"), _licences(sets))
        for name, source in found.items():
            with source.open("rb") as file, archive.open(_entry(name), "w", force_zip64=True) as out:
                shutil.copyfileobj(file, out, 1 << 20)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system = 3  # the same bytes from every system
    entry.external_attr = 0o100644 << 16
    return entry


def _manifest(sets: Sequence[ModelSet]) -> str:
    listed = [
        {
            "name": one.name,
            "revision": one.revision,
            "licence": one.licence,
            "files": [
                {"path": f"{one.name}/{one.revision}/{f.name}", "sha256": f.sha256, "size_bytes": f.size_bytes}
                for f in sorted(one.contents, key=lambda file: file.name)
            ],
        }
        for one in sets
    ]
    return json.dumps({"schema": SCHEMA, "sets": listed}, indent=2, sort_keys=True) + "\n"


def _licences(sets: Sequence[ModelSet]) -> str:
    lines = ["The model files in this bundle are unchanged, and under the licences of those who published them.", ""]
    for one in sets:
        text = _LICENCE_TEXTS.get(one.licence)
        where = f", {text}" if text else ""
        lines.append(f"{one.name}: from {one.source.project} {one.source.version}, {one.licence}{where}")
    return "\n".join(lines) + "\n"
