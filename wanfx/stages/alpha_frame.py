"""The alpha of one frame: from the artist's roto, or from the tracker's matte, the plate and the frames beside it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.io import exr
from wanfx.ops.alpha import refine_alpha
from wanfx.ops.flow import dense_flow
from wanfx.ops.matte_time import Neighbor, steady_alpha
from wanfx.ops.trimap import edge_motion
from wanfx.options import RefineOptions
from wanfx.stages.hand_matte import read_hand_matte
from wanfx.stages.ingest import Ingested
from wanfx.stages.matte import Tracked
from wanfx.stages.proxies import ProxySource

Array = npt.NDArray[np.float32]
_OF_WIDTH = 0.01
_KEPT = 6


class AlphaFrames:
    """The alphas of a subject, (H, W) in [0, 1] at the plate's size, before the artist's knobs."""

    def __init__(
        self, ingested: Ingested, tracked: Tracked, *, roto: Mapping[int, Path], options: RefineOptions
    ) -> None:
        self._plate, self._tracked, self._roto, self._options = ingested.plate, tracked, roto, options
        self._pictures = ProxySource(ingested)
        self._size = (ingested.plate.canvas.width, ingested.plate.canvas.height)
        # A frame is its neighbours' neighbour too: it is found once.
        self._found = lru_cache(maxsize=_KEPT)(self._find)
        self._look = lru_cache(maxsize=_KEPT)(self._find_look)

    def neighbors(self, frame: int) -> list[int]:
        """The frames whose mattes this one's alpha depends on."""
        if frame in self._roto or not self._options.steady:
            return []
        return [other for other in (frame - 1, frame + 1) if other in self._plate.frames]

    def read(self, frame: int) -> Array:
        """The frame's alpha. Raises FrameReadError, InputError for a roto of another size, MissingError."""
        neighbors = self.neighbors(frame)
        if not neighbors:
            return self._find(frame)
        beside = [Neighbor(self._found(other), self._pictures.read(other)) for other in neighbors]
        return steady_alpha(
            self._found(frame), self._pictures.read(frame), neighbors=beside, strength=self._options.steady
        )

    def _find(self, frame: int) -> Array:
        plate, options = self._plate, self._options
        if frame in self._roto:
            path = self._roto[frame]
            return read_hand_matte(path, canvas=plate.canvas, display_window=plate.display_window, frame=frame)
        small = exr.read_matte(self._tracked.pattern.path(frame))
        matte = np.clip(cv2.resize(small, self._size, interpolation=cv2.INTER_CUBIC), 0, 1).astype(np.float32)
        radius = options.radius_px if options.radius_px is not None else _OF_WIDTH * self._size[0]
        if not radius:
            return matte
        rgb = exr.read_frame(plate.path(frame), canvas=plate.canvas, frame=frame).rgb
        motion = self._motion(frame, small, reach_px=radius) if options.motion else None
        return refine_alpha(
            rgb, matte, radius_px=radius, method=options.method, motion_px=motion, speck_px=options.speck_px
        )

    def _motion(self, frame: int, small: Array, *, reach_px: float) -> Array | None:
        """How far the edge moves in a frame, (H, W), plate pixels; None where there is no other frame."""
        frames = self._plate.frames
        if len(frames) == 1:
            return None
        other = frame + 1 if frame < frames.last else frame - 1
        flow = dense_flow(self._look(frame), self._look(other))
        size = (flow.shape[1], flow.shape[0])
        scale = self._size[0] / size[0]
        mask = np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_AREA), np.float32)
        moved = edge_motion(flow, mask, reach_px=2 * reach_px / scale)
        return np.asarray(cv2.resize(moved, self._size, interpolation=cv2.INTER_LINEAR), np.float32) * np.float32(scale)

    def _find_look(self, frame: int) -> Array:
        """The analysis picture at half its size: how far an edge is smeared need not be known to the pixel."""
        picture = self._pictures.read(frame)
        half = (max(1, picture.shape[1] // 2), max(1, picture.shape[0] // 2))
        return np.asarray(cv2.resize(picture, half, interpolation=cv2.INTER_AREA), np.float32)
