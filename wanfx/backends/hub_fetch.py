"""Fetching a set of the hub: from a folder, a bundle or the network, and locking it to the bytes that came.

What was locked once stays so: files that are fetched again must be the same, until another revision is asked for.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from wanfx.backends.bundle import MANIFEST
from wanfx.backends.bundle import SCHEMA as BUNDLE_SCHEMA
from wanfx.backends.fetch import fetch_set, unready_files
from wanfx.backends.hub_folder import open_hub_folder
from wanfx.backends.hub_sets import HUB_SETS, HubSet
from wanfx.backends.locks import NOT_FETCHED, make_set, read_files, read_locked_set, write_lock
from wanfx.backends.seen_files import SeenFiles
from wanfx.backends.weights import ModelSet, TreeFile, fetch_command, set_folder
from wanfx.errors import InputError, MissingError

Placing = Literal["copy", "link", "in place"]
OnBytes = Callable[[int], None]


@dataclass(frozen=True)
class Fetched:
    """The set as it is locked now, the files that were put in place, and those of the source that never are."""

    models: ModelSet
    names: tuple[str, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Offer:
    """What a source holds: files already pinned by a bundle, or those of a folder, to be hashed."""

    root: Path
    revision: str | None
    members: tuple[str, ...] = ()
    pinned: tuple[TreeFile, ...] = ()
    left_out: tuple[str, ...] = ()


def fetch_hub_set(
    name: str, *, given: Path, revision: str | None = None, placing: Placing = "copy",
    on_bytes: OnBytes = lambda _count: None,
) -> Fetched:  # fmt: skip
    """Put a set's files in place from ``given`` (a folder, a cache of the hub, a bundle) and lock them.

    ``revision`` is the commit, where the folder does not tell it; without one the set is called after its bytes.
    ``placing``: files are copied, hard-linked (a folder on the same disk), or left where they are. ``on_bytes`` is told
    of what is put in place. Raises InputError where something is lacking or is not what was locked; then what is here
    stays as it was.
    """
    spec, locked = HUB_SETS[name], read_locked_set(name)
    offer = _find_offer(given, spec, revision=revision)
    _check_revision(locked, offer, revision=revision)
    seen = SeenFiles(name)
    wanted = revision or offer.revision
    is_new = not locked.contents or not _is_same(locked.source.version, wanted)
    offered = _pin(spec, offer, wanted, seen=seen)
    if not is_new:
        _check_same(locked, offered, offer)
    pinned = offered if is_new else locked
    if placing == "in place":
        placed, names = _use(pinned, offer, seen=seen), list(pinned.files)
    else:
        placed = dataclasses.replace(pinned, folder=None)
        link_hash = seen.sha256 if placing == "link" else None
        source = given if offer.pinned else offer.root
        names = fetch_set(placed, given=source, link_hash=link_hash, on_bytes=on_bytes)
    for file in placed.contents:
        seen.note(set_folder(placed) / file.name, file.sha256)
    write_lock(placed)
    seen.save()
    return Fetched(placed, tuple(names), offer.left_out)


def download_hub_set(name: str, *, revision: str | None = None) -> Fetched:
    """Download a set of the hub with huggingface_hub and lock it; ``revision`` (or the newest) is resolved to a commit.

    A download that was stopped goes on where it was. Raises MissingError where that library or the hub is not there.
    """
    spec, locked = HUB_SETS[name], read_locked_set(name)
    if locked.contents and not revision:
        if not unready_files(locked):
            return Fetched(locked, ())
        revision = locked.source.version
    try:
        hub = importlib.import_module("huggingface_hub")
    except ImportError as error:
        raise MissingError(
            f"huggingface_hub is not installed, so {spec.repository} cannot be downloaded",
            remedy=f"run `pip install huggingface_hub`, or `{fetch_command(locked)} --from FOLDER`",
        ) from error
    inside = f"{spec.inside}/" if spec.inside else ""
    patterns = [f"{inside}{part}{tail}" for part in spec.parts for tail in ("", "/*")]
    errors = importlib.import_module("huggingface_hub.errors")
    try:
        commit = str(hub.HfApi().model_info(spec.repository, revision=revision).sha)
        folder = set_folder(make_set(spec, revision=commit, files=()))
        hub.snapshot_download(
            spec.repository, revision=commit, allow_patterns=["model_index.json", *patterns],
            ignore_patterns=["*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl"], local_dir=folder,
        )  # fmt: skip
    except (OSError, ValueError, errors.HfHubHTTPError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise MissingError(
            f"{spec.repository} cannot be downloaded ({reason})",
            remedy=f"check the network, or run `{fetch_command(locked)} --from FOLDER`",
        ) from error
    return fetch_hub_set(name, given=folder, revision=commit, placing="in place")


def _find_offer(given: Path, spec: HubSet, *, revision: str | None) -> _Offer:
    """What ``given`` holds of the set, by a bundle's manifest where it has one."""
    manifest = _read_manifest(given)
    if manifest is None:
        found = open_hub_folder(given, spec, revision=revision)
        return _Offer(found.root, found.revision, found.members, left_out=found.left_out)
    try:
        if manifest["schema"] != BUNDLE_SCHEMA:
            raise ValueError(f"schema {manifest['schema']!r}")
        listed = {one["name"]: one for one in manifest["sets"]}
        if spec.name not in listed:
            raise InputError(f"does not hold {spec.name}, but {', '.join(listed)}", path=given, remedy="give another")
        entry = listed[spec.name]
        head = f"{spec.name}/{entry['revision']}/"
        files = [{**file, "path": str(file["path"]).removeprefix(head)} for file in entry["files"]]
        if not files:
            raise InputError(f"holds no file of {spec.name}", path=given, remedy="bundle it again where it is fetched")
        return _Offer(given / head, str(entry["commit"]), pinned=read_files(files))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"its {MANIFEST} cannot be read ({error})", path=given, remedy="copy it again") from error


def _read_manifest(given: Path) -> Any:
    """A bundle's manifest, None where ``given`` is a folder that is no bundle."""
    try:
        if given.is_dir():
            path = given / MANIFEST
            return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
        with zipfile.ZipFile(given) as archive:
            return json.loads(archive.read(MANIFEST))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(
            "is no folder, and no bundle either", path=given,
            remedy="give the folder with the repository in it, or what `wanfx models bundle` wrote",
        ) from error  # fmt: skip


def _check_revision(locked: ModelSet, offer: _Offer, *, revision: str | None) -> None:
    told, kept = offer.revision, locked.source.version
    if revision and told and not _is_same(told, revision):
        raise InputError(
            f"is revision {told}, not {revision}", path=offer.root, key="--revision", remedy="leave it out"
        )
    if locked.contents and told and not revision and not _is_same(kept, told):
        raise InputError(
            f"is revision {told}, and {locked.name} is locked to {kept}", path=offer.root,
            remedy=f"to take it from now on, add --revision {told}",
        )  # fmt: skip


def _check_same(locked: ModelSet, offered: ModelSet, offer: _Offer) -> None:
    """Raise InputError where a source holds other files than those that are locked, though no other was asked for."""
    other = sorted({*locked.files.items()} ^ {*offered.files.items()})
    if other:
        names = sorted({name for name, _sha256 in other})
        raise InputError(
            f"its {', '.join(names[:3])}{' ...' if names[3:] else ''} is not what {locked.name} is locked to "
            f"({locked.source.version})", path=offer.root,
            remedy=f"to take this from now on, add --revision local-{offered.digest}",
        )  # fmt: skip


def _is_same(revision: str, other: str | None) -> bool:
    """Whether both are one commit; either may be cut short, and none means that nobody asked for another."""
    return not other or revision.startswith(other) or other.startswith(revision)


def _pin(spec: HubSet, offer: _Offer, revision: str | None, *, seen: SeenFiles) -> ModelSet:
    """The set with the hashes of what the source holds; each file is read once."""
    paths = {name: offer.root / name for name in offer.members}
    files = offer.pinned or tuple(
        TreeFile(name, path.stat().st_size, seen.sha256(path)) for name, path in sorted(paths.items())
    )
    models = make_set(spec, revision=revision or NOT_FETCHED, files=files)
    return models if revision else make_set(spec, revision=f"local-{models.digest}", files=files)


def _use(pinned: ModelSet, offer: _Offer, *, seen: SeenFiles) -> ModelSet:
    """The set with its files where they are. Raises InputError for a zip file, and for a file that is not pinned so."""
    root = offer.root.absolute()
    for file in pinned.contents:
        path = root / file.name
        if not path.is_file() or seen.sha256(path) != file.sha256:
            raise InputError(
                f"its {file.name} is not there, or not the file that was locked", path=root,
                remedy="give a folder with the same files, or add --revision to lock another",
            )  # fmt: skip
    own = dataclasses.replace(pinned, folder=None)
    # What lies in its place in the models folder moves with that folder.
    return own if root == set_folder(own).absolute() else dataclasses.replace(pinned, folder=root)
