"""A delivery's files against the manifest, and frames that stand where others should."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from wanfx.ahead import make_ahead
from wanfx.io.atomic import sha256_file
from wanfx.qc.frame_check import FrameFaults

MATTE_FOLDER = "matte/"


@dataclass(frozen=True)
class Files:
    """What is wrong with files, how many mattes were painted, and comp frames whose file is not the delivered one.

    ``stands_for`` says of such a frame which frame's file it is, where it is another's.
    """

    faults: list[str]
    painted: int
    changed_frames: frozenset[int]
    stands_for: Mapping[int, int]


def check_files(folder: Path, manifest: Mapping[str, Any], comp: Mapping[int, Path]) -> Files:
    """All files that the manifest lists, read and hashed; ``comp`` are the paths of the comp's frames."""
    frames = {path.relative_to(folder).as_posix(): frame for frame, path in comp.items()}
    listed = {frames[entry["path"]]: entry["sha256"] for entry in manifest["files"] if entry["path"] in frames}
    owner = {digest: frame for frame, digest in listed.items()}
    faults, painted, changed, stands_for = [], 0, set(), {}
    for entry, found in _hashes(folder, manifest["files"]):
        name = entry["path"]
        if found == entry["sha256"]:
            continue
        if found is not None and name.startswith(MATTE_FOLDER):
            painted += 1
            continue
        faults.append(f"{name} is missing" if found is None else f"{name} was changed")
        if found is not None and name in frames:
            changed.add(frames[name])
            if (other := owner.get(found)) is not None:
                stands_for[frames[name]] = other
    return Files(faults, painted, frozenset(changed), stands_for)


def _hashes(folder: Path, entries: Sequence[Mapping[str, str]]) -> Iterator[tuple[Mapping[str, str], str | None]]:
    """Each entry with its file's hash; None where there is no file."""

    def find(entry: Mapping[str, str]) -> str | None:
        path = folder / entry["path"]
        return sha256_file(path) if path.is_file() else None

    return zip(entries, make_ahead(entries, find, name="verify"), strict=True)


def name_exchanged(found: Sequence[FrameFaults], manifest: Mapping[str, Any], files: Files) -> list[FrameFaults]:
    """``found`` with one text for all that is wrong with a frame that is another one; and with tags that stand out.

    A frame is another one by its whole file's hash, or by that of its kept pixels where the file was written again.
    """
    stands_for = {**_by_kept_pixels(found, manifest), **files.stands_for}
    common = Counter(tuple(sorted(frame.tags.items())) for frame in found if frame.tags).most_common(1)
    tags = dict(common[0][0]) if common else {}
    named = []
    for one in found:
        if one.frame in stands_for:
            text = _exchange_text(one.frame, stands_for)
            promises = {"frame-lock", *one.by_promise} - {"two-mattes", "nothing-lost"}
            named.append(replace(one, by_promise={name: [text] for name in promises}))
        else:
            named.append(_with_odd_tags(one, tags))
    return named


def _by_kept_pixels(found: Iterable[FrameFaults], manifest: Mapping[str, Any]) -> dict[int, int]:
    owners: dict[str, list[int]] = {}
    for frame, fact in manifest["frame_facts"].items():
        owners.setdefault(fact["kept_sha256"], []).append(int(frame))
    digests = {one.frame: one.kept_sha256 for one in found if one.kept_sha256 is not None}
    # Frames without a difference (a held frame, a still plate) share a hash, which then tells nothing.
    return {frame: owners[digest][0] for frame, digest in digests.items() if len(owners.get(digest, ())) == 1}


def _exchange_text(frame: int, stands_for: Mapping[int, int]) -> str:
    other = stands_for[frame]
    if stands_for.get(other) == frame:
        return f"frames {min(frame, other)} and {max(frame, other)} are swapped"
    return f"frame {frame}: its file is a copy of frame {other}'s"


def _with_odd_tags(one: FrameFaults, common: Mapping[str, str]) -> FrameFaults:
    """A frame whose header tells of other colours than most frames' do has a header of something else."""
    odd = [name for name in sorted({*common, *one.tags}) if one.tags.get(name) != common.get(name)]
    if not odd or not one.tags:
        return one
    texts = [f"frame {one.frame}: header {name} is stale: it is not that of the other frames" for name in odd]
    return replace(one, by_promise={**one.by_promise, "provenance": [*one.by_promise.get("provenance", ()), *texts]})
