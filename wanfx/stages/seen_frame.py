"""A generated frame beside its plate: as it is carried on, and as it is dissolved into an approved one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from wanfx.backends.protocols import GeneratedFrame
from wanfx.ops import lock
from wanfx.ops.lock_colors import NO_CORRECTION, Correction
from wanfx.ops.lock_shift import NO_SHIFT, Shift, undo_shift
from wanfx.ops.take import dissolve

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class SeenFrame:
    """What was ``made``, its ``plate`` in model space, and where (H, W) the two may differ.

    ``shift`` and ``correction`` are the generator's error, as far as it is known.
    """

    made: GeneratedFrame
    plate: Array
    edit: Array
    shift: Shift = NO_SHIFT
    correction: Correction = NO_CORRECTION

    def locked(self) -> Array:
        """The picture as it is carried on, (H, W, 3) in model space."""
        rgb = undo_shift(self.made.rgb, self.shift)
        return lock.lock_window(rgb, self.plate, self.edit, correction=self.correction)

    def taken(self, *, keeps_background: bool) -> Array:
        """The picture without the generator's error, (H, W, 3) in model space; the plate beyond the edit."""
        if keeps_background:
            return self.made.rgb
        # The edge of a matte says how far a picture is shown, not what is in it.
        return replace(self, edit=(self.edit > 0).astype(np.float32)).locked()

    def dissolved(self, new: Array, approved: tuple[Array, Array], *, share: float, has_matte: bool) -> SeenFrame:
        """The frame with ``share`` of `taken` and the rest ``approved``: a picture and its character's matte.

        ``has_matte`` says whether the generator's own alpha is the new character's.
        """
        alpha = self.made.alpha if has_matte else None
        if alpha is not None:
            alpha = np.clip(undo_shift(alpha, self.shift), 0, 1)
        rgb, matte = dissolve(
            new, approved[0], weight=share, new_alpha=alpha, approved_alpha=None if alpha is None else approved[1]
        )
        edit = self.edit if matte is None else np.maximum(self.edit, matte)
        return SeenFrame(GeneratedFrame(rgb, self.made.alpha if matte is None else matte), self.plate, edit)
