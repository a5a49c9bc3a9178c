"""The reference picture: a friendly robot, drawn on nothing."""

from __future__ import annotations

import numpy as np

from wanfx.demo.drawing import Array, Canvas, Color, Light

WIDTH, HEIGHT = 480, 800
_LIGHT = Light((-0.6, -0.7, 0.7), (0.95, 0.97, 1.0), (0.3, 0.3, 0.32))
_SHELL: Color = (0.62, 0.64, 0.62)
_TEAL: Color = (0.02, 0.3, 0.32)
_DARK: Color = (0.025, 0.03, 0.04)
_ORANGE: Color = (0.85, 0.22, 0.02)
_GLOW: Color = (0.25, 1.1, 1.0)


def draw_robot() -> Array:
    """(HEIGHT, WIDTH, 4) linear Rec.709, premultiplied."""
    canvas = Canvas(WIDTH, HEIGHT)
    for side in (-1, 1):
        _leg(canvas, side)
        _arm(canvas, side)
    _torso(canvas)
    _head(canvas)
    return np.clip(canvas.finished(), 0.0, 1.0)


def _leg(canvas: Canvas, side: int) -> None:
    x = 240 + side * 52
    canvas.capsule((x, 500), (x + side * 4, 610), (22, 18), _DARK, _LIGHT)
    canvas.capsule((x + side * 4, 620), (x + side * 6, 712), (27, 36), _SHELL, _LIGHT)
    canvas.capsule((x + side * 3, 604), (x + side * 3, 604), (26, 26), _ORANGE, _LIGHT)
    canvas.box((x + side * 14, 746), (96, 50), 24, _TEAL, _LIGHT, bevel=22)
    canvas.box((x + side * 14, 766), (100, 14), 6, _DARK, _LIGHT, bevel=6)


def _arm(canvas: Canvas, side: int) -> None:
    shoulder, elbow, wrist = (240 + side * 122, 318), (240 + side * 166, 420), (240 + side * 158, 512)
    canvas.capsule(shoulder, elbow, (20, 16), _DARK, _LIGHT)
    canvas.capsule(elbow, wrist, (22, 30), _SHELL, _LIGHT)
    canvas.capsule(elbow, elbow, (23, 23), _ORANGE, _LIGHT)
    for finger in (-1, 0, 1):
        tip = (wrist[0] + finger * 17 - side * 4, wrist[1] + 56 - 6 * abs(finger))
        canvas.capsule((wrist[0] + finger * 13, wrist[1] + 24), tip, (10, 9), _DARK, _LIGHT)
    canvas.capsule(wrist, (wrist[0], wrist[1] + 14), (29, 24), _TEAL, _LIGHT)
    canvas.capsule(shoulder, shoulder, (38, 38), _TEAL, _LIGHT)


def _torso(canvas: Canvas) -> None:
    canvas.box((240, 490), (150, 62), 28, _DARK, _LIGHT, bevel=26)
    canvas.box((240, 368), (214, 216), 62, _SHELL, _LIGHT, bevel=54)
    canvas.box((240, 352), (128, 92), 22, _DARK, _LIGHT, bevel=12)
    canvas.box((240, 352), (112, 76), 16, _TEAL, _LIGHT, bevel=8)
    canvas.capsule((240, 352), (240, 352), (25, 25), _ORANGE, _LIGHT)
    canvas.capsule((240, 352), (240, 352), (13, 13), _GLOW, _LIGHT)
    for index in range(3):
        canvas.box((204 + index * 36, 432), (24, 9), 4, _ORANGE if index == 1 else _TEAL, _LIGHT, bevel=4)


def _head(canvas: Canvas) -> None:
    canvas.capsule((240, 236), (240, 268), (30, 34), _DARK, _LIGHT)
    canvas.capsule((240, 92), (240, 46), (5, 4), _DARK, _LIGHT)
    canvas.capsule((240, 38), (240, 38), (14, 14), _ORANGE, _LIGHT)
    for side in (-1, 1):
        canvas.box((240 + side * 112, 166), (34, 66), 14, _ORANGE, _LIGHT, bevel=14)
    canvas.box((240, 166), (214, 156), 66, _SHELL, _LIGHT, bevel=58)
    canvas.box((240, 172), (168, 96), 42, _DARK, _LIGHT, bevel=18)
    for side in (-1, 1):
        canvas.capsule((240 + side * 38, 164), (240 + side * 38, 172), (16, 16), _GLOW, _LIGHT)
    for step in range(-3, 3):
        a, b = ((240 + 7.0 * i, 199 - 0.45 * i * i) for i in (step, step + 1))
        canvas.capsule(a, b, (3, 3), _GLOW, _LIGHT)
