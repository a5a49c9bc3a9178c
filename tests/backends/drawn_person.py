"""People painted from ellipses and polygons, good enough for the networks to take them for people."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from wanfx.frames import FrameRange, Size

Color = tuple[float, float, float]
_FINE = 4
_ONE = 1 << _FINE


@dataclass(frozen=True)
class Person:
    """Clothes, and where the head's top is and how tall the person: ``x``, ``y``, ``height`` in pixels."""

    x: float
    y: float
    height: float
    stride: float = 0.0
    shirt: Color = (0.2, 0.3, 0.7)
    trousers: Color = (0.15, 0.15, 0.2)
    hair: Color = (0.2, 0.12, 0.08)
    skin: Color = (0.85, 0.65, 0.52)

    @property
    def unit(self) -> float:
        return self.height / 8

    def wrist(self, side: int) -> tuple[float, float]:
        """Where the wrist is: side 1 is the person's left, on the right of the picture."""
        u = self.unit
        return self.x + side * (1.55 + 0.4 * self.stride) * u, self.y + 4.15 * u

    def ankle(self, side: int) -> tuple[float, float]:
        u = self.unit
        return self.x + side * (0.6 + 0.5 * self.stride) * u, self.y + 7.5 * u

    def paint(self, picture: np.ndarray, matte: np.ndarray) -> None:
        """Into a picture (H, W, 3), and 1 into a matte (H, W)."""
        for canvas, flat in ((picture, None), (matte, 1.0)):
            self._paint(canvas, flat)

    def _paint(self, canvas: np.ndarray, flat: float | None) -> None:
        def of(color: Color) -> Color | float:
            return color if flat is None else flat

        u, x, top = self.unit, self.x, self.y
        shoulder, hip = top + 1.55 * u, top + 4.0 * u
        for side in (-1, 1):
            ankle = self.ankle(side)
            knee = x + side * (0.57 + 0.35 * self.stride) * u, hip + 1.75 * u
            _limb(canvas, (x + side * 0.45 * u, hip), knee, (0.46 * u, 0.34 * u), of(self.trousers))
            _limb(canvas, knee, ankle, (0.32 * u, 0.2 * u), of(self.trousers))
            toe = ankle[0] + side * 0.3 * u, ankle[1] + 0.25 * u
            _limb(canvas, ankle, toe, (0.2 * u, 0.16 * u), of((0.1, 0.08, 0.08)))
            elbow = x + side * (1.35 + 0.2 * self.stride) * u, shoulder + 1.45 * u
            wrist = self.wrist(side)
            _limb(canvas, (x + side * 0.95 * u, shoulder + 0.1 * u), elbow, (0.3 * u, 0.24 * u), of(self.shirt))
            _limb(canvas, elbow, wrist, (0.2 * u, 0.15 * u), of(self.skin))
            _limb(canvas, wrist, (wrist[0] + side * 0.05 * u, wrist[1] + 0.35 * u), (0.17 * u, 0.12 * u), of(self.skin))
        for across in (-0.55, 0.0, 0.55):
            start, end = (x + across * u, shoulder + 0.1 * u), (x + 0.65 * across * u, hip)
            _limb(canvas, start, end, (0.55 * u, 0.5 * u), of(self.shirt))
        _limb(canvas, (x, top + 0.9 * u), (x, shoulder), (0.22 * u, 0.26 * u), of(self.skin))
        _ellipse(canvas, (x, top + 0.42 * u), (0.47 * u, 0.5 * u), of(self.hair))
        _ellipse(canvas, (x, top + 0.56 * u), (0.4 * u, 0.5 * u), of(self.skin))
        if flat is None:
            self._paint_face(canvas)

    def _paint_face(self, canvas: np.ndarray) -> None:
        u, x, top = self.unit, self.x, self.y
        for side in (-1, 1):
            eye = x + side * 0.16 * u, top + 0.5 * u
            _ellipse(canvas, eye, (0.08 * u, 0.05 * u), (0.95, 0.95, 0.95))
            _ellipse(canvas, eye, (0.045 * u, 0.045 * u), (0.1, 0.08, 0.05))
            _ellipse(canvas, (eye[0], top + 0.38 * u), (0.11 * u, 0.025 * u), self.hair)
        shade = self.skin[0] * 0.85, self.skin[1] * 0.85, self.skin[2] * 0.85
        _ellipse(canvas, (x, top + 0.66 * u), (0.06 * u, 0.09 * u), shade)
        _ellipse(canvas, (x, top + 0.83 * u), (0.14 * u, 0.04 * u), (0.7, 0.3, 0.3))


def _limb(
    canvas: np.ndarray,
    start: tuple[float, float],
    end: tuple[float, float],
    widths: tuple[float, float],
    color: Color | float,
) -> None:
    a, b = np.array(start), np.array(end)
    along = (b - a) / max(float(np.hypot(*(b - a))), 1e-6)
    across = np.array([-along[1], along[0]])
    sides = np.array([a + across * widths[0], b + across * widths[1], b - across * widths[1], a - across * widths[0]])
    cv2.fillPoly(canvas, [np.round(sides * _ONE).astype(np.int32)], color, cv2.LINE_AA, _FINE)
    for place, width in ((start, widths[0]), (end, widths[1])):
        _ellipse(canvas, place, (width, width), color)


def _ellipse(canvas: np.ndarray, center: tuple[float, float], radii: tuple[float, float], color: Color | float) -> None:
    x, y = (round(value * _ONE) for value in center)
    a, b = (round(value * _ONE) for value in radii)
    cv2.ellipse(canvas, (x, y), (a, b), 0, 0, 360, color, -1, cv2.LINE_AA, _FINE)


class DrawnShot:
    """A hero in blue who walks right, and whoever ``others`` are, before a blotchy wall; a post may hide the hero."""

    def __init__(self, *, frames: int = 12, others: bool = False, ball: bool = False, post: bool = False) -> None:
        self.frames, self.size = FrameRange(1, frames), Size(320, 180)
        self._others, self._ball, self._post = others, ball, post
        noise = np.random.default_rng(1).standard_normal((180, 320, 3)).astype(np.float32)
        blotches = cv2.GaussianBlur(noise, (0, 0), 6) * np.float32(0.8)
        self._wall = np.clip(blotches + np.array([0.55, 0.6, 0.5], np.float32), 0, 1).astype(np.float32)

    def hero(self, frame: int) -> Person:
        return Person(x=70 + 4.0 * frame, y=16, height=148, stride=float(np.sin(0.5 * frame)))

    def other(self, frame: int) -> Person:
        return Person(
            x=250 - 4.0 * frame, y=22, height=140, stride=float(np.cos(0.5 * frame)),
            shirt=(0.75, 0.2, 0.15), trousers=(0.6, 0.55, 0.4), hair=(0.7, 0.55, 0.2),
        )  # fmt: skip

    def ball(self, frame: int) -> tuple[float, float, float]:
        """Centre and radius."""
        return 200.0 - 2 * frame, 40.0 + 8 * abs(frame - 6), 9.0

    def read(self, frame: int) -> np.ndarray:
        return self._painted(frame)[0]

    def truth(self, frame: int) -> np.ndarray:
        """The hero's matte (H, W)."""
        return self._painted(frame)[1]

    def _painted(self, frame: int) -> tuple[np.ndarray, np.ndarray]:
        picture, matte = self._wall.copy(), np.zeros(self._wall.shape[:2], np.float32)
        if self._others:
            self.other(frame).paint(picture, np.zeros_like(matte))
        self.hero(frame).paint(picture, matte)
        if self._ball:
            x, y, radius = self.ball(frame)
            _ellipse(picture, (x, y), (radius, radius), (0.95, 0.95, 0.9))
            _ellipse(matte, (x, y), (radius, radius), 0.0)
        if self._post:
            picture[:, 150:190] = (0.3, 0.2, 0.1)
            matte[:, 150:190] = 0
        grain = 0.004 * np.random.default_rng(frame).standard_normal(picture.shape)
        return np.clip(cv2.GaussianBlur(picture, (0, 0), 0.6) + grain, 0, 1).astype(np.float32), matte
