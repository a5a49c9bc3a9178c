"""Puts the demo shot on disk, and says where the truth about it lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from wanfx.frames import FrameRange
from wanfx.images import FramePattern
from wanfx.io.atomic import atomic_path, write_text

FRAMES = FrameRange(1001, 1024)
_DATA = Path(__file__).parent / "data"
_PLATE_NAME = "plate/demo.####.exr"
_REFERENCE_NAME = "reference.png"
_SHOT = f"""\
schema = "wanfx.shot/1"
name = "demo"
task = "replace"
plate = "{_PLATE_NAME}"

[reference]
path = "{_REFERENCE_NAME}"

[[subjects]]
name = "actor"
"""


@dataclass(frozen=True)
class DemoTruth:
    """What is known of the demo shot because it was rendered: files, some of them by frame.

    ``mattes`` are how much of each pixel the actor covers (channel Y, 0..1, motion blur and hair included); ``clean``
    is the set without him, ``clean_shadow`` the set with his shadow (ACEScg); none of them has the plate's grain.
    ``actor_poses`` has all 133 points in every frame, ``reference_pose`` those of the reference picture
    (`wanfx.io.pose_file`).
    """

    mattes: Mapping[int, Path]
    clean: Mapping[int, Path]
    clean_shadow: Mapping[int, Path]
    actor_poses: Path
    reference_pose: Path


def make_demo_shot(folder: Path) -> Path:
    """Copy the demo shot into ``folder`` and give the path of its ``shot.toml``, which is written last.

    The plate is 24 frames of 640x360 scene-linear ACEScg half EXR (1001-1024, 24 fps, timecode from 01:00:00:00): the
    camera pans with an actor who steps aside, waves and calls, in a room with lamps of values up to 40, with motion
    blur and grain. The reference is another figure on a transparent ground, sRGB. Files that are there are written
    again. Raises DiskFullError, NotWritableError.
    """
    plate = FramePattern(str(folder / _PLATE_NAME))
    shipped = FramePattern(str(_DATA / _PLATE_NAME))
    for frame in FRAMES:
        _copy(Path(shipped.path(frame)), Path(plate.path(frame)))
    _copy(_DATA / _REFERENCE_NAME, folder / _REFERENCE_NAME)
    shot_file = folder / "shot.toml"
    write_text(shot_file, _SHOT)
    return shot_file


def demo_truth() -> DemoTruth:
    """Where the truth about the demo shot lies, in the installed package: to read, not to write."""
    folder = _DATA / "truth"
    return DemoTruth(
        _by_frame(folder, "matte"),
        _by_frame(folder, "clean"),
        _by_frame(folder, "clean_shadow"),
        folder / "actor_pose.json",
        folder / "reference_pose.json",
    )


def _by_frame(folder: Path, kind: str) -> dict[int, Path]:
    return {int(path.name.split(".")[1]): path for path in sorted(folder.glob(f"{kind}.*.exr"))}


def _copy(source: Path, target: Path) -> None:
    """The bits alone: the copy is as writable as any new file, whatever the installed one is."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(source.read_bytes())
