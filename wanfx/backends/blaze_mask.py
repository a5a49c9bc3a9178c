"""The person's mask as evidence: the pose network's, steadied by the selfie network's where that is sure too.

Source of the second: MediaPipe Selfie Segmentation, model card, 2021.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from wanfx.backends.blaze import Roi, put_back, take_crop
from wanfx.backends.blaze_body import Body, BodyNets
from wanfx.backends.protocols import Array
from wanfx.backends.tflite import Net
from wanfx.backends.weights import LITE, find_file
from wanfx.frames import Box
from wanfx.ops.edges import bounding_box
from wanfx.ops.evidence import Evidence, with_open_rim
from wanfx.ops.local_colors import local_log_odds

_SURE = np.float32(5.0)
_BEYOND = np.float32(2.0)
_RIM = 0.011
_NEAR = 0.025
_SHARES, _SELFIE_SHARE = np.float32(1.05), np.float32(0.3)


class MaskNets:
    """The networks that draw a person's mask."""

    def __init__(self, bodies: BodyNets) -> None:
        """Raises MissingError where the file is not there."""
        self.bodies = bodies
        self._selfie = Net(find_file(LITE, "selfie_segmentation.tflite"))

    def fine_evidence(self, picture: Array, *, subject: Roi | None, rival: Roi | None) -> Evidence:
        """What both networks say of the subject, and of somebody else, in these regions of a picture."""
        shape = (picture.shape[0], picture.shape[1])
        nothing = np.zeros(shape, np.float32)
        other = _log_odds(self.bodies.read(picture, rival), shape) if rival is not None else nothing
        if subject is None:
            return Evidence(nothing, np.maximum(other, 0), 1.0 if rival is not None else 0.0)
        ours = _log_odds(self.bodies.read(picture, subject), shape)
        box = bounding_box(ours, above=0.0)
        if not box.is_empty:
            around = Roi((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, 1.2 * max(box.width, box.height))
            # A body that leaves the picture is small in its region, and the pose network's mask of it coarse.
            closeness = np.clip((subject.size_px / around.size_px - 1.2) / 0.4, 0, 1)
            share = np.float32(_SELFIE_SHARE + 0.3 * closeness)
            ours = (_SHARES - share) * ours + share * self._selfie_odds(picture, around, shape)
            ours = _with_colors(picture, ours, box)
        return Evidence(with_open_rim(ours, radius_px=_RIM * picture.shape[1]), np.maximum(other, 0), 1.0)

    def _selfie_odds(self, picture: Array, roi: Roi, shape: tuple[int, int]) -> Array:
        side = self._selfie.side_px
        likely = self._selfie.run(take_crop(picture, roi, side_px=side))[0][..., 0]
        return put_back(_odds(likely), roi, shape=shape)


def _with_colors(picture: Array, log_odds: Array, box: Box) -> Array:
    """Log-odds that lean on the colours near by where they are not sure themselves."""
    reach = _NEAR * picture.shape[1]
    window = box.grow(round(2 * reach)).clip(Box(0, 0, picture.shape[1], picture.shape[0])).slices()
    said = log_odds[window]
    ring = np.ones((2 * round(0.5 * reach) + 1,) * 2, np.uint8)
    inside = np.asarray(cv2.erode((said > 1.0).astype(np.float32), ring), np.float32)
    outside = 1 - np.asarray(cv2.dilate((said > -1.0).astype(np.float32), ring), np.float32)
    colors = local_log_odds(np.ascontiguousarray(picture[window]), inside, outside, radius_px=1.5 * reach)
    out = log_odds.copy()
    out[window] = said + colors * (1 - inside) * (1 - outside)
    return out


def quick_evidence(subject: Body | None, rival: Body | None, *, shape: tuple[int, int], scale: float) -> Evidence:
    """What the pose network says, in a picture of ``shape`` that is ``scale`` times the one it was read in."""
    nothing = np.zeros(shape, np.float32)
    other = np.maximum(_log_odds(rival, shape, scale=scale), 0) if rival is not None else nothing
    if subject is None:
        return Evidence(nothing, other, 1.0 if rival is not None else 0.0)
    return Evidence(_log_odds(subject, shape, scale=scale), other, 1.0)


def _log_odds(body: Body, shape: tuple[int, int], *, scale: float = 1.0) -> Array:
    """Log-odds of the body's mask; beyond its region it most likely is not the body."""
    roi = dataclasses.replace(body.roi, x=body.roi.x * scale, y=body.roi.y * scale, size_px=body.roi.size_px * scale)
    inside: Array = put_back(_odds(body.mask) + _BEYOND, roi, shape=shape)
    return inside - _BEYOND


def _odds(likely: Array) -> Array:
    bounded = np.clip(likely, np.float32(0.0067), np.float32(0.9933))
    odds: Array = np.log(bounded / (1 - bounded))
    return np.clip(odds, -_SURE, _SURE)
