"""The new character cut out of generated frames: by a segmenter, and by what differs from the background given.

A window of generated frames is a shot of its own for the segmenter, so windows are cut one by one, with the same
result in a run of all frames and of a range.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.backends.protocols import BoxPrompt, PointPrompt, Prompts, Segmenter
from wanfx.errors import NothingFoundError
from wanfx.frames import FrameRange, Size
from wanfx.images import FramePattern
from wanfx.io import exr
from wanfx.ops.alpha import refine_alpha
from wanfx.ops.change import Change, find_change, join_matte, largest_box
from wanfx.ops.crop import from_model
from wanfx.ops.edges import bounding_box, grow_matte
from wanfx.ops.pose import LEFT_HIP, LEFT_SHOULDER, RIGHT_HIP, RIGHT_SHOULDER, Pose
from wanfx.pixels import to_finite
from wanfx.stages.conditioning import Conditioning, PlateWindow, SpaceBridge
from wanfx.stages.context import RunContext
from wanfx.stages.generated import Generated, read_generated
from wanfx.stages.refine import Refined
from wanfx.stages.rematte_pose import PoseLooker

Array = npt.NDArray[np.float32]
_OF_WIDTH = 0.01
_ROOM = 0.06
_KNOWN = 0.5
_PROMPTS = 3
_TORSO = (LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP)


class GeneratedPictures:
    """Generated frames as a `FrameSource`: model space is near enough to a display's encoding to be looked at."""

    def __init__(self, generated: Generated, frames: FrameRange, size: Size) -> None:
        self._generated, self._frames, self._size = generated, frames, size

    @property
    def frames(self) -> FrameRange:
        return self._frames

    @property
    def size(self) -> Size:
        return self._size

    def read(self, frame: int) -> Array:
        return np.asarray(np.clip((self.read_model(frame) + 1) * 0.5, 0, 1), np.float32)

    def read_model(self, frame: int) -> Array:
        """The frame in model space."""
        rgb, _alpha = read_generated(self._generated.picture_path(frame), frame=frame)
        return shrink(rgb, self._size)


@dataclass(frozen=True, eq=False)
class FinderInputs:
    """What the character is found from. ``poses`` are the actor's, in canvas pixels; empty where none are known."""

    conditioning: Conditioning
    generated: Generated
    refined: Refined
    bridge: SpaceBridge
    poses: Mapping[int, Pose]


class CharacterFinder:
    """Finds the new character in generated frames, and writes its mattes at analysis size to ``pattern``."""

    def __init__(self, run: RunContext, inputs: FinderInputs, segmenter: Segmenter, pattern: FramePattern) -> None:
        self._run, self._inputs, self._segmenter, self._pattern = run, inputs, segmenter, pattern
        model = inputs.conditioning.size
        scale = min(1.0, run.options.matte.width_px / max(model.width, model.height))
        self._size = Size(max(8, round(model.width * scale)), max(8, round(model.height * scale)))
        self._is_loaded = False

    def find(self, frames: FrameRange) -> tuple[Path, ...]:
        """Write the mattes of a window's ``frames``; their files."""
        pictures = GeneratedPictures(self._inputs.generated, frames, self._size)
        look = self._looker(pictures)
        prompts = look.prompts()
        files: dict[int, Path] = {}
        try:
            for frame, segment in self._segments(pictures, prompts):
                files[frame] = self._write(frame, look.matte(frame, segment))
        except NothingFoundError as error:
            self._run.warn("rematte", f"{look.instead}: {error.what}", frame=frames.first)
        for frame in frames:
            if frame not in files:
                files[frame] = self._write(frame, look.matte(frame, None))
        return tuple(files[frame] for frame in frames)

    def _looker(self, pictures: GeneratedPictures) -> _Looker | PoseLooker:
        conditioning = self._inputs.conditioning
        if conditioning.is_whole:
            return PoseLooker(self._inputs.poses, conditioning.crops, list(pictures.frames), self._size)
        return _Looker(self._run, self._inputs, pictures)

    def _segments(self, pictures: GeneratedPictures, prompts: Prompts) -> Iterator[tuple[int, Array]]:
        """Frame and matte. Raises NothingFoundError."""
        # One picture does not move, and where nothing was changed there is no one.
        if prompts.is_empty or len(pictures.frames) < 2:
            return
        if not self._is_loaded:
            self._segmenter.load()
            self._is_loaded = True
        for one in self._segmenter.segment(pictures, subjects={"character": prompts}):
            yield one.frame, one.matte

    def _write(self, frame: int, matte: Array) -> Path:
        path = self._pattern.path(frame)
        box = bounding_box(np.ones_like(matte))
        exr.write_matte(path, matte, data_window=box, durable=False)
        return path

    def alpha(self, frame: int) -> Array:
        """The character's alpha (H, W) in the crop, its edge as the generated picture has it."""
        conditioning, options = self._inputs.conditioning, self._run.options.refine
        crop = conditioning.crops[frame]
        shift = self._inputs.generated.shift(frame)
        size = conditioning.size
        small = exr.read_matte(self._pattern.path(frame))
        matte = np.clip(from_model(small, crop=crop, shift=shift.times(small.shape[1] / size.width)), 0, 1)
        radius = options.radius_px if options.radius_px is not None else _OF_WIDTH * conditioning.plate.canvas.width
        if not radius:
            return matte
        rgb, _alpha = read_generated(self._inputs.generated.picture_path(frame), frame=frame)
        linear = to_finite(self._inputs.bridge.decode(from_model(rgb, crop=crop, shift=shift)))
        return refine_alpha(linear, matte, radius_px=radius, method=options.method, speck_px=options.speck_px)

    def key(self, frames: FrameRange) -> list[object]:
        """What a window's mattes depend on."""
        inputs, conditioning = self._inputs, self._inputs.conditioning
        return [
            self._segmenter.name, self._segmenter.settings, [asdict(card) for card in self._segmenter.models],
            self._size.width, self._run.options.clean.grow_px, conditioning.key,
            [
                (
                    inputs.generated.hashes[frame], conditioning.background_hashes[frame],
                    inputs.refined.hashes[frame], conditioning.frame_key(frame),
                    inputs.poses[frame].as_rows() if frame in inputs.poses else None,
                )
                for frame in frames
            ],
        ]  # fmt: skip


class _Looker:
    """Looks at a window's frames beside the background that was given."""

    instead = "only what was changed tells the character"

    def __init__(self, run: RunContext, inputs: FinderInputs, pictures: GeneratedPictures) -> None:
        self._inputs, self._pictures = inputs, pictures
        self._window = PlateWindow(
            tuple(pictures.frames), 0, (), inputs.conditioning, inputs.refined, inputs.bridge,
            run.options.clean.grow_px,
        )  # fmt: skip
        self.change = lru_cache(maxsize=_PROMPTS)(self._change)

    def _change(self, frame: int) -> Change:
        background = shrink(self._window.background(frame), self._pictures.size)
        return find_change(self._pictures.read_model(frame), background, hint=self.hint(frame))

    def matte(self, frame: int, segment: Array | None) -> Array:
        """The matte, of what was segmented, if anything was, and what was changed."""
        size = self._pictures.size
        unsure = np.full((size.height, size.width), 0.5, np.float32) if segment is None else segment
        return join_matte(unsure, self.change(frame))

    def hint(self, frame: int) -> Array:
        """About where the character is: the old subject, and the pose, with room around them."""
        size = self._pictures.size
        hint = np.clip(shrink(self._window.mask(frame), size), 0, 1)
        known = self._points(frame)
        if len(known):
            (x0, y0), (x1, y1) = (np.clip(edge, 0, None) for edge in (known.min(axis=0), known.max(axis=0)))
            hint[int(y0) : int(y1) + 1, int(x0) : int(x1) + 1] = 1
        return grow_matte(np.ascontiguousarray(hint), radius_px=_ROOM * size.width)

    def _points(self, frame: int) -> npt.NDArray[np.float64]:
        """The points of the pose that are known, in the pictures' pixels."""
        pose = self._pose(frame)
        return np.zeros((0, 2)) if pose is None else pose.xy[pose.confidence >= _KNOWN]

    def _pose(self, frame: int) -> Pose | None:
        pose, crop, size = self._inputs.poses.get(frame), self._inputs.conditioning.crops[frame], self._pictures.size
        if pose is None:
            return None
        return pose.moved(-crop.x0, -crop.y0).scaled(size.width / crop.width, size.height / crop.height)

    def prompts(self) -> Prompts:
        """A box around what was changed, and the pose's torso, in a few frames of the window."""
        frames = list(self._pictures.frames)
        boxes, points = [], []
        for place in sorted({0, len(frames) // 2, len(frames) - 1}):
            frame = frames[place]
            change = self.change(frame)
            box = largest_box(change, hint=self.hint(frame))
            if box is None:
                continue
            boxes.append(BoxPrompt(frame, *box))
            pose = self._pose(frame)
            if pose is not None and pose.confidence[list(_TORSO)].min() >= _KNOWN:
                x, y = pose.xy[list(_TORSO)].mean(axis=0)
                if box[0] < x < box[2] and box[1] < y < box[3] and change.sure[int(y), int(x)] > _KNOWN:
                    points.append(PointPrompt(frame, float(x), float(y)))
        return Prompts(tuple(points), tuple(boxes))


def shrink(picture: Array, size: Size) -> Array:
    """A picture or matte at another size."""
    if picture.shape[:2] == (size.height, size.width):
        return picture
    return np.asarray(cv2.resize(picture, (size.width, size.height), interpolation=cv2.INTER_AREA), np.float32)
