"""Review movies: display pictures encoded for a player or an editor, with the source's sound and timecode."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import cv2
import numpy as np
import numpy.typing as npt

from wanfx.errors import InputError
from wanfx.frames import Size
from wanfx.io.atomic import atomic_path, write_error
from wanfx.io.audio import AudioTrack, Container
from wanfx.io.yuv import yuv_to_rgb

Codec = Literal["h264", "prores", "dnxhr"]
Picture = npt.NDArray[np.float32]

_BT709 = 1
_LIMITED = 1
_DNXHR_LEAST = Size(256, 120)
_QUARTER_HALF_QUARTER = np.array([0.25, 0.5, 0.25], np.float32)
_ONE = np.array([1.0], np.float32)
_THREADS = 4
"""Fixed, because x264 writes other bytes with another number of threads."""


@dataclass(frozen=True)
class _Encoding:
    encoder: str
    pixel_format: str
    bits: int
    container: Container
    options: dict[str, str]


_ENCODINGS: dict[Codec, _Encoding] = {
    "h264": _Encoding("libx264", "yuv420p", 8, "mp4", {"crf": "16", "preset": "faster", "profile": "high"}),
    "prores": _Encoding("prores_ks", "yuv422p10le", 10, "mov", {"profile": "hq", "vendor": "apl0"}),
    "dnxhr": _Encoding("dnxhd", "yuv422p10le", 10, "mov", {"profile": "dnxhr_hqx"}),
}


def review_suffix(codec: Codec) -> str:
    """The suffix of a review movie: ``.mp4`` for H.264, ``.mov`` for ProRes and DNxHR."""
    return f".{_ENCODINGS[codec].container}"


def write_review_movie(
    path: str | Path,
    pictures: Iterable[Picture],
    *,
    fps: Fraction,
    size: Size,
    codec: Codec,
    audio_from: Path | None = None,
    audio_start_s: float = 0.0,
    timecode: str | None = None,
    label: Callable[[int], Sequence[str]] | None = None,
) -> int:
    """Write ``pictures`` as a movie and return how many there were; the same pictures make the same bytes.

    Pictures are (H, W, 3) float32 of ``size``, display-encoded; what lies outside [0, 1] is clipped, as a display
    would. H.264 is 4:2:0 8-bit at CRF 16, ProRes 422 HQ and DNxHR HQX are 10-bit; all are limited range and tagged
    BT.709, so give them an sRGB or Rec.1886 view. An odd size grows by one column or row, a copy of the last.
    ``audio_start_s`` is where the shot starts after the first picture of ``audio_from``. ``timecode`` is the first
    frame's. ``label`` gives the burn-in lines for the index of a picture.

    Raises InputError for no pictures, one of another size, a size too small for DNxHR, or a suffix that is not the
    codec's (`review_suffix`); what `atomic_path` raises; MovieError where the sound cannot be read.
    """
    path = Path(path)
    encoding = _ENCODINGS[codec]
    _check_request(path, codec=codec, size=size)
    with atomic_path(path) as temporary, ExitStack() as stack:
        try:
            output = stack.enter_context(_open_output(temporary, encoding))
            stream = _add_picture(output, encoding, fps=fps, size=size, timecode=timecode)
            track = None
            if audio_from is not None:
                track = AudioTrack(output, audio_from, kind=encoding.container, start_s=audio_start_s)
                stack.enter_context(track)
            count = 0
            for count, picture in enumerate(pictures, start=1):
                _check_picture(picture, path=path, index=count - 1, size=size)
                shown = draw_burn_in(picture, label(count - 1)) if label else picture
                output.mux(stream.encode(_to_frame(shown, encoding, index=count - 1, fps=fps)))
                if track is not None:
                    track.write_until(count / fps)
            if count == 0:
                raise InputError("there are no pictures for the review movie", path=path, remedy="check the frames")
            output.mux(stream.encode(None))
            if track is not None:
                track.finish(count / fps)
        except OSError as error:
            raise write_error(error, path=path) from error
    return count


def _check_request(path: Path, *, codec: Codec, size: Size) -> None:
    if path.suffix != review_suffix(codec):
        raise InputError(f"a {codec} movie cannot be a {path.suffix}", path=path, remedy=f"use {review_suffix(codec)}")
    if codec == "dnxhr" and (size.width < _DNXHR_LEAST.width or size.height < _DNXHR_LEAST.height):
        remedy = f"use at least {_DNXHR_LEAST}, or review.codec=prores"
        raise InputError(f"{size} is too small for DNxHR", path=path, key="review.codec", remedy=remedy)


def _check_picture(picture: Picture, *, path: Path, index: int, size: Size) -> None:
    if picture.shape != (size.height, size.width, 3):
        what = f"picture {index} is an array of {picture.shape}, not {size} RGB"
        raise InputError(what, path=path, remedy="give pictures of one size")


def _open_output(path: Path, encoding: _Encoding) -> Any:
    options = {"fflags": "+bitexact"}
    if encoding.container == "mp4":
        options["movflags"] = "+faststart"
    return av.open(str(path), "w", format=encoding.container, options=options)


def _add_picture(output: Any, encoding: _Encoding, *, fps: Fraction, size: Size, timecode: str | None) -> Any:
    stream = output.add_stream(encoding.encoder, rate=fps, options=dict(encoding.options))
    context = stream.codec_context
    context.width, context.height = size.width + size.width % 2, size.height + size.height % 2
    context.pix_fmt = encoding.pixel_format
    context.time_base = stream.time_base = 1 / fps
    context.color_primaries = context.color_trc = context.colorspace = _BT709
    context.color_range = _LIMITED
    context.flags |= av.codec.context.Flags.bitexact
    context.thread_count = _THREADS
    if timecode is not None:
        stream.metadata["timecode"] = timecode
    return stream


def _to_frame(picture: Picture, encoding: _Encoding, *, index: int, fps: Fraction) -> Any:
    height, width = picture.shape[:2]
    even = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    frame = av.VideoFrame(even.shape[1], even.shape[0], encoding.pixel_format)
    for plane, values in zip(frame.planes, _yuv_planes(even, encoding), strict=True):
        rows = np.zeros((plane.height, plane.line_size // values.itemsize), values.dtype)
        rows[:, : plane.width] = values
        plane.update(rows.tobytes())
    frame.pts, frame.time_base = index, 1 / fps
    frame.color_range, frame.colorspace = _LIMITED, _BT709
    frame.color_primaries, frame.color_trc = _BT709, _BT709
    return frame


def _yuv_planes(picture: Picture, encoding: _Encoding) -> list[npt.NDArray[np.integer]]:
    """Limited-range BT.709 planes, chroma filtered to where H.264 puts it: the left column, between the rows."""
    to_rgb = yuv_to_rgb("bt709", bits=encoding.bits, is_full_range=False).astype(np.float64)
    inverse = np.linalg.inv(to_rgb[:, :3])
    to_yuv = np.column_stack([inverse, -inverse @ to_rgb[:, 3]]).astype(np.float32)
    yuv = cv2.transform(np.clip(picture, 0.0, 1.0), to_yuv)
    luma, *chromas = cv2.split(yuv)
    is_420 = encoding.pixel_format.startswith("yuv420")
    kind = np.uint8 if encoding.bits == 8 else np.uint16
    return [np.rint(plane).astype(kind) for plane in (luma, *(_halve(chroma, is_420=is_420) for chroma in chromas))]


def _halve(chroma: Any, *, is_420: bool) -> Any:
    soft = cv2.sepFilter2D(chroma, cv2.CV_32F, _QUARTER_HALF_QUARTER, _ONE)[:, ::2]
    return (soft[::2] + soft[1::2]) * np.float32(0.5) if is_420 else soft


def draw_burn_in(picture: Picture, lines: Sequence[str]) -> Picture:
    """A copy of a display picture (H, W, 3) with ``lines`` at its lower left, white on a darkened band.

    Letters are 1/36 of the height, at least 9 px, and smaller where a line would not fit. Text that the font lacks
    is shown as '?'.
    """
    shown = picture.copy()
    if not lines:
        return shown
    height, width = picture.shape[:2]
    texts = [line.encode("ascii", "replace").decode() for line in lines]
    font = cv2.FONT_HERSHEY_SIMPLEX
    scale = max(height / 36.0, 9.0) / 22.0
    widest = max(cv2.getTextSize(text, font, scale, 1)[0][0] for text in texts)
    scale *= min(1.0, 0.96 * width / max(widest, 1))
    line_px = 34.0 * scale
    shown[max(0, height - round(line_px * (len(texts) + 0.4))) :] *= np.float32(0.35)
    ink = np.zeros((height, width), np.uint8)
    for index, text in enumerate(texts):
        place = (round(0.02 * width), round(height - line_px * (len(texts) - index - 0.7)))
        cv2.putText(ink, text, place, font, scale, 255, max(1, round(2 * scale)), cv2.LINE_AA)
    coverage = (ink * np.float32(1 / 255))[..., None]
    return np.asarray(shown * (1 - coverage) + coverage, np.float32)
