"""The camera: a slow pan over the room with the walker in it, photographed as scene-linear ACEScg."""

from __future__ import annotations

import cv2
import numpy as np

from wanfx.demo import figure, room
from wanfx.demo.drawing import REC709_TO_ACESCG, SUPERSAMPLING, Array, Canvas

WIDTH, HEIGHT, FRAMES = 640, 360, 24
CLIP_LEVEL = 40.0
DEAD_LEVEL = -0.05
# Row, column of pixels that read below black, as faulty photosites do after black subtraction.
DEAD_PIXELS = ((12, 20), (12, 21), (13, 20), (41, 633), (352, 9))
_PAN_PX = 46.0
_SHUTTER_FRAMES, _SHUTTER_SAMPLES = 0.5, 4
_GRAIN = 0.012


def pan_px(time: float) -> float:
    """How far the camera has turned right, in pixels."""
    return 4.0 + _PAN_PX * time / (FRAMES - 1)


class DemoPlate:
    """Frames 0 to FRAMES - 1 of the plate, each made on its own and the same in every run."""

    def __init__(self) -> None:
        self._room = room.draw_room()

    def frame(self, index: int) -> Array:
        """(HEIGHT, WIDTH, 3) scene-linear ACEScg."""
        picture = self._view(index) * self._shadow(index)[..., None]
        walker = self._walker(index)
        picture = walker[..., :3] + (1 - walker[..., 3:]) * picture
        acescg = picture @ REC709_TO_ACESCG.T
        rng = np.random.default_rng([index, 1])
        noise = rng.standard_normal(acescg.shape).astype(np.float32)
        acescg += noise * _GRAIN * np.sqrt(np.maximum(acescg, 0.0) * 0.6 + 0.002)
        # A sensor clips; these are the plate's own highlights, which the comp has to keep.
        acescg = np.minimum(acescg, np.float32(CLIP_LEVEL))
        for row, column in DEAD_PIXELS:
            acescg[row, column] = DEAD_LEVEL
        return np.asarray(acescg, np.float32)

    @staticmethod
    def walker_box(index: int) -> tuple[int, int, int, int]:
        """x0, y0, x1, y1 around the walker, in display-window pixels."""
        x0, y0, x1, y1 = figure.bounds(figure.pose_at(float(index)))
        return round(x0 - pan_px(index)), round(y0), round(x1 - pan_px(index)), round(y1)

    def _view(self, index: int) -> Array:
        shift = np.array([[1, 0, -pan_px(index) * SUPERSAMPLING], [0, 1, 0]], np.float32)
        size = (WIDTH * SUPERSAMPLING, HEIGHT * SUPERSAMPLING)
        view = cv2.warpAffine(self._room, shift, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(cv2.resize(view, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.float32)

    @staticmethod
    def _walker(index: int) -> Array:
        """The walker through an open shutter: premultiplied RGBA."""
        total = np.zeros((HEIGHT, WIDTH, 4), np.float32)
        for sample in range(_SHUTTER_SAMPLES):
            time = index + _SHUTTER_FRAMES * ((sample + 0.5) / _SHUTTER_SAMPLES - 0.5)
            canvas = Canvas(WIDTH, HEIGHT)
            figure.draw(canvas, figure.pose_at(time), offset_x=pan_px(time))
            total += canvas.finished()
        return total / np.float32(_SHUTTER_SAMPLES)

    @staticmethod
    def _shadow(index: int) -> Array:
        """(H, W) multiplier, 1 = none: dark under each foot, and a wide soft one away from the window."""
        y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
        pose = figure.pose_at(float(index))
        shadow = np.ones((HEIGHT, WIDTH), np.float32)
        for (foot_x, ground_y), height_px in figure.ground_contacts(pose):
            spread, darkness = 1 + height_px / 12, 0.7 / (1 + height_px / 7)
            dx, dy = (x - (foot_x - pan_px(index))) / (17 * spread), (y - ground_y - 1) / (4.2 * spread)
            shadow *= 1 - darkness * np.exp(-dx * dx - dy * dy)
        dx, dy = (x - (pose.hip[0] + 34 - pan_px(index))) / 66, (y - figure.GROUND_Y - 2) / 11
        return np.asarray(shadow * (1 - 0.42 * np.exp(-dx * dx - dy * dy)), np.float32)
