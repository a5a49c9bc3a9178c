"""The person that an artist's box or points mean, or the one to take where nothing was said."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.backends.blaze import Roi
from wanfx.backends.blaze_body import Body, BodyNets
from wanfx.backends.blaze_people import Looks, people
from wanfx.backends.protocols import Array, BoxPrompt, FrameSource, PointPrompt, Prompts
from wanfx.ops.motion import sample_frames
from wanfx.ops.segment import cut_off, with_points

Mask = npt.NDArray[np.bool_]
_SEEN = 0.5
SURE = 0.2
_SAMPLES = 9


@dataclass(frozen=True, eq=False)
class Start:
    """A frame in which the subject is known: its cut (H, W) of 0 and 1, what was pointed off it, its body and looks."""

    frame: int
    matte: Array
    off: Array
    body: Body
    looks: Looks


def prompted_start(nets: BodyNets, source: FrameSource, prompts: Prompts, frame: int) -> Start | None:
    """The person in the frame's box or at its points; None where the network sees nobody there."""
    picture = source.read(frame)
    box = next((box for box in prompts.boxes if box.frame == frame), None)
    points = tuple(point for point in prompts.points if point.frame == frame)
    bodies = read_bodies(nets, picture, people(nets, picture) + asked_regions(nets, picture, box, points))
    best, fit = choose_body(bodies, picture, box=box, points=points)
    if best is None or fit < SURE:
        return None
    return start_of(best, bodies, picture, frame=frame, box=box, points=points)


def read_bodies(nets: BodyNets, picture: Array, rois: list[Roi]) -> list[Body]:
    """The people in some regions, each also as seen in the region that fits it."""
    return [body for roi in rois for body in _read_twice(nets, picture, roi) if body.score > _SEEN]


def choose_body(
    bodies: list[Body], picture: Array, *, box: BoxPrompt | None, points: tuple[PointPrompt, ...]
) -> tuple[Body | None, float]:
    """The body that fits the box or the points best, and how well, 0 to 1 (below `SURE` it is somebody else)."""
    fits = [_fit(body, picture, box, points) for body in bodies]
    if not fits:
        return None, 0.0
    best = int(np.argmax(fits))
    return bodies[best], fits[best]


def start_of(
    best: Body,
    bodies: list[Body],
    picture: Array,
    *,
    frame: int,
    box: BoxPrompt | None,
    points: tuple[PointPrompt, ...],
) -> Start:
    """A body as a start: its cut, with what the box and the points say."""
    matte = (best.draw_mask(_shape(picture)) > 0.5).astype(np.float32)
    if box is not None:
        matte *= _in_box(box, _shape(picture), grow=0.08)
    off = cut_off(picture, points)
    return _start(picture, frame, with_points(matte, points) * (1 - off), off, best, bodies)


def found_start(nets: BodyNets, source: FrameSource) -> Start | None:
    """The person who fills most of the shot and moves most; None where the network sees nobody."""
    best: tuple[float, int, Body] | None = None
    for frame in sample_frames(list(source.frames), count=_SAMPLES):
        picture = source.read(frame)
        later = source.read(frame + 3 if frame + 3 in source.frames else max(frame - 3, source.frames.first))
        change = np.abs(later - picture).max(axis=2)
        for roi in people(nets, picture)[:3]:
            body = nets.read(picture, roi)
            mask = body.draw_mask(_shape(picture))
            moved = float((change * mask).sum() / max(float(mask.sum()), 1.0))
            worth = body.score * float(np.sqrt(mask.mean())) * (0.3 + min(1.0, moved / 0.05))
            if body.score > _SEEN and (best is None or worth > best[0]):
                best = worth, frame, body
    if best is None:
        return None
    picture = source.read(best[1])
    bodies = [nets.read(picture, roi) for roi in people(nets, picture)]
    matte = (best[2].draw_mask(_shape(picture)) > 0.5).astype(np.float32)
    return _start(picture, best[1], matte, np.zeros_like(matte), best[2], bodies)


def _start(picture: Array, frame: int, matte: Array, off: Array, body: Body, bodies: list[Body]) -> Start:
    """With how the subject looks, and how those look who are somewhere else."""
    ours = matte > 0.5
    near = cv2.dilate(matte, np.ones((9, 9), np.uint8)) > 0.5
    others = []
    for other in bodies:
        mask = other.draw_mask(ours.shape) > 0.7
        both = float((mask & near).sum()) / max(float(mask.sum()), 1.0)
        if other.score > _SEEN and both < 0.3:
            others.append(np.asarray(mask & ~near))
    return Start(frame, matte, off, body, Looks(picture, ours, others))


def asked_regions(nets: BodyNets, picture: Array, box: BoxPrompt | None, points: tuple[PointPrompt, ...]) -> list[Roi]:
    """Regions around the box, or around the points on the subject."""
    if box is not None:
        x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
        size = max(box.x1 - box.x0, box.y1 - box.y0)
    else:
        kept = np.array([(point.x, point.y) for point in points if point.keep])
        x, y = (float(value) for value in kept.mean(axis=0))
        size = max(float(np.ptp(kept, axis=0).max()), 0.5 * picture.shape[0])
    found = [roi for roi, _score in nets.detect(picture, Roi(x, y, 1.4 * size), least=0.3)[:3]]
    return [*found, Roi(x, y, 1.25 * size), Roi(x, y + size / 2, 2.3 * size)]


def _read_twice(nets: BodyNets, picture: Array, roi: Roi) -> list[Body]:
    first = nets.read(picture, roi)
    return [first, nets.read(picture, first.next_roi)] if first.score > _SEEN else [first]


def _fit(body: Body, picture: Array, box: BoxPrompt | None, points: tuple[PointPrompt, ...]) -> float:
    """How well a body is what the artist pointed at, 0 to 1."""
    mask = body.draw_mask(_shape(picture)) > 0.5
    if not mask.any():
        return 0.0
    fit = body.score * _settled(body)
    if box is not None:
        asked = _in_box(box, _shape(picture), grow=0.0) > 0.5
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        own = np.zeros_like(mask)
        own[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
        fit *= float((mask & asked).sum() / mask.sum()) * float((own & asked).sum() / (own | asked).sum()) ** 0.5
    kept = [point for point in points if point.keep]
    if box is None and kept and not any(_lies_near(point, mask, within_px=mask.shape[0] // 12) for point in kept):
        # What was pointed at is beside this body: a ball, a prop, nobody.
        return 0.0
    # A point may lie on a hand or a hat that the mask has not taken in. Many points say no more than few: an artist who
    # corrects a lot still means this body.
    missed = [not _lies_near(point, mask, within_px=6) for point in kept]
    covered = [_lies_near(point, mask, within_px=0) for point in points if not point.keep]
    fit *= float(0.3 ** (sum(missed) / max(len(missed), 1)) * 0.8 ** (sum(covered) / max(len(covered), 1)))
    return fit


def _lies_near(point: PointPrompt, mask: Mask, *, within_px: int) -> bool:
    x, y = (min(max(int(value), 0), limit - 1) for value, limit in ((point.x, mask.shape[1]), (point.y, len(mask))))
    rows = slice(max(y - within_px, 0), y + within_px + 1)
    return bool(mask[rows, max(x - within_px, 0) : x + within_px + 1].any())


def _settled(body: Body) -> float:
    """How well a body fits the region it was read in, 0 to 1: one cut short would be looked for elsewhere."""
    now, then = body.roi, body.next_roi
    moved = float(np.hypot(then.x - now.x, then.y - now.y)) / now.size_px
    return float(np.exp(-2 * moved - 0.7 * abs(np.log(max(then.size_px, 1e-6) / now.size_px))))


def _in_box(box: BoxPrompt, shape: tuple[int, int], *, grow: float) -> Array:
    margin = grow * max(box.x1 - box.x0, box.y1 - box.y0)
    inside = np.zeros(shape, np.float32)
    x0, y0 = (max(0, round(value - margin)) for value in (box.x0, box.y0))
    inside[y0 : round(box.y1 + margin), x0 : round(box.x1 + margin)] = 1
    return inside


def _shape(picture: Array) -> tuple[int, int]:
    return picture.shape[0], picture.shape[1]
