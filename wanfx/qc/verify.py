"""Is a delivery what it promises? The frames are read again; nothing that the run said is taken for granted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wanfx.ahead import make_ahead
from wanfx.errors import InputError
from wanfx.frames import FrameRange
from wanfx.images import FramePattern
from wanfx.io.atomic import is_leftover
from wanfx.manifest import digest, find_faults
from wanfx.ops.grain_frames import Grain
from wanfx.qc.actor_check import judge_kept
from wanfx.qc.file_check import Files, check_files, name_exchanged
from wanfx.qc.frame_check import FrameFaults, check_frame
from wanfx.qc.frame_measures import add_flicker
from wanfx.qc.promises import ANCHOR, NAMES, Promise, judge, judge_shown, not_applicable

PLATE_ERROR_LIMIT = 0.01
"""Half a percent of model space: what an untouched picture may differ by after encoding and storing."""

_UNREAD_SHOWN = 3


@dataclass(frozen=True)
class Checked:
    """All promises, in order, and the measures of every frame, where they were asked for."""

    promises: list[Promise]
    measures: Mapping[int, Mapping[str, float]] = field(default_factory=dict)


def verify_delivery(
    folder: Path, manifest: Mapping[str, Any], *, on_frame: Callable[[int], None] | None = None
) -> list[Promise]:
    """All promises of a sealed manifest, in order."""
    sealed = _provenance_faults(manifest)
    try:
        return _verify(folder, manifest, sealed, on_frame=on_frame, is_measured=False).promises
    except (InputError, KeyError, IndexError, TypeError, ValueError, AttributeError):
        if not sealed:
            raise
        return [judge(name, sealed, evidence="") for name in NAMES]


def check_delivery(
    folder: Path, manifest: Mapping[str, Any], *, on_frame: Callable[[int], None] | None = None
) -> Checked:
    """As `verify_delivery`, of a run's own manifest before it is sealed; with the measures of every frame."""
    return _verify(folder, manifest, [], on_frame=on_frame, is_measured=True)


def _verify(
    folder: Path, manifest: Mapping[str, Any], sealed: list[str], *, on_frame: Callable[[int], None] | None,
    is_measured: bool,
) -> Checked:  # fmt: skip
    comp = FramePattern(str(folder / manifest["comp"]["pattern"]))
    plate = FramePattern(str(folder / manifest["plate"]["pattern"]))
    crypto = _crypto_of(folder, manifest)
    held = {int(frame): other for frame, other in manifest["plate"]["held"].items()}
    frames = sorted(map(int, manifest["frame_facts"]))
    grains = tuple(Grain.from_manifest(manifest, subject=index) for index in range(len(manifest["subjects"])))
    files = check_files(folder, manifest, {frame: comp.path(frame) for frame in frames})

    def check(frame: int) -> FrameFaults:
        return check_frame(
            comp.path(frame), frame, manifest=manifest, plate=plate.path(held.get(frame, frame)),
            crypto=None if crypto is None else crypto.path(frame), is_changed=frame in files.changed_frames,
            is_measured=is_measured, grains=grains,
        )  # fmt: skip

    found: list[FrameFaults] = []
    for faults in make_ahead(frames, check, name="verify"):
        found.append(faults)
        if on_frame is not None:
            on_frame(faults.frame)
    promises = _judge(folder, manifest, name_exchanged(found, manifest, files), files, sealed)
    return Checked(promises, add_flicker({one.frame: one.measures for one in found}) if is_measured else {})


def _crypto_of(folder: Path, manifest: Mapping[str, Any]) -> FramePattern | None:
    # Deliveries without have no entry, or an empty one.
    entry = manifest.get("crypto")
    return None if entry is None else FramePattern(str(folder / entry["pattern"]))


def _judge(
    folder: Path, manifest: Mapping[str, Any], found: list[FrameFaults], files: Files, sealed: list[str]
) -> list[Promise]:
    def faults(name: str) -> list[str]:
        # Frames that were exchanged say the same of both.
        return list(dict.fromkeys(text for frame in found for text in frame.by_promise.get(name, ())))

    count, is_whole = len(found), manifest["task"] == "animate"
    missing = [f"frame {frame}: is not in the delivery" for frame in _frames_missing(manifest)]
    missing += _unlisted(folder, manifest)
    return [
        judge_shown(
            judge_kept(manifest, faults("plate-integrity"), evidence=_kept_text(folder, manifest, found)),
            is_whole=is_whole,
        ),
        judge(
            "frame-lock",
            missing + faults("frame-lock"),
            evidence=f"number, timecode and rate of {count} frames are the plate's",
        ),
        judge("scene-linear", faults("scene-linear"), evidence=_range_text(manifest)),
        judge(
            "native-size",
            faults("native-size"),
            evidence=f"{_windows_text(manifest)} of {count} frames are the plate's",
        ),
        judge_shown(_judge_color(manifest), is_whole=is_whole),
        judge_shown(
            judge("two-mattes", faults("two-mattes"), evidence=_mattes_text(manifest, count)), is_whole=is_whole
        ),
        judge("nothing-lost", faults("nothing-lost") + files.faults, evidence=_files_text(manifest, files.painted)),
        judge(
            "provenance",
            sealed + faults("provenance"),
            evidence=f"{count} frames name what made them; {len(manifest['models'])} models are listed with licences",
        ),
    ]


def _kept_text(folder: Path, manifest: Mapping[str, Any], found: list[FrameFaults]) -> str:
    kept = sum(fact["kept_pixels"] for fact in manifest["frame_facts"].values())
    compared = sum(frame.is_compared_with_plate for frame in found)
    unread = [f"frame {frame.frame}: {frame.unread_plate}" for frame in found if frame.unread_plate is not None]
    text = f"{kept} kept pixels of {len(found)} frames have their recorded hash"
    if compared or len(unread) == len(found):
        text += f"; {compared} frames were compared with the plate, bit for bit"
    else:
        text += f"; none was compared with the plate, which is not at {folder / manifest['plate']['pattern']}"
    return "; ".join([text, *unread[:_UNREAD_SHOWN]])


def _windows_text(manifest: Mapping[str, Any]) -> str:
    border = manifest["plate"].get("border", ())
    if not any(border):
        return "data window, display window and pixel aspect"
    left, top, right, bottom = border
    grown = f"{left} px left, {top} above, {right} right, {bottom} below"
    return f"the data window goes on {grown}; display window and pixel aspect"


def _mattes_text(manifest: Mapping[str, Any], count: int) -> str:
    text = f"the layers of {count} frames make rgba again, and edit is their union"
    if manifest.get("crypto") is None:
        return text
    return f"{text}; Cryptomatte gives the new matte again, and its coverage sums to 1"


def _range_text(manifest: Mapping[str, Any]) -> str:
    space, plate = manifest["color"]["model_space"], manifest["plate"]
    ceiling = sum(fact["ceiling_pixels"] for fact in manifest["frame_facts"].values())
    low, high = plate["range_linear"]
    kept = "" if manifest["task"] == "animate" else f"the plate's {low:g} to {high:g} are kept; "
    return (
        f"{manifest['comp']['colorspace']}, {plate['pixel_type']}, lossless; {kept}"
        f"{space['name']} reaches {space['ceiling_linear']:g}, met by {ceiling} generated pixels"
    )


def _frames_missing(manifest: Mapping[str, Any]) -> Iterable[int]:
    frames = FrameRange.parse(manifest["frames"])
    return [frame for frame in frames if str(frame) not in manifest["frame_facts"]]


def _unlisted(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    """What is said of files among the comp's frames, Cryptomattes and the review that the manifest does not know."""
    listed = {entry["path"] for entry in manifest["files"]}
    there = [
        path for part in ("comp", "crypto", "review") for path in sorted((folder / part).glob("*")) if path.is_file()
    ]
    names = [path.relative_to(folder).as_posix() for path in there]
    return [
        f"{name} was left half-written" if is_leftover(Path(name)) else f"{name} is not in the manifest"
        for name in names
        if name not in listed
    ]


def _judge_color(manifest: Mapping[str, Any]) -> Promise:
    name = ANCHOR
    errors = {
        frame: fact["plate_error"] for frame, fact in manifest["frame_facts"].items() if fact["plate_error"] is not None
    }
    if not errors:
        return not_applicable(name, "the generator makes no picture of the kept pixels")
    off = [f"frame {frame}: off by {error:g}" for frame, error in errors.items() if error > PLATE_ERROR_LIMIT]
    worst = max(errors.values())
    return judge(
        name,
        off,
        evidence=f"outside the edit the generated picture is off by {worst:g} of 2 at most (median of a frame)",
    )


def _files_text(manifest: Mapping[str, Any], painted: int) -> str:
    text = f"{len(manifest['files'])} files are there, unchanged"
    return text if not painted else f"{text}, but for {painted} mattes that were painted; run again to use them"


def _provenance_faults(manifest: Mapping[str, Any]) -> list[str]:
    found = find_faults(manifest)
    if "digest" in manifest and digest(manifest) != manifest["digest"]:
        found.append("manifest.json was changed: its digest does not match")
    return found
