"""What a movie holds: size, rate, colour tags, timecode, sound.

Frames are counted from the packets, because the counts that containers state are wrong too often.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import av

from wanfx.errors import FrameReadError, MovieError
from wanfx.frames import Size

# ITU-T H.273 code points by the names that FFmpeg gives them.
_PRIMARIES: Mapping[int, str] = {
    1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020", 10: "smpte428",
    11: "smpte431", 12: "smpte432", 22: "ebu3213",
}  # fmt: skip
_TRANSFERS: Mapping[int, str] = {
    1: "bt709", 4: "gamma22", 5: "gamma28", 6: "smpte170m", 7: "smpte240m", 8: "linear", 9: "log100", 10: "log316",
    11: "iec61966-2-4", 12: "bt1361e", 13: "iec61966-2-1", 14: "bt2020-10", 15: "bt2020-12", 16: "smpte2084",
    17: "smpte428", 18: "arib-std-b67",
}  # fmt: skip
_MATRICES: Mapping[int, str] = {
    0: "gbr", 1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "ycgco", 9: "bt2020nc",
    10: "bt2020c", 14: "ictcp",
}  # fmt: skip
_UNTAGGED = "unspecified"
_FULL_RANGE = 2
_STANDARD_DEFINITION_HEIGHT_PX = 576
_STANDARD_RATES = (*(Fraction(rate) for rate in (24, 25, 30, 48, 50, 60)),
                   *(Fraction(rate * 1000, 1001) for rate in (24, 30, 48, 60)))  # fmt: skip
CONVERT = "convert the movie to ProRes 422 HQ at a constant rate"
_DECODE_THREADS = 2


@dataclass(frozen=True)
class AudioInfo:
    """The first audio stream. ``start_s`` is on the container's clock, as `MovieInfo.start_s` is."""

    codec: str
    sample_rate_hz: int
    channels: int
    start_s: Fraction


@dataclass(frozen=True)
class MovieInfo:
    """What a movie holds.

    ``size`` is as seen, after ``rotation`` (clockwise degrees from coded to seen); ``coded_size`` as stored.
    ``transfer``, ``primaries`` and ``matrix_tag`` are FFmpeg's names, "unspecified" where the file does not say;
    ``matrix`` and ``range`` are what is used: where the file does not say, BT.601 up to 576 lines and BT.709 above,
    and limited range for YUV. ``pixel_aspect`` within 0.1 % of 1 is taken for an encoder's rounding of 1.
    ``timecode`` is that of the first frame, as the file writes it.
    ``rate_evidence`` says in words why the rate is called variable.
    """

    path: Path
    codec: str
    size: Size
    coded_size: Size
    rotation: Literal[0, 90, 180, 270]
    pixel_aspect: Fraction
    fps: Fraction
    frame_count: int
    duration_s: Fraction
    start_s: Fraction
    pixel_format: str
    bit_depth: int
    range: Literal["limited", "full"]
    matrix: str
    matrix_tag: str
    transfer: str
    primaries: str
    timecode: str | None
    is_interlaced: bool
    is_variable_rate: bool
    rate_evidence: str
    audio: AudioInfo | None

    @property
    def tags(self) -> dict[str, str]:
        """The colour tags as `wanfx_color.tell_color_space` takes them."""
        return {"primaries": self.primaries, "transfer": self.transfer, "matrix": self.matrix_tag}


@dataclass(frozen=True)
class PacketScan:
    """The packets of a movie's picture: presentation times in order, in ticks of ``tick_s``; none where any lacks one.

    ``frame_count`` leaves out the packets that an edit list discards; ``packet_count`` has them.
    """

    times: tuple[int, ...]
    tick_s: Fraction
    frame_count: int
    packet_count: int


def probe_movie(path: str | Path) -> MovieInfo:
    """What the movie at ``path`` holds. Reads every packet and decodes one frame.

    Raises MovieError where it is no movie, has no picture or no frames, and FrameReadError where it ends early.
    """
    path = Path(path)
    with open_movie(path) as container:
        stream = picture_stream(container, path)
        scan = scan_packets(container, stream)
        stated, average = stream.frames, stream.average_rate or stream.guessed_rate
    if stated > scan.packet_count:
        raise ends_early(path, at=scan.frame_count, of=stated)
    if scan.frame_count == 0:
        raise MovieError("the movie has no frames", path=path, remedy="export it again")
    if not average:
        raise MovieError("the movie does not say its frame rate", path=path, remedy=CONVERT)
    fps, evidence = _find_rate(scan, average=Fraction(average))
    with open_movie(path) as container:
        return _describe(container, path, scan=scan, fps=fps, evidence=evidence)


def _find_rate(scan: PacketScan, *, average: Fraction) -> tuple[Fraction, str]:
    """The constant rate on whose grid all frames lie, and ""; else the nearest rate, and why it is variable.

    A frame may be off its place by what the container's clock cannot express, or by a tenth of a frame.
    """
    times = [(time - scan.times[0]) * scan.tick_s for time in scan.times]
    if len(times) < 2 or times[-1] <= 0:
        return _standard(average), ""
    measured = (len(times) - 1) / times[-1]
    for fps in (average, _standard(average), _standard(measured), measured):
        slack = max(scan.tick_s, Fraction(1, 10) / fps)
        if all(abs(time - index / fps) <= slack for index, time in enumerate(times)):
            return _standard(fps), ""
    gaps = [after - before for before, after in pairwise(times)]
    longest = max(range(len(gaps)), key=gaps.__getitem__)
    evidence = (
        f"frames last from {float(min(gaps)) * 1000:.1f} to {float(gaps[longest]) * 1000:.1f} ms; "
        f"the longest is frame {longest} (from 0)"
    )
    return _standard(measured), evidence


def _standard(rate: Fraction) -> Fraction:
    """The standard rate within 0.02 % of ``rate``, else ``rate`` with a denominator up to 1001."""
    nearest = min(_STANDARD_RATES, key=lambda standard: abs(standard - rate))
    return nearest if abs(nearest / rate - 1) < Fraction(2, 10_000) else rate.limit_denominator(1001)


def _describe(container: Any, path: Path, *, scan: PacketScan, fps: Fraction, evidence: str) -> MovieInfo:
    stream = picture_stream(container, path)
    try:
        frame = next(container.decode(stream), None)
    except av.FFmpegError as error:
        raise FrameReadError(f"cannot be decoded ({error})", path=path, frame=0, remedy=CONVERT) from error
    if frame is None:
        raise MovieError("the movie has no frames", path=path, remedy="export it again")
    rotation = _clockwise(path, frame.rotation)
    size = Size(frame.width, frame.height)
    pixel_format = frame.format
    matrix_tag = "gbr" if pixel_format.is_rgb else _MATRICES.get(int(frame.colorspace), _UNTAGGED)
    aspect = _pixel_aspect(Fraction(stream.sample_aspect_ratio or 1))
    return MovieInfo(
        path=path,
        codec=stream.codec_context.name,
        size=size if rotation in (0, 180) else Size(size.height, size.width),
        coded_size=size,
        rotation=rotation,
        pixel_aspect=aspect if rotation in (0, 180) else 1 / aspect,
        fps=fps,
        frame_count=scan.frame_count,
        duration_s=scan.frame_count / fps,
        start_s=scan.times[0] * scan.tick_s if scan.times else Fraction(0),
        pixel_format=pixel_format.name,
        bit_depth=pixel_format.components[0].bits,
        range=_range(frame),
        matrix=_matrix(matrix_tag, size),
        matrix_tag=matrix_tag,
        transfer=_TRANSFERS.get(int(frame.color_trc), _UNTAGGED),
        primaries=_PRIMARIES.get(int(frame.color_primaries), _UNTAGGED),
        timecode=_timecode(container, stream),
        is_interlaced=bool(frame.interlaced_frame),
        is_variable_rate=bool(evidence),
        rate_evidence=evidence,
        audio=_audio(container),
    )


def _clockwise(path: Path, counterclockwise: float) -> Literal[0, 90, 180, 270]:
    turns: Mapping[int, Literal[0, 90, 180, 270]] = {0: 0, 90: 90, 180: 180, 270: 270}
    degrees = round(-counterclockwise) % 360
    if degrees not in turns:
        raise MovieError(f"the movie is rotated by {degrees} degrees", path=path, remedy=CONVERT)
    return turns[degrees]


def _pixel_aspect(stated: Fraction) -> Fraction:
    return Fraction(1) if stated <= 0 or abs(stated - 1) < Fraction(1, 1000) else stated


def _range(frame: Any) -> Literal["limited", "full"]:
    name = frame.format.name
    is_full = int(frame.color_range) == _FULL_RANGE or name.startswith("yuvj") or frame.format.is_rgb or name == "pal8"
    return "full" if is_full else "limited"


def _matrix(tag: str, size: Size) -> str:
    if tag != _UNTAGGED:
        return tag
    return "smpte170m" if min(size.width, size.height) <= _STANDARD_DEFINITION_HEIGHT_PX else "bt709"


def _timecode(container: Any, stream: Any) -> str | None:
    for holder in (stream, container, *container.streams):
        if "timecode" in holder.metadata:
            return str(holder.metadata["timecode"])
    return None


def _audio(container: Any) -> AudioInfo | None:
    stream = next(iter(container.streams.audio), None)
    if stream is None or stream.codec_context is None:
        return None
    start = Fraction(stream.start_time or 0) * Fraction(stream.time_base)
    return AudioInfo(stream.codec_context.name, stream.codec_context.sample_rate, stream.codec_context.channels, start)


@contextmanager
def open_movie(path: Path) -> Iterator[Any]:
    """The av container of the movie at ``path``, closed at the end. Raises MovieError."""
    try:
        container = av.open(str(path))
    except FileNotFoundError as error:
        raise MovieError("the movie is not there", path=path, remedy="check the path") from error
    except (av.FFmpegError, OSError) as error:
        raise MovieError(f"this is no movie that can be read ({error.strerror})", path=path, remedy=CONVERT) from error
    with container:
        yield container


def picture_stream(container: Any, path: Path) -> Any:
    """The first video stream that is no cover picture, set to refuse damaged data. Raises MovieError."""
    for stream in container.streams.video:
        if not stream.disposition & av.stream.Disposition.attached_pic and stream.codec_context is not None:
            # The H.264 decoder marks a damaged frame; others hide damage unless told to stop. Threads that work on
            # frames, not slices, would report an error packets later than it was.
            if stream.codec_context.name != "h264":
                stream.codec_context.options = {"err_detect": "explode"}
            stream.codec_context.thread_type = "SLICE"
            stream.codec_context.thread_count = _DECODE_THREADS
            return stream
    raise MovieError("the file has no picture", path=path, remedy="give a movie with a video stream")


def scan_packets(container: Any, stream: Any) -> PacketScan:
    """Every packet of ``stream``, without decoding."""
    times: list[int] = []
    count = packets = 0
    try:
        for packet in container.demux(stream):
            packets += bool(packet.size)
            if packet.size and not packet.is_discard:
                count += 1
                times.extend(() if packet.pts is None else (packet.pts,))
    except av.FFmpegError:
        # What follows cannot be read; whether that is an error depends on the count, which the caller checks.
        pass
    times.sort()
    return PacketScan(tuple(times) if len(times) == count else (), Fraction(stream.time_base), count, packets)


def ends_early(path: Path, *, at: int, of: int) -> FrameReadError:
    """The error for a movie of ``of`` frames that stops before frame ``at`` (from 0)."""
    return FrameReadError(
        f"the movie ends here; it says it has {of} frames", path=path, frame=at, remedy="copy it again"
    )
