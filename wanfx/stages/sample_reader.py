"""The frames that a clean plate is made from, read once and kept as far as memory allows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.images import Plate
from wanfx.io import exr
from wanfx.ops.camera import CameraPath
from wanfx.ops.clean import Sample
from wanfx.ops.edges import grow_matte
from wanfx.ops.glance import Glance, glance_step, take_glance
from wanfx.pixels import to_finite, to_type
from wanfx.stages.refine import Refined

Array = npt.NDArray[np.float32]
_CACHE_BYTES = 256 * 2**20


class SampleReader:
    """Frames and what is hidden in them, the last ones read kept within `_CACHE_BYTES`; glances are small, and stay."""

    def __init__(
        self, plate: Plate, refined: Refined, *, grow_px: float, floor: float, count: int,
        bad_frames: Collection[int] = (),
    ) -> None:  # fmt: skip
        self._plate, self._refined, self._grow_px, self.floor = plate, refined, grow_px, floor
        self._count, self._bad_frames = count, bad_frames
        self.step = glance_step(plate.canvas.width)
        self._lock = threading.Lock()
        self._cache: OrderedDict[int, npt.NDArray[Any]] = OrderedDict()
        self._glances: dict[int, Glance] = {}

    def hidden(self, frame: int) -> Array:
        """(H, W): the subject's alpha, grown; and 1 where the plate is NaN or Inf, which hides the background too."""
        matte = exr.read_matte(self._refined.matte.path(frame), canvas=self._plate.canvas)
        hidden = grow_matte(matte, radius_px=self._grow_px)
        if frame in self._bad_frames:
            rgb = exr.read_frame(self._plate.path(frame), canvas=self._plate.canvas, frame=frame).rgb
            hidden[~np.isfinite(rgb).all(axis=2)] = 1
        return hidden

    def glance(self, frame: int) -> Glance:
        """A glance at a sample; there are no more than ``clean.samples`` of them."""
        with self._lock:
            if frame not in self._glances:
                self._glances[frame] = take_glance(self._read(frame), self.hidden(frame), floor=self.floor)
            return self._glances[frame]

    def samples(self, frames: Iterable[int], camera: CameraPath, frame: int) -> list[Sample]:
        """``frames`` as samples for ``frame``."""
        return [Sample(self.glance(other), partial(self.read, other), camera.between(other, frame)) for other in frames]

    def read(self, frame: int) -> npt.NDArray[Any]:
        """RGB (NaN and Inf as 0), native type."""
        with self._lock:
            return self._read(frame)

    def _read(self, frame: int) -> npt.NDArray[Any]:
        if frame in self._cache:
            self._cache.move_to_end(frame)
            return self._cache[frame]
        rgb = exr.read_frame(self._plate.path(frame), canvas=self._plate.canvas, frame=frame).rgb
        # Converted once where all of them fit.
        fits = rgb.size * 4 * self._count <= _CACHE_BYTES
        entry = to_finite(rgb) if fits else to_type(to_finite(rgb), rgb.dtype)
        while self._cache and entry.nbytes * (len(self._cache) + 1) > _CACHE_BYTES:
            self._cache.popitem(last=False)
        self._cache[frame] = entry
        return entry
