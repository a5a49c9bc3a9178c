"""How far a new world that is to follow the plate's camera slips from the camera that a rendered shot truly had.

`--rendered` is what scripts/render_camera_truth made. The real task `background` runs as a draft on each shot with its
grain, a picture as the world; with the true alpha as the artist's roto, and with the lite matte where that is there.
Slip is how far, in plate pixels, what the world shows lies from where the true camera would have it since the first
frame, over the frame's area where the world shows. Beside it homographies by ORB and RANSAC, frame to frame and
chained, as plain scripts do it (features off the actor by the true alpha).
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
from _oracle_shot import grain
from _report import Figure, parse_arguments, report

from wanfx.frames import Box, FrameRange
from wanfx.io import exr
from wanfx.manifest import read_manifest
from wanfx.ops.camera import CameraPath
from wanfx.pixels import to_float
from wanfx.session import RunRequest, run_shot
from wanfx.shot import load_shot
from wanfx.stages.camera import STAGE as CAMERA
from wanfx_color.transforms import to_srgb_display

Array = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]
Matte = Literal["roto", "lite"]
_GRAIN_SEED = 3
_STEP_PX = 8
_MORE: list[tuple[str, type, object, str]] = [
    ("rendered", str, "", "what scripts/render_camera_truth made"),
    ("work", str, "", "where runs are kept; beside the rendered frames when not given"),
    ("mattes", str, "roto,lite", "which mattes"),
    ("frames", int, 0, "frames from the first; 0: all that are rendered"),
]


@dataclass(frozen=True, eq=False)
class KnownShot:
    """A rendered shot and its camera; pictures are (H, W, 3) float32, scene-linear Rec.709."""

    folder: Path
    frames: FrameRange
    camera: CameraPath
    size: tuple[int, int]

    @classmethod
    def open(cls, folder: Path, *, frames: int) -> KnownShot:
        """The frames from the first that are whole, or so many of them."""
        facts = json.loads((folder / "camera.json").read_text(encoding="utf-8"))
        there = sorted(int(path.stem) for path in (folder / "alpha").glob("[0-9]*.exr"))
        count = next((i for i, frame in enumerate(there) if frame != there[0] + i), len(there))
        span = FrameRange(there[0], there[0] + min(count, frames or count) - 1)
        to_first = {frame: np.array(facts["to_first"][str(frame)]) for frame in span}
        return cls(folder, span, CameraPath(to_first, dict.fromkeys(span, 1.0)), (facts["size"][0], facts["size"][1]))

    def plate(self, frame: int) -> npt.NDArray[np.float16]:
        """With its grain, as wanfx is given it."""
        clean = exr.read_frame(self.folder / "plate" / f"{frame:04d}.exr").rgb.astype(np.float32)
        return (clean + grain(clean, seed=_GRAIN_SEED, frame=frame)).astype(np.float16)

    def alpha(self, frame: int) -> Array:
        """How much of each pixel the actor covers."""
        alpha = exr.read_frame(self.folder / "alpha" / f"{frame:04d}.exr").alpha
        assert alpha is not None
        return np.clip(alpha.astype(np.float32), 0, 1)

    def points(self, frame: int) -> Matrix:
        """Places (N, 2) where the world shows, pixel centres at .5, on a grid."""
        seen = self.alpha(frame)[_STEP_PX // 2 :: _STEP_PX, _STEP_PX // 2 :: _STEP_PX] < 0.5
        rows, columns = np.nonzero(seen)
        return np.column_stack([columns, rows]) * float(_STEP_PX) + _STEP_PX // 2 + 0.5


def main() -> None:
    """Every rendered shot by every matte, and by the plain way."""
    given = parse_arguments(__doc__ or "", more=_MORE)
    rendered = Path(given.rendered)
    figures: list[Figure] = []
    for folder in sorted(path.parent for path in rendered.glob("*/camera.json")):
        shot = KnownShot.open(folder, frames=given.frames)
        travel = [rms(slips(shot, CameraPath({f: np.eye(3) for f in shot.frames}, {}), f)) for f in shot.frames]
        figures.append(Figure(f"{folder.name}: the camera carries the picture by up to", max(travel), "px RMS"))
        work = Path(given.work or rendered.with_name("slip_work")) / folder.name
        for matte in given.mattes.split(","):
            figures += [figure_of(f"{folder.name}, {matte}", f) for f in measure_run(shot, work, matte=matte)]
        start = time.perf_counter()
        plain = chain_plain(shot)
        seconds = (time.perf_counter() - start) / len(shot.frames)
        figures += [figure_of(f"{folder.name}, ORB chained", f) for f in (*summarize(shot, plain), time_of(seconds))]
    report(figures, json_file=given.json)


def figure_of(way: str, figure: Figure) -> Figure:
    """The figure under its way's name."""
    return Figure(f"{way}: {figure.name}", figure.value, figure.unit)


def time_of(seconds: float) -> Figure:
    """What the camera takes."""
    return Figure("camera", 1000 * seconds, "ms/frame")


def slips(shot: KnownShot, camera: CameraPath, frame: int) -> Matrix:
    """How far (N,) every place of the frame's world lies from where the true camera has it, in pixels."""
    points = shot.points(frame)
    there = np.column_stack([points, np.ones(len(points))]) @ shot.camera.to_first[frame].T
    here = there @ np.linalg.inv(camera.to_first[frame]).T
    return np.asarray(np.linalg.norm(here[:, :2] / here[:, 2:] - points, axis=1))


def rms(lengths: Matrix) -> float:
    """Root mean square."""
    return float(np.sqrt((lengths**2).mean()))


def summarize(shot: KnownShot, camera: CameraPath) -> list[Figure]:
    """Slip over the shot, and of one frame against the one before, which is what shakes."""
    every = [slips(shot, camera, frame) for frame in shot.frames]
    steps = []
    for frame in list(shot.frames)[1:]:
        back = camera.between(frame, frame - 1) @ shot.camera.between(frame - 1, frame)
        points = np.column_stack([shot.points(frame - 1), np.ones(len(shot.points(frame - 1)))])
        placed = points @ back.T
        steps.append(np.linalg.norm(placed[:, :2] / placed[:, 2:] - points[:, :2], axis=1))
    return [
        Figure("slip", rms(np.concatenate(every)), "px RMS"),
        Figure("slip, 95 %", float(np.quantile(np.concatenate(every), 0.95)), "px"),
        Figure("slip, worst frame", max(rms(one) for one in every), "px RMS"),
        Figure("step from frame to frame off by", rms(np.concatenate(steps)), "px RMS"),
    ]


def measure_run(shot: KnownShot, work: Path, *, matte: Matte) -> list[Figure]:
    """Run the draft, and measure its camera and the world that it delivered."""
    out = work / f"out_{matte}"
    if out.exists():
        shutil.rmtree(out)
    path = prepare(shot, work, matte=matte)
    outcome = run_shot(RunRequest(load_shot(path), out, flags={}))
    version = outcome.version.folder
    camera, seconds = read_camera(version, shot)
    measured = [json.loads(line) for line in (version / "report" / "measures.jsonl").read_text().splitlines()]
    trust = [row["camera_confidence"] for row in measured if "camera_confidence" in row]
    told = [row["world_slip_px"] for row in measured if "world_slip_px" in row]
    shown = np.concatenate([seen_slips(shot, version, frame) for frame in shot.frames])
    return [
        *summarize(shot, camera),
        Figure("slip seen in the delivered pictures", rms(shown), "px RMS"),
        Figure("confidence, mean", float(np.mean(trust)), ""),
        Figure("confidence, lowest", min(trust), ""),
        Figure("slip that the report tells (world against our camera)", max(told), "px"),
        Figure("check of the world's motion", 1000 * seconds["world_motion"] / len(shot.frames), "ms/frame"),
        time_of(seconds[CAMERA] / len(shot.frames)),
    ]


def prepare(shot: KnownShot, work: Path, *, matte: Matte) -> Path:
    """Write the plate with its grain, the roto, the world's picture and the shot; its path."""
    box = Box(0, 0, *shot.size)
    for name in ("plate", "roto"):
        (work / name).mkdir(parents=True, exist_ok=True)
    for frame in shot.frames:
        attributes = {"colorInteropID": "lin_rec709_scene"}
        exr.write_rgb(work / "plate" / f"plate.{frame:04d}.exr", shot.plate(frame), data_window=box,
                      attributes=attributes)  # fmt: skip
        exr.write_matte(work / "roto" / f"roto.{frame:04d}.exr", shot.alpha(frame), data_window=box)
    exr.write_rgb(work / "world.exr", paint_world(), data_window=Box(0, 0, 1280, 720),
                  attributes={"colorInteropID": "lin_rec709_scene"})  # fmt: skip
    subject: dict[str, Any] = {"name": "actor"}
    if matte == "roto":
        subject["matte"] = "roto/roto.####.exr"
    data = {
        "schema": "wanfx.shot/1", "name": shot.folder.name, "task": "background", "plate": "plate/plate.####.exr",
        "background": {"path": "world.exr", "follow": "camera"}, "frames": str(shot.frames), "subjects": [subject],
        "matte": {"backend": "lite" if matte == "lite" else "flow"}, "generate": {"backend": "draft"},
        "condition": {"world_exposure": "keep"}, "review": {"codec": "none"}, "deliver": {"cryptomatte": "off"},
    }  # fmt: skip
    path = work / f"shot_{matte}.json"
    path.write_text(json.dumps(data, indent=2))
    return path


def paint_world() -> npt.NDArray[np.float16]:
    """A picture full of things to hold on to, some of them brighter than 4."""
    random = np.random.default_rng(4)
    picture = np.full((720, 1280, 3), 0.18, np.float32)
    for _ in range(900):
        x, y, radius = random.integers(0, 1280), random.integers(0, 720), random.integers(4, 40)
        color = random.uniform(0.01, 0.8, 3) * (8.0 if random.random() < 0.03 else 1.0)
        cv2.circle(picture, (int(x), int(y)), int(radius), [float(c) for c in color], -1, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.8), np.float16)


def read_camera(version: Path, shot: KnownShot) -> tuple[CameraPath, Mapping[str, float]]:
    """The camera as the run found it, in plate pixels, and the seconds of every stage."""
    record = json.loads(next((version.parent / "work" / "records" / CAMERA).glob("*.json")).read_text())
    proxy = cv2.imread(str(next((version.parent / "work" / "proxy").glob("*.ppm"))))
    assert proxy is not None
    sx, sy = proxy.shape[1] / shot.size[0], proxy.shape[0] / shot.size[1]
    timings = json.loads((version / "run.json").read_text())
    seconds = {stage["stage"]: float(stage["seconds"]) for stage in timings["stages"]}
    return CameraPath.from_dict(record["facts"]).scaled(1 / sx, 1 / sy), seconds


def seen_slips(shot: KnownShot, version: Path, frame: int) -> Matrix:
    """The same, looked for in the delivered ``clean``: how far its corners lie from those of the first frame's, brought
    here by the true camera.
    """
    comp = read_manifest(version / "manifest.json")["comp"]["pattern"]
    pattern = str(version / comp)
    first, here = (_clean(Path(pattern.replace("####", f"{f:04d}"))) for f in (shot.frames.first, frame))
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    matrix = np.linalg.inv(half) @ np.linalg.inv(shot.camera.to_first[frame]) @ half
    right = cv2.warpPerspective(first, matrix, shot.size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT)
    known = cv2.warpPerspective(np.full_like(first, 255), matrix, shot.size) > 250
    mask = (cv2.erode(known.astype(np.uint8), np.ones((25, 25), np.uint8)) * 255).astype(np.uint8)
    mask[shot.alpha(frame) > 0.5] = 0
    corners = cv2.goodFeaturesToTrack(right, 300, 0.05, 8, mask=mask)
    if corners is None:
        return np.zeros(0)
    found, good, _error = cv2.calcOpticalFlowPyrLK(right, here, corners, corners.copy(), winSize=(21, 21), maxLevel=3)
    back, _good, _error = cv2.calcOpticalFlowPyrLK(here, right, found, found.copy(), winSize=(21, 21), maxLevel=3)
    again = np.linalg.norm((back - corners).reshape(-1, 2), axis=1) < 0.1
    away = np.linalg.norm((found - corners).reshape(-1, 2), axis=1)[(good.ravel() == 1) & again]
    return np.asarray(away, np.float64)


def _gray(linear: Array) -> npt.NDArray[np.uint8]:
    display = to_srgb_display(np.ascontiguousarray(linear))
    return np.rint(display @ np.array([0.299, 0.587, 0.114], np.float32) * 255).astype(np.uint8)


def _clean(path: Path) -> npt.NDArray[np.uint8]:
    parts, _header = exr.read_parts(path, ["clean"])
    return _gray(np.stack([to_float(plane) for plane in list(parts["clean"].planes.values())[:3]], axis=2))


def chain_plain(shot: KnownShot) -> CameraPath:
    """Homographies by ORB and RANSAC with OpenCV's defaults, from frame to frame, multiplied up."""
    finder, matcher = cv2.ORB_create(2000), cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True)
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    to_first, before = {shot.frames.first: np.eye(3)}, None
    for frame in shot.frames:
        mask = ((shot.alpha(frame) < 0.05) * 255).astype(np.uint8)
        found = finder.detectAndCompute(_gray(shot.plate(frame).astype(np.float32)), mask)
        if before is not None:
            matches = matcher.match(found[1], before[1])
            ours = np.array([found[0][m.queryIdx].pt for m in matches])
            theirs = np.array([before[0][m.trainIdx].pt for m in matches])
            matrix, _inliers = cv2.findHomography(ours, theirs, cv2.RANSAC, 3.0)
            to_first[frame] = to_first[frame - 1] @ half @ matrix @ np.linalg.inv(half)
        before = found
    return CameraPath(to_first, dict.fromkeys(to_first, 1.0))


if __name__ == "__main__":
    main()
