"""A person detector of the YOLO family: its picture in, its rows out, and the one box that is followed.

Rows and choice follow Wan2.2's own preprocessing (commit 42bf4cfa) with YOLOv10-m at 640x640.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from wanfx.errors import InputError
from wanfx.frames import Size
from wanfx.ops.channels import ChannelOrder, in_bytes, in_order

Array = npt.NDArray[np.float32]
INPUT_PX = 640
LEAST_SCORE, LEAST_SIDE_SHARE, OVERLAP = 0.05, 0.4, 0.5
_PERSON = 0
_ROW, _ROW_OF_CLASSES = 6, 84


@dataclass(frozen=True)
class Person:
    """A person's box, corners in pixels of the picture, and the detector's score."""

    x0: float
    y0: float
    x1: float
    y1: float
    score: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0


def detector_input(picture: npt.NDArray[Any], *, order: ChannelOrder = "rgb") -> Array:
    """``picture`` (H, W, 3) rgb, display-encoded, uint8 or float32 in [0, 1], as (1, 3, 640, 640) float32 in [0, 1].

    It is stretched, not letterboxed. ``order`` is that of the channels the network is given.
    """
    small = cv2.resize(np.ascontiguousarray(picture), (INPUT_PX, INPUT_PX), interpolation=cv2.INTER_LINEAR)
    scaled = (in_order(in_bytes(small), order) / np.float64(255)).astype(np.float32)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])


def people(rows: npt.NDArray[Any], *, size: Size) -> tuple[Person, ...]:
    """The people in a detector's output for a picture of ``size``, the surest first.

    ``rows`` is (N, 6): x0, y0, x1, y1, score, class, or (84, N): center x, center y, width, height and a score for each
    class; both in pixels of the 640x640 picture, with or without a leading batch of one. Boxes are cut to whole pixels;
    of boxes that overlap by half the surer stays, whatever its class. Raises InputError for another shape.
    """
    boxes, scores, classes = _as_rows(rows, size)
    kept = scores >= LEAST_SCORE
    whole, sure, kinds = boxes[kept].astype(np.int32).tolist(), scores[kept].tolist(), classes[kept]
    order = cv2.dnn.NMSBoxes(whole, sure, LEAST_SCORE, OVERLAP) if whole else ()
    found = []
    for index in np.asarray(order, np.intp).ravel():
        x, y, width, height = whole[index]
        if kinds[index] == _PERSON and sure[index] > LEAST_SCORE:
            found.append(Person(x, y, x + width, y + height, sure[index]))
    return tuple(found)


def choose_person(found: tuple[Person, ...], *, size: Size) -> Person:
    """The largest of those found; one much shorter than the last choice is passed over.

    Where nobody was found, the whole picture with score -1. A choice of each frame by itself can jump between people:
    following one is the caller's.
    """
    best: Person | None = None
    longest = max((max(person.width, person.height) for person in found), default=0.0)
    for person in found:
        side = max(person.width, person.height)
        is_larger = best is None or person.width * person.height > best.width * best.height
        if is_larger and side >= LEAST_SIDE_SHARE * longest:
            best, longest = person, side
    return Person(0.0, 0.0, float(size.width), float(size.height), -1.0) if best is None else best


def _as_rows(rows: npt.NDArray[Any], size: Size) -> tuple[npt.NDArray[Any], ...]:
    """Boxes in the picture as x, y, width, height, their scores and classes."""
    table = np.asarray(rows[0] if rows.ndim == 3 and len(rows) == 1 else rows, np.float32)
    # In float32 and in this order, as the reference has it: whether a box loses a pixel hangs on it.
    factors = (np.array([size.width, size.height] * 2) / INPUT_PX).astype(np.float32)
    if table.ndim == 2 and table.shape[1] == _ROW:
        corners = table[:, :4] * factors
        return np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]]), table[:, 4], table[:, 5]
    if table.ndim == 2 and table.shape[0] == _ROW_OF_CLASSES:
        sides, scores = table[2:4].T, table[4:]
        return np.hstack([table[:2].T - sides / 2, sides]) * factors, scores.max(axis=0), scores.argmax(axis=0)
    raise InputError(f"a detector's output of shape {rows.shape} is unknown", remedy="use a YOLOv8 or YOLOv10 model")
