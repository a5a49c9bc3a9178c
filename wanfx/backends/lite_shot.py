"""A person through a shot: looked for in small pictures first, then followed in full ones before a known background."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.ahead import make_ahead
from wanfx.backends.blaze import Roi
from wanfx.backends.blaze_body import BodyNets
from wanfx.backends.blaze_mask import MaskNets, quick_evidence
from wanfx.backends.blaze_people import PersonFinder
from wanfx.backends.lite_starts import Start
from wanfx.backends.protocols import Array, FrameSource
from wanfx.ops.edges import grow_matte
from wanfx.ops.evidence import Evidence
from wanfx.ops.follow import Track, coast, follow, start_track

_SMALL = 0.5
_SKETCH = 4
_NOTHING = 5
_RATE = 0.05
_OFF, _OFF_GROWTH = np.float32(12.0), 1.6


@dataclass(frozen=True, eq=False)
class Seen:
    """What the first look at a frame leaves: the regions of the subject and of who is in its place, how sure it is,
    and a sketch of the subject, packed bits.
    """

    subject: Roi | None
    rival: Roi | None
    confidence: float
    sketch: npt.NDArray[np.uint8]


def look_along(
    nets: BodyNets, source: FrameSource, start: Start, frames: Sequence[int], *, note: Callable[[int, Array], None]
) -> Iterator[tuple[int, Seen]]:
    """A first look at ``frames``, which lead away from the start; ``note`` gets what hides the background."""
    finder = PersonFinder(nets, start.looks, body=start.body, matte=start.matte)
    small = _shrunk(source.read(start.frame))
    unknown = np.zeros((*small.shape[:2], _NOTHING), np.float32)
    track = start_track(small, (_resized(start.matte, small) > 0.5).astype(np.float32), unknown)

    def read(frame: int) -> tuple[Array, Array]:
        picture = source.read(frame)
        return picture, _shrunk(picture)

    for frame, (picture, small) in zip(frames, make_ahead(frames, read, name="look", workers=1), strict=True):
        sighting = finder.find(picture, track.subject)
        evidence = quick_evidence(
            sighting.body, sighting.rival, shape=track.subject.shape, scale=small.shape[1] / picture.shape[1]
        )
        if sighting.body is None:
            track = coast(track, small, rival=evidence.rival)
        else:
            track = follow(track, small, unknown, evidence=evidence)
        note(frame, np.maximum(track.subject, (evidence.rival > 0) * np.float32(1)))
        yield (
            frame,
            Seen(
                sighting.body.roi if sighting.body is not None else None,
                sighting.rival.roi if sighting.rival is not None else None,
                sighting.sure,
                np.packbits(track.subject[::_SKETCH, ::_SKETCH] > 0.5),
            ),
        )


def hides(subject: Array) -> Array:
    """What is not background in a small picture: people with a margin."""
    return grow_matte((subject > 0.25).astype(np.float32), radius_px=6 * subject.shape[1] / 320)


def meeting_frame(forth: dict[int, Seen], back: dict[int, Seen], frames: Sequence[int]) -> int:
    """The last of ``frames`` to take from the earlier prompt's side: both sides agree there, and were sure till then.

    Both dicts hold every one of ``frames``, which lie between two prompted ones.
    """
    sure_forth = np.cumsum([forth[frame].confidence for frame in frames])
    sure_back = np.cumsum([back[frame].confidence for frame in reversed(frames)])[::-1]
    agreed = np.array([_alike(forth[frame].sketch, back[frame].sketch) for frame in frames])
    rest = np.append(sure_back[1:], 0.0)
    return frames[int(np.argmax(sure_forth + rest + 0.1 * len(frames) * agreed))]


def follow_along(
    nets: MaskNets,
    source: FrameSource,
    track: Track,
    off: Track | None,
    frames: Sequence[int],
    *,
    seen: dict[int, Seen],
    behind: Callable[[int], Array],
) -> Iterator[tuple[int, Track, float]]:
    """The track along ``frames``, and how sure each frame is, 0 to 1; ``off`` is what was pointed off the subject."""
    usual_px = float((track.subject > 0.5).sum())
    off_px = float((off.subject > 0.5).sum()) if off is not None else 0.0

    def read(frame: int) -> tuple[Array, Evidence, Array]:
        picture, known = source.read(frame), seen[frame]
        return picture, nets.fine_evidence(picture, subject=known.subject, rival=known.rival), behind(frame)

    # The networks look at the next frame while this one's track is drawn.
    ahead = make_ahead(frames, read, name="follow", workers=1)
    for frame, (picture, evidence, background) in zip(frames, ahead, strict=True):
        known = seen[frame]
        if off is not None:
            off = _kept_small(follow(off, picture, background), off_px)
            evidence = replace(evidence, rival=np.maximum(evidence.rival, _OFF * (off.subject > 0.5)))
        if known.subject is None and not known.sketch.any():
            track = replace(track, picture=picture, subject=np.zeros_like(track.subject), confidence=0.0)
            yield frame, track, 0.0
            continue
        last = track
        track = follow(last, picture, background, evidence=evidence)
        area_px = float((track.subject > 0.5).sum())
        if known.subject is None and area_px > 1.3 * usual_px:
            track = coast(last, picture, rival=evidence.rival)
        elif known.subject is not None:
            usual_px += _RATE * (area_px - usual_px)
        yield frame, track, _sureness(track, known, area_px / max(usual_px, 1.0))


def _kept_small(off: Track, usual_px: float) -> Track:
    """What was pointed off, or nothing where its track has run over into something else."""
    is_lost = float((off.subject > 0.5).sum()) > _OFF_GROWTH * usual_px
    return replace(off, subject=np.zeros_like(off.subject)) if is_lost else off


def _sureness(track: Track, seen: Seen, size: float) -> float:
    """How sure a frame is: seen by the network, which agrees with the track; less where only the track goes on."""
    if seen.subject is None:
        return float(0.4 * track.confidence * min(1.0, size))
    return float(seen.confidence * np.clip(1.3 * track.agreement - 0.15, 0, 1) * min(1.0, 1.5 * size))


def _alike(a: npt.NDArray[np.uint8], b: npt.NDArray[np.uint8]) -> float:
    either = float(np.bitwise_count(a | b).sum())
    return float(np.bitwise_count(a & b).sum()) / either if either else 0.0


def _shrunk(picture: Array) -> Array:
    size = max(16, round(picture.shape[1] * _SMALL)), max(16, round(picture.shape[0] * _SMALL))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)


def _resized(matte: Array, like: Array) -> Array:
    size = like.shape[1], like.shape[0]
    return np.asarray(cv2.resize(matte, size, interpolation=cv2.INTER_AREA), np.float32)
