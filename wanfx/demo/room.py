"""A lit room, wider than the frame, so that a camera can pan across it.

Linear Rec.709 RGB, supersampled: a wall with window and pictures, a boarded floor in perspective, and a lamp. The wall
is near 0.2, the sky near 6 and the bulb 60 (the camera clips it).
"""

from __future__ import annotations

import cv2
import numpy as np

from wanfx.demo.drawing import SUPERSAMPLING, Array, Canvas, Color, Light, rgb, smoothstep, value_noise

WIDTH, HEIGHT = 704, 360
BULB = (452.0, 92.0)
BULB_RADIUS = 7.0
_BULB_LEVEL = 60.0
_FLOOR_Y, _HORIZON_Y, _VANISH_X = 252.0, 150.0, 352.0
_WINDOW = (70.0, 48.0, 214.0, 178.0)
_FLAT = Light((-0.5, -0.6, 0.6), (0.5, 0.52, 0.55), (0.42, 0.4, 0.38))
_WHITE: Color = (0.62, 0.6, 0.55)
_WOOD: Color = (0.2, 0.085, 0.035)
_BOOKS: list[Color] = [(0.4, 0.05, 0.04), (0.05, 0.12, 0.3), (0.5, 0.34, 0.08), (0.06, 0.2, 0.12), (0.4, 0.36, 0.3)]


def draw_room() -> Array:
    """(HEIGHT, WIDTH, 3) at the supersampled size."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[0 : HEIGHT * SUPERSAMPLING, 0 : WIDTH * SUPERSAMPLING].astype(np.float32)
    x, y = (x + 0.5) / SUPERSAMPLING, (y + 0.5) / SUPERSAMPLING
    surface = np.where((y < _FLOOR_Y)[..., None], _wall(rng, x, y), _floor(rng, x, y))
    surface = surface * _daylight(x, y)[..., None]
    room = _over(surface, _furniture())
    room = room * _lamplight(x, y)
    room = _with_view(room, x, y)
    return _with_bulb(_over(room, _window_frame()), x, y)


def _over(under: Array, canvas: Canvas) -> Array:
    pixels = canvas.pixels
    return np.asarray(pixels[..., :3] + (1 - pixels[..., 3:]) * under, np.float32)


def _wall(rng: np.random.Generator, x: Array, y: Array) -> Array:
    """Patterned paper above boards with a rail; the plaster's unevenness over all."""
    height, width = x.shape
    rows, columns = np.floor(y / 18), np.floor(x / 22)
    u, v = (x + 11 * (rows % 2)) % 22 - 11, y % 18 - 9
    motif = smoothstep(5.5, 4.0, np.abs(u) * 0.9 + np.abs(v)) - 0.6 * smoothstep(2.6, 1.8, np.hypot(u, v))
    paper = rgb([0.115, 0.175, 0.165]) * (1 + 0.22 * motif + 0.02 * (columns % 3))[..., None]
    grooves = smoothstep(0.9, 0.2, np.abs(x % 16 - 8))
    boards = rgb([0.34, 0.32, 0.28]) * (1 - 0.45 * grooves)[..., None]
    wall = np.where((y > 196)[..., None], boards, paper)
    for top, bottom in ((192, 199), (242, _FLOOR_Y)):
        rail = rgb([0.46, 0.44, 0.39]) * (1.1 - 0.5 * (y - top) / (bottom - top))[..., None]
        wall = np.where(((y > top) & (y < bottom))[..., None], rail, wall)
    uneven = 0.05 * value_noise(rng, width, height, cell=(60, 50)) + 0.025 * value_noise(
        rng, width, height, cell=(5, 5)
    )
    return np.asarray(wall * (1 + uneven)[..., None], np.float32)


def _floor(rng: np.random.Generator, x: Array, y: Array) -> Array:
    """Boards that run away from the camera and meet at the vanishing point."""
    depth = 100.0 / np.maximum(y - _HORIZON_Y, 20.0)
    across, away = (x - _VANISH_X) * depth, depth * 900.0
    board = np.floor(across / 34)
    tone = rng.uniform(0.62, 1.25, 128).astype(np.float32)[(board.astype(int) + 64) % 128]
    grain = value_noise(rng, 1024, 1024, cell=(3, 64))
    streak = cv2.remap(grain, (across * 4 + board * 61) % 1000, (away * 0.9 + board * 137) % 1000, cv2.INTER_LINEAR)
    seam = smoothstep(1.1, 0.3, np.abs((across + 17) % 34 - 17) / depth)
    end = smoothstep(2.4, 0.8, np.abs((away + board * 157) % 420))
    wood = rgb([0.27, 0.125, 0.055]) * (tone * (1 + 0.13 * streak))[..., None]
    rug_radius = np.hypot((x - 390) / 210, (y - 326) / 30)
    rings = 0.5 + 0.5 * np.cos(rug_radius * 24)
    rug = rgb([0.11, 0.13, 0.22]) + rings[..., None] * rgb([0.17, 0.13, 0.04])
    rug = rug * (1 + 0.12 * cv2.remap(grain, across * 9 % 1000, away * 9 % 1000, cv2.INTER_LINEAR))[..., None]
    inside = smoothstep(1.005, 0.995, rug_radius)[..., None]
    planks = wood * (1 - 0.7 * np.maximum(seam, end))[..., None]
    return np.asarray(planks * (1 - inside) + rug * inside, np.float32)


def _daylight(x: Array, y: Array) -> Array:
    """Brighter near the window, with the window's own shape of sun on the floor, darker where wall meets floor."""
    soft = 0.75 + 0.75 * np.exp(-(((x - 140) / 230) ** 2) - ((y - 150) / 170) ** 2)
    slant = x - (y - _FLOOR_Y) * 1.1
    panes = smoothstep(3, 6, np.abs((slant - 150) % 58 - 29)) * smoothstep(2, 4, np.abs(y - 292))
    patch = (
        smoothstep(150, 158, slant) * smoothstep(274, 266, slant) * smoothstep(264, 268, y) * smoothstep(328, 322, y)
    )
    corner = 1 - 0.45 * np.exp(-np.abs(y - _FLOOR_Y) / 9)
    return np.asarray(soft * corner * (1 + 2.6 * patch * panes), np.float32)


def _lamplight(x: Array, y: Array) -> Array:
    """Warm light that falls off around the bulb, cut by its shade from above."""
    radius = np.hypot(x - BULB[0], y - BULB[1])
    below = smoothstep(-14, 40, y - BULB[1] + 0.35 * np.abs(x - BULB[0]))
    strength = (1.9 * np.exp(-radius / 46) + 0.75 * np.exp(-radius / 150)) * below
    return np.asarray(1 + strength[..., None] * rgb([1.25, 0.86, 0.48]), np.float32)


def _furniture() -> Canvas:
    """Two pictures, a sideboard with books and a plant."""
    canvas = Canvas(WIDTH, HEIGHT)
    for x, y, width, height, tint in ((292, 96, 62, 78, (0.5, 0.2, 0.06)), (368, 84, 46, 54, (0.06, 0.2, 0.34))):
        canvas.box((x, y), (width, height), 1, (0.05, 0.035, 0.025), _FLAT, bevel=3)
        canvas.box((x, y), (width - 9, height - 9), 0.5, (0.6, 0.57, 0.5), _FLAT, bevel=1)
        canvas.capsule((x - 8, y + 9), (x + 7, y + 6), (10, 7), tint, _FLAT)
        canvas.capsule((x + 6, y - 12), (x + 6, y - 12), (7, 7), (0.62, 0.42, 0.1), _FLAT)
    canvas.box((590, 226), (172, 66), 3, _WOOD, _FLAT, bevel=4)
    for column in range(3):
        canvas.box((534 + column * 56, 229), (50, 50), 2, (0.26, 0.115, 0.05), _FLAT, bevel=3)
        canvas.capsule((534 + column * 56, 212), (534 + column * 56, 212), (2.4, 2.4), (0.6, 0.45, 0.2), _FLAT)
    for index in range(11):
        tall = 26 + (index * 7) % 13
        canvas.box((522 + index * 7.5, 193 - tall / 2), (6.6, tall), 1, _BOOKS[index % 5], _FLAT, bevel=2,
                   turn=0.22 if index == 10 else 0)  # fmt: skip
    canvas.box((646, 180), (28, 26), 5, (0.5, 0.2, 0.1), _FLAT, bevel=12)
    for index in range(13):
        angle = -2.75 + index * 0.195
        reach = 40 + 12 * ((index * 5) % 4) / 3
        tip = (646 + reach * float(np.cos(angle)), 166 + reach * 1.15 * float(np.sin(angle)))
        canvas.capsule((646, 168), tip, (2.0, 4.6), (0.04, 0.15 + 0.02 * (index % 4), 0.045), _FLAT)
    return canvas


def _with_view(room: Array, x: Array, y: Array) -> Array:
    """The sky and two hills behind the window: much brighter than the room."""
    x0, y0, x1, y1 = _WINDOW
    up = np.clip((y1 - y) / (y1 - y0), 0, 1)[..., None]
    view = rgb([5.4, 6.0, 6.6]) * (1 - up) + rgb([2.6, 4.2, 7.2]) * up
    for base, wave, color in ((128, 0.045, (1.1, 1.7, 1.5)), (150, 0.07, (0.7, 1.25, 0.4))):
        hill = smoothstep(-0.7, 0.7, y - base + 9 * np.sin(x * wave) + 4 * np.sin(x * wave * 2.7 + 1))[..., None]
        view = view * (1 - hill) + rgb(color) * hill * (1 + 0.1 * np.sin(x * 0.9 + y * 0.7))[..., None]
    inside = ((x > x0) & (x < x1) & (y > y0) & (y < y1))[..., None]
    return np.asarray(np.where(inside, view, room), np.float32)


def _window_frame() -> Canvas:
    canvas = Canvas(WIDTH, HEIGHT)
    x0, y0, x1, y1 = _WINDOW
    middle = (x0 + x1) / 2
    for x, wide in ((x0, 9), (middle, 6), (x1, 9)):
        canvas.box((x, (y0 + y1) / 2), (wide, y1 - y0 + 8), 1, _WHITE, _FLAT, bevel=3)
    for y in (y0, y0 + 0.42 * (y1 - y0), y1):
        canvas.box((middle, y), (x1 - x0 + 8, 7), 1, _WHITE, _FLAT, bevel=3)
    canvas.box((middle, y1 + 6), (x1 - x0 + 26, 8), 2, _WHITE, _FLAT, bevel=4)
    for side, start in ((-1, x0 - 4), (1, x1 + 4)):
        for fold in range(5):
            x = start + side * (fold * 6.0)
            canvas.capsule((x, y0 - 14), (x + side * (2 + fold % 2), y1 + 58), (5.0, 6.0), (0.42, 0.3, 0.12), _FLAT)
    canvas.capsule((x0 - 42, y0 - 15), (x1 + 42, y0 - 15), (2.6, 2.6), (0.05, 0.035, 0.03), _FLAT)
    return canvas


def _with_bulb(room: Array, x: Array, y: Array) -> Array:
    """A hanging lamp: cord, metal shade, and the bulb under it with its glare in the lens."""
    canvas = Canvas(WIDTH, HEIGHT)
    bx, by = BULB
    canvas.capsule((bx, 0), (bx, by - 30), (1.2, 1.2), (0.03, 0.03, 0.03), _FLAT)
    canvas.capsule((bx, by - 32), (bx, by - 12), (5, 24), (0.06, 0.1, 0.1), _FLAT)
    room = _over(room, canvas)
    radius = np.hypot(x - bx, y - by)
    glare = 0.9 * np.exp(-radius / 8) + 0.12 * np.exp(-radius / 40)
    core = smoothstep(BULB_RADIUS + 1, BULB_RADIUS - 1, radius)
    light = rgb([1.0, 0.82, 0.55]) * glare[..., None]
    return np.asarray(room * (1 - core[..., None]) + light + _BULB_LEVEL * core[..., None], np.float32)
