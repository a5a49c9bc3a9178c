"""Decoded video frames to RGB in float32, exactly and without a clamp.

libswscale can do this too, but it clips at 0 and 1 (measured), and so loses the superwhites and footroom that video
keeps there on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.errors import MovieError

Plane = npt.NDArray[np.float32]

# Kr and Kb of ITU-R BT.709, FCC 47 CFR 73.682, BT.601, SMPTE ST 240 and BT.2020 (non-constant luminance).
_LUMA: Mapping[str, tuple[float, float]] = {
    "bt709": (0.2126, 0.0722),
    "fcc": (0.30, 0.11),
    "bt470bg": (0.299, 0.114),
    "smpte170m": (0.299, 0.114),
    "smpte240m": (0.212, 0.087),
    "bt2020nc": (0.2627, 0.0593),
}

# Other layouts of the same samples, repacked without any arithmetic on them.
_REPACKED: Mapping[str, str] = {
    "nv12": "yuv420p",
    "nv21": "yuv420p",
    "nv16": "yuv422p",
    "yuyv422": "yuv422p",
    "uyvy422": "yuv422p",
    "p010le": "yuv420p10le",
    "p210le": "yuv422p10le",
    "p012le": "yuv420p12le",
    "p016le": "yuv420p16le",
    **dict.fromkeys(("rgb24", "bgr24", "rgba", "bgra", "argb", "abgr", "rgb0", "bgr0", "0rgb", "0bgr", "pal8"), "gbrp"),
    **dict.fromkeys(("rgb48le", "rgb48be", "bgr48le", "rgba64le", "rgba64be", "bgra64le", "gbrp16be"), "gbrp16le"),
}

# Catmull-Rom weights of the samples -2 .. 2 for a place a quarter before, a quarter after and a half after sample 0.
_HERE = np.array([0, 0, 1, 0, 0], np.float32)
_QUARTER_BEFORE = np.array([-0.0234375, 0.2265625, 0.8671875, -0.0703125, 0], np.float32)
_QUARTER_AFTER = _QUARTER_BEFORE[::-1].copy()
_HALF_AFTER = np.array([0, -0.0625, 0.5625, 0.5625, -0.0625], np.float32)


def frame_to_rgb(frame: Any, *, matrix: str, is_full_range: bool) -> npt.NDArray[np.float32]:
    """An ``av.VideoFrame`` as (H, W, 3) float32, encoded as it was; 0 is black and 1 white, and values may exceed both.

    ``matrix`` is FFmpeg's name (``bt709``, ``smpte170m``, ...). Chroma is interpolated bicubically from where H.264 and
    MPEG-2 put it when nothing is said: beside the left column, between the rows. Alpha is left out.
    Raises MovieError for a pixel format or matrix that is not known.
    """
    name = frame.format.name
    if name in _REPACKED:
        frame = frame.reformat(format=_REPACKED[name])
    if not _is_planar(frame.format):
        raise MovieError(f"pixel format {name} cannot be read", remedy="convert the movie to ProRes 422 HQ")
    planes = [_plane(frame, index) for index in range(min(3, len(frame.planes)))]
    bits = frame.format.components[0].bits
    if frame.format.name.startswith("gray"):
        luma = _scaled(planes[0], bits=bits, is_full_range=is_full_range)
        return np.repeat(luma[..., None], 3, axis=-1)
    if frame.format.is_rgb:
        green, blue, red = planes
        return np.stack([_scaled(plane, bits=bits, is_full_range=True) for plane in (red, green, blue)], axis=-1)
    size = (frame.height, frame.width)
    yuv = cv2.merge([planes[0], *(_upsample_chroma(plane, size=size) for plane in planes[1:])])
    return np.asarray(cv2.transform(yuv, yuv_to_rgb(matrix, bits=bits, is_full_range=is_full_range)), np.float32)


def yuv_to_rgb(matrix: str, *, bits: int, is_full_range: bool) -> npt.NDArray[np.float32]:
    """The (3, 4) matrix from integer Y, Cb, Cr to R, G, B of 0 to 1 (ITU-T H.273, 8.3). Raises MovieError."""
    if matrix not in _LUMA:
        raise MovieError(f"the colour matrix {matrix} cannot be read", remedy="convert the movie to ProRes 422 HQ")
    kr, kb = _LUMA[matrix]
    kg = 1.0 - kr - kb
    step = 2.0 ** (bits - 8)
    black, luma, chroma = (0.0, 2.0**bits - 1, 2.0**bits - 1) if is_full_range else (16 * step, 219 * step, 224 * step)
    red, blue = 2.0 * (1.0 - kr) / chroma, 2.0 * (1.0 - kb) / chroma
    rows = np.array(
        [
            [1.0 / luma, 0.0, red, 0.0],
            [1.0 / luma, -kb / kg * blue, -kr / kg * red, 0.0],
            [1.0 / luma, blue, 0.0, 0.0],
        ]
    )
    rows[:, 3] = -rows[:, :3] @ np.array([black, 128 * step, 128 * step])
    return rows.astype(np.float32)


def _is_planar(pixel_format: Any) -> bool:
    name: str = pixel_format.name
    if name.endswith("be") or not name.startswith(("yuv", "gbr", "gray")):
        return False
    ratios = _chroma_ratios(pixel_format)
    return all(ratio in (1, 2) for ratio in ratios) and ratios != (1, 2)


def _chroma_ratios(pixel_format: Any) -> tuple[int, int]:
    """How many luma samples there are to a chroma sample, across and down."""
    if pixel_format.is_rgb or pixel_format.name.startswith("gray"):
        return 1, 1
    return 64 // pixel_format.chroma_width(64), 64 // pixel_format.chroma_height(64)


def _plane(frame: Any, index: int) -> Plane:
    plane = frame.planes[index]
    if "f32" in frame.format.name:
        kind: type[np.generic] = np.float32
    else:
        kind = np.uint8 if frame.format.components[0].bits <= 8 else np.uint16
    rows = np.frombuffer(plane, kind).reshape(plane.height, -1)
    return rows[:, : plane.width].astype(np.float32)


def _scaled(plane: Plane, *, bits: int, is_full_range: bool) -> Plane:
    if bits == 32:
        return plane
    step = 2.0 ** (bits - 8)
    black, span = (0.0, 2.0**bits - 1) if is_full_range else (16 * step, 219 * step)
    return np.asarray((plane - np.float32(black)) * np.float32(1.0 / span))


def _upsample_chroma(plane: Plane, *, size: tuple[int, int]) -> Plane:
    height, width = size
    columns = [_HERE, _HALF_AFTER] if plane.shape[1] != width else [_HERE]
    rows = [_QUARTER_BEFORE, _QUARTER_AFTER] if plane.shape[0] != height else [_HERE]
    if len(columns) == len(rows) == 1:
        return plane
    full = np.empty((plane.shape[0] * len(rows), plane.shape[1] * len(columns)), np.float32)
    for y, down in enumerate(rows):
        for x, across in enumerate(columns):
            full[y :: len(rows), x :: len(columns)] = _filtered(plane, across=across, down=down)
    return full[:height, :width]


def _filtered(plane: Plane, *, across: Plane, down: Plane) -> Plane:
    filtered = cv2.sepFilter2D(plane, cv2.CV_32F, across, down, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(filtered, np.float32)
