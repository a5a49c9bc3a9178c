"""What a retargeted skeleton does not have of its actor: face, feet and depth, carried along with head and ankles."""

from __future__ import annotations

import numpy as np

from wanfx.ops.pose import BODY, FACE, FEET, LEFT_ANKLE, RIGHT_ANKLE, Points, Pose

_HEAD = np.arange(5)
_KNOWN = 0.3
_FEW = 2


def carry_rest(actor: Pose, retargeted: Pose, *, pixel_aspect: float = 1.0) -> Pose:
    """``retargeted`` with the actor's face, feet and depth (pixels of one picture).

    The face goes with the points of the head, as the similarity that fits them best (Umeyama, IEEE PAMI 1991, without
    reflections); the feet with their ankles; both grow as the head does, or as the body where no head is seen. Where
    too little is known of both, face and feet are not known.

    >>> from wanfx.ops.pose import empty_pose
    >>> bool(carry_rest(empty_pose(), empty_pose()).confidence.any())
    False
    """
    ours, theirs = (_square(pose.xy, pixel_aspect) for pose in (actor, retargeted))
    both = np.minimum(actor.confidence, retargeted.confidence)[BODY] >= _KNOWN
    head, body = _fit(ours, theirs, _HEAD[both[:5]]), _fit(ours, theirs, np.flatnonzero(both))
    xy, confidence = retargeted.xy.copy(), retargeted.confidence.copy()
    turn = head if head is not None else body
    if turn is None:
        return Pose(xy, confidence, retargeted.depth)
    factor, source, target = turn
    xy[FACE] = _plain(target + factor * (ours[FACE] - source), pixel_aspect)
    confidence[FACE] = actor.confidence[FACE]
    feet = np.arange(FEET.start, FEET.stop)
    for ankle, toes in ((LEFT_ANKLE, feet[:3]), (RIGHT_ANKLE, feet[3:])):
        xy[toes] = _plain(theirs[ankle] + abs(factor) * (ours[toes] - ours[ankle]), pixel_aspect)
        confidence[toes] = actor.confidence[toes] * both[ankle]
    return Pose(xy, confidence, actor.depth * abs(factor))


def _square(xy: Points, pixel_aspect: float) -> np.ndarray[tuple[int], np.dtype[np.complex128]]:
    """Places as complex numbers, in square pixels."""
    return np.asarray(xy[:, 0] * pixel_aspect + 1j * xy[:, 1])


def _plain(places: np.ndarray[tuple[int], np.dtype[np.complex128]], pixel_aspect: float) -> Points:
    return np.column_stack([places.real / pixel_aspect, places.imag])


def _fit(
    ours: np.ndarray[tuple[int], np.dtype[np.complex128]], theirs: np.ndarray[tuple[int], np.dtype[np.complex128]],
    known: np.ndarray[tuple[int], np.dtype[np.int_]],
) -> tuple[complex, complex, complex] | None:  # fmt: skip
    """Factor, and the middles, of the similarity ``theirs = target + factor (ours - source)``; None of too little."""
    if len(known) < _FEW:
        return None
    source, target = complex(ours[known].mean()), complex(theirs[known].mean())
    away = ours[known] - source
    spread = float((np.abs(away) ** 2).sum())
    if spread <= 0:
        return None
    return complex((np.conj(away) * (theirs[known] - target)).sum()) / spread, source, target
