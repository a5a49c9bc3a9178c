"""What a run would do: windows, sizes, disk, what is there already. Nothing is decoded and nothing is written."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from wanfx.backends.registry import check_backends, find_generator, find_lacking
from wanfx.backends.wan_generator import WanGenerator
from wanfx.delivery import ShotFolder, Version
from wanfx.errors import DiskFullError, MissingError
from wanfx.frames import FrameRange, Size
from wanfx.options import Options
from wanfx.stages.crypto import is_crypto_wanted
from wanfx.stages.retake import Retake
from wanfx.stages.source import Source

# A pixel of a half-float plate: the comp, measured with grain, 13 bytes in RLE; in work, not packed, clean plate 8,
# generated frames 8, and mattes 1; a movie's plate 6; a Cryptomatte 0.1, with hair all over it 1.
_COMP_BYTES, _WORK_BYTES, _COPY_BYTES, _CRYPTO_BYTES = 13.0, 17.0, 6.0, 1.0
_SPARE_BYTES = 64 * 2**20
# Memory: of the program, a pixel's in a run, and a pixel's where the comps of several passes are united, measured with
# one, two and four at 1280x720 (578, 814 and 883 MB).
_BASE_BYTES, _RUN_BYTES, _UNITE_BYTES, _PASS_BYTES = 300 * 2**20, 400, 500, 50


@dataclass(frozen=True)
class Plan:
    """The figures of a run to come. ``network`` is the Wan network whose memory can be estimated, ``picture`` what a
    video model is shown of the plate, ``joins`` what a range is joined to, ``clean`` the plan of the pass that makes
    the clean plate, ``lacking`` what must be installed first; all may be empty.
    """

    frames: FrameRange
    size: Size
    windows: int
    window_frames: int
    segmenter: str
    pose_estimator: str
    generator: str
    network: str
    disk_bytes: int
    free_bytes: int
    memory_bytes: int
    picture: str = ""
    joins: str = ""
    clean: Plan | None = None
    lacking: tuple[MissingError, ...] = ()

    def joined(self, retake: Retake) -> Plan:
        """The plan of a range that joins approved frames."""
        return replace(self, frames=retake.made, windows=len(retake.windows), joins=retake.describe())

    def with_clean(self, clean: Plan) -> Plan:
        """The plan of a shot whose clean plate a pass makes, which keeps its own comps."""
        disk_bytes = self.disk_bytes + clean.disk_bytes
        return replace(
            self,
            clean=clean,
            disk_bytes=disk_bytes,
            memory_bytes=max(self.memory_bytes, clean.memory_bytes),
            lacking=(*self.lacking, *clean.lacking),
        )

    def for_passes(self, count: int) -> Plan:
        """The plan of so many subjects: each but an only one has a pass that keeps its own comps."""
        if count == 1:
            return self
        pixels = self.size.width * self.size.height
        return replace(
            self,
            windows=count * self.windows,
            disk_bytes=(count + 1) * self.disk_bytes,
            memory_bytes=max(self.memory_bytes, _BASE_BYTES + pixels * (_UNITE_BYTES + count * _PASS_BYTES)),
            clean=None if self.clean is None else replace(self.clean, windows=count * self.clean.windows),
        )


def plan_run(source: Source, options: Options, *, frames: FrameRange, out: Path, task: str | None = None) -> Plan:
    """`estimate_run`, of what is all there. Raises MissingError for a backend without its models."""
    check_backends(options, task=task)
    return estimate_run(source, options, frames=frames, out=out, task=task)


def estimate_run(source: Source, options: Options, *, frames: FrameRange, out: Path, task: str | None = None) -> Plan:
    """Estimate a run on ``source``; what it lacks is told. Raises OptionError for an unknown backend."""
    generator = find_generator(options)
    length = options.generate.window_frames or generator.window_frames
    step = max(1, length - generator.carried_frames)
    size = source.canvas.size
    pixels = size.width * size.height
    depth = 2.0 if source.pixel_type == "float" else 1.0
    bytes_a_pixel = (_COMP_BYTES + _WORK_BYTES) * depth + (0.0 if source.is_in_place else _COPY_BYTES)
    bytes_a_pixel += _CRYPTO_BYTES if is_crypto_wanted(options) else 0.0
    return Plan(
        frames=frames,
        size=size,
        windows=-(-max(1, len(frames) - generator.carried_frames) // step),
        window_frames=length,
        segmenter=options.matte.backend,
        pose_estimator=options.pose.backend,
        generator=generator.name,
        network=generator.network if isinstance(generator, WanGenerator) else "",
        disk_bytes=round(bytes_a_pixel * pixels * len(frames)),
        free_bytes=free_bytes(out),
        memory_bytes=_BASE_BYTES + pixels * _RUN_BYTES,
        lacking=tuple(find_lacking(options, task=task)),
    )


def check_disk(plan: Plan, *, folder: ShotFolder) -> None:
    """Raise DiskFullError where the disk cannot hold the run; what an unfinished run has made already counts."""
    running = folder.in_progress().folder
    missing = plan.disk_bytes + _SPARE_BYTES - _made_bytes(folder.work) - _made_bytes(running) - plan.free_bytes
    if missing > 0:
        raise DiskFullError(
            f"the run needs about {plan.disk_bytes / 1e9:.1f} GB and {plan.free_bytes / 1e9:.1f} GB are free",
            path=folder.root,
            remedy=f"free {missing / 1e9:.1f} GB more, or choose another --out",
        )


def _made_bytes(folder: Path) -> int:
    """The size of what lies in ``folder``, but for versions that passes have finished: these stay beside new ones."""
    made = 0
    for top, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not Version(Path(top, name)).is_complete]
        made += sum(Path(top, name).stat().st_size for name in files if Path(top, name).is_file())
    return made


def free_bytes(folder: Path) -> int:
    """Free space on the disk that holds ``folder``, or will."""
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    return shutil.disk_usage(existing).free
