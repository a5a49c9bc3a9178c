"""One subject in SAM 2: prompts, what is remembered of a few frames, and the logits of each.

Sources: Ravi et al., SAM 2: Segment Anything in Images and Videos, 2024 (memory, object pointers, prompts); the
stability of a mask as a measure of its quality: Kirillov et al., Segment Anything, 2023, appendix B.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np

from wanfx.backends.protocols import Array, BoxPrompt, PointPrompt
from wanfx.backends.sam2_network import Sam2Network
from wanfx.backends.sam2_plan import Anchor, Direction
from wanfx.frames import Size

_ON, _OFF, _CORNER, _OTHER_CORNER = 1, 0, 2, 3
_STABLE = 1.0
_LARGE = ("high_res_masks", "pred_masks")
_MEMORY = ("maskmem_features", "maskmem_pos_enc")


@dataclass(frozen=True, eq=False)
class Look:
    """What the network says of a frame: ``logits`` (h, w) of the matte, ``score``, the logit that the subject is in
    the frame at all.
    """

    logits: Array
    score: float

    @property
    def confidence(self) -> float:
        """How sure the subject is there, times how little its mask depends on where logits are cut; 0 to 1."""
        core, reach = int((self.logits > _STABLE).sum()), int((self.logits > -_STABLE).sum())
        stability = core / reach if reach else 0.0
        return stability * float(to_matte(np.float32(self.score)))


def to_matte(logits: Array | np.float32) -> Array:
    """Logits as how likely each pixel is the subject's, in [0, 1]: the logistic function."""
    clipped = np.clip(logits, -80, 80)  # where exp stays a float32, far beyond where the result is 0 or 1
    return np.asarray(1 / (1 + np.exp(-clipped)), np.float32)


def draw_logits(logits: Array, size: Size) -> Array:
    """Logits as a matte (H, W) in [0, 1] of ``size``: resized first, so that the edge stays as sharp as they are."""
    return to_matte(np.asarray(cv2.resize(logits, (size.width, size.height), interpolation=cv2.INTER_LINEAR)))


class SubjectTrack:
    """Follows one subject. Frames are counted from 0; what is no longer looked at is forgotten at once."""

    def __init__(self, network: Sam2Network, features: Any, *, size: Size) -> None:
        self._network, self._size = network, size
        self._session = network.new_session(features)
        self._anchors: dict[int, Any] = {}
        config = network.model.config
        self._memory_frames, self._pointer_frames = config.num_maskmem, config.max_object_pointers_in_encoder

    def prompt(self, index: int, picture: Array, anchor: Anchor, *, direction: Direction) -> Look:
        """Look at a frame (as `Sam2Network.prepare` makes it) with what was asked there, and remember it for good.

        A start knows nothing of other frames; a correction knows what was tracked up to it in ``direction``.
        """
        self._ask(index, anchor)
        look = self._look(index, picture, direction=direction)
        outputs = self._session.output_dict_per_obj[0]
        kept = "cond_frame_outputs" if index in outputs["cond_frame_outputs"] else "non_cond_frame_outputs"
        self._anchors[index] = outputs[kept].pop(index)
        self._session.remove_point_inputs(0, index)
        self._session.remove_mask_inputs(0, index)
        return look

    def cut(self, picture: Array, anchor: Anchor) -> Look:
        """Look at frame 0 with what was asked there, and remember nothing."""
        self._ask(0, anchor)
        return self._look(0, picture, direction="forward", memory="none")

    def _ask(self, index: int, anchor: Anchor) -> None:
        session = self._session
        if anchor.mask is not None:
            session.add_mask_inputs(0, index, self._mask(anchor.mask.read()))
        else:
            session.add_point_inputs(0, index, self._points(anchor.points, anchor.box))
        session.obj_with_new_inputs = [0]
        # The network takes a frame that it has tracked for a correction, any other for a start.
        session.frames_tracked_per_obj[0] = {index: {}} if anchor.kind == "correction" else {}

    def start(self, known: Collection[int]) -> None:
        """Forget all frames but the prompted ones in ``known``, and go on from there."""
        outputs = self._session.output_dict_per_obj[0]
        outputs["non_cond_frame_outputs"].clear()
        outputs["cond_frame_outputs"] = {index: self._anchors[index] for index in known if index in self._anchors}

    def follow(self, index: int, picture: Array, *, direction: Direction) -> Look:
        """Look at the next frame in a direction."""
        look = self._look(index, picture, direction=direction)
        frames = self._session.output_dict_per_obj[0]["non_cond_frame_outputs"]
        for other in list(frames):
            away = abs(other - index)
            if away >= self._pointer_frames:
                del frames[other]
            elif away >= self._memory_frames:
                _drop(frames[other], _MEMORY)
        return look

    def _look(
        self, index: int, picture: Array, *, direction: Direction, memory: Literal["encode", "none"] = "encode"
    ) -> Look:
        session = self._session
        out = self._network.model(
            session, frame=self._network.tensor(picture), frame_idx=index, reverse=direction == "backward",
            run_mem_encoder=memory == "encode",
        )  # fmt: skip
        session.processed_frames.clear()
        session.frames_tracked_per_obj[0].clear()
        for frames in session.output_dict_per_obj[0].values():
            if index in frames:
                _drop(frames[index], _LARGE)
        logits = out.pred_masks[0, 0].float().cpu().numpy()
        return Look(np.asarray(logits, np.float32), float(out.object_score_logits.reshape(-1)[0]))

    def _points(self, points: tuple[PointPrompt, ...], box: BoxPrompt | None) -> dict[str, Any]:
        places = [(point.x, point.y) for point in points]
        labels = [_ON if point.keep else _OFF for point in points]
        if box is not None:
            places = [(box.x0, box.y0), (box.x1, box.y1), *places]
            labels = [_CORNER, _OTHER_CORNER, *labels]
        scale = np.array([self._network.side_px / self._size.width, self._network.side_px / self._size.height])
        # The network adds half a pixel: to it, a pixel's centre is its index.
        coordinates = np.asarray(np.array(places) * scale - 0.5, np.float32)
        return {
            "point_coords": self._network.tensor(coordinates[None, None]),
            "point_labels": self._network.tensor(np.array(labels, np.int32)[None, None]),
        }

    def _mask(self, matte: Array) -> Any:
        side = self._network.side_px
        return self._network.tensor(cv2.resize(matte, (side, side), interpolation=cv2.INTER_AREA)[None, None])


def _drop(output: dict[str, Any], keys: Collection[str]) -> None:
    for key in keys:
        output.pop(key, None)
