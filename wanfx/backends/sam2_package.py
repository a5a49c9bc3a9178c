"""SAM 2.1 as the package ``sam2`` runs it, from the same files as transformers, one frame at a time.

Its predictor wants a folder of JPEGs and keeps the whole shot; the network under it, used here, wants neither. Nor does
that need torchvision.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from wanfx.backends.protocols import Array
from wanfx.backends.sam2_engine import CONFIG, WEIGHTS, Answer, Asked, EngineName, Remembered
from wanfx.backends.sam2_package_build import build_network, read_config, rename_weights
from wanfx.backends.sam2_plan import Direction
from wanfx.backends.torch_env import TorchDevice, import_for
from wanfx.backends.weights import ModelSet, fetch_command, find_file
from wanfx.errors import MissingError

EXTRA = "sam2-package"
_ENDLESS = 1 << 30
"""Frames of a shot whose end nobody knows."""


class PackageEngine:
    """The network of the package, and nothing of its video predictor."""

    name: EngineName = "package"

    def __init__(self, models: ModelSet) -> None:
        """Raises MissingError where the files or what runs them are not there or damaged."""
        path = find_file(models, WEIGHTS)
        config = read_config(find_file(models, CONFIG))
        self.device = TorchDevice(extra=EXTRA)
        load_file = import_for("safetensors.torch", extra=EXTRA).load_file
        try:
            network = build_network(config)
            network.load_state_dict(rename_weights(load_file(path)))
        except (KeyError, TypeError, ValueError, RuntimeError, AssertionError) as error:
            raise MissingError(
                f"is not a SAM 2.1 that the package sam2 can run ({error})", path=path.parent,
                remedy=f"run `{fetch_command(models)}`, or set matte.engine = transformers",
            ) from error  # fmt: skip
        self.model = self.device.place(network)
        self.side_px: int = network.image_size
        self.cells: int = network.sam_image_embedding_size
        self.memory_frames, self.pointer_frames = network.num_maskmem, network.max_obj_ptrs_in_encoder
        self._places: Any = None

    def see(self, picture: Array) -> Any:
        """The image embedding: feature maps, where they are, and their sizes."""
        with self.device.running():
            seen = self.model.forward_image(self.device.tensor(picture)[None])
        levels = self.model.num_feature_levels
        maps, places = seen["backbone_fpn"][-levels:], seen["vision_pos_enc"][-levels:]
        return [_as_rows(one) for one in maps], [_as_rows(one) for one in places], [one.shape[-2:] for one in maps]

    def look(
        self, seen: Any, *, index: int, direction: Direction, asked: Asked | None,
        known: Mapping[int, Remembered], recent: Mapping[int, Remembered], maps: Literal["encode", "none"] = "encode",
    ) -> Answer:  # fmt: skip
        """See `Engine.look`."""
        features, places, sizes = seen
        points, mask = (None, None) if asked is None else self._inputs(asked)
        with self.device.running():
            out = self.model.track_step(
                frame_idx=index, is_init_cond_frame=asked is not None and asked.kind == "start",
                current_vision_feats=features, current_vision_pos_embeds=places, feat_sizes=sizes,
                point_inputs=points, mask_inputs=mask, num_frames=_ENDLESS, track_in_reverse=direction == "backward",
                run_mem_encoder=maps == "encode",
                output_dict={
                    "cond_frame_outputs": {other: self._as_output(one) for other, one in known.items()},
                    "non_cond_frame_outputs": {other: self._as_output(one) for other, one in recent.items()},
                },
            )  # fmt: skip
        logits = out["pred_masks"][0, 0].float().cpu().numpy()
        return Answer(
            np.asarray(logits, np.float32), float(out["object_score_logits"].reshape(-1)[0]), self._as_remembered(out)
        )

    def _inputs(self, asked: Asked) -> tuple[dict[str, Any] | None, Any]:
        if asked.mask is not None:
            return None, self.device.tensor(asked.mask[None, None])
        points, labels = self.device.tensor(asked.points[None]), self.device.tensor(asked.labels[None])
        return {"point_coords": points, "point_labels": labels}, None

    def _as_remembered(self, output: Mapping[str, Any]) -> Remembered:
        if output["maskmem_features"] is None:
            return Remembered(output["obj_ptr"], None)
        self._places = output["maskmem_pos_enc"]  # of the maps' cells: the same in every frame
        return Remembered(output["obj_ptr"], output["maskmem_features"].to(self.device.torch.bfloat16))

    def _as_output(self, one: Remembered) -> dict[str, Any]:
        return {"obj_ptr": one.pointer, "maskmem_features": one.maps, "maskmem_pos_enc": self._places}


def _as_rows(maps: Any) -> Any:
    """(1, channels, h, w) as (h * w, 1, channels)."""
    return maps.flatten(2).permute(2, 0, 1)
