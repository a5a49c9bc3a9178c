"""The sound of a source movie beneath new frames, cut to the shot and in sync."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
import numpy.typing as npt

from wanfx.errors import MovieError
from wanfx.io.movie_info import open_movie, picture_stream

Container = Literal["mp4", "mov"]

_COPIED: dict[Container, frozenset[str]] = {
    "mp4": frozenset({"aac", "mp3", "ac3", "eac3", "alac"}),
    "mov": frozenset({"aac", "mp3", "ac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le", "pcm_s24be", "pcm_s32le"}),
}
_ENCODED: dict[Container, tuple[str, str]] = {"mp4": ("aac", "fltp"), "mov": ("pcm_s24le", "s32")}


class AudioTrack:
    """A sound track of ``output``, filled as the picture grows; use as a context manager.

    ``start_s`` is where the shot starts, after the source's first picture. From the source's start the stream is
    copied where the container takes its codec; from anywhere else it is encoded again, because packets do not start at
    frames. Where the source has no sound nothing is added.
    """

    def __init__(self, output: Any, source: Path, *, kind: Container, start_s: float) -> None:
        self._path = source
        self._manager = open_movie(source)
        self._source = self._manager.__enter__()
        stream = next(iter(self._source.streams.audio), None)
        picture = picture_stream(self._source, source)
        picture_start = Fraction(picture.start_time or 0) * Fraction(picture.time_base)
        self._part: _Copied | _Encoded | None = None
        if stream is not None and start_s == 0 and stream.codec_context.name in _COPIED[kind]:
            self._part = _Copied(output, self._source, stream, zero_s=picture_start)
        elif stream is not None:
            zero_s = picture_start + Fraction(start_s).limit_denominator(10**6)
            self._part = _Encoded(output, self._source, stream, kind=kind, zero_s=zero_s)

    def __enter__(self) -> AudioTrack:
        return self

    def __exit__(self, *error: Any) -> None:
        self._manager.__exit__(*error)

    def write_until(self, time_s: Fraction) -> None:
        """Write what sounds before ``time_s`` after the shot's start. Raises MovieError where it cannot be read."""
        try:
            if self._part is not None:
                self._part.write_until(time_s)
        except av.FFmpegError as error:
            raise self._unreadable(error) from error

    def finish(self, end_s: Fraction) -> None:
        """Write the rest, up to ``end_s`` after the shot's start."""
        self.write_until(end_s)
        if isinstance(self._part, _Encoded):
            self._part.flush()

    def _unreadable(self, error: av.FFmpegError) -> MovieError:
        return MovieError(f"the sound cannot be read ({error})", path=self._path, remedy="convert the movie's sound")


class _Copied:
    def __init__(self, output: Any, source: Any, stream: Any, *, zero_s: Fraction) -> None:
        self._output = output
        self._stream = output.add_stream_from_template(stream)
        self._packets = source.demux(stream)
        self._tick_s = Fraction(stream.time_base)
        self._zero = round(zero_s / self._tick_s)
        self._next: Any = None

    def write_until(self, time_s: Fraction) -> None:
        while True:
            packet = self._next or next(self._packets, None)
            self._next = packet
            if packet is None or (packet.pts is not None and (packet.pts - self._zero) * self._tick_s >= time_s):
                return
            self._next = None
            if packet.size and packet.pts is not None:
                packet.pts -= self._zero
                packet.dts = packet.pts
                packet.stream = self._stream
                self._output.mux(packet)


class _Encoded:
    def __init__(self, output: Any, source: Any, stream: Any, *, kind: Container, zero_s: Fraction) -> None:
        codec, self._format = _ENCODED[kind]
        self._output = output
        self._rate_hz = stream.codec_context.sample_rate
        self._layout = stream.codec_context.layout
        self._channels = stream.codec_context.channels
        self._stream = output.add_stream(codec, rate=self._rate_hz, layout=self._layout.name)
        self._stream.codec_context.flags |= av.codec.context.Flags.bitexact
        self._resampler = av.AudioResampler(self._format, self._layout.name, self._rate_hz)
        self._frames = source.decode(stream)
        self._zero_s = zero_s
        self._queue: npt.NDArray[np.generic] | None = None
        self._skip = self._written = self._wanted = 0

    def write_until(self, time_s: Fraction) -> None:
        wanted = int(time_s * self._rate_hz)
        self._fill(wanted - self._written)
        step = self._stream.codec_context.frame_size or 1024
        while self._queue is not None and min(len(self._queue), wanted - self._written) >= step:
            self._encode(step)
        self._wanted = wanted

    def flush(self) -> None:
        rest = 0 if self._queue is None else min(len(self._queue), self._wanted - self._written)
        if rest > 0:
            self._encode(rest)
        self._output.mux(self._stream.encode(None))

    def _fill(self, count: int) -> None:
        """Decode until ``count`` samples wait; silence before the first, and what lies before the shot left out."""
        while self._queue is None or len(self._queue) < count:
            frame = next(self._frames, None)
            if frame is None:
                return
            for part in self._resampler.resample(frame):
                samples = self._samples(part)
                if self._queue is None:
                    lead = round(((frame.pts or 0) * Fraction(frame.time_base) - self._zero_s) * self._rate_hz)
                    self._queue = np.zeros((max(lead, 0), self._channels), samples.dtype)
                    self._skip = max(-lead, 0)
                dropped = min(self._skip, len(samples))
                self._skip -= dropped
                self._queue = np.concatenate([self._queue, samples[dropped:]])

    def _samples(self, frame: Any) -> npt.NDArray[np.generic]:
        array = frame.to_ndarray()
        return np.asarray(array.T if frame.format.is_planar else array.reshape(-1, self._channels))

    def _encode(self, count: int) -> None:
        assert self._queue is not None
        samples, self._queue = self._queue[:count], self._queue[count:]
        is_planar = av.AudioFormat(self._format).is_planar
        array = np.ascontiguousarray(samples.T) if is_planar else np.ascontiguousarray(samples).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(array, format=self._format, layout=self._layout.name)
        frame.sample_rate = self._rate_hz
        frame.pts, frame.time_base = self._written, Fraction(1, self._rate_hz)
        self._written += count
        self._output.mux(self._stream.encode(frame))
