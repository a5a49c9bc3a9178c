"""The person's mask as evidence: the pose network's, steadied by the selfie network's where that is sure too.

Source of the second: MediaPipe Selfie Segmentation, model card, 2021.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from wanfx.backends.blaze import Roi, put_back, take_crop
from wanfx.backends.blaze_body import Body, BodyNets
from wanfx.backends.protocols import Array
from wanfx.backends.tflite import Net
from wanfx.backends.weights import LITE, find_file
from wanfx.ops.edges import bounding_box
from wanfx.ops.evidence import Evidence

_SURE = np.float32(5.0)
_BEYOND = np.float32(2.0)
_POSE_SHARE, _SELFIE_SHARE = np.float32(0.75), np.float32(0.3)


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
            ours = _POSE_SHARE * ours + _SELFIE_SHARE * self._selfie_odds(picture, around, shape)
        return Evidence(ours, np.maximum(other, 0), 1.0)

    def _selfie_odds(self, picture: Array, roi: Roi, shape: tuple[int, int]) -> Array:
        side = self._selfie.side_px
        likely = self._selfie.run(take_crop(picture, roi, side_px=side))[0][..., 0]
        return put_back(_odds(likely), roi, shape=shape)


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
    return np.asarray(put_back(_odds(body.mask) + _BEYOND, roi, shape=shape) - _BEYOND, np.float32)


def _odds(likely: Array) -> Array:
    bounded = np.clip(likely, np.float32(0.0067), np.float32(0.9933))
    return np.clip(np.log(bounded / (1 - bounded)), -_SURE, _SURE)
