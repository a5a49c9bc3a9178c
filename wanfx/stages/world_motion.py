"""world_motion: camera, generated frames -> whether the new world moves as the plate's camera does; one shot unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.frames import FrameRange, Size
from wanfx.io import exr
from wanfx.ops.camera import CameraPath, track_camera
from wanfx.ops.edges import grow_matte
from wanfx.ops.world_slip import find_slipping, measure_slip
from wanfx.stages.conditioning import Conditioning
from wanfx.stages.context import Made, RunContext, stage_key
from wanfx.stages.generated import Generated, read_generated
from wanfx.stages.ingest import Ingested
from wanfx.stages.matte import Tracked
from wanfx.units import Unit

STAGE = "world_motion"
VERSION = 1
Array = npt.NDArray[np.float32]
Rows = Mapping[int, Mapping[str, float]]
_AWAY_PX = 6.0


def run_world_motion(
    run: RunContext, ingested: Ingested, tracked: Tracked, camera: CameraPath, conditioning: Conditioning,
    generated: Generated,
) -> Rows:  # fmt: skip
    """For every generated frame the measures of `wanfx.ops.world_slip.WorldSlip.rows`, in plate pixels.

    Nothing where they have no meaning: no new world is made, or it is to stand in the frame (``background.follow`` is
    "none"), or it is the plate's own that goes on. Warns where the world slips.
    """
    given = run.shot.background
    if not conditioning.is_world or conditioning.is_empty or ingested.plate.is_extended:
        return {}
    if given is not None and given.follow == "none":
        return {}
    pictures = _WorldPictures(ingested, tracked, conditioning, generated)

    def make() -> Made:
        return Made((), {"rows": {str(frame): row for frame, row in pictures.measure(camera).items()}})

    content = [(frame, generated.hashes[frame]) for frame in pictures.frames]
    crop = conditioning.crops[pictures.frames.first]
    key = stage_key(STAGE, VERSION, content, camera.as_dict(), tracked.key, crop.as_list(), conditioning.key)
    with run.stage(STAGE, units=1) as progress:
        record = progress.make(Unit(STAGE, generated.generator.name, key), make)
    rows: Rows = {int(frame): row for frame, row in record.facts["rows"].items()}
    slipping = find_slipping(rows)
    if slipping is not None:
        run.warn(STAGE, str(slipping), frame=slipping.worst)
    return rows


@dataclass(frozen=True)
class _WorldPictures:
    """The generated frames as a `FrameSource`: as small as the plate's analysis pictures, in display values."""

    ingested: Ingested
    tracked: Tracked
    conditioning: Conditioning
    generated: Generated

    @property
    def frames(self) -> FrameRange:
        return FrameRange(min(self.generated.hashes), max(self.generated.hashes))

    @property
    def size(self) -> Size:
        return self.ingested.proxy_size

    def read(self, frame: int) -> Array:
        model, _alpha = read_generated(self.generated.pattern.path(frame), frame=frame)
        picture = np.ascontiguousarray(model)
        if picture.shape[:2] != (self.size.height, self.size.width):
            picture = np.asarray(cv2.resize(picture, (self.size.width, self.size.height), interpolation=cv2.INTER_AREA))
        return np.asarray(np.clip(picture * np.float32(0.5) + np.float32(0.5), 0, 1), np.float32)

    def measure(self, camera: CameraPath) -> Rows:
        """What is measured of every frame."""
        crop, size = self.conditioning.crops[self.frames.first], self.size
        world = track_camera(self, exclude=self._actor)
        on_plate = world.scaled(crop.width / size.width, crop.height / size.height, dx=crop.x0, dy=crop.y0)
        return measure_slip(camera, on_plate, size=self.conditioning.plate.canvas.size).rows()

    def _actor(self, frame: int) -> Array:
        """What of the picture is the actor: his own motion is not the world's."""
        return grow_matte(exr.read_matte(self.tracked.pattern.path(frame)), radius_px=_AWAY_PX)
