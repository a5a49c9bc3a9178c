"""Model files for a machine without a network, as one zip file or as a folder; the same files make the same bytes."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

from wanfx.backends.hub_sets import HUB_SETS
from wanfx.backends.weights import ModelSet, fetch_command, find_file, set_folder
from wanfx.errors import InputError, MissingError
from wanfx.io.atomic import atomic_path, write_error, write_text

SCHEMA = "wanfx-models/1"
MANIFEST = "manifest.json"
_NOTICE = "LICENCES.txt"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LICENCE_TEXTS = {
    "Apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0",
    "AGPL-3.0": "https://www.gnu.org/licenses/agpl-3.0.html",
}


def write_bundle(path: Path, sets: Sequence[ModelSet]) -> None:
    """Write the sets' files, stored as they are, with ``manifest.json`` (hashes) and ``LICENCES.txt``.

    An existing file is replaced when the new one is whole. Raises MissingError where a file is not here or damaged,
    EnvironmentFailedError where the bundle cannot be written.
    """
    found = _find_files(sets)
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_entry(MANIFEST), _manifest(sets))
        archive.writestr(_entry(_NOTICE), _licences(sets))
        for name, source in found.items():
            with source.open("rb") as file, archive.open(_entry(name), "w", force_zip64=True) as out:
                shutil.copyfileobj(file, out, 1 << 20)


def write_bundle_folder(path: Path, sets: Sequence[ModelSet], *, is_linked: bool = False) -> None:
    """The same as a folder; where it is linked, its files are those here under a second name, and take no room.

    The manifest is written last: a folder without one is no bundle. Raises as `write_bundle` does, and InputError where
    the folder holds other things, or cannot be linked to.
    """
    if path.exists() and not path.is_dir():
        raise InputError("is a file", path=path, key="--to", remedy="give a folder, or a name that ends in .zip")
    if path.is_dir() and any(path.iterdir()) and not (path / MANIFEST).is_file():
        raise InputError("is a folder that holds other things", path=path, key="--to", remedy="give a new one")
    found = _find_files(sets)
    try:
        (path / MANIFEST).unlink(missing_ok=True)
        for name, source in found.items():
            with atomic_path(path / name, durable=not is_linked) as temporary:
                _put(source.resolve(), temporary, is_linked=is_linked)
    except OSError as error:
        raise write_error(error, path=path) from error
    write_text(path / _NOTICE, _licences(sets))
    write_text(path / MANIFEST, _manifest(sets))


def _put(source: Path, target: Path, *, is_linked: bool) -> None:
    if not is_linked:
        shutil.copyfile(source, target)
        return
    try:
        os.link(source, target)
    except OSError as error:
        raise InputError(
            f"cannot be linked to ({os.strerror(error.errno or 0).lower()})", path=source, key="--link",
            remedy="give a folder on the same disk, or leave out --link",
        ) from error  # fmt: skip


def _find_files(sets: Sequence[ModelSet]) -> dict[str, Path]:
    """Every file by its name in the bundle, its hash checked. Raises MissingError, also for a set never fetched."""
    for one in sets:
        if not one.contents:
            remedy = f"run `{fetch_command(one)}`"
            raise MissingError(f"the {one.name} models are not here", path=set_folder(one).parent, remedy=remedy)
    return {f"{one.name}/{one.revision}/{name}": find_file(one, name) for one in sets for name in sorted(one.files)}


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.create_system = 3  # the same bytes from every system
    entry.external_attr = 0o100644 << 16
    return entry


def _manifest(sets: Sequence[ModelSet]) -> str:
    listed = [
        {
            "name": one.name,
            "repository": one.source.project,
            "commit": one.source.version,
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
        if one.name in HUB_SETS and HUB_SETS[one.name].warning:
            lines.append(f"  {HUB_SETS[one.name].warning}")
    return "\n".join(lines) + "\n"
