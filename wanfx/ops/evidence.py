"""What a network says of the subject's pixels, for a track that flow, colours and the background make."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
_LEAST_BELIEF, _MOST_BELIEF = 4.0, 6.0
_RIM_ODDS = np.float32(-1.2)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Log-odds (H, W) that a pixel is the subject, ``subject``, or somebody else, ``rival`` (0 where nothing is known).

    ``trust`` in [0, 1] says how far the network is believed: at 1 it decides wherever it is sure itself, and colours,
    flow and background decide between.
    """

    subject: Array
    rival: Array
    trust: float

    def cropped(self, window: tuple[slice, slice]) -> Evidence:
        """The evidence of a part of the picture."""
        return Evidence(self.subject[window], self.rival[window], self.trust)

    def added(self, belief: Array) -> Array:
        """The track's own log-odds of the subject with the network's."""
        limit = np.float32(_MOST_BELIEF - (_MOST_BELIEF - _LEAST_BELIEF) * self.trust)
        mixed = np.clip(belief, -limit, limit) + np.float32(self.trust) * self.subject
        return np.asarray(mixed - np.maximum(self.rival, 0), np.float32)

    def agreement(self, belief: Array) -> float:
        """How alike the track's own belief and the network's are: intersection over union, 1 where both see nothing."""
        own, said = belief > 0, self.subject > 0
        either = float((own | said).sum())
        return float((own & said).sum()) / either if either else 1.0


def with_open_rim(log_odds: Array, *, radius_px: float) -> Array:
    """Log-odds (H, W) that are no surer than a guess just outside the subject: fingers and hair are finer than a
    network's mask, and colours and background may add them.
    """
    reach = 2 * max(1, round(radius_px)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    near = cv2.dilate((log_odds > 0).astype(np.uint8), disc) > 0
    return np.where(near, np.maximum(log_odds, _RIM_ODDS), log_odds)
