"""A kept actor who was graded or has light wrapped around him: are his own pixels there, and is the rest as told?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.ops.comp import any_channel
from wanfx.ops.grade import Grade
from wanfx.pixels import to_float, to_half
from wanfx.qc.diagnosis import place
from wanfx.qc.promises import Promise, judge, not_applicable
from wanfx.stages.comp_actor import dress_actor
from wanfx.stages.comp_write import UNGRADED, WRAP

Pixels = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]
_INTEGRITY = "plate-integrity"


def is_touched(fact: Mapping[str, Any]) -> bool:
    """Whether the frame's actor may differ from the plate's."""
    return fact.get("integration") is not None


def wrong_actor_edit(pixels: Mapping[str, Pixels], layer: str) -> Mask:
    """Where (H, W) the edit matte is not 1 - alpha and what has changed of the actor, together."""
    edit, alpha = pixels["matte_edit"][..., 0], pixels["matte_character"][..., 0]
    kept = to_half(np.float32(1) - to_float(alpha))
    if layer + UNGRADED not in pixels:
        return np.asarray(edit != kept)
    changed = _differs(pixels[layer], pixels[layer + UNGRADED])
    return np.asarray(np.where(changed, (edit < kept) | (edit <= 0), edit != kept))


def name_actor_faults(
    pixels: Mapping[str, Pixels], fact: Mapping[str, Any], plate: Pixels | None, layer: str
) -> Iterator[tuple[str, str]]:
    """Promise and text of each fault: the actor's own pixels are the plate's, and of them the comp's actor is made."""
    own = pixels[layer + UNGRADED]
    if plate is not None and plate.shape[:2] == own.shape[:2]:
        # Bad pixels are told of elsewhere.
        solid = (pixels["matte_character"][..., 0] >= 1) & np.isfinite(to_float(plate)).all(axis=2)
        unlike = solid & _differs(own, to_half(plate))
        if unlike.any():
            yield _INTEGRITY, f"{layer}{UNGRADED} is not the plate's at {place(unlike)}"
    told = fact["integration"]
    grade = Grade() if told["grade"] is None else Grade.from_dict(told["grade"])
    wrap = pixels.get(WRAP, np.zeros((*own.shape[:2], 3), np.float16))
    wanted, found = (to_float(layers)[..., :3] for layers in (dress_actor(own, wrap, grade), pixels[layer]))
    off = any_channel(~(np.abs(found - wanted) <= 2e-3 * np.maximum(np.abs(found), np.abs(wanted)) + 1e-6))
    off &= np.isfinite(wanted).all(axis=2)
    if off.any():
        yield "two-mattes", f"{layer} is not {layer}{UNGRADED} graded and lit as the manifest says at {place(off)}"


def judge_kept(manifest: Mapping[str, Any], faults: list[str], *, evidence: str) -> Promise:
    """Promise 1, told as it is: a graded actor is not the plate's, a wrapped one is where edit is 0."""
    facts = [fact for fact in manifest["frame_facts"].values() if is_touched(fact)]
    if faults or not facts:
        return judge(_INTEGRITY, faults, evidence=evidence)
    touched = sum(fact["touched_pixels"] for fact in facts)
    if any(fact["integration"]["grade"] is not None for fact in facts):
        return not_applicable(
            _INTEGRITY,
            f"the actor is graded (finish.grade=apply): {touched} of his pixels in {len(facts)} frames are not the "
            f"plate's; the part that ends in {UNGRADED} has them as they were. {evidence}",
        )
    return judge(
        _INTEGRITY,
        faults,
        evidence=f"{evidence}; light wrap changed {touched} of the actor's pixels, which edit covers",
    )


def _differs(ours: Pixels, theirs: Pixels) -> Mask:
    """Where any bit of the first three channels differs, both as halves."""
    one, other = (np.ascontiguousarray(to_half(pixels)[..., :3]).view(np.uint16) for pixels in (ours, theirs))
    return any_channel(one != other)
