"""drive: poses -> what drives a video model: drawn skeletons, face crops, masks, each an editable 8-bit sequence.

They lie in ``work/drive/pose``, ``face`` and ``mask`` as PNG, so that an artist can look at them and paint on them. The
model was trained on 8-bit drawings and faces; the plate itself never passes through here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.errors import ShotError
from wanfx.frames import Box, Size
from wanfx.images import FramePattern
from wanfx.io import exr
from wanfx.io.stills import read_still, read_still_header, write_picture
from wanfx.ops.crop import cut, model_size, to_model
from wanfx.ops.face_crop import FACE_PX, bridge_faces, crop_face, find_face
from wanfx.ops.mask_grid import character_mask
from wanfx.ops.pose import Pose
from wanfx.ops.skeleton import face_points, make_skeleton
from wanfx.ops.skeleton_draw import draw_skeleton
from wanfx.pixels import to_finite
from wanfx.stages.clean import Cleaned
from wanfx.stages.context import Made, RunContext, make_frames, paintable, stage_key
from wanfx.stages.drive_reference import ShownReference, run_drive_reference
from wanfx.stages.ingest import Ingested
from wanfx.stages.performance import Performance
from wanfx.stages.reference_fit import FittedReference
from wanfx.stages.refine import Refined
from wanfx_color.model_space import ModelSpace
from wanfx_color.transforms import to_linear_rec709, to_srgb_display

STAGE = "drive"
VERSION = 1
Bytes = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float32]
_HALF, _HALF_BYTE = np.float32(0.5), 127


@dataclass(frozen=True, eq=False)
class ShotDrive:
    """A `Drive` on disk: the sequences by name, and a hash for each frame of all of them."""

    size: Size
    patterns: Mapping[str, FramePattern]
    hashes: Mapping[int, str]
    shown: ShownReference
    is_whole: bool = False

    @property
    def reference_display(self) -> Array:
        """The reference, (H, W, 3) display-encoded sRGB in [0, 1]."""
        return self.shown.display

    @property
    def reference_model(self) -> Array:
        """The same in model space."""
        return self.shown.model

    def key(self, frame: int) -> str:
        """What a frame's pictures and the reference are."""
        return f"{self.hashes[frame]}.{self.shown.sha256}"

    def pose(self, frame: int) -> Bytes:
        """The drawn skeleton, (H, W, 3) RGB on black."""
        return self._read("pose", frame, self.size)

    def face(self, frame: int) -> Bytes:
        """The face, (512, 512, 3) display-encoded sRGB; black where there is none."""
        return self._read("face", frame, Size(FACE_PX, FACE_PX))

    def mask(self, frame: int) -> Bytes:
        """Where the model draws, (H, W): 1 there, else 0."""
        if self.is_whole:
            return np.ones((self.size.height, self.size.width), np.uint8)
        return (self._read("mask", frame, self.size)[..., 0] > _HALF_BYTE).astype(np.uint8)

    def _read(self, name: str, frame: int, size: Size) -> Bytes:
        path = self.patterns[name].path(frame)
        picture = read_still(path, frame=frame).pixels
        _check_size(Size(picture.shape[1], picture.shape[0]), size, name=name, path=path, frame=frame)
        return _to_bytes(picture)


def _check_size(found: Size, size: Size, *, name: str, path: Path, frame: int) -> None:
    if found != size:
        raise ShotError(
            f"is {found}, the model's {name} is {size}", key=STAGE, path=path, frame=frame,
            remedy="paint it in the size of the file that was made, or remove it and it is made anew",
        )  # fmt: skip


def run_drive(
    run: RunContext, ingested: Ingested, poses: Mapping[int, Pose], refined: Refined,
    fitted: FittedReference | None, *, cleaned: Cleaned, crops: Mapping[int, Box], size: Size, space: ModelSpace,
) -> ShotDrive:  # fmt: skip
    """Draw every frame of the shot, and the reference."""
    maker = _Maker(run, ingested, poses, refined, crops, size, space)
    records = make_frames(run, stage=STAGE, frames=ingested.plate.frames, key=maker.key, make=maker.make)
    hashes = {frame: stage_key(STAGE, VERSION, dict(record.files)) for frame, record in records.items()}
    shown = run_drive_reference(run, ingested, refined, fitted, cleaned=cleaned, crops=crops, size=size, space=space)
    return ShotDrive(size, maker.patterns, hashes, shown)


def run_whole_drive(
    run: RunContext, ingested: Ingested, poses: Mapping[int, Pose], refined: Refined, performance: Performance,
    fitted: FittedReference | None, *, cleaned: Cleaned, crops: Mapping[int, Box], size: Size, space: ModelSpace,
    face_space: ModelSpace,
) -> ShotDrive:  # fmt: skip
    """As `run_drive`, where the whole picture is new: the ``performance`` is drawn, and there are no masks.

    The reference is encoded by ``space``, faces are looked at by the plate's own ``face_space``.
    """
    maker = _Maker(run, ingested, poses, refined, crops, size, face_space, performance=performance)
    records = make_frames(run, stage=STAGE, frames=ingested.plate.frames, key=maker.key, make=maker.make)
    hashes = {frame: stage_key(STAGE, VERSION, dict(record.files)) for frame, record in records.items()}
    shown = run_drive_reference(run, ingested, refined, fitted, cleaned=cleaned, crops=crops, size=size, space=space)
    return ShotDrive(size, maker.patterns, hashes, shown, is_whole=True)


class _Maker:
    """Draws frames."""

    def __init__(
        self, run: RunContext, ingested: Ingested, poses: Mapping[int, Pose], refined: Refined,
        crops: Mapping[int, Box], size: Size, space: ModelSpace, performance: Performance | None = None,
    ) -> None:  # fmt: skip
        self._run, self._ingested, self._poses, self._refined = run, ingested, poses, refined
        self._crops, self._size, self._space = crops, size, space
        self._plate = ingested.plate
        options = run.options.condition
        self._cells = {"columns": options.mask_columns, "rows": options.mask_rows}
        self._performance = performance
        self._draw = {"pose": self._pose, "face": self._face}
        if performance is None:
            self._draw["mask"] = self._mask
        self.patterns = {name: FramePattern(str(run.work / STAGE / name / f"{name}.####.png")) for name in self._draw}
        self._folders = {name: paintable(run, f"{STAGE}/{name}") for name in self._draw}
        # Boxes of faces are in square pixels, as the model saw them.
        self._square = model_size(self._plate.canvas, pixel_aspect=self._plate.pixel_aspect)
        self._faces = bridge_faces({frame: self._find_face(poses[frame]) for frame in self._plate.frames})

    def key(self, frame: int) -> str:
        return stage_key(
            STAGE, VERSION, self._poses[frame].as_rows(), self._faces[frame].as_list(), self._crops[frame].as_list(),
            asdict(self._size), self._ingested.keys[frame], self._refined.hashes[frame], self._cells,
            self._space.exposure_stops, self._plate.canvas.as_list(), asdict(self._square), self._run.color.sha256,
            *([] if self._performance is None else self._performance.key(frame)),
        )  # fmt: skip

    def make(self, frame: int) -> Made:
        painted, paths = [], []
        for name, draw in self._draw.items():
            path = self.patterns[name].path(frame)
            digest = self._folders[name].write(path, partial(_draw_to, draw=draw, frame=frame))
            if digest is None:
                # Before hours of windows, not when its own is made.
                size = Size(FACE_PX, FACE_PX) if name == "face" else self._size
                _check_size(read_still_header(path).size, size, name=name, path=path, frame=frame)
                painted.append(name)
            paths.append(path)
        return Made(tuple(paths), {"painted": painted})

    def _pose(self, frame: int) -> Bytes:
        crop, size = self._crops[frame], self._size
        if self._performance is not None:
            return draw_skeleton(self._performance.skeletons[frame])
        moved = self._poses[frame].moved(-crop.x0, -crop.y0).scaled(size.width / crop.width, size.height / crop.height)
        return draw_skeleton(make_skeleton(_keypoints(moved), size=size))

    def _find_face(self, pose: Pose) -> Box:
        wide = pose.scaled(self._square.width / self._plate.canvas.width, 1)
        return find_face(face_points(_keypoints(wide), size=self._square), size=self._square)

    def _face(self, frame: int) -> Bytes:
        box, plate = self._faces[frame], self._plate
        if box.is_empty:
            return np.zeros((FACE_PX, FACE_PX, 3), np.uint8)
        rgb = to_finite(exr.read_frame(plate.path(frame), canvas=plate.canvas, frame=frame).rgb)
        is_square = self._square == plate.canvas.size
        columns = slice(box.x0, box.x1) if is_square else slice(None)
        linear = to_linear_rec709(self._run.color, plate.color_space)(
            np.array(rgb[box.y0 : box.y1, columns], np.float32, order="C")
        )
        display = to_srgb_display(linear, exposure_stops=self._space.exposure_stops)
        if not is_square:
            wide = cv2.resize(display, (self._square.width, box.height), interpolation=cv2.INTER_LINEAR)
            display = np.asarray(wide[:, box.x0 : box.x1], np.float32)
        return np.asarray(crop_face(_to_bytes(display), box=Box(0, 0, box.width, box.height)), np.uint8)

    def _mask(self, frame: int) -> Bytes:
        matte = exr.read_matte(self._refined.matte.path(frame), canvas=self._plate.canvas)
        inside = np.ascontiguousarray(cut(matte, self._crops[frame]))
        mask = character_mask(to_model(inside, size=self._size) >= _HALF, **self._cells)
        return np.repeat(mask[..., None] * np.uint8(255), 3, axis=2)


def _draw_to(path: Path, *, draw: Callable[[int], Bytes], frame: int) -> None:
    write_picture(path, draw(frame), durable=False)


def _keypoints(pose: Pose) -> npt.NDArray[np.float64]:
    return np.column_stack([pose.xy, pose.confidence])


def _to_bytes(display: Array) -> Bytes:
    return np.asarray(np.rint(np.clip(display, 0, 1) * 255), np.uint8)
