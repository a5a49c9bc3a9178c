"""The composite of a reference made seamless by an image editor; the plate stays the plate away from the character."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.backends.image_edit import edit_picture, editor_card
from wanfx.backends.protocols import ModelCard
from wanfx.ops.edges import bounding_box, grow_matte
from wanfx.ops.edit_prompts import SEAMLESS
from wanfx.stages.context import RunContext
from wanfx.stages.reference_scene import Placed
from wanfx_color.transforms import decode_srgb, encode_srgb, from_linear_rec709, to_linear_rec709

Array = npt.NDArray[np.float32]
_REACH = 0.12
"""How far the edit goes beyond the character, for its shadow, as a part of its height."""


@dataclass(frozen=True)
class SeamlessEdit:
    """Who makes it and what he is told; ``exposure_stops`` bring the plate's light to a picture's."""

    model: ModelCard
    prompt: str
    seed: int
    plate_space: str
    exposure_stops: float

    def make(self, run: RunContext, placed: Placed, picture: Array) -> Array:
        """The composite (H, W, 3), seamless, plate-linear; ``picture`` is the reference as given, plate-linear.

        Raises MissingError where the editor's weights are not there.
        """
        shown = [self._show(run, one) for one in (placed.rgb, picture)]
        edited = self._read(run, edit_picture(shown, prompt=self.prompt, seed=self.seed))
        near = near_character(placed.alpha)[..., None]
        return np.asarray(placed.background * (1 - near) + edited * near, np.float32)

    def _show(self, run: RunContext, rgb: Array) -> Array:
        linear = to_linear_rec709(run.color, self.plate_space)(rgb.copy())
        return encode_srgb(linear * np.float32(2.0**self.exposure_stops))

    def _read(self, run: RunContext, display: Array) -> Array:
        linear = decode_srgb(display) * np.float32(2.0**-self.exposure_stops)
        return from_linear_rec709(run.color, self.plate_space)(np.ascontiguousarray(linear))


def plan_edit(run: RunContext, *, plate_space: str, exposure_stops: float) -> SeamlessEdit:
    """What condition.reference=edit asks for. Raises MissingError for a lock that cannot be read."""
    options = run.options
    prompt = options.condition.edit_prompt or SEAMLESS
    return SeamlessEdit(editor_card(), prompt, options.generate.seed, plate_space, exposure_stops)


def near_character(alpha: Array) -> Array:
    """Where the edit counts, (H, W) in [0, 1]: 1 on the character (H, W), falling off around it.

    >>> alpha = np.zeros((64, 64), np.float32)
    >>> alpha[16:48, 24:40] = 1
    >>> near = near_character(alpha)
    >>> float(near[alpha > 0].min()) == 1.0, float(near[0, 0])
    (True, 0.0)
    """
    box = bounding_box(alpha)
    if box.is_empty:
        return alpha
    reach_px = max(2.0, _REACH * box.height)
    grown = grow_matte(alpha, radius_px=reach_px)
    soft = np.asarray(cv2.GaussianBlur(grown, (0, 0), reach_px / 4), np.float32)
    return np.maximum(soft, alpha)
