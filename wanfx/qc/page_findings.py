"""Where to look first: the frames most worth a look, each with its reason."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wanfx.ops.world_slip import find_slipping
from wanfx.qc.measures import BESIDE, FRAME, NOTES, MeasureSpec, Row, find_spec, series

SHOWN_A_REASON = 3
_STANDS_OUT = 4.0
_CERTAIN, _NOTED = 0.6, 0.2
_SLIP_REMEDY = (
    "a picture or clip: set background.follow=camera; a generated world: try another seed, mode guide with a render of "
    "the camera's move, or shorter windows; a world that is to stand in the frame: set background.follow=none. A world "
    "that is meant to be much nearer or farther than the old background rightly does so where the camera travels"
)


@dataclass(frozen=True)
class Finding:
    """Why ``frame``, the worst of ``first`` to ``last``, is worth a look; ``weight`` (0 to 1) says how much."""

    frame: int
    first: int
    last: int
    title: str
    detail: str
    weight: float

    @property
    def frames(self) -> str:
        """The frames as text."""
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def find_findings(manifest: Mapping[str, Any], rows: Sequence[Row]) -> list[Finding]:
    """All findings, the weightiest first; of each reason no more than `SHOWN_A_REASON`."""
    found: list[Finding] = []
    measured = series(rows)
    for name, values in measured.items():
        if BESIDE.get(name) in measured:
            continue
        found += _most(_of_measure(find_spec(name), values))
    found += [*_of_world(rows), *_most(_of_notes(rows))]
    plate = manifest["plate"]
    held = {int(frame): f"{other} stands in" for frame, other in plate["held"].items()}
    bad = {int(frame): f"{count} NaN or Inf values are kept" for frame, count in plate["bad_pixels"].items()}
    there = {row[FRAME] for row in rows}
    for title, texts in (("the plate's frame is missing", held), ("the plate has bad pixels", bad)):
        spans = _spans(sorted(there & set(texts)))
        found += _most(Finding(s[0], s[0], s[-1], title, texts[s[0]], _CERTAIN) for s in spans)
    return sorted(found, key=lambda finding: (-finding.weight, finding.frame, finding.title))


def degraded(manifest: Mapping[str, Any]) -> list[str]:
    """What the whole shot does without, in sentences."""
    character = manifest.get("character") or {}
    said = []
    if character.get("why_card"):
        said.append(f"The character is a card that follows the actor and does not perform: {character['why_card']}.")
    if character.get("missing"):
        said.append(f"The reference does not show, so the character lacks: {', '.join(character['missing'])}.")
    if lost := (manifest.get("world") or {}).get("lost_frames"):
        said.append(f"The camera was lost in {len(lost)} frames from {lost[0]}: the new background only goes on there.")
    return said


def bad_limit(spec: MeasureSpec, values: Mapping[int, float]) -> float | None:
    """Where the measure begins to be bad in this shot; None where no value of it is.

    Without a limit of its own, that is four times the spread (median distance to the median) above the median.
    """
    if spec.bad == "none" or spec.limit is not None:
        return spec.limit
    middle = statistics.median(values.values())
    spread = statistics.median(abs(value - middle) for value in values.values())
    return middle + _STANDS_OUT * max(spread, spec.least, 0.1 * abs(middle))


def _of_measure(spec: MeasureSpec, values: Mapping[int, float]) -> Iterator[Finding]:
    limit = bad_limit(spec, values)
    if limit is None:
        return
    sign = 1 if spec.bad == "high" else -1
    for span in _spans(frame for frame, value in values.items() if sign * value > sign * limit):
        worst = max(span, key=lambda frame: (sign * values[frame], -frame))
        value = values[worst]
        side = "above" if spec.bad == "high" else "below"
        at = "" if len(span) == 1 else f" at {worst}"
        detail = f"{spec.label.lower()} {number(value)}{at} ({side} {number(limit)}; {spec.unit})"
        yield Finding(worst, span[0], span[-1], spec.reason, detail, _weight(value, limit, spec))


def _weight(value: float, limit: float, spec: MeasureSpec) -> float:
    if spec.bad == "low":
        return min(1.0, (limit - value) / limit)
    return min(1.0, value / limit / 10) if limit > 0 else 0.5


def _of_world(rows: Sequence[Row]) -> Iterator[Finding]:
    """Whether the new world moves with the camera; judged by how far the camera moves, which no limit of a plot can."""
    slipping = find_slipping({row[FRAME]: row for row in rows})
    if slipping is not None:
        weight = min(1.0, slipping.slip_px / slipping.allowed_px / 5)
        detail = f"{slipping}; {_SLIP_REMEDY}"
        yield Finding(slipping.worst, slipping.first, slipping.last, "the world slips", detail, weight)


def _of_notes(rows: Iterable[Row]) -> Iterator[Finding]:
    frames: dict[str, list[int]] = {}
    for row in rows:
        for note in row.get(NOTES, ()):
            frames.setdefault(note, []).append(row[FRAME])
    for note, there in frames.items():
        for span in _spans(there):
            yield Finding(span[0], span[0], span[-1], note, "taken as it is", _NOTED)


def _spans(frames: Iterable[int]) -> list[list[int]]:
    """Runs of frames that follow each other."""
    spans: list[list[int]] = []
    for frame in sorted(frames):
        if spans and spans[-1][-1] == frame - 1:
            spans[-1].append(frame)
        else:
            spans.append([frame])
    return spans


def _most(findings: Iterable[Finding]) -> list[Finding]:
    """The weightiest of each title; the last one says how many more there are."""
    by_title: dict[str, list[Finding]] = {}
    for finding in findings:
        by_title.setdefault(finding.title, []).append(finding)
    kept = []
    for same in by_title.values():
        same.sort(key=lambda finding: (-finding.weight, finding.frame))
        kept += same[:SHOWN_A_REASON]
        if more := len(same) - SHOWN_A_REASON:
            kept[-1] = _with_more(kept[-1], more) if more > 0 else kept[-1]
    return kept


def _with_more(finding: Finding, more: int) -> Finding:
    detail = f"{finding.detail}; and in {more} more places"
    return Finding(finding.frame, finding.first, finding.last, finding.title, detail, finding.weight)


def number(value: float) -> str:
    """A value with as many digits as people read.

    >>> number(0.123456), number(1234.5), number(0.0), number(40.0)
    ('0.123', '1234', '0', '40')
    """
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
