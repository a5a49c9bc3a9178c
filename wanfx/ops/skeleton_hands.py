"""Hands carried along with a retargeted body: at the new wrists, as large as the new shoulders ask."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from wanfx.ops.pose import Points
from wanfx.ops.skeleton import LEFT_WRIST, RIGHT_WRIST, Skeleton
from wanfx.ops.skeleton_limbs import KNOWN_FROM

_ROOT = 0
_GONE = (np.nan, np.nan, 0.0)


def with_wrists(skeleton: Skeleton) -> Skeleton:
    """The skeleton with a hand's root for a wrist that is not known where the hand's is."""
    body = skeleton.body.copy()
    for wrist, hand in ((LEFT_WRIST, skeleton.left_hand), (RIGHT_WRIST, skeleton.right_hand)):
        if body[wrist, 2] < KNOWN_FROM <= hand[_ROOT, 2]:
            body[wrist] = hand[_ROOT]
    return replace(skeleton, body=body)


def retarget_hands(source: Skeleton, *, body: Points, ratio: float) -> tuple[Points, Points]:
    """The left and the right hand (21, 3) of ``source`` at the wrists of ``body`` (20, 3), ``ratio`` times as large.

    Unknown points, and hands without a known wrist, have confidence 0. Hands that lie nearer to each other's wrists
    were taken for each other, and change places.
    """
    left, right = source.left_hand, source.right_hand
    if _are_crossed(source):
        left, right = right, left
    hands = []
    for hand, wrist in ((left, LEFT_WRIST), (right, RIGHT_WRIST)):
        pivot = hand[_ROOT] if hand[_ROOT, 2] >= KNOWN_FROM else source.body[wrist]
        out = hand.copy()
        out[:, :2] = body[wrist, :2] + ratio * (hand[:, :2] - pivot[:2])
        out[(hand[:, 2] < KNOWN_FROM) | (source.body[wrist, 2] < KNOWN_FROM)] = _GONE
        hands.append(out)
    return hands[0], hands[1]


def _are_crossed(source: Skeleton) -> bool:
    wrists, roots = (
        source.body[[LEFT_WRIST, RIGHT_WRIST]],
        np.stack([source.left_hand[_ROOT], source.right_hand[_ROOT]]),
    )
    if min(wrists[:, 2].min(), roots[:, 2].min()) < KNOWN_FROM:
        return False
    away = np.hypot(*(wrists[:, None, :2] - roots[None, :, :2]).transpose(2, 0, 1))
    return bool(away[0, 1] + away[1, 0] < away[0, 0] + away[1, 1])


def reference_hands(source: Skeleton, *, body: Points, ratio: float) -> tuple[Points, Points]:
    """As `retarget_hands`, as Wan2.2's own preprocessing (commit 42bf4cfa) does it, in its order of float operations.

    Whole pixels; what is called the left hand is the right one, unless the right one is nearer to the left wrist than
    to its own.
    """
    size = np.array([source.size.width, source.size.height])
    parts = [_grown(hand, size, ratio) for hand in (source.right_hand, source.left_hand)]
    moves = []
    for part, wrist in zip(parts, (RIGHT_WRIST, LEFT_WRIST), strict=True):
        old, new = source.body[wrist, :2], body[wrist, :2]
        is_rooted = part[_ROOT, 0] != -1
        moves.append(new - old + ((old - part[_ROOT, :2] * size) if is_rooted else 0))
    away = [source.body[wrist, :2] - parts[0][_ROOT, :2] * size for wrist in (RIGHT_WRIST, LEFT_WRIST)]
    squares = [(across**2 + down**2) ** 0.5 for across, down in away]
    if squares[0] > squares[1]:
        parts = parts[::-1]
    return _moved(parts[0], size, moves[0]), _moved(parts[1], size, moves[1])


def _grown(hand: Points, size: Points, ratio: float) -> Points:
    """A hand as parts of the picture, grown about its root; unknown points at -1, -1."""
    out = hand.copy()
    out[:, :2] /= size
    out[:, :2] = out[:, :2] * ratio - out[_ROOT, :2] * (ratio - 1)
    out[hand[:, 2] < KNOWN_FROM] = (-1.0, -1.0, 0.0)
    return out


def _moved(part: Points, size: Points, move: Points) -> Points:
    out = part.copy()
    out[:, :2] = np.trunc(part[:, :2] * size + move)
    out[part[:, 2] == 0] = _GONE
    return out
