"""Lock files: which bytes a set of the hub is here, so that it is the same set until someone fetches another.

``lock.json`` lies beside the set's revisions in the models folder and names every file with its size and SHA-256.
"""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePosixPath
from typing import Any

from wanfx.backends.hub_sets import HUB_SETS, HubSet
from wanfx.backends.weights import HubSource, ModelSet, TreeFile, models_folder
from wanfx.errors import InputError, MissingError
from wanfx.io.atomic import write_json

SCHEMA = "wanfx-lock/1"
NOT_FETCHED = "not-fetched"
_REVISION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]*")


def lock_path(name: str) -> Path:
    """Where the lock of a set lies."""
    return models_folder() / name / "lock.json"


def read_locked_set(name: str) -> ModelSet:
    """A set of the hub as its lock has it; without any files where it was never fetched.

    Raises MissingError where the lock cannot be read.
    """
    spec, path = HUB_SETS[name], lock_path(name)
    if not path.is_file():
        return make_set(spec, revision=NOT_FETCHED, files=())
    try:
        lock = json.loads(path.read_text(encoding="utf-8"))
        if lock["schema"] != SCHEMA:
            raise ValueError(f"schema {lock['schema']!r}")
        folder = None if lock["folder"] is None else Path(lock["folder"])
        return make_set(spec, revision=str(lock["revision"]), files=read_files(lock["files"]), folder=folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MissingError(
            f"is no lock file ({error})", path=path, remedy=f"remove it, then run `wanfx models fetch {name}` again"
        ) from error


def read_files(listed: Any) -> tuple[TreeFile, ...]:
    """The files of a lock or of a bundle. Raises ValueError, KeyError or TypeError for what can be none."""
    files = tuple(TreeFile(str(one["path"]), int(one["size_bytes"]), str(one["sha256"])) for one in listed)
    for file in files:
        path = PurePosixPath(file.member)
        if path.is_absolute() or ".." in path.parts or "\\" in file.member or ":" in file.member:
            raise ValueError(f"path {file.member!r}")
    return files


def make_set(spec: HubSet, *, revision: str, files: tuple[TreeFile, ...], folder: Path | None = None) -> ModelSet:
    """The set with these files; ``folder`` where they are used in place. Raises InputError for what is no revision."""
    if not _REVISION.fullmatch(revision):
        raise InputError(f"{revision!r} is no revision", key="--revision", remedy="give a commit, as git writes it")
    return ModelSet(
        name=spec.name,
        revision=revision[:12],
        licence=spec.licence,
        module=spec.module,
        extra=spec.extra,
        source=HubSource(spec.repository, revision),
        contents=files,
        folder=folder,
        commercial=spec.commercial,
    )


def write_lock(models: ModelSet) -> None:
    """Pin the set to these files. Raises EnvironmentFailedError where it cannot be written."""
    files = [{"path": f.name, "size_bytes": f.size_bytes, "sha256": f.sha256} for f in models.contents]
    write_json(
        lock_path(models.name),
        {
            "schema": SCHEMA,
            "name": models.name,
            "repository": models.source.project,
            "revision": models.source.version,
            "licence": models.licence,
            "folder": None if models.folder is None else str(models.folder),
            "files": sorted(files, key=lambda file: str(file["path"])),
        },
    )
