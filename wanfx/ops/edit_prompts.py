"""What an image editor is asked for: a composite made seamless; actor and character that stand alike.

The sentences of the latter are those that Wan2.2's own preprocessing (commit 42bf4cfa) gives FLUX.1-Kontext.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from wanfx.frames import Size
from wanfx.ops import skeleton as joints
from wanfx.ops.skeleton import Skeleton

Shown = Literal["legs", "arms", "neither"]
SHOWN_FROM = 0.75
SEAMLESS = (
    "Make the person in the first image look photographed there, as the same person is shown in the second image. "
    "Match the direction, softness and color of the light, add the shadow on the ground, and complete what is cut off. "
    "Keep the person's face, hair, clothes, pose, size and position, the camera and the background unchanged."
)
"""For a character that was laid over a plate: the composite comes first, its own picture second."""
_ARMS = [joints.RIGHT_ELBOW, joints.RIGHT_WRIST, joints.LEFT_ELBOW, joints.LEFT_WRIST]
_LEGS = [joints.RIGHT_KNEE, joints.RIGHT_ANKLE, joints.LEFT_KNEE, joints.LEFT_ANKLE]
_WIDE = "Change the person to a standard T-pose (facing forward with arms extended)."
_TALL = (
    "Change the person to a standard pose with the face oriented forward and arms extending straight down by the sides."
)
_ENDS = {
    "legs": " The person is standing. Feet and Hands are visible in the image.",
    "arms": " Hands are visible in the image.",
}


def shown_limbs(skeletons: Iterable[Skeleton]) -> Shown:
    """What a shot shows of the actor's limbs in any of its frames: legs, else arms, else neither.

    A point with confidence from 0.75 that is not beyond the right or the lower edge is shown.
    """
    shown: Shown = "neither"
    for skeleton in skeletons:
        body, size = skeleton.body, (skeleton.size.width, skeleton.size.height)
        is_shown = (body[:, :2] <= size).all(axis=1) & (body[:, 2] >= SHOWN_FROM)
        if is_shown[_LEGS].any():
            return "legs"
        if is_shown[_ARMS].any():
            shown = "arms"
    return shown


def edit_prompt(shown: Shown, *, size: Size) -> str:
    """The prompt for a picture of ``size``: arms out where it is wider than tall, else arms down.

    >>> edit_prompt("neither", size=Size(720, 1280))
    'Change the person to face forward.'
    """
    if shown == "neither":
        return "Change the person to face forward."
    return (_WIDE if size.width > size.height else _TALL) + _ENDS[shown]
