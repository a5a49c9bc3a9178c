"""A measure over the shot as an inline SVG: axes, units, and the values that the page's script reads out.

Long shots are never cut: their frames are put into buckets, each with its least, largest and mean value.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from wanfx.qc.measures import MeasureSpec
from wanfx.qc.page_findings import number

BUCKETS = 240
WIDTH, HEIGHT = 560, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 54, 10, 10, 30


@dataclass(frozen=True)
class Bucket:
    """Frames ``first`` to ``last`` and their values."""

    first: int
    last: int
    low: float
    high: float
    mean: float


def reduce_series(values: Mapping[int, float], *, buckets: int = BUCKETS) -> list[Bucket]:
    """``values`` as at most ``buckets`` buckets of equally many frame numbers, in order; empty ones are left out.

    >>> [(b.first, b.last, b.low, b.high, b.mean) for b in reduce_series({1: 2.0, 2: 4.0, 3: 9.0}, buckets=2)]
    [(1, 2, 2.0, 4.0, 3.0), (3, 3, 9.0, 9.0, 9.0)]
    """
    if not values:
        return []
    start, end = min(values), max(values)
    size = math.ceil((end - start + 1) / buckets)
    groups: dict[int, list[int]] = {}
    for frame in sorted(values):
        groups.setdefault((frame - start) // size, []).append(frame)
    found = []
    for frames in groups.values():
        there = [values[frame] for frame in frames]
        found.append(Bucket(frames[0], frames[-1], min(there), max(there), math.fsum(there) / len(there)))
    return found


def draw_plot(
    spec: MeasureSpec, values: Mapping[int, float], *, frames: tuple[int, int], limit: float | None,
    beside: Mapping[int, float] | None = None,
) -> str:  # fmt: skip
    """A figure of the measure over ``frames`` (first and last); ``limit`` is drawn as a dashed line.

    ``beside`` is the measure that is drawn pale behind it, to be compared with.
    """
    buckets, others = reduce_series(values), reduce_series(beside or {})
    scale = _Scale.of(spec, [*buckets, *others], frames=frames, limit=limit)
    pale = [part.replace('class="', 'class="beside ', 1) for part in _curve(scale, others)]
    parts = [*_axes(scale), *_limit(scale, limit), *pale, *_curve(scale, buckets)]
    also = [[b.first, b.last, float(f"{b.mean:.5g}")] for b in others]
    low, high = min(bucket.low for bucket in buckets), max(bucket.high for bucket in buckets)
    mean = math.fsum(values.values()) / len(values)
    summary = f"{number(low)} to {number(high)}, mean {number(mean)}"
    data = [[b.first, b.last, *(float(f"{v:.5g}") for v in (b.low, b.high, b.mean)),
             round(scale.x((b.first + b.last) / 2), 1), round(scale.y(b.mean), 1)] for b in buckets]  # fmt: skip
    label = f"{spec.label}, {spec.unit}: {summary}"
    return (
        f'<figure class="plot"><figcaption><b>{escape(spec.label)}</b> <span>{escape(spec.unit)}</span>'
        f"{_key(spec, beside)}"
        f'<output aria-live="polite" data-rest="{escape(summary)}">{escape(summary)}</output></figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" tabindex="0" aria-label="{escape(label)}" '
        f'data-points="{escape(json.dumps(data, separators=(",", ":")))}" data-name="{escape(spec.beside_label)}" '
        f'data-beside="{escape(json.dumps(also, separators=(",", ":")))}">{"".join(parts)}'
        f'<line class="cursor" y1="{_TOP}" y2="{HEIGHT - _BOTTOM}" x1="-9" x2="-9"/><circle class="dot" r="3.5" '
        'cx="-9" cy="-9"/></svg></figure>'
    )


def _key(spec: MeasureSpec, beside: Mapping[int, float] | None) -> str:
    """What the pale curve is, with its mean."""
    if not beside:
        return ""
    mean = math.fsum(beside.values()) / len(beside)
    return f'<span class="key">{escape(spec.beside_label)}, mean {number(mean)}</span>'


@dataclass(frozen=True)
class _Scale:
    """From frames and values to the drawing."""

    first: int
    last: int
    ticks: tuple[float, ...]

    @classmethod
    def of(
        cls, spec: MeasureSpec, buckets: Sequence[Bucket], *, frames: tuple[int, int], limit: float | None
    ) -> _Scale:
        low, high = min(bucket.low for bucket in buckets), max(bucket.high for bucket in buckets)
        if spec.is_share:
            low, high = 0.0, 1.0
        elif limit is not None and spec.limit != 0:
            high = max(high, limit * 1.1)
        if low > 0 and low < 0.6 * high:
            low = 0.0
        if low == high:
            low, high = min(low, 0.0), max(high, 0.0) if high else 1.0
        return cls(frames[0], max(frames[1], frames[0] + 1), _round_ticks(low, high))

    def x(self, frame: float) -> float:
        return _LEFT + (frame - self.first) / (self.last - self.first) * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        low, high = self.ticks[0], self.ticks[-1]
        return HEIGHT - _BOTTOM - (value - low) / (high - low) * (HEIGHT - _TOP - _BOTTOM)


def _round_ticks(low: float, high: float, *, about: int = 4) -> tuple[float, ...]:
    """Round numbers from at or below ``low`` to at or above ``high``.

    >>> _round_ticks(0.0, 1.0), _round_ticks(3.0, 41.0)
    ((0.0, 0.5, 1.0), (0.0, 10.0, 20.0, 30.0, 40.0, 50.0))
    """
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(float(f"{index * step:.12g}") for index in range(first, last + 1))


def _axes(scale: _Scale) -> list[str]:
    parts = []
    for tick in scale.ticks:
        y = f"{scale.y(tick):.1f}"
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y}" dy="4" text-anchor="end">{number(tick)}</text>')
    for frame, anchor in _frame_ticks(scale.first, scale.last):
        x = f"{scale.x(frame):.1f}"
        parts.append(f'<line class="tick" x1="{x}" x2="{x}" y1="{HEIGHT - _BOTTOM}" y2="{HEIGHT - _BOTTOM + 4}"/>')
        parts.append(f'<text x="{x}" y="{HEIGHT - 12}" text-anchor="{anchor}">{frame}</text>')
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    parts.append(f'<text class="name" x="{middle}" y="{HEIGHT - 1}" text-anchor="middle">frame</text>')
    return parts


def _frame_ticks(first: int, last: int) -> list[tuple[int, str]]:
    """The first and last frame and round ones between, none too near another; and how each is anchored."""
    step = _round_step((last - first) / 5)
    room = (last - first) * 0.12
    between = [f for f in range(first - first % step + step, last, step) if f - first > room and last - f > room]
    return [(first, "middle"), *((frame, "middle") for frame in between), (last, "end")]


def _round_step(rough: float) -> int:
    power = int(10 ** math.floor(math.log10(max(rough, 1.0))))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)


def _limit(scale: _Scale, limit: float | None) -> list[str]:
    if limit is None or not scale.ticks[0] <= limit <= scale.ticks[-1]:
        return []
    y = f"{scale.y(limit):.1f}"
    return [f'<line class="limit" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>']


def _curve(scale: _Scale, buckets: Sequence[Bucket]) -> list[str]:
    """The mean as a line, the range as a band; broken where frames have no value."""
    if not buckets:
        return []
    step = max(bucket.last - bucket.first for bucket in buckets) + 1
    runs: list[list[Bucket]] = [[buckets[0]]]
    for before, bucket in itertools.pairwise(buckets):
        if bucket.first - before.last > step:
            runs.append([])
        runs[-1].append(bucket)
    parts = []
    for run in runs:
        xs = [scale.x((bucket.first + bucket.last) / 2) for bucket in run]
        if any(bucket.low != bucket.high for bucket in run):
            upper = [_point(x, scale.y(bucket.high)) for x, bucket in zip(xs, run, strict=True)]
            lower = [_point(x, scale.y(bucket.low)) for x, bucket in zip(xs, run, strict=True)]
            parts.append(f'<polygon class="band" points="{" ".join([*upper, *reversed(lower)])}"/>')
        line = [_point(x, scale.y(bucket.mean)) for x, bucket in zip(xs, run, strict=True)]
        if len(line) == 1:
            x, y = line[0].split(",")
            parts.append(f'<circle class="mark" r="2.5" cx="{x}" cy="{y}"/>')
        else:
            parts.append(f'<polyline class="line" points="{" ".join(line)}"/>')
    return parts


def _point(x: float, y: float) -> str:
    return f"{x:.1f},{y:.1f}"
