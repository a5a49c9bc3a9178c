"""A body's hands and face from frame to frame, each where the body has it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from wanfx.backends.blaze import Points, Roi
from wanfx.backends.blaze_body import LEFT_EAR, LEFT_EYE, NOSE, RIGHT_EAR, RIGHT_EYE, Body
from wanfx.backends.blaze_face import Face, FaceNets
from wanfx.backends.blaze_hand import SIDES, WRIST, Hand, HandNets, Side, hand_roi
from wanfx.backends.protocols import Array

_LEFT = {"wrist": 15, "pinky": 17, "index": 19, "elbow": 13}
_SURE = 0.5
_OTHER_SIDE = 0.95
_EVERY = 6
_ARM_SPAN = 0.25
_FACE_OF_HEAD = 0.7
_GLANCES = ((0.0, 0.8), (0.0, 1.25), (0.07, 1.0), (-0.07, 1.0))
_STEADY = 0.05


class PartFollower:
    """Reads the hands and the face that belong to each frame's body."""

    def __init__(self, hands: HandNets, faces: FaceNets) -> None:
        self._hands, self._faces = hands, faces
        self._last_hands: dict[Side, Hand] = {}
        self._last_face: Face | None = None
        self._misses: dict[Side, int] = dict.fromkeys(SIDES, 0)

    def forget(self) -> None:
        """What was seen in the last frame is of no use in the next."""
        self._last_hands, self._last_face = {}, None

    def read_hands(self, picture: Array, body: Body) -> dict[Side, Hand]:
        """The hands that are seen, each once."""
        found: dict[Side, Hand] = {}
        for side in SIDES:
            hand = self._read_hand(picture, body, side)
            if hand is not None:
                found[side] = hand
        self._last_hands = _told_apart(found, body)
        return dict(self._last_hands)

    def _read_hand(self, picture: Array, body: Body, side: Side) -> Hand | None:
        wrist, index, pinky = (_arm(body, side, name) for name in ("wrist", "index", "pinky"))
        last = self._last_hands.get(side)
        if last is not None:
            hand = self._hands.read(picture, last.next_roi)
            if _fits(hand, wrist, body, side):
                return hand
        height, width = picture.shape[:2]
        if not (0 <= wrist[0] < width and 0 <= wrist[1] < height):
            return None
        hand = self._hands.read(picture, self._hands.correct(picture, hand_roi(wrist, index, pinky)))
        if _fits(hand, wrist, body, side):
            return hand
        self._misses[side] += 1
        # The palm detector is slow, and most hands that are missed are too small or blurred for it too.
        if self._misses[side] % _EVERY != 1:
            return None
        around = Roi(float(wrist[0]), float(wrist[1]), _ARM_SPAN * body.roi.size_px)
        hands = [self._hands.read(picture, roi) for roi, _score in self._hands.detect(picture, around)[:2]]
        hands = [hand for hand in hands if _fits(hand, wrist, body, side)]
        return max(hands, key=lambda one: one.score, default=None)

    def read_face(self, picture: Array, body: Body) -> Face | None:
        """The face, where it is seen."""
        head = _head(body)
        if self._last_face is not None:
            face = self._faces.read(picture, self._last_face.next_roi)
            if face.score > _SURE and _is_on(face, head):
                self._last_face = face
                return face
        self._last_face = None
        rois = [roi for roi, _score in self._faces.detect(picture, head)[:2]]
        for roi in [*rois, head.moved(0.0, scale=_FACE_OF_HEAD)]:
            face = self._faces.read(picture, roi)
            face = self._faces.read(picture, face.next_roi) if face.score > _SURE else face
            if face.score > _SURE and _is_on(face, head):
                self._last_face = face
                break
        return self._last_face

    def read_still_face(self, picture: Array, body: Body) -> Face | None:
        """The face of a character, as sure as it stays where it is when it is looked at from a little farther or aside.

        The network finds a face in whatever a region shows: only one that is there stays put.
        """
        face = self.read_face(picture, body)
        if face is None:
            return None
        roi = face.next_roi
        again = [self._faces.read(picture, roi.moved(along, scale=scale)) for along, scale in _GLANCES]
        width = float(np.ptp(face.points[:, 0]))
        away = [float(np.hypot(*(one.points - face.points)[:, :2].T).mean()) / width for one in again]
        return replace(face, score=face.score * float(np.exp(-((np.mean(away) / _STEADY) ** 2))))


def _arm(body: Body, side: Side, name: str) -> Points:
    return body.points[_LEFT[name] + (side == "right"), :2]


def _fits(hand: Hand, wrist: Points, body: Body, side: Side) -> bool:
    """Whether it is a hand, at the body's wrist, of a size that a hand of that body can have, and not the other one."""
    away = float(np.hypot(*(hand.points[WRIST, :2] - wrist)))
    is_there = away < 0.07 * body.roi.size_px and hand.size_px < 0.15 * body.roi.size_px
    other = hand.right if side == "left" else 1 - hand.right
    return hand.score > _SURE and is_there and other < _OTHER_SIDE


def _told_apart(hands: dict[Side, Hand], body: Body) -> dict[Side, Hand]:
    """One hand found twice is kept where the body's wrist is nearer to it."""
    if len(hands) < 2:
        return hands
    left, right = hands["left"], hands["right"]
    gap = float(np.hypot(*(left.points[:, :2] - right.points[:, :2]).mean(axis=0)))
    if gap > 0.5 * max(left.size_px, right.size_px):
        return hands
    away = {side: np.hypot(*(hands[side].points[WRIST, :2] - _arm(body, side, "wrist"))) for side in SIDES}
    keep = min(SIDES, key=lambda side: float(away[side]))
    return {keep: hands[keep]}


def _head(body: Body) -> Roi:
    """A generous region around the head."""
    ours = body.points[[NOSE, LEFT_EYE, RIGHT_EYE, LEFT_EAR, RIGHT_EAR, 9, 10], :2]
    eyes = body.points[LEFT_EYE, :2] - body.points[RIGHT_EYE, :2]
    turn = float(np.arctan2(eyes[1], eyes[0]))
    return Roi.around(ours, turn=turn).moved(0.0, scale=3.0)


def _is_on(face: Face, head: Roi) -> bool:
    middle = face.points[:, :2].mean(axis=0)
    return float(np.hypot(middle[0] - head.x, middle[1] - head.y)) < 0.35 * head.size_px
