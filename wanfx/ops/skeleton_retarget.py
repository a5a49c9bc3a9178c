"""An actor's skeletons with the character's proportions and place, for `animate`.

Two ways: `reference` is Wan2.2's own preprocessing (commit 42bf4cfa) to the pixel, with its habits (points are believed
however unsure, hands change sides, a standing figure is a little low); `gated` is the same idea without them. Both
figures should face the camera, stretched out, in the pictures they are compared in; edited ones, in which they do, can
stand in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from wanfx.errors import NothingFoundError
from wanfx.frames import Size
from wanfx.ops import skeleton as joints
from wanfx.ops.pose import Points
from wanfx.ops.skeleton import Skeleton
from wanfx.ops.skeleton_hands import reference_hands, retarget_hands, with_wrists
from wanfx.ops.skeleton_limbs import Known, Mode, even_ratios, known_limbs, known_points, limb_lengths, relay
from wanfx.ops.skeleton_scale import Framing, compare_heights, edit_scale, framing, parts_of

_SHOULDER_LIMBS = (0, 1)
_HIPS, _ANKLES = [joints.RIGHT_HIP, joints.LEFT_HIP], [joints.RIGHT_ANKLE, joints.LEFT_ANKLE]


@dataclass(frozen=True)
class SkeletonFit:
    """How an actor's skeletons become the character's.

    ``canvas`` is the reference picture's; ``scale`` actor's pixels a pixel of it; ``ratios`` how many times as long
    each of the 19 limbs becomes before that; ``offset_px`` what is taken from the actor's pixels, across and down.
    ``anchor_x_px`` is where the figure stood in the frame it was measured in.
    """

    mode: Mode
    canvas: Size
    scale: float
    ratios: tuple[float, ...]
    offset_px: tuple[float, float]
    framing: Framing
    anchor_x_px: float

    @property
    def hand_ratio(self) -> float:
        """How much larger hands become, on the canvas."""
        return max(self.ratios[limb] for limb in _SHOULDER_LIMBS) / self.scale


def measured_frame(skeletons: Iterable[Skeleton]) -> int:
    """Which of a shot's skeletons, by index, is best to fit: the one with most limbs known, the first of equals.

    Raises NothingFoundError where no frame shows a limb.
    """
    counts = [int(known_limbs(known_points(skeleton, mode="gated")).sum()) for skeleton in skeletons]
    if not any(counts):
        raise NothingFoundError("the actor's limbs are in no frame", remedy="check the poses, or the actor's matte")
    return counts.index(max(counts))


def fit_skeleton(
    actor: Skeleton, *, character: Skeleton, edited: tuple[Skeleton, Skeleton] | None = None, mode: Mode = "gated"
) -> SkeletonFit:
    """The fit of an ``actor`` in one frame (in the reference the first) to the reference picture's ``character``.

    ``edited`` are the two in pictures in which they were posed alike: limbs are compared there. Raises
    NothingFoundError where no point of the body is known in both (`gated` only).
    """
    scale = compare_heights(actor, character, mode=mode).scale
    ratios = _ratios(actor, character, edited=edited, mode=mode)
    known = known_points(actor, mode=mode)
    posed = relay(actor.body[:, :2], known=known, ratios=ratios, clamp_feet=False)
    how = min(framing(actor), framing(character))
    if mode == "reference":
        offset = _reference_offset(posed, character, scale=scale, how=how)
    else:
        both = known & known_points(character, mode=mode)
        offset = _offset(posed, character, both=both, scale=scale, how=how)
    return SkeletonFit(
        mode,
        character.size,
        scale,
        tuple(float(ratio) for ratio in ratios),
        offset,
        how,
        _anchor_x(posed, how),
    )


def retarget_skeletons(skeletons: Iterable[Skeleton], *, fit: SkeletonFit) -> Iterator[Skeleton]:
    """A shot's skeletons, in order, each as by `retarget_skeleton`."""
    for index, skeleton in enumerate(skeletons):
        yield retarget_skeleton(skeleton, fit=fit, is_first=index == 0)


def retarget_skeleton(skeleton: Skeleton, *, fit: SkeletonFit, is_first: bool = False) -> Skeleton:
    """One frame's skeleton on the fit's canvas; confidences stay, hands' points under 0.4 become NaN with confidence 0.

    `reference` mode puts the shot's first frame, and no other, across to where the actor stood in the fit.
    """
    source = with_wrists(skeleton) if fit.mode == "gated" else skeleton
    known = known_points(source, mode=fit.mode)
    posed = relay(source.body[:, :2], known=known, ratios=np.array(fit.ratios), clamp_feet=True)
    across, down = fit.offset_px
    if is_first and fit.mode == "reference" and fit.framing != Framing.THREE_QUARTER:
        across += _anchor_x(posed, fit.framing) - fit.anchor_x_px
    body = skeleton.body.copy()
    body[:, :2] = (posed - (across, down)) / fit.scale
    place_hands = reference_hands if fit.mode == "reference" else retarget_hands
    left, right = place_hands(source, body=body, ratio=fit.hand_ratio)
    # Over parts of the canvas and back, as in the reference: the last bit decides which pixel a point is cut to.
    size = (fit.canvas.width, fit.canvas.height)
    body[:, :2] = body[:, :2] / size * size
    return Skeleton(fit.canvas, body, left, right)


def _ratios(actor: Skeleton, character: Skeleton, *, edited: tuple[Skeleton, Skeleton] | None, mode: Mode) -> Points:
    """How much longer the character's limbs are than the actor's, with both scaled to one height."""
    measured, target = edited or (actor, character)
    heights = compare_heights(measured, target, mode=mode)
    kept = more = 1.0
    if edited is not None:
        kept = edit_scale(actor, measured, heights=heights, mode=mode)
        more = edit_scale(character, target, heights=heights, mode=mode)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = parts_of(target) * _scaled(target.size, heights.scale, mode=mode)
        ratios = limb_lengths(scaled) * more / limb_lengths(measured.body[:, :2]) / kept
    known = known_points(measured, mode=mode) & known_points(target, mode=mode)
    return even_ratios(ratios, known=known, mode=mode)


def _scaled(size: Size, scale: float, *, mode: Mode) -> Points:
    """Width and height of a canvas at another scale; the reference cuts them to whole pixels."""
    sides = np.array([size.width * scale, size.height * scale])
    return np.trunc(sides) if mode == "reference" else sides


def _anchor_x(posed: Points, how: Framing) -> float:
    """Where a figure stands, across: at its hips where all of it is shown, else at its neck."""
    if how == Framing.FULL:
        return float((posed[joints.RIGHT_HIP, 0] + posed[joints.LEFT_HIP, 0]) / 2)
    return float(posed[joints.NECK, 0])


def _reference_offset(posed: Points, character: Skeleton, *, scale: float, how: Framing) -> tuple[float, float]:
    parts, size = parts_of(character), _scaled(character.size, scale, mode="reference")
    if how != Framing.FULL:
        neck = posed[joints.NECK] - parts[joints.NECK] * size
        return float(neck[0]), float(neck[1])
    across = _anchor_x(posed, how) - (parts[joints.RIGHT_HIP, 0] + parts[joints.LEFT_HIP, 0]) * size[0] / 2
    # Ankles here, half way to the toes there: so the figure stands a little low.
    feet = max(
        (parts[ankle, 1] + parts[toe, 1]) / 2
        for ankle, toe in ((joints.LEFT_ANKLE, joints.LEFT_TOE), (joints.RIGHT_ANKLE, joints.RIGHT_TOE))
    )
    return float(across), float(posed[_ANKLES, 1].max() - feet * size[1])


def _offset(posed: Points, character: Skeleton, *, both: Known, scale: float, how: Framing) -> tuple[float, float]:
    """From the character's feet, else its neck, else the middle of all that is known, to the actor's."""
    target = parts_of(character) * _scaled(character.size, scale, mode="gated")
    if how == Framing.FULL:
        across = posed[_HIPS, 0].mean() - target[_HIPS, 0].mean()
        return float(across), float(posed[_ANKLES, 1].max() - target[_ANKLES, 1].max())
    if not both.any():
        raise NothingFoundError(
            "actor and character have no point of the body in common",
            remedy="choose a reference picture that shows the same part of the body",
        )
    shared = [joints.NECK] if both[joints.NECK] else np.flatnonzero(both)
    apart = (posed[shared] - target[shared]).mean(axis=0)
    return float(apart[0]), float(apart[1])
