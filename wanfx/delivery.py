"""Where things lie: the folders of a shot, its versions and its work."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from wanfx.images import FramePattern
from wanfx.names import slug

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
        """The version a run writes to: the newest without a manifest, else a new one."""
        versions = self.versions()
        if versions and not versions[-1].is_complete:
            return versions[-1]
        number = int(versions[-1].name[1:]) + 1 if versions else 1
        return Version(self.root / f"v{number:03d}")
