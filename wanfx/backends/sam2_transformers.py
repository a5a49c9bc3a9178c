"""SAM 2.1 as transformers runs it: its weights on a device, one frame at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from wanfx.backends.protocols import Array
from wanfx.backends.sam2_engine import CONFIG, WEIGHTS, Answer, Asked, EngineName, Remembered
from wanfx.backends.sam2_plan import Direction
from wanfx.backends.torch_env import TorchDevice, import_from_transformers
from wanfx.backends.weights import ModelSet, fetch_command, find_file
from wanfx.errors import MissingError

EXTRA = "sam2"
_PROMPTED, _TRACKED = "cond_frame_outputs", "non_cond_frame_outputs"


class TransformersEngine:
    """Every look gets a session of its own, filled with what is to be known of other frames."""

    name: EngineName = "transformers"

    def __init__(self, models: ModelSet) -> None:
        """Raises MissingError where the files or what runs them are not there or damaged."""
        path = find_file(models, WEIGHTS)
        find_file(models, CONFIG)
        self.device = TorchDevice(extra=EXTRA)
        self._modeling = import_from_transformers("models.sam2_video.modeling_sam2_video", extra=EXTRA)
        import_from_transformers("utils.logging", extra=EXTRA).disable_progress_bar()
        remedy = f"run `{fetch_command(models)}`"
        try:
            model, loading = self._modeling.Sam2VideoModel.from_pretrained(
                path.parent, local_files_only=True, use_safetensors=True, dtype=self.device.torch.float32,
                output_loading_info=True,
            )  # fmt: skip
        except (OSError, ValueError, RuntimeError) as error:
            raise MissingError(f"cannot be loaded ({error})", path=path.parent, remedy=remedy) from error
        if loading["missing_keys"] or loading["mismatched_keys"]:
            raise MissingError("does not hold all weights of a SAM 2.1 for video", path=path, remedy=remedy)
        self.model = self.device.place(model)
        config = model.config
        self.side_px: int = config.image_size
        self.cells: int = config.vision_config.backbone_feature_sizes[-1][0]
        self.memory_frames, self.pointer_frames = config.num_maskmem, config.max_object_pointers_in_encoder
        self._places: Any = None
        # A session wants pixels with every frame, and never looks at them where the embedding is there.
        self._pixels = self.device.tensor(np.zeros((3, 1, 1), np.float32))

    def see(self, picture: Array) -> Any:
        """The image embedding."""
        with self.device.running():
            seen = self.model.get_image_features(self.device.tensor(picture)[None], return_dict=True)
        return {"vision_feats": seen.fpn_hidden_states, "vision_pos_embeds": seen.fpn_position_encoding}

    def look(
        self, seen: Any, *, index: int, direction: Direction, asked: Asked | None,
        known: Mapping[int, Remembered], recent: Mapping[int, Remembered], maps: Literal["encode", "none"] = "encode",
    ) -> Answer:  # fmt: skip
        """See `Engine.look`."""
        session = self._session(index, seen)
        outputs = session.output_dict_per_obj[0]
        outputs[_PROMPTED] = {other: self._as_output(one) for other, one in known.items()}
        outputs[_TRACKED] = {other: self._as_output(one) for other, one in recent.items()}
        if asked is not None:
            self._ask(session, index, asked)
        with self.device.running():
            out = self.model(
                session, frame=self._pixels, frame_idx=index, reverse=direction == "backward",
                run_mem_encoder=maps == "encode",
            )  # fmt: skip
        kept = outputs[_PROMPTED if index in outputs[_PROMPTED] else _TRACKED][index]
        logits = out.pred_masks[0, 0].float().cpu().numpy()
        return Answer(
            np.asarray(logits, np.float32), float(out.object_score_logits.reshape(-1)[0]), self._as_remembered(kept)
        )

    def _session(self, index: int, seen: Any) -> Any:
        name = self.device.name
        session = self._modeling.Sam2VideoInferenceSession(
            inference_device=name, inference_state_device=name, video_storage_device=name,
            dtype=self.device.torch.float32,
        )  # fmt: skip
        session.cache.cache_vision_features(index, seen)
        session.obj_id_to_idx(0)
        return session

    def _ask(self, session: Any, index: int, asked: Asked) -> None:
        if asked.mask is not None:
            session.add_mask_inputs(0, index, self.device.tensor(asked.mask[None, None]))
        else:
            points, labels = self.device.tensor(asked.points[None, None]), self.device.tensor(asked.labels[None, None])
            session.add_point_inputs(0, index, {"point_coords": points, "point_labels": labels})
        session.obj_with_new_inputs = [0]
        # The network takes a frame that it has tracked for a correction, any other for a start.
        session.frames_tracked_per_obj[0] = {index: {}} if asked.kind == "correction" else {}

    def _as_output(self, one: Remembered) -> dict[str, Any]:
        output = {"object_pointer": one.pointer}
        if one.maps is not None:
            output["maskmem_features"] = one.maps.flatten(2).permute(2, 0, 1)
            output["maskmem_pos_enc"] = self._places
        return output

    def _as_remembered(self, output: Mapping[str, Any]) -> Remembered:
        if "maskmem_features" not in output:
            return Remembered(output["object_pointer"], None)
        self._places = output["maskmem_pos_enc"]  # of the maps' cells: the same in every frame
        maps = output["maskmem_features"].permute(1, 2, 0)
        return Remembered(output["object_pointer"], maps.reshape(*maps.shape[:2], self.cells, self.cells))
