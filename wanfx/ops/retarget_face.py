"""What a puppet's face does, from the actor's face over time."""

from __future__ import annotations

import numpy as np

from wanfx.ops.pose import Points
from wanfx.ops.puppet_face import MOST_NOD, MOST_TURN, Face
from wanfx.ops.puppet_features import read_features
from wanfx.ops.retarget_body import Actor
from wanfx.ops.retarget_time import bridged, slow, trust

# A nose goes this much farther than the rest of a face that turns.
_TURN_GAIN, _NOD_GAIN = 0.55, 0.45
_WIDEST_MOUTH = 0.7
_BLINK = 0.75
_SIDE = 0.3


def face_path(actor: Actor, face: Face | None) -> Points:
    """Turn, nod, mouth, left and right eye (n, 5), as `puppet_face.move_face` takes them; at rest where not known."""
    frames = len(actor.xy)
    doing = np.tile([0.0, 0.0, 0.0, 1.0, 1.0], (frames, 1))
    if face is None:
        return doing
    seen = read_features(actor.xy, actor.confidence, with_face=face.mouth is not None)
    own = face.features
    sure = trust(seen.has_turn)
    for column, value, still, gain, most in (
        (0, seen.turn, own.turn, _TURN_GAIN, MOST_TURN),
        (1, seen.nod, own.nod, _NOD_GAIN, MOST_NOD),
    ):
        more = bridged(value, seen.has_turn) - still
        doing[:, column] = slow(_limited(gain * more, most), frames=1.5) * sure
    if face.mouth is None or not seen.is_known.any():
        return doing
    # Seen from the side, a face's points are guesses.
    facing = np.clip((_SIDE - np.abs(bridged(seen.turn, seen.has_turn))) / (0.5 * _SIDE), 0, 1)
    sure = trust(seen.is_known) * slow(facing, frames=2.0)
    doing[:, 2] = _mouth(bridged(seen.mouth, seen.is_known), float(own.mouth[0])) * sure
    for column, name in ((3, "left"), (4, "right")):
        openness = bridged(seen.eyes[name], seen.is_known)
        usual = float(np.percentile(openness[seen.is_known], 70))
        doing[:, column] = 1 + (_eye(openness / max(usual, 1e-6)) - 1) * sure
    return doing


def _limited(values: Points, most: float) -> Points:
    """``values``, ever less beyond half of ``most``."""
    return np.asarray(most * np.tanh(values / most), np.float64)


def _mouth(openness: Points, own: float) -> Points:
    """How much further open than in the picture; lips that tremble by the points' noise stay shut."""
    more = np.clip(openness, 0, _WIDEST_MOUTH) - own
    return np.sign(more) * np.maximum(np.abs(more) - 0.03, 0)


def _eye(openness: Points) -> Points:
    """1 for an open eye, near 0 for a shut one; what is between wide and half open is noise."""
    return np.clip((openness - 0.3) / (_BLINK - 0.3), 0, 1)
