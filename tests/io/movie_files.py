"""Tiny movies for tests, made with PyAV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

MATRICES = {"bt709": 1, "smpte170m": 6, "bt2020nc": 9}
LUMA = {"bt709": (0.2126, 0.0722), "smpte170m": (0.299, 0.114), "bt2020nc": (0.2627, 0.0593)}


def write_planes(
    path: Path,
    frames: Sequence[Sequence[np.ndarray]],
    *,
    codec: str = "ffv1",
    pixel_format: str = "yuv444p",
    fps: Fraction = Fraction(24),
    times_ms: Sequence[int] | None = None,
    rotation: float | None = None,
    matrix: int = 2,
    color_range: int = 0,
    transfer: int = 2,
    primaries: int = 2,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """A movie of these planes (Y, Cb, Cr integers of the format's depth), tagged as told."""
    height, width = frames[0][0].shape
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=fps)
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = width, height, pixel_format
        context.colorspace, context.color_range = matrix, color_range
        context.color_trc, context.color_primaries = transfer, primaries
        if times_ms:
            context.time_base = Fraction(1, 1000)
        if rotation is not None:
            stream.set_display_rotation(rotation)
        stream.metadata.update(metadata or {})
        for index, planes in enumerate(frames):
            frame = to_frame(planes, pixel_format)
            frame.pts = times_ms[index] if times_ms else index
            frame.time_base = Fraction(1, 1000) if times_ms else 1 / fps
            frame.colorspace, frame.color_range = matrix, color_range
            frame.color_trc, frame.color_primaries = transfer, primaries
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def to_frame(planes: Sequence[np.ndarray], pixel_format: str) -> Any:
    height, width = planes[0].shape
    frame = av.VideoFrame(width, height, pixel_format)
    for plane, values in zip(frame.planes, planes, strict=True):
        rows = np.zeros((plane.height, plane.line_size // values.itemsize), values.dtype)
        rows[:, : values.shape[1]] = values
        plane.update(rows.tobytes())
    return frame


def flat(luma: int, *, size: tuple[int, int] = (48, 64), chroma: int = 128, down: int = 2) -> list[np.ndarray]:
    """8-bit planes of one colour; ``down`` is how much smaller chroma is."""
    height, width = size
    small = (-(-height // down), -(-width // down))
    return [np.full(size, luma, np.uint8), np.full(small, chroma, np.uint8), np.full(small, chroma, np.uint8)]


def expected_rgb(planes: Sequence[np.ndarray], *, bits: int, matrix: str, is_full: bool) -> np.ndarray:
    """RGB by the defining equations of ITU-R BT.709, BT.601 and BT.2020, in float64."""
    kr, kb = LUMA[matrix]
    y, cb, cr = (plane.astype(np.float64) for plane in planes)
    step = 2 ** (bits - 8)
    if is_full:
        y, cb, cr = y / (2**bits - 1), (cb - 128 * step) / (2**bits - 1), (cr - 128 * step) / (2**bits - 1)
    else:
        y, cb, cr = (y - 16 * step) / (219 * step), (cb - 128 * step) / (224 * step), (cr - 128 * step) / (224 * step)
    red, blue = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
    return np.stack([red, (y - kr * red - kb * blue) / (1 - kr - kb), blue], axis=-1)


def tone(path: Path, *, seconds: float, click_s: float, rate_hz: int = 48000, fps: int = 24) -> Path:
    """A movie of black frames (white from ``click_s`` on) with silence, then a tone from ``click_s`` on."""
    with av.open(str(path), "w") as output:
        picture = output.add_stream("libx264", rate=fps)
        picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        sound = output.add_stream("aac", rate=rate_hz, layout="mono")
        for index in range(round(seconds * fps)):
            frame = to_frame(flat(235 if index / fps >= click_s else 16), "yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            output.mux(picture.encode(frame))
        output.mux(picture.encode(None))
        time_s = np.arange(round(seconds * rate_hz)) / rate_hz
        wave = np.where(time_s >= click_s, 0.5 * np.sin(2 * np.pi * 1000 * time_s), 0.0).astype(np.float32)
        for start in range(0, len(wave), 1024):
            part = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], format="fltp", layout="mono")
            part.sample_rate, part.pts, part.time_base = rate_hz, start, Fraction(1, rate_hz)
            output.mux(sound.encode(part))
        output.mux(sound.encode(None))
    return path


def sound_of(path: Path) -> tuple[np.ndarray, int]:
    """The first channel from the first picture's time on, and its rate."""
    parts: list[np.ndarray] = []
    with av.open(str(path)) as source:
        stream = source.streams.audio[0]
        resampler = av.AudioResampler("fltp", stream.codec_context.layout.name, stream.codec_context.sample_rate)
        for frame in source.decode(stream):
            if not parts:
                parts.append(np.zeros(max(0, round(frame.time * frame.sample_rate)), np.float32))
            parts.extend(part.to_ndarray()[0] for part in resampler.resample(frame))
        return np.concatenate(parts), stream.codec_context.sample_rate
