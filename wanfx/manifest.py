"""The manifest of a delivery: what was made, of what, by what, and that it holds.

It is JSON with relative POSIX paths, no times and no machine names, so that two runs of one shot make one manifest.
``digest`` is the SHA-256 of all the rest; a changed manifest is thus found.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from wanfx.comp_parts import comp_parts
from wanfx.errors import InputError
from wanfx.frames import FrameRange
from wanfx.io.atomic import write_json
from wanfx.keys import canonical_json

SCHEMA = "wanfx.manifest/1"
REQUIRED = (
    "schema", "wanfx", "shot", "task", "backend", "quality", "frames", "cut", "plate", "comp", "subjects", "models",
    "request", "seed", "options", "promises", "consent", "color", "frame_facts", "files", "digest",
)  # fmt: skip
_TABLES = ("plate", "comp", "options", "color", "frame_facts")
_LISTS = ("subjects", "models", "promises", "files")
_REMEDY = "copy the delivery again, or move its version's folder away"
# From each older version of the schema to the next.
_UPGRADES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {}


def keeps_actor(manifest: Mapping[str, Any]) -> bool:
    """Whether a manifest's comps show the actor in a new world: not so in `background` where he is removed."""
    return manifest["task"] == "background" and manifest.get("world", {}) is not None


def digest(manifest: Mapping[str, Any]) -> str:
    """The SHA-256 of the manifest without its ``digest``."""
    rest = {key: value for key, value in manifest.items() if key != "digest"}
    return hashlib.sha256(canonical_json(rest).encode()).hexdigest()


def find_faults(manifest: Mapping[str, Any]) -> list[str]:
    """What a manifest lacks, or what in it does not fit together, so that nothing can be told from it; else nothing."""
    missing = [f"manifest.json has no {key}" for key in REQUIRED if key not in manifest]
    if missing:
        return missing
    faults = [f"{key} is no table" for key in _TABLES if not isinstance(manifest[key], dict)]
    faults += [f"{key} is no list" for key in _LISTS if not isinstance(manifest[key], list)]
    if not faults:
        faults = [*_frame_faults(manifest), *_part_faults(manifest)]
    return [f"manifest.json does not fit together: {fault}" for fault in faults]


def _frame_faults(manifest: Mapping[str, Any]) -> list[str]:
    try:
        frames = FrameRange.parse(manifest["frames"])
    except (InputError, TypeError, AttributeError):
        return [f"frames {manifest['frames']!r} is no range"]
    if {str(frame) for frame in frames} == set(manifest["frame_facts"]):
        return []
    return [f"frames is {frames}, frame_facts has {len(manifest['frame_facts'])} frames"]


def _part_faults(manifest: Mapping[str, Any]) -> list[str]:
    layers = [str(one["layer"]) for one in manifest["subjects"] if isinstance(one, dict) and "layer" in one]
    if not layers or len(layers) < len(manifest["subjects"]):
        return ["subjects names none, or one without a layer"]
    lacking = set(comp_parts(layers)) - set(manifest["comp"].get("parts", ()))
    return [f"comp.parts has no {', '.join(sorted(lacking))} of the subjects {', '.join(layers)}"] if lacking else []


def write_manifest(path: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest with its digest, atomically."""
    sealed = {**manifest, "digest": digest(manifest)}
    missing = [key for key in REQUIRED if key not in sealed]
    if missing:
        raise ValueError(f"a manifest without {', '.join(missing)}")
    write_json(path, sealed)


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest at ``path``, upgraded to the schema of today.

    Raises InputError where it is missing, not JSON, or of a newer major version.
    """
    try:
        manifest: Any = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise InputError(
            "there is no manifest here",
            path=path,
            remedy="give a version's folder, as out/shot/v001, of a finished run",
        ) from error
    except ValueError as error:
        raise InputError(f"is not a manifest: {error}", path=path, remedy=_REMEDY) from error
    if not isinstance(manifest, dict):
        raise InputError("is not a manifest", path=path, remedy=_REMEDY)
    while manifest.get("schema") in _UPGRADES:
        manifest = _UPGRADES[manifest["schema"]](manifest)
    if "schema" not in manifest:
        raise InputError("is not a manifest: it names no schema", path=path, remedy=_REMEDY)
    if manifest.get("schema") != SCHEMA:
        raise InputError(
            f"schema {manifest.get('schema')!r} is not known here", path=path, key="schema", remedy="update wanfx"
        )
    return dict(manifest)
