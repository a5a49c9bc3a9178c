"""What a network says of the subject's pixels, for a track that flow, colours and the background make."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
_LEAST_BELIEF, _MOST_BELIEF = 3.0, 6.0


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
