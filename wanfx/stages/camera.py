"""The plate's camera motion, measured on its background; one shot unit for clean plates and backgrounds."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from wanfx.io import exr
from wanfx.ops.camera import CameraPath, track_camera
from wanfx.ops.edges import grow_matte
from wanfx.stages.context import Made, RunContext, stage_key
from wanfx.stages.ingest import Ingested
from wanfx.stages.matte import Tracked
from wanfx.stages.proxies import ProxySource, to_proxy_scale
from wanfx.units import Unit

STAGE = "camera"
VERSION = 3
_AWAY_PX = 6.0


def run_camera(run: RunContext, ingested: Ingested, tracked: Tracked | None) -> CameraPath:
    """Homographies in full-resolution canvas pixels (centres at .5); of all that is seen without a subject."""
    source = ProxySource(ingested)

    def exclude(frame: int) -> npt.NDArray[np.float32] | None:
        if tracked is None:
            return None
        return grow_matte(exr.read_matte(tracked.pattern.path(frame)), radius_px=_AWAY_PX)

    def make() -> Made:
        return Made((), track_camera(source, exclude=exclude).as_dict())

    with run.stage(STAGE, units=1) as progress:
        record = progress.make(
            Unit(STAGE, "camera", stage_key(STAGE, VERSION, _content(ingested) if tracked is None else tracked.key)),
            make,
        )
    sx, sy = to_proxy_scale(ingested.plate.canvas, ingested.proxy_size)
    return CameraPath.from_dict(record.facts).scaled(1.0 / sx, 1.0 / sy)


def _content(ingested: Ingested) -> list[str]:
    """What a track hangs on where nobody was tracked before."""
    return [ingested.keys[frame] for frame in ingested.plate.frames]
