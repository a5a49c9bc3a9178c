"""Does the draft's character move as the actor does? Wrists and ankles of both, found in plate and comp on their own.

The pose estimator looks at the finished comp as it looked at the plate; how far what it finds there is from the actor's
pose is the error. Its own noise is in the figure: it is never 0. Without --delivery the demo's shot is run first.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from _report import Figure, parse_arguments, report

from wanfx.backends.lite_pose import LitePoseEstimator
from wanfx.demo import demo_truth, make_demo_shot
from wanfx.frames import FrameRange, Size
from wanfx.images import FramePattern
from wanfx.io import exr
from wanfx.io.pose_file import read_poses
from wanfx.manifest import read_manifest
from wanfx.names import slug
from wanfx.ops.pose import LEFT_ANKLE, LEFT_WRIST, RIGHT_ANKLE, RIGHT_WRIST, Pose
from wanfx.ops.pose_smooth import smooth_poses
from wanfx.session import RunRequest, run_shot
from wanfx.shot import load_shot
from wanfx_color.configs import load_config
from wanfx_color.transforms import to_linear_rec709, to_srgb_display

Array = npt.NDArray[np.float32]
_WIDTH_PX = 640
_SURE = 0.5
_JOINTS = {"wrists": (LEFT_WRIST, RIGHT_WRIST), "ankles": (LEFT_ANKLE, RIGHT_ANKLE)}


def main() -> None:
    """Measure a delivery, or the demo's."""
    given = parse_arguments(__doc__ or "", more=[("delivery", str, "", "a version's folder, as out/shot/v001")])
    if given.delivery:
        report(_measure(Path(given.delivery)), json_file=given.json)
        return
    with tempfile.TemporaryDirectory() as name:
        shot = load_shot(make_demo_shot(Path(name) / "shot"))
        outcome = run_shot(RunRequest(shot, Path(name) / "out"))
        figures = _measure(outcome.version.folder) + _against_truth(outcome.version.folder)
        report(figures, json_file=given.json)


def _against_truth(version: Path) -> list[Figure]:
    """The demo's actor, found in the plate, against what was rendered."""
    truth = demo_truth()
    found, _size = read_poses(version.parent / "work" / "pose" / "actor.json")
    real, _size = read_poses(truth.actor_poses)
    figures = []
    for name, points in _JOINTS.items():
        gaps = [gap for frame in real for gap in _distances(real[frame], found[frame], points)]
        figures.append(Figure(f"actor's {name} against the truth, mean distance", float(np.mean(gaps)), "px"))
    overlaps = []
    for frame, path in truth.mattes.items():
        ours = exr.read_matte(version / "matte" / "actor" / f"actor.{frame}.exr")
        theirs = exr.read_matte(path)
        overlaps.append(float(np.minimum(ours, theirs).sum() / np.maximum(ours, theirs).sum()))
    return [*figures, Figure("actor's matte against the truth, overlap", float(np.mean(overlaps)), "of 1")]


def _measure(version: Path) -> list[Figure]:
    manifest = read_manifest(version / "manifest.json")
    comp = _Comp(version, manifest)
    actor, _size = read_poses(version.parent / "work" / "pose" / f"{slug(manifest['subjects'][0]['name'])}.json")
    estimator = LitePoseEstimator()
    estimator.load()
    found = smooth_poses(dict(estimator.track(comp, matte=comp.matte)), smooth_frames=2.0)
    character = {frame: pose.scaled(1 / comp.scale, 1 / comp.scale) for frame, pose in found.items()}
    figures = []
    for name, points in _JOINTS.items():
        gaps = [gap for frame in comp.frames for gap in _distances(actor[frame], character[frame], points)]
        if gaps:
            figures += [
                Figure(f"{name}, mean distance", float(np.mean(gaps)), "px"),
                Figure(f"{name}, median distance", float(np.median(gaps)), "px"),
                Figure(f"{name}, 95 % are within", float(np.percentile(gaps, 95)), "px"),
            ]
        figures.append(Figure(f"{name}, share of frames", len(gaps) / (2 * len(comp.frames)), "found in both"))
    return figures


def _distances(actor: Pose, character: Pose, points: tuple[int, ...]) -> list[float]:
    both = [p for p in points if min(actor.confidence[p], character.confidence[p]) >= _SURE]
    return [float(np.hypot(*(actor.xy[p] - character.xy[p]))) for p in both]


class _Comp:
    """The comp's frames as analysis pictures, and the new character's mattes."""

    def __init__(self, version: Path, manifest: dict[str, object]) -> None:
        plate, comp = manifest["plate"], manifest["comp"]
        assert isinstance(plate, dict)
        assert isinstance(comp, dict)
        self.frames = FrameRange.parse(str(manifest["frames"]))
        self._pattern = FramePattern(str(version / comp["pattern"]))
        width, height = plate["size"]
        self.scale = min(1.0, _WIDTH_PX / width)
        self.size = Size(round(width * self.scale), round(height * self.scale))
        self._linear: Callable[[Array], Array] = to_linear_rec709(load_config(), comp["colorspace"])

    def read(self, frame: int) -> Array:
        """(H, W, 3) display-encoded."""
        parts, _header = exr.read_parts(self._pattern.path(frame), ["rgba"], frame=frame)
        planes = list(parts["rgba"].planes.values())[:3]
        rgb = self._shrunk(np.nan_to_num(np.stack(planes, axis=2).astype(np.float32)))
        return to_srgb_display(self._linear(np.ascontiguousarray(rgb)))

    def matte(self, frame: int) -> Array:
        """(H, W) of the new character."""
        parts, _header = exr.read_parts(self._pattern.path(frame), ["matte_character"], frame=frame)
        return self._shrunk(next(iter(parts["matte_character"].planes.values())).astype(np.float32))

    def _shrunk(self, pixels: Array) -> Array:
        return np.asarray(cv2.resize(pixels, (self.size.width, self.size.height), interpolation=cv2.INTER_AREA))


if __name__ == "__main__":
    main()
