"""A shot's grain by frame, from facts that a manifest keeps: a run adds it, and `verify` makes it again."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from wanfx.frames import Box
from wanfx.ops.grain import GrainModel
from wanfx.ops.grain_field import GrainField, GrainPlace, Shares
from wanfx.ops.sharpness import Sharpness, match_sharpness

Array = npt.NDArray[np.float32]


class Grain:
    """Adds each frame's grain, and sharpens what is generated where that was asked for; safe from several threads.

    ``models`` has by name ``{"model": GrainModel.as_dict(), "seed", "amount", "subject"}``, and whatever else is worth
    telling. ``facts`` has by frame ``{"model": name, "own_char", "own_clean": [a channel]}``, or None for a frame that
    gets no grain. Both are JSON types; frames that were copied from an earlier version bring its models with them.
    ``sharpness`` has by frame what `match_sharpness` is to do.

    The same facts give the same bits on one machine. Across machines FFTs and the logarithm may differ in the last
    bit: within 1e-5 of the grain's deviation, far below a half's rounding.
    """

    def __init__(
        self, models: Mapping[str, Mapping[str, Any]], facts: Mapping[int, Mapping[str, Any] | None], *,
        sharpness: Mapping[int, Sharpness] | None = None,
    ) -> None:  # fmt: skip
        self.models, self.facts = models, facts
        self._sharpness = sharpness or {}
        self._fields: dict[str, GrainField] = {}
        self._lock = threading.Lock()

    @classmethod
    def from_manifest(cls, manifest: Mapping[str, Any], *, subject: int = 0) -> Grain:
        """The grain of a delivery, of one subject where it has several; none where its manifest says nothing of it."""
        facts = {
            int(frame): (fact["passes"][subject] if "passes" in fact else fact).get("grain")
            for frame, fact in manifest["frame_facts"].items()
        }
        return cls(manifest.get("grain") or {}, facts)

    def add(self, rgb_linear: Array, *, frame: int, box: Box, char_alpha: Array, reveal: Array) -> Array:
        """The comp's light (h, w, 3), float32, with the frame's grain; ``rgb_linear`` itself where it gets none.

        ``box`` is where it lies in the canvas, ``char_alpha`` and ``reveal`` (h, w) are the mattes as they were
        composited. Where both are 0 the bits stay; see `GrainField.add`.
        """
        fact = self.facts.get(frame)
        if fact is None:
            return rgb_linear
        record = self.models[fact["model"]]
        field = self._field(fact["model"], record)
        place = GrainPlace.of(
            seed=record["seed"], frame=frame, subject=record["subject"], hold_frames=record["model"]["hold_frames"]
        )
        return field.add(
            rgb_linear, place=place, box=box, char_alpha=char_alpha, reveal=reveal,
            own_char=_shares(fact["own_char"]), own_clean=_shares(fact["own_clean"]),
        )  # fmt: skip

    def sharpen(self, generated_linear: Array, *, frame: int) -> Array:
        """Generated light (H, W, 3), not premultiplied, as sharp as the plate where that was asked for; else itself."""
        sharpness = self._sharpness.get(frame)
        return generated_linear if sharpness is None else match_sharpness(generated_linear, sharpness)

    def key(self, frame: int) -> Any:
        """What of the grain a comp frame depends on, for its key."""
        sharpness = self._sharpness.get(frame)
        return [self.facts.get(frame), None if sharpness is None else sharpness.as_dict()]

    def _field(self, name: str, record: Mapping[str, Any]) -> GrainField:
        with self._lock:
            if name not in self._fields:
                model = GrainModel.from_dict(record["model"])
                field = GrainField(model, seed=record["seed"], amount=record["amount"])
                field.prepare()
                self._fields[name] = field
            return self._fields[name]


def _shares(values: list[float]) -> Shares:
    first, second, third = values
    return first, second, third
