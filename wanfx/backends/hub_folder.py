"""A folder with a repository of the Hugging Face hub in it, as anyone may have it: what is there, of which commit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from wanfx.backends.hub_sets import SUFFIXES, HubSet
from wanfx.backends.weight_files import check_weight_file
from wanfx.errors import InputError

_COMMIT = re.compile(r"[0-9a-f]{40}")
# A pickle runs code when it is read; these are how pickles, archives of them and code are called.
_CODE = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".npy", ".npz", ".h5", ".msgpack", ".py", ".so", ".dll")
_INDEX = ".safetensors.index.json"


@dataclass(frozen=True)
class HubFolder:
    """``members`` are the files to take, below ``root``; ``left_out`` those of the parts that are of no kind to take.

    ``revision`` is the commit where the folder tells it, else None.
    """

    root: Path
    revision: str | None
    members: tuple[str, ...]
    left_out: tuple[str, ...]


def open_hub_folder(path: Path, spec: HubSet, *, revision: str | None = None) -> HubFolder:
    """Look into a folder: a clone or download of the repository, or a cache of the hub, or one of its snapshots.

    ``revision`` chooses among a cache's snapshots. Raises InputError where it is not all there, with what is lacking.
    """
    if not path.is_dir():
        raise InputError("is no folder", path=path, remedy=f"give the folder that holds {spec.repository}")
    top = _find_snapshot(path, spec, revision=revision)
    root = top / spec.inside if spec.inside and (top / spec.inside).is_dir() else top
    found = [file for part in spec.parts for file in _files(root, part)]
    taken = [file for file in found if _is_taken(file, spec)]
    left_out = [file for file in found if file not in set(taken)]
    members = [name for name in ("model_index.json",) if (root / name).is_file()] + taken
    _check_whole(root, spec, taken, left_out)
    return HubFolder(root, _find_revision(top), tuple(members), tuple(left_out))


def _find_snapshot(path: Path, spec: HubSet, *, revision: str | None) -> Path:
    inner = path / f"models--{spec.repository.replace('/', '--')}"
    cache = inner if inner.is_dir() else path
    if not (cache / "snapshots").is_dir():
        return path
    snapshots = {one.name: one for one in sorted((cache / "snapshots").iterdir()) if one.is_dir()}
    main = cache / "refs" / "main"
    named = revision or (main.read_text(encoding="utf-8").strip() if main.is_file() else "")
    fitting = [one for name, one in snapshots.items() if named and name.startswith(named)]
    if not fitting and len(snapshots) == 1 and not revision:
        fitting = list(snapshots.values())
    if len(fitting) != 1:
        there = ", ".join(snapshots) or "none"
        raise InputError(
            f"has not one snapshot of {spec.repository} to take, but: {there}", path=cache,
            remedy="choose one with --revision",
        )  # fmt: skip
    return fitting[0]


def _find_revision(top: Path) -> str | None:
    """The commit that a snapshot is called after, or that a download noted in its hidden folder."""
    if top.parent.name == "snapshots" and _COMMIT.fullmatch(top.name):
        return top.name
    notes = sorted((top / ".cache" / "huggingface" / "download").rglob("*.metadata"))
    commits = {note.read_text(encoding="utf-8").partition("\n")[0].strip() for note in notes}
    commit = commits.pop() if len(commits) == 1 else ""
    return commit if _COMMIT.fullmatch(commit) else None


def _files(root: Path, part: str) -> Iterator[str]:
    path = root / part
    if path.is_file():
        yield part
    for file in sorted(path.rglob("*")) if path.is_dir() else ():
        name = file.relative_to(root).as_posix()
        if file.is_file() and not any(piece.startswith(".") for piece in name.split("/")):
            yield name


def _is_taken(name: str, spec: HubSet) -> bool:
    suffix = Path(name).suffix.lower()
    is_raw = name.partition("/")[0] in spec.raw_parts
    return suffix in SUFFIXES or (is_raw and suffix not in _CODE)


def _check_whole(root: Path, spec: HubSet, taken: list[str], left_out: list[str]) -> None:
    """Raise InputError where a part lacks files, or one is only a pointer to where it can be had."""
    lacking = [part for part in spec.parts if not any(_is_of(name, part) for name in taken)]
    weights = [name for name in taken if name.endswith((".safetensors", ".onnx"))]
    lacking += [
        f"{part}/*.safetensors" for part in spec.networks
        if part not in lacking and not any(_is_of(name, part) for name in weights)
    ]  # fmt: skip
    for name in taken:
        if name.endswith(_INDEX):
            lacking += [shard for shard in _shards(root / name, name.rpartition("/")[0]) if shard not in taken]
        check_weight_file(root / name)
    if lacking:
        beside = f"; {', '.join(left_out)} is of a kind that is never read" if left_out else ""
        raise InputError(
            f"does not hold {', '.join(lacking[:5])} of {spec.repository}{beside}", path=root,
            remedy="give the whole repository, with its weights as safetensors",
        )  # fmt: skip


def _is_of(name: str, part: str) -> bool:
    return name == part or name.startswith(f"{part}/")


def _shards(index: Path, folder: str) -> list[str]:
    """The files that an index of weights names."""
    try:
        named = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        return sorted(f"{folder}/{name}" for name in named)
    except (ValueError, KeyError, AttributeError) as error:
        raise InputError(f"is no index of weights ({error})", path=index, remedy="copy it again") from error
