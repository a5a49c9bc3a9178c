"""A version's end and beginning: what the last one has, and verify, report and manifest, which complete a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wanfx.delivery import ShotFolder, Version
from wanfx.errors import InputError, PromiseBrokenError
from wanfx.frames import Box, FrameRange
from wanfx.images import FramePattern
from wanfx.io.atomic import sha256_file, write_json
from wanfx.make_manifest import request_key
from wanfx.manifest import digest, read_manifest, write_manifest
from wanfx.options import Options
from wanfx.qc.promises import ANCHOR, Promise
from wanfx.qc.timings import read_timings
from wanfx.qc.verify import Checked, check_delivery
from wanfx.stages.context import RunContext
from wanfx.stages.copied import CopiedFrames
from wanfx.stages.retake import Retake, plan_retake


@dataclass(frozen=True)
class Outcome:
    """What a run ended with. ``is_new`` is False where the last version was already what was asked for."""

    version: Version
    manifest: dict[str, Any]
    promises: list[Promise]
    is_new: bool


@dataclass(frozen=True)
class LastVersion:
    """The newest complete version, and its manifest."""

    version: Version
    manifest: dict[str, Any]

    def copied(self) -> CopiedFrames:
        """Its comp's frames."""
        pattern = FramePattern(str(self.version.folder / self.manifest["comp"]["pattern"]))
        facts = {int(frame): fact for frame, fact in self.manifest["frame_facts"].items()}
        made = {entry["path"]: entry["sha256"] for entry in self.manifest["files"]}
        names = {frame: pattern.path(frame).relative_to(self.version.folder).as_posix() for frame in facts}
        return CopiedFrames(
            pattern, facts, {frame: made[name] for frame, name in names.items()}, task=self.manifest["task"],
            parts=tuple(self.manifest["comp"]["parts"]), canvas=Box(*self.manifest["plate"]["data_window"]),
            mattes=self.version.folder / "matte",
        )  # fmt: skip

    def plan_retake(
        self, options: Options, whole: FrameRange, *, asked: FrameRange | None, warn: Callable[[str], None]
    ) -> Retake | None:
        """How ``asked`` frames of the ``whole`` shot would join this version; None where they do not."""
        return plan_retake(
            options, whole, asked=asked, version=self.version.name, copied=self.copied(), last=self.manifest, warn=warn
        )


def read_last(folder: ShotFolder) -> LastVersion | None:
    """The newest complete version of the shot in ``folder``; None where there is none."""
    version = folder.latest_complete()
    return None if version is None else LastVersion(version, read_manifest(version.manifest))


def check_range(wanted: FrameRange, last: LastVersion | None) -> None:
    """A version has no holes: frames that are made apart from those of the last one would leave some."""
    if last is None:
        return
    there = FrameRange.parse(last.manifest["frames"])
    if wanted.first > there.last + 1 or wanted.last < there.first - 1:
        joined = FrameRange(min(wanted.first, there.first), max(wanted.last, there.last))
        raise InputError(
            f"{wanted} leaves a hole beside the {there} of {last.version.name}",
            key="--frames",
            remedy=f"give a range that meets it, or make all of {joined}",
        )


def is_up_to_date(run: RunContext, last: LastVersion, keys: dict[int, str]) -> bool:
    """Whether the last version has every frame as it would be made now, and nothing else was asked for."""
    facts = last.manifest["frame_facts"]
    if run.version.folder.exists() or any(facts.get(str(f), {}).get("key") != key for f, key in keys.items()):
        return False
    if last.manifest["request"] != request_key(run) or last.manifest.get("digest") != digest(last.manifest):
        return False
    folder = last.version.folder
    return all(
        (folder / entry["path"]).is_file() and sha256_file(folder / entry["path"]) == entry["sha256"]
        for entry in last.manifest["files"]
    )


def seal_version(
    run: RunContext, manifest: dict[str, Any], *, frames: int, report: Callable[[Mapping[str, Any], Checked], None],
    started: float,
) -> Outcome:  # fmt: skip
    """Check the version's promises, draw its report, and write the manifest: last, for it makes the version complete.

    Raises PromiseBrokenError, with the report there to look at.
    """
    with run.stage("verify", units=frames) as progress:
        checked = check_delivery(run.version.folder, manifest, on_frame=progress.step)
    promises = checked.promises
    manifest["promises"] = [promise.as_dict() for promise in promises]
    timings = read_timings(run.events.path, run=run.events.run, started=started)
    report(timings, checked)
    write_json(run.version.timings, timings)
    broken = [promise for promise in promises if promise.state == "broken"]
    if broken:
        raise PromiseBrokenError(
            "; ".join(f"{promise.name}: {promise.evidence}" for promise in broken),
            path=run.version.folder,
            remedy=_remedy({promise.name for promise in broken}),
        )
    write_manifest(run.version.manifest, manifest)
    return Outcome(run.version, read_manifest(run.version.manifest), promises, is_new=True)


def _remedy(broken: set[str]) -> str:
    if broken == {ANCHOR}:
        return (
            "the generator's colors are too far off the plate's to be undone: look at the drift in report/index.html, "
            "set match.lock=auto if it is off, or generate with another seed or model"
        )
    return "this is a fault of wanfx: keep the folder and report it with the run's log"
