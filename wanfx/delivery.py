"""Where things lie: the folders of a shot, its versions and its work."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from wanfx.errors import InputError
from wanfx.images import FramePattern
from wanfx.names import slug

# What may be in a work folder before anything is recorded: a run's log, a lease, and what an artist gives it to use.
_BEFORE_RECORDS = (
    "runs",
    "lease.json",
    "clean",
    "drive",
    "fill",
    "guide",
    "matte",
    "pose",
    "reference",
    "reference_pose",
    "scene",
)
_VERSION = re.compile(r"^v(\d{3,})$")


@dataclass(frozen=True)
class Version:
    """One version of a shot. It is immutable once it has a manifest."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.json"

    @property
    def timings(self) -> Path:
        return self.folder / "run.json"

    @property
    def report(self) -> Path:
        return self.folder / "report" / "index.html"

    @property
    def measures(self) -> Path:
        return self.folder / "report" / "measures.jsonl"

    @property
    def is_complete(self) -> bool:
        return self.manifest.is_file()

    def comp(self, file_name: str) -> FramePattern:
        return FramePattern(str(self.folder / "comp" / f"{file_name}.####.exr"))

    def crypto(self, file_name: str) -> FramePattern:
        return FramePattern(str(self.folder / "crypto" / f"{file_name}.####.exr"))

    def matte(self, name: str) -> FramePattern:
        return FramePattern(str(self.folder / "matte" / name / f"{name}.####.exr"))

    def grade(self, name: str) -> Path:
        return self.folder / "grade" / f"{name}.cc"

    def review(self, file_name: str, *, suffix: str) -> Path:
        return self.folder / "review" / f"{file_name}{suffix}"


@dataclass(frozen=True)
class ShotFolder:
    """All that wanfx writes for a shot: ``<out>/<shot>/vNNN`` and ``<out>/<shot>/work``."""

    root: Path

    @classmethod
    def of(cls, out: Path, *, shot: str) -> ShotFolder:
        return cls(out / slug(shot))

    @property
    def work(self) -> Path:
        return self.root / "work"

    @property
    def lease(self) -> Path:
        return self.work / "lease.json"

    @property
    def mark(self) -> Path:
        """The file that says that wanfx made the work folder: only there is anything ever removed."""
        return self.work / "wanfx.json"

    @property
    def records(self) -> Path:
        return self.work / "records"

    def claim_work(self) -> None:
        """Make and mark the work folder. Raises InputError where there is one with somebody else's files."""
        if self.mark.is_file():
            return
        if not self.records.is_dir() and self.work.is_dir():
            other = next((path for path in self.work.iterdir() if path.name not in _BEFORE_RECORDS), None)
            if other is not None:
                raise InputError(
                    f"wanfx did not make this work folder: it holds {other.name}", path=self.work,
                    remedy="give the shot another name or another --out, or move that folder away",
                )  # fmt: skip
        self._write_mark(version="")

    def begin(self) -> Version:
        """The version that a run writes to (`in_progress`), noted in the mark so that it is known again."""
        version = self.in_progress()
        self._write_mark(version=version.name)
        return version

    def _write_mark(self, *, version: str) -> None:
        self.work.mkdir(parents=True, exist_ok=True)
        unfinished = self.mark.with_name(f".{self.mark.name}")
        unfinished.write_text(json.dumps({"schema": "wanfx.work/1", "version": version}) + "\n", encoding="ascii")
        unfinished.replace(self.mark)

    def _may_write(self, version: Version) -> bool:
        """Whether wanfx began it, or it is empty. Where nothing is marked all is wanfx's: a pass's folder."""
        if not self.mark.is_file() or not any(version.folder.iterdir()):
            return True
        return bool(json.loads(self.mark.read_text(encoding="ascii"))["version"] == version.name)

    def run_folder(self, run: str) -> Path:
        """Events and log of one run, and the file that cancels it."""
        return self.work / "runs" / run

    def cancel_file(self, run: str) -> Path:
        """The file whose appearance cancels the run."""
        return self.run_folder(run) / "cancel"

    def versions(self) -> list[Version]:
        """All versions, oldest first."""
        if not self.root.is_dir():
            return []
        found = [(int(match.group(1)), path) for path in self.root.iterdir() if (match := _VERSION.match(path.name))]
        return [Version(path) for _, path in sorted(found)]

    def latest_complete(self) -> Version | None:
        """The newest version with a manifest, or None."""
        return next((version for version in reversed(self.versions()) if version.is_complete), None)

    def in_progress(self) -> Version:
        """The version a run writes to: the newest without a manifest where wanfx began it, else a new one."""
        versions = self.versions()
        if versions and not versions[-1].is_complete and self._may_write(versions[-1]):
            return versions[-1]
        number = int(versions[-1].name[1:]) + 1 if versions else 1
        return Version(self.root / f"v{number:03d}")
