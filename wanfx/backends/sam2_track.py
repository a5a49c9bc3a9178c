"""One subject in SAM 2: prompts, what is remembered of a few frames, where it is looked for, and the logits of each.

Sources: Ravi et al., SAM 2: Segment Anything in Images and Videos, 2024 (memory, object pointers, prompts); the
stability of a mask as a measure of its quality: Kirillov et al., Segment Anything, 2023, appendix B.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from wanfx.backends.protocols import Array
from wanfx.backends.sam2_asked import ask, ask_by_mask, is_inside, prompted_box
from wanfx.backends.sam2_engine import Answer, Asked, Engine, Remembered, prepare_picture
from wanfx.backends.sam2_plan import Anchor, Direction
from wanfx.backends.sam2_window import Framing, Window, cut_window, place_logits, subject_box
from wanfx.frames import Box, Size

_STABLE = 1.0
_WINDOWS = 6
_Maps = Literal["encode", "none"]


@dataclass(frozen=True, eq=False)
class Look:
    """What the network says of a window of a frame: ``logits`` (h, w) of the matte, ``score``, the logit that the
    subject is there at all; ``size`` is the frame's.
    """

    logits: Array
    score: float
    window: Window
    size: Size

    @property
    def box(self) -> Box | None:
        """Where the subject is in the frame; None where it is not."""
        return subject_box(self.logits, self.window, self.size) if self.score > 0 else None

    @property
    def confidence(self) -> float:
        """How sure the subject is there, times how little its mask depends on where logits are cut; 0 to 1."""
        core, reach = int((self.logits > _STABLE).sum()), int((self.logits > -_STABLE).sum())
        stability = core / reach if reach else 0.0
        return stability * float(to_matte(np.float32(self.score)))

    def placed(self) -> Array:
        """The logits of the whole frame (H, W): resized before they become a matte, so that the edge stays sharp."""
        return place_logits(self.logits, self.window, self.size)


def to_matte(logits: Array | np.float32) -> Array:
    """Logits as how likely each pixel is the subject's, in [0, 1]: the logistic function."""
    clipped = np.clip(logits, -80, 80)  # where exp stays a float32, far beyond where the result is 0 or 1
    return np.asarray(1 / (1 + np.exp(-clipped)), np.float32)


class View:
    """One frame as all subjects look at it: display-encoded sRGB (H, W, 3) in [0, 1].

    A window is embedded once, as long as there are few of them.
    """

    def __init__(self, engine: Engine, picture: Array) -> None:
        self._engine, self._picture = engine, picture
        self._seen: dict[Window, Any] = {}
        self.size = Size(picture.shape[1], picture.shape[0])

    def see(self, window: Window) -> Any:
        """The embedding of what a window shows."""
        if window not in self._seen:
            if len(self._seen) == _WINDOWS:
                del self._seen[next(reversed(self._seen))]  # the latest: the first is the whole frame
            part = cut_window(self._picture, window)
            self._seen[window] = self._engine.see(prepare_picture(part, self._engine.side_px))
        return self._seen[window]


class SubjectTrack:
    """Follows one subject. Frames are counted from 0; what is no longer looked at is forgotten at once.

    Prompted frames are remembered as they were seen, whole and, where the subject is small, near; frames just tracked
    move with the window. What was seen from one distance is of no use at another.
    """

    def __init__(self, engine: Engine, framing: Framing) -> None:
        self._engine, self._framing = engine, framing
        self._anchors: dict[int, dict[int, Remembered]] = {}
        self._begins: dict[int, Window] = {}
        self._known: tuple[int, ...] = ()
        self._recent: dict[int, tuple[Window, Remembered]] = {}
        self._own: tuple[int, int, Remembered] | None = None
        self._window = framing.whole

    def prompt(self, index: int, view: View, anchor: Anchor, *, direction: Direction) -> Look:
        """Look at a frame with what was asked there, and remember it for good.

        A start knows nothing of other frames; a correction knows what was tracked up to it in ``direction``.
        """
        if anchor.kind == "correction":
            return self._correct(index, view, anchor, direction=direction)
        look, self._anchors[index] = self._start(index, view, anchor)
        self._begins[index] = look.window
        return look

    def cut(self, view: View, anchor: Anchor) -> Look:
        """Look at a frame with what was asked there, and remember nothing."""
        return self._start(0, view, anchor, maps="none")[0]

    def start(self, origin: int, known: Sequence[int]) -> None:
        """Go on from a prompted frame; forget all but the prompted ones in ``known``."""
        self._recent.clear()
        self._own = None
        self._known = tuple(index for index in known if index in self._anchors)
        self._window = self._begins.get(origin, self._framing.whole)

    def follow(self, index: int, view: View, *, direction: Direction) -> Look:
        """Look at the next frame in a direction: where the subject was; again where it has left that window in part,
        and everywhere where it is not there at all.
        """
        look, answer = self._look(index, view, self._window, direction=direction)
        better = self._better(look)
        if better != look.window:
            look, answer = self._look(index, view, better, direction=direction)
        self._recent[index] = look.window, answer.remembered
        self._move(index, view, look)
        self._forget(index)
        return look

    def _better(self, look: Look) -> Window:
        """The window that a look should have had."""
        if look.box is None:
            return self._framing.whole
        if self._framing.is_cut(look.window, look.box):
            return self._framing.around(look.box, zoom=look.window.zoom)
        return look.window

    def _start(
        self, index: int, view: View, anchor: Anchor, *, maps: _Maps = "encode"
    ) -> tuple[Look, dict[int, Remembered]]:
        """The best look at a start, and what to remember of it from each distance."""
        look, answer = self._ask(index, view, self._framing.whole, anchor, maps=maps)
        remembered = {0: answer.remembered}
        box = prompted_box(anchor, look.box, self._framing.whole.box)
        zoom = 0 if box is None else self._framing.zoom_for(box)
        if box is None or zoom == 0:
            return look, remembered
        near, answer = self._ask(index, view, self._framing.around(box, zoom=zoom), anchor, maps=maps)
        if near.box is None:
            return look, remembered
        return near, {**remembered, zoom: answer.remembered}

    def _correct(self, index: int, view: View, anchor: Anchor, *, direction: Direction) -> Look:
        window = self._window if is_inside(anchor, self._window) else self._framing.whole
        asked = ask(anchor, window, side_px=self._engine.side_px)
        look, answer = self._look(index, view, window, direction=direction, asked=asked)
        self._anchors[index] = {window.zoom: answer.remembered}
        self._begins[index] = window
        if window.zoom:
            self._anchors[index][0] = self._remember(index, view, self._framing.whole, look)
        return look

    def _ask(self, index: int, view: View, window: Window, anchor: Anchor, *, maps: _Maps) -> tuple[Look, Answer]:
        """Ask a start, which stands alone."""
        asked = ask(anchor, window, side_px=self._engine.side_px)
        answer = self._engine.look(
            view.see(window), index=index, direction="forward", asked=asked, known={}, recent={}, maps=maps
        )
        return Look(answer.logits, answer.score, window, view.size), answer

    def _remember(self, index: int, view: View, window: Window, look: Look) -> Remembered:
        """What to remember of a look, as if it had been one through another window: it is asked for by its own mask."""
        mask = np.asarray(look.placed() > 0, np.float32) * (look.score > 0)
        asked = ask_by_mask(mask, window, side_px=self._engine.side_px)
        return self._engine.look(
            view.see(window), index=index, direction="forward", asked=asked, known={}, recent={}
        ).remembered

    def _look(
        self, index: int, view: View, window: Window, *, direction: Direction, asked: Asked | None = None
    ) -> tuple[Look, Answer]:
        recent = {
            other: one.moved(*self._framing.cells_between(then, window))
            for other, (then, one) in self._recent.items()
            if then.zoom == window.zoom
        }
        answer = self._engine.look(
            view.see(window), index=index, direction=direction, asked=asked, known=self._known_at(window.zoom),
            recent=recent,
        )  # fmt: skip
        return Look(answer.logits, answer.score, window, view.size), answer

    def _known_at(self, zoom: int) -> dict[int, Remembered]:
        known = {index: self._anchors[index][zoom] for index in self._known if zoom in self._anchors[index]}
        if self._own is not None and self._own[1] == zoom:
            known[self._own[0]] = self._own[2]
        return known

    def _move(self, index: int, view: View, look: Look) -> None:
        """Choose the window of the next frame."""
        box = look.box
        if box is None:
            self._window = look.window
            return
        zoom = self._framing.zoom_for(box, now=look.window.zoom)
        if zoom == look.window.zoom:
            self._window = self._framing.follow(look.window, box)
            return
        self._window = self._framing.around(box, zoom=zoom)
        self._own = index, zoom, self._remember(index, view, self._window, look)

    def _forget(self, index: int) -> None:
        for other in list(self._recent):
            away = abs(other - index)
            window, one = self._recent[other]
            if away >= self._engine.pointer_frames:
                del self._recent[other]
            elif away >= self._engine.memory_frames:
                self._recent[other] = window, one.without_maps()
