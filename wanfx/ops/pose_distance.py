"""How unlike two people stand, whatever their sizes."""

from __future__ import annotations

import numpy as np

from wanfx.ops.pose import BODY, Pose

_KNOWN = 0.3
_LEAST_COMMON = 4
_LACKING = 0.5


def pose_distance(actor: Pose, character: Pose) -> float | None:
    """0 for the same pose at any size and place; None where fewer than four points of the body are known of both.

    The character is moved and scaled, never turned or mirrored, to lie on the actor as well as it can; the distance is
    what is left between them, as a part of the actor's size, and 0.5 for all of the actor that the character lacks.

    >>> from wanfx.ops.pose import empty_pose
    >>> pose_distance(empty_pose(), empty_pose()) is None
    True
    """
    is_seen, is_known = (one.confidence[BODY] >= _KNOWN for one in (actor, character))
    common = is_seen & is_known
    if common.sum() < _LEAST_COMMON:
        return None
    wanted, there = (one.xy[BODY][common] - one.xy[BODY][common].mean(axis=0) for one in (actor, character))
    size, spread = float((wanted**2).sum()), float((there**2).sum())
    if size == 0 or spread == 0:
        return None
    scale = max(0.0, float((wanted * there).sum()) / spread)
    rest = float(np.sqrt(((wanted - scale * there) ** 2).sum() / size))
    return round(rest + _LACKING * float((is_seen & ~is_known).sum() / is_seen.sum()), 4)
